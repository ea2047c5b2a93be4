"""Races as pictures: each racer's line is its path, what is said of it is true, and nothing covers anything."""

import dataclasses

import numpy as np
import pytest
from figure_texts import above
from matplotlib.lines import Line2D
from race_samples import MORE, RACERS, STEPS, bowl, make_race, path

from tbgrad.figures.canvas import drawn_image
from tbgrad.figures.paths import frames
from tbgrad.figures.races import race_figure, standing
from tbgrad.figures.showing import show
from tbgrad.figures.style import RACERS as STYLES
from tbgrad.results import Status

LIMIT = {1: [(-4, 4)], 2: [(-5, 5), (-3, 3)], 3: [(-5, 5), (-3, 3)]}


def lines(picture, k):
    """The path, the small marks and the place of a racer, by its colour."""
    mine = [a for a in picture.moving if isinstance(a, Line2D) and a.get_color() == STYLES[k]["color"]]
    (track,) = [a for a in mine if a.get_marker() == "None"]
    small, place = sorted((a for a in mine if a is not track), key=lambda a: a.get_markersize())
    return track, small, place


def data(line):
    return np.transpose(line.get_data())


def on_picture(d, k):
    """Where a racer is on the picture, by hand."""
    at = path(d, k)
    if d == 1:
        return np.column_stack([at, bowl(at)])
    if d == 3:
        offset = at - [4.0, 1.5, -2.0]
        return np.column_stack([offset @ [0.6, 0, 0.8], offset[:, 1]])
    return at


@pytest.fixture(scope="module", params=[1, 2, 3])
def d(request):
    return request.param


@pytest.mark.parametrize("step", [0, 7, 50, STEPS])
def test_each_line_is_the_path_of_its_racer(d, step):
    picture = race_figure(make_race(d))
    picture.move(step)
    for k in range(3):
        track, small, place = lines(picture, k)
        np.testing.assert_allclose(data(track), on_picture(d, k)[: step + 1], atol=1e-12)
        np.testing.assert_allclose(data(place), on_picture(d, k)[step : step + 1], atol=1e-12)
        np.testing.assert_allclose(data(small), on_picture(d, k)[[n for n in (1, 10, 100) if n <= step]], atol=1e-12)
    assert f"step {step}" in [a.get_text() for a in picture.moving if hasattr(a, "get_text")]


def test_a_racer_that_flies_off_is_cut_where_it_leaves():
    picture = race_figure(make_race(2))
    track, _, place = lines(picture, 3)
    drawn, at = data(track), path(2, 3)
    axes = picture.figure.axes[0]
    np.testing.assert_allclose([axes.get_xlim(), axes.get_ylim()], LIMIT[2])
    # -5 times as far in y at each step: 1.5, -7.5, 37.5; a picture's height beside it is still drawn.
    np.testing.assert_allclose(drawn[:2], at[:2])
    assert drawn[2, 1] == pytest.approx(9.0) and np.isnan(drawn[3:]).all() and np.isnan(data(place)).all()
    # The last piece points to where it goes.
    assert np.linalg.det([drawn[2] - at[1], at[2] - at[1]]) == pytest.approx(0, abs=1e-9)


def test_racers_differ_in_colour_dashes_or_marker():
    picture = race_figure(make_race(2, (*RACERS, *MORE)))
    seen = []
    for k in range(10):
        track, small, place = lines(picture, k)
        assert small.get_marker() == place.get_marker() == STYLES[k]["marker"]
        seen.append((track.get_color(), str(track._unscaled_dash_pattern), place.get_marker()))
    assert len({colour for colour, *_ in seen}) == len({marker for *_, marker in seen}) == 10
    assert all(len({dashes for _, dashes, _ in seen[i : i + 5]}) == 5 for i in (0, 5))


def test_paths_lie_on_white_edges_and_the_longest_lies_lowest():
    picture = race_figure(make_race(2))
    edges = [a for a in picture.moving if isinstance(a, Line2D) and a.get_color() == "white"]
    tracks = [lines(picture, k)[0] for k in range(4)]
    assert max(e.get_zorder() for e in edges) < min(t.get_zorder() for t in tracks)
    sides = np.array([10.0, 6.0])
    lengths = [np.linalg.norm(np.diff(path(2, k), axis=0) / sides, axis=1).sum() for k in range(3)]
    below = sorted(range(3), key=lambda k: tracks[k].get_zorder())
    assert below == np.argsort(lengths)[::-1].tolist()
    assert len(edges) == 4 and {e.get_linestyle() for e in edges} == {"-"}


def digits(value):
    """Three digits, whatever the size."""
    mantissa, exponent = f"{value:.2e}".split("e")
    if -5 < int(exponent) < 3:
        return f"{value:.{2 - int(exponent)}f}"
    return f"{mantissa}e{exponent}"


@pytest.mark.parametrize("known", [True, False])
def test_what_is_said_of_each_racer(known):
    race = make_race(2, known=known)
    values = np.stack([bowl(path(2, k)) for k in range(4)], axis=1)
    arrival = [int(n) if np.isfinite(n) else None for n in race.steps_to_target]
    for step in (0, 1, 30, STEPS):
        picture = race_figure(race)
        picture.move(step)
        said = [a.get_text() for a in picture.moving if hasattr(a, "get_text")][1:]
        for k in range(3):
            arrived = arrival[k] is not None and arrival[k] <= step
            assert said[k] == (f"{arrival[k]} steps" if arrived else digits(values[step, k]))
        assert said[3] == (digits(values[step, 3]) if step < 30 else "diverged")
    assert (
        "value above the known minimum" in above(picture.figure)
        if known
        else "numbers: value," in above(picture.figure)
    )


def test_one_step_is_no_steps_and_nan_is_undefined():
    race = make_race(2)
    series = np.full((2, 4), np.nan)
    assert standing(race, 0, 1, np.array([1.0] * 4), series) == "1 step"
    assert standing(race, 0, 1, np.array([np.nan] * 4), series) == "undefined"
    assert standing(race, 3, 1, np.array([np.nan] * 4), series) == Status.DIVERGED.words


def boxes(figure):
    """The texts below the axes, with their extents."""
    figure.canvas.draw()
    low = min(axes.get_tightbbox().y0 for axes in figure.axes)
    found = [(text.get_text(), text.get_window_extent()) for text in figure.texts if text.get_text()]
    return low, found


LONG = tuple(("sgd", 0.0123 + 0.001 * k, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.001}) for k in range(10))


@pytest.mark.parametrize(
    "racers", [RACERS[:2], RACERS, LONG[:3], LONG[:4], LONG[:6], LONG, (*RACERS, *MORE)], ids=lambda r: f"{len(r)}"
)
def test_names_and_numbers_stand_apart_below_the_picture(racers):
    picture = race_figure(make_race(2, racers))
    low, found = boxes(picture.figure)
    width, height = picture.figure.bbox.size
    for i, (_, box) in enumerate(found):
        assert box.x0 > 0 and box.x1 < width and box.y0 > 0 and box.y1 <= low + 2
        # Rows are as close as lines of a text.
        assert not any(box.shrunk(1, 0.6).overlaps(other.shrunk(1, 0.6)) for _, other in found[:i])
    names = [text for text, _ in found]
    if len(racers) < 6:
        assert set(make_race(2, racers).names) <= set(names)
    axes = picture.figure.axes[0].get_window_extent()
    assert axes.height > 0.3 * height and axes.width > 0.3 * width


def test_the_titles_tell_the_function_and_the_plane():
    assert "bowl" in above(race_figure(make_race(2)).figure)
    picture = race_figure(make_race(3)).figure
    assert "a plane in 3 dimensions that shows 95% of the paths' variance" in above(picture)
    axes = picture.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("along: there", "across: largest rest of\nall paths")


def test_pictures_do_not_depend_on_the_steps_before_them():
    images = frames(race_figure(make_race(2)), [STEPS, 3, 0, 3])
    (alone,) = frames(race_figure(make_race(2)), [3])
    assert images[1].tobytes() == images[3].tobytes() == alone.tobytes()
    assert len({image.tobytes() for image in images}) == 3


def test_the_last_picture_is_the_whole_figure():
    picture = race_figure(make_race(2))
    picture.figure.canvas.draw()
    whole = np.asarray(drawn_image(picture.figure), dtype=int)
    (last,) = frames(race_figure(make_race(2)), [STEPS])
    assert (np.abs(np.asarray(last, dtype=int) - whole).max(axis=-1) > 40).mean() < 0.0005


def test_show_draws_a_race():
    figure = show(make_race(2))
    assert figure.axes[0].get_xlabel() == "x" and len(figure.axes) == 2
    bare = show(dataclasses.replace(make_race(2), landscape=None))
    assert bare.axes[0].get_xlabel().startswith("step")
    assert race_figure(make_race(2, landscape=False)) is None
