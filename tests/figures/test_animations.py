"""GIFs keep the colours that say who is who, and every picture of a race."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image
from race_samples import MORE, RACERS, STEPS, make_race

from tbgrad.figures.animations import encode_gif
from tbgrad.figures.paths import frames
from tbgrad.figures.races import race_colours, race_figure
from tbgrad.figures.style import RACERS as STYLES


def rgb(colour):
    return tuple(round(255 * part) for part in to_rgb(colour))


def opened(picture):
    return Image.open(io.BytesIO(picture.image))


def read(gif):
    """All frames, uint8 [frames, height, width, 3]."""
    found = []
    for k in range(gif.n_frames):
        gif.seek(k)
        found.append(np.asarray(gif.convert("RGB")))
    return np.stack(found)


@pytest.fixture(scope="module")
def race():
    """Sixty pictures of ten racers, and the GIF of them."""
    run = make_race(2, (*RACERS, *MORE))
    picture = race_figure(run)
    picture.figure.set_dpi(100)
    images = frames(picture, np.linspace(0, STEPS, 60).astype(int))
    return images, encode_gif(images, race_colours(run))


def test_a_race_has_sixty_frames_below_a_mebibyte(race):
    _, picture = race
    gif = opened(picture)
    assert gif.n_frames == 60 and len(picture.image) < 2**20 and gif.size == picture.size == (480, 380)


def test_the_colours_of_racers_and_minimum_are_kept(race):
    images, picture = race
    shown = read(opened(picture))
    for colour in [*(style["color"] for style in STYLES), "white", "black", "gold"]:
        # In the legend and the path, where the picture has exactly this colour, the GIF has it too.
        there = np.stack([(np.asarray(image) == rgb(colour)).all(axis=-1) for image in (images[0], images[-1])])
        assert there.sum() > 10, colour
        assert (shown[[0, -1]][there] == rgb(colour)).all(), colour


def test_no_colour_is_far_from_what_it_should_be(race):
    images, picture = race
    wrong = np.abs(read(opened(picture)).astype(int) - np.stack(images)).max(axis=-1)
    assert np.mean(wrong) < 2 and np.quantile(wrong, 0.99) < 24


def test_a_thin_line_among_large_areas_keeps_its_colour():
    image = Image.fromarray(np.tile(np.linspace(0, 255, 200).astype(np.uint8)[:, None, None], (1, 200, 3)))
    colours = ["#123456", "#654321", "#00FF7F", "#4B0082"]
    for k, colour in enumerate(colours):
        image.putpixel((50 + k, 100), rgb(colour))
    shown = np.asarray(opened(encode_gif([image], colours)).convert("RGB"))
    assert [tuple(shown[100, 50 + k].tolist()) for k in range(4)] == [rgb(colour) for colour in colours]
    assert np.abs(shown.astype(int) - np.asarray(image)).max() <= 8


def test_near_colours_that_are_to_be_kept_do_not_become_one():
    image = Image.new("RGB", (40, 40), "white")
    near = ["#808080", "#888888", "#909090"]
    for k, colour in enumerate(near):
        image.putpixel((k, 0), rgb(colour))
    shown = np.asarray(opened(encode_gif([image], near)).convert("RGB"))
    assert [tuple(shown[0, k].tolist()) for k in range(3)] == [rgb(colour) for colour in near]


def test_a_colour_that_is_to_be_kept_wins_over_an_area_that_is_nearly_the_same():
    image = Image.new("RGB", (40, 40), "#131313")
    image.putpixel((7, 7), rgb("#101010"))
    shown = np.asarray(opened(encode_gif([image], ["#101010"])).convert("RGB"))
    assert tuple(shown[7, 7].tolist()) == rgb("#101010") and np.abs(shown.astype(int) - 0x13).max() <= 3
