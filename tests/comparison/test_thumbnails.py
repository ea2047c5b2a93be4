"""Pictures made smaller: which, how small, and how like the original."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from tbgrad.comparison.page.thumbnails import thumbnails
from tbgrad.records import Images


def encoded(array, kind="PNG", **more):
    target = io.BytesIO()
    Image.fromarray(np.asarray(array, np.uint8)).save(target, kind, **more)
    return target.getvalue()


def plain(colour, width=800, height=600):
    return np.full((height, width, 3), colour, np.uint8)


def images(tag, *pictures):
    return {tag: Images(tag, range(len(pictures)), pictures, (800, 600))}


def opened(thumbnail):
    return np.asarray(Image.open(io.BytesIO(thumbnail.data)).convert("RGB")).astype(int)


def test_the_last_step_is_shown_with_its_shape():
    (found,) = thumbnails(images("descent/path", encoded(plain([255, 0, 0])), encoded(plain([0, 0, 255]))), 3, 10_000)
    assert (found.tag, found.step, found.original) == ("descent/path", 1, (800, 600))
    width, height = found.size
    assert width < 800 and width / height == pytest.approx(4 / 3, rel=0.01)
    assert np.abs(opened(found) - [0, 0, 255]).max() < 12


def test_halves_stay_halves():
    picture = plain([250, 250, 250])
    picture[:, :400] = [10, 60, 10]
    (found,) = thumbnails(images("x", encoded(picture)), 1, 8_000)
    shown = opened(found)
    third = found.size[0] // 3
    assert np.abs(shown[:, :third].mean((0, 1)) - [10, 60, 10]).max() < 5
    assert np.abs(shown[:, -third:].mean((0, 1)) - 250).max() < 5


@pytest.mark.parametrize("budget", [40_000, 12_000, 4_000])
def test_each_fits_its_budget(budget):
    noise = np.random.default_rng(0).integers(0, 256, (600, 800, 3))
    (found,) = thumbnails(images("x", encoded(noise)), 1, budget)
    assert len(found.data) <= budget
    assert base64.b64decode(found.address.removeprefix("data:image/webp;base64,")) == found.data


def test_small_pictures_keep_their_pixels():
    (found,) = thumbnails(images("digit", encoded(plain([9, 9, 9], 28, 28))), 1, 10_000)
    assert found.size == found.original == (28, 28)


def test_the_telling_ones_come_first_and_no_animation_beside_them():
    one = encoded(plain([0, 0, 0], 40, 40))
    of_run = {}
    for tag in ("descent/animation", "a", "sweep/curve", "descent/path"):
        of_run |= images(tag, one)
    assert [found.tag for found in thumbnails(of_run, 2, 9_000)] == ["descent/path", "sweep/curve"]
    assert [found.tag for found in thumbnails(of_run, 9, 9_000)] == ["descent/path", "sweep/curve", "a"]
    alone = images("x/animation", one)
    assert [found.tag for found in thumbnails(alone, 2, 9_000)] == ["x/animation"]


def test_of_an_animation_the_last_frame():
    frames = [Image.fromarray(plain(colour, 60, 40)) for colour in ([255, 0, 0], [0, 255, 0], [0, 0, 255])]
    target = io.BytesIO()
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:])
    (found,) = thumbnails(images("x", target.getvalue()), 1, 9_000)
    assert np.abs(opened(found) - [0, 0, 255]).max() < 20


@pytest.mark.parametrize("kind", ["L", "RGBA", "P", "1", "I;16"])
def test_every_kind_of_pixels(kind):
    shape = (40, 60, 4) if kind == "RGBA" else (40, 60)
    picture = Image.fromarray(np.full(shape, 200, np.uint8))
    picture = Image.fromarray(np.full(shape, 200, np.uint16)) if kind == "I;16" else picture.convert(kind)
    target = io.BytesIO()
    picture.save(target, "PNG")
    assert len(thumbnails(images("x", target.getvalue()), 1, 9_000)) == 1


@pytest.mark.parametrize("broken", [b"", b"no picture", encoded(plain([1, 2, 3]))[:300]])
def test_what_cannot_be_read_is_left_out(broken):
    good = encoded(plain([1, 1, 1], 30, 30))
    assert [found.tag for found in thumbnails(images("bad", broken) | images("good", good), 1, 9_000)] == ["good"]
