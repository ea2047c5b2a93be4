"""The visual language holds for those who see no colours, or others: lightness, and simulated dichromats."""

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb

import tbgrad
from tbgrad.figures import style
from tbgrad.figures.canvas import encode
from tbgrad.figures.surfaces import surface_figure

# Machado, Oliveira & Fernandes (2009), severity 1.0, on linear RGB.
DICHROMATS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}


def linear(colours):
    colours = np.asarray(colours)[..., :3]
    return np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)


def lightness(colours):
    """CIE L*, 0 to 100, of sRGB colours."""
    y = linear(colours) @ [0.2126, 0.7152, 0.0722]
    return np.where(y > 216 / 24389, 116 * np.cbrt(y) - 16, y * 24389 / 27)


def lab(rgb):
    """CIE L*a*b* under D65, of linear RGB."""
    xyz = rgb.clip(0, 1) @ np.array(
        [[0.4124564, 0.2126729, 0.0193339], [0.3575761, 0.7151522, 0.1191920], [0.1804375, 0.0721750, 0.9503041]]
    )
    f = np.cbrt(xyz / [0.95047, 1.0, 1.08883])
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


MAPS = {
    "values": matplotlib.colormaps[style.VALUE_MAP],
    "values under a path": style.muted(style.VALUE_MAP),
    "magnitudes": matplotlib.colormaps[style.MAGNITUDE_MAP],
    "counts": matplotlib.colormaps[style.COUNT_MAP],
    "steps": style.step_map(),
}


@pytest.mark.parametrize("name", MAPS)
def test_maps_go_evenly_from_dark_to_light_or_back(name):
    light = lightness(MAPS[name](np.linspace(0, 1, 256)))
    change = np.diff(light) * np.sign(light[-1] - light[0])
    assert (change >= 0).all() and abs(light[-1] - light[0]) > 30
    assert change.max() < 4 * change.mean()


def test_signs_are_mirrored_around_white():
    colours = matplotlib.colormaps[style.SIGNED_MAP](np.linspace(0, 1, 255))
    light = lightness(colours)
    assert light[127] > 96 and (np.diff(light[:128]) > 0).all() and (np.diff(light[127:]) < 0).all()
    np.testing.assert_allclose(light, light[::-1], atol=9)


@pytest.mark.parametrize("name", DICHROMATS)
def test_curves_are_told_apart_by_the_colour_blind_and_in_grey(name):
    lines = {"f": style.VALUE, "slope": style.SLOPE, "second": style.SECOND, "tangent": {"color": style.TANGENT}}
    colours = np.array([to_rgb(line["color"]) for line in lines.values()])
    seen = lab(linear(colours) @ np.array(DICHROMATS[name]).T)
    dashes = [line.get("linestyle", "-") for line in lines.values()]
    for i in range(len(lines)):
        for j in range(i):
            # 2.3 is just noticeable. In grey the dashes tell f from its derivatives, and its mark the tangent.
            assert np.linalg.norm(seen[i] - seen[j]) > 15, (list(lines)[i], list(lines)[j])
            assert dashes[i] != dashes[j] or {i, j} == {0, 3}


@pytest.fixture(scope="module")
def waves():
    return tbgrad.surface(tbgrad.resolve("tilted_waves"), points=31)


def test_a_picture_does_not_grow_with_the_users_letters(waves):
    alone = encode(surface_figure(waves))
    with matplotlib.rc_context({"font.size": 25.0, "axes.titlesize": 40.0, "legend.fontsize": 30.0}):
        before = dict(matplotlib.rcParams)
        assert encode(surface_figure(waves)) == alone
        assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("name", [*DICHROMATS, "grey"])
def test_racers_are_told_apart_by_the_colour_blind_and_in_grey(name):
    colours = np.array([to_rgb(racer["color"]) for racer in style.RACERS])
    as_seen = linear(colours) @ np.array(DICHROMATS[name]).T if name in DICHROMATS else linear(colours)
    seen = lab(as_seen) if name in DICHROMATS else lightness(colours)[:, None]
    for i, one in enumerate(style.RACERS):
        for j, other in enumerate(style.RACERS[:i]):
            assert one["marker"] != other["marker"] and one["color"] != other["color"]
            # The first six have hues, or lightness, of their own; all ten differ in dashes where these are near.
            far = np.linalg.norm(seen[i] - seen[j])
            assert far > (15 if i < 6 and name in DICHROMATS else 4) or one["linestyle"] != other["linestyle"], (i, j)
