"""A path that is moved from step to step, its pictures, and the GIF that they become."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

import tbgrad
from tbgrad.figures.animations import encode_gif
from tbgrad.figures.canvas import drawn_image
from tbgrad.figures.paths import frames, path_figure
from tbgrad.figures.steps import some_colours
from tbgrad.figures.style import DPI, SIZE

VALUES = {
    "himmelblau": lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
    "fading_wave": lambda x: np.cos(x) * np.sin(x) / np.sqrt(x),
}
CASES = {"himmelblau": (("sgd", 0.01), [[0.0, 0.0], [-1.0, 1.0]], 30), "fading_wave": (("sgd", 0.5), [[4.1]], 40)}


def descend(name):
    optimizer, starts, steps = CASES[name]
    f = tbgrad.resolve(name)
    return tbgrad.with_landscape(f, tbgrad.descend(f, tbgrad.Optimizer(*optimizer), starts, steps))


@pytest.fixture(scope="module", params=sorted(CASES))
def descent(request):
    return descend(request.param)


def places(descent):
    """What is drawn of the start that ends best: both coordinates, or coordinate and value by the formula."""
    position = descent.position[:, int(np.argmin(descent.value[-1]))]
    if position.shape[1] == 2:
        return position
    return np.column_stack([position, VALUES[descent.subject.name](position)])


def data(path, label):
    lines = path.figure.axes[0].get_lines()
    (line,) = [a for a in lines if (a.get_gid() if label == "path" else a.get_label()) == label]
    return np.transpose(line.get_data())


def coloured(image):
    """How many pixels are of the lighter colours of a path, whose last ones are nearly those of letters."""
    colours = np.array([to_rgb(c) for c in some_colours()[:24]]) * 255
    pixels = np.asarray(image).reshape(-1, 3).astype(int)
    return sum(int((np.abs(pixels - colour).max(axis=-1) <= 6).sum()) for colour in colours)


def test_moving_draws_the_path_up_to_the_step(descent):
    path, expected = path_figure(descent), places(descent)
    for step in (descent.steps, 0, 7, 1):
        path.move(step)
        np.testing.assert_allclose(data(path, "path"), expected[: step + 1], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(data(path, "position"), expected[step : step + 1], rtol=1e-12, atol=1e-15)
        lines, dots = [a for a in path.figure.axes[0].collections if a.get_gid() == "path"]
        segments = np.array(lines.get_segments()).reshape(-1, 2, 2)
        np.testing.assert_allclose(
            segments, np.stack([expected[:step], expected[1 : step + 1]], 1), rtol=1e-12, atol=1e-15
        )
        # A line has the colour of the step at which it ends, a dot that of its own; the start that of the first.
        np.testing.assert_array_equal(lines.get_array(), np.arange(1, step + 1))
        np.testing.assert_array_equal(dots.get_array(), np.maximum(np.arange(step + 1), 1))
        np.testing.assert_allclose(data(path, "start"), expected[:1], rtol=1e-12)


def test_very_long_paths_are_thinned_but_for_their_beginning():
    f = tbgrad.resolve("rosenbrock")
    descent = tbgrad.with_landscape(f, tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.001), [[-1.2, 1.0]], 50_000))
    path, position = path_figure(descent), descent.position[:, 0]
    for step in (50_000, 20_001, 3, 0):
        path.move(step)
        drawn = data(path, "path")
        assert len(drawn) <= 6_001 and drawn[0].tolist() == [-1.2, 1.0]
        np.testing.assert_array_equal(drawn[-1], position[step])
        # Every point is one of the path's, in its order, and hardly anything of its length is lost.
        at = [
            np.flatnonzero((position[: step + 1] == point).all(axis=1))[0] for point in drawn[:: len(drawn) // 50 + 1]
        ]
        assert at == sorted(at)
        length = [np.linalg.norm(np.diff(p, axis=0), axis=1).sum() for p in (drawn, position[: step + 1])]
        assert 0.99 * length[1] <= length[0] <= length[1] * (1 + 1e-9)
        np.testing.assert_array_equal(drawn[:100], position[: min(step + 1, 100)])


def test_the_step_and_its_value_are_told(descent):
    path = path_figure(descent)
    formula = VALUES[descent.subject.name]
    position = descent.position[:, int(np.argmin(descent.value[-1]))]
    for step in (descent.steps, 0, 3):
        path.move(step)
        (told,) = [a.get_text() for a in path.moving if hasattr(a, "get_text")]
        words, number = told.rsplit(" ", 1)
        assert words == f"step {step}: value"
        # Five digits, as told.
        assert float(number) == pytest.approx(formula(*position[step]), rel=1e-4)
        assert told in [text.get_text() for text in path.figure.axes[0].texts]


def test_there_is_a_picture_for_each_step(descent):
    steps = [0, 1, 2, 5, 5, descent.steps]
    images = frames(path_figure(descent), steps)
    assert len(images) == 6 and {i.size for i in images} == {tuple(round(inches * DPI) for inches in SIZE)}
    pixels = [i.tobytes() for i in images]
    assert pixels[3] == pixels[4] and len(set(pixels)) == 5
    count = [coloured(i) for i in images]
    assert count[-1] > count[3] > count[0]


def test_pictures_do_not_depend_on_the_steps_before_them(descent):
    images = frames(path_figure(descent), [descent.steps, 3, 0, 3])
    (alone,) = frames(path_figure(descent), [3])
    assert images[1].tobytes() == images[3].tobytes() == alone.tobytes()


def test_the_last_picture_is_the_whole_figure(descent):
    path = path_figure(descent)
    path.figure.canvas.draw()
    whole = np.asarray(drawn_image(path.figure), dtype=int)
    last, first = (np.asarray(i, dtype=int) for i in frames(path_figure(descent), [descent.steps, 0]))
    # But for which of path and start is over the other.
    assert (np.abs(last - whole).max(axis=-1) > 40).mean() < 0.0005
    assert (np.abs(first - whole).max(axis=-1) > 40).mean() > 0.002


def test_a_path_that_leaves_the_picture_can_be_moved():
    f = tbgrad.resolve("rosenbrock")
    descent = tbgrad.with_landscape(f, tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.01), [[-1.2, 1.0]], 30))
    path = path_figure(descent)
    path.move(1)
    np.testing.assert_array_equal(data(path, "path"), descent.position[:2, 0])
    images = frames(path, range(31))
    assert len({i.tobytes() for i in images[:4]}) == 4


def opened(picture):
    return Image.open(io.BytesIO(picture.image))


def plain(level, size=(60, 40)):
    image = Image.new("RGB", size, (0, 0, 255))
    image.paste((0xCC, 0x33, 0x11), (0, 0, level + 1, 10))
    return image


def test_a_gif_plays_every_picture_for_ever():
    images = [plain(level) for level in range(12)]
    picture = encode_gif(images)
    gif = opened(picture)
    assert gif.format == "GIF" and gif.is_animated and gif.n_frames == 12
    assert gif.size == picture.size == (60, 40) and gif.info["loop"] == 0
    durations = []
    for k, image in enumerate(images):
        gif.seek(k)
        durations.append(gif.info["duration"])
        np.testing.assert_array_equal(np.asarray(gif.convert("RGB")), np.asarray(image))
    # The end stands long enough to be looked at.
    assert len(set(durations[:-1])) == 1 and 50 <= durations[0] <= 200 and durations[-1] >= 1000


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_shortest_gifs(count):
    gif = opened(encode_gif([plain(9 * level) for level in range(count)]))
    assert gif.n_frames == count and gif.size == (60, 40)


@pytest.mark.parametrize("count", [36, 19, 4])
def test_a_gif_of_noise_loses_pictures_until_it_is_small(count):
    rng = np.random.default_rng(0)
    images = []
    for k in range(count):
        grey = rng.integers(0, 256, (440, 580), dtype=np.uint8)
        # So that a picture can be told from the others.
        grey[:40, :40] = 6 * k
        images.append(Image.fromarray(grey).convert("RGB"))
    picture = encode_gif(images)
    gif = opened(picture)
    assert len(picture.image) < 2**20 and 2 <= gif.n_frames < count
    shown = []
    for k in range(gif.n_frames):
        gif.seek(k)
        shown.append(round(np.asarray(gif.convert("L"))[5:35, 5:35].mean() / 6))
    assert shown[0] == 0 and shown[-1] == count - 1 and shown == sorted(set(shown))


@pytest.mark.parametrize("name", ["himmelblau", "rosenbrock", "ripple", "tilted_waves"])
def test_the_animation_of_a_real_descent_is_below_a_mebibyte(name):
    f = tbgrad.resolve(name)
    descent = tbgrad.with_landscape(f, tbgrad.descend(f, tbgrad.Optimizer("adam", 0.05), [f.start], 300))
    (record,) = [r for r in tbgrad.summarize(descent) if getattr(r, "tag", "") == "descent/animation"]
    gif = Image.open(io.BytesIO(record.image[0]))
    assert len(record.image[0]) < 2**20 and gif.n_frames >= 20 and gif.size == record.size
    # The first has hardly any path, the last all of it.
    first = np.asarray(gif.convert("RGB")).astype(int)
    gif.seek(gif.n_frames - 1)
    last = np.asarray(gif.convert("RGB")).astype(int)
    assert coloured(last) > coloured(first) + 20
