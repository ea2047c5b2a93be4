"""Streamlines: they follow the analytic gradient uphill, and stay out of what is undefined."""

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.patches import FancyArrowPatch
from matplotlib.quiver import Quiver

import tbgrad
from tbgrad.figures.canvas import encode
from tbgrad.figures.surfaces import surface_figure


def surface(text, x=(-1.0, 1.0), y=(-1.0, 1.0), points=101, dtype="float64"):
    f = tbgrad.Function.of_formula(f"x, y -> {text}")
    return tbgrad.surface(f, [("x", *x), ("y", *y)], points=points, dtype=dtype)


def segments(figure):
    """[n, 2, 2] of all streamlines."""
    (lines,) = [c for c in figure.axes[0].collections if type(c) is LineCollection]
    return np.concatenate([np.stack([line[:-1], line[1:]], axis=1) for line in lines.get_segments()])


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()] if figure.legends else []


FIELDS = {
    "x^2 + 3*y^2": lambda x, y: (2 * x, 6 * y),
    "sin(2*x)*cos(y) + x": lambda x, y: (2 * np.cos(2 * x) * np.cos(y) + 1, -np.sin(2 * x) * np.sin(y)),
}


@pytest.mark.parametrize("text", FIELDS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_lines_follow_the_gradient_uphill(text, dtype):
    figure = surface_figure(surface(text, dtype=dtype), streamlines=True)
    found = segments(figure)
    middle, step = found.mean(axis=1), np.diff(found, axis=1)[:, 0]
    gradient = np.stack(FIELDS[text](*middle.T), axis=-1)
    seen = (np.linalg.norm(step, axis=1) > 1e-4) & (np.linalg.norm(gradient, axis=1) > 0.3)
    gradient, step = gradient[seen], step[seen]
    cosine = (gradient * step).sum(axis=1) / np.linalg.norm(gradient, axis=1) / np.linalg.norm(step, axis=1)
    assert len(step) > 300 and cosine.min() > 0.97
    assert "gradient: lines uphill" in legend(figure)
    assert not [c for c in figure.axes[0].collections if isinstance(c, Quiver)]


def test_on_unequal_axes_lines_follow_the_gradient_in_its_own_units():
    figure = surface_figure(surface("x + 100*y", x=(0.0, 1000.0), y=(0.0, 1.0)), streamlines=True)
    step = np.diff(segments(figure), axis=1)[:, 0]
    assert (np.abs(step[:, 0] - step[:, 1] / 100) < 1e-6 * np.abs(step).max()).all()
    assert "gradient: lines uphill; unequal axes" in legend(figure)


@pytest.mark.parametrize("points", [101, 201])
@pytest.mark.parametrize("text", ["log(1 - x^2 - y^2)", "x/y", "1/(x*y)", "1/(y - 0.013)", "x + sign(y - 0.013)"])
def test_no_line_enters_what_is_undefined_or_crosses_a_jump(text, points):
    result = surface(text, x=(-1.2, 1.2), y=(-1.2, 1.2), points=points)
    found = segments(surface_figure(result, streamlines=True))
    x, y = np.moveaxis(found, -1, 0)
    if "log" in text:
        assert np.hypot(x, y).max() < 1
    else:
        assert (np.sign(y[:, 0] - 0.013) == np.sign(y[:, 1] - 0.013)).all() and len(y) > 100


def test_lines_are_white_with_a_dark_rim_and_have_heads():
    figure = surface_figure(surface("x^2 + y^2"), streamlines=True)
    (lines,) = [c for c in figure.axes[0].collections if type(c) is LineCollection]
    heads = [p for p in figure.axes[0].patches if isinstance(p, FancyArrowPatch)]
    assert lines.get_color()[0].tolist() == [1, 1, 1, 1] and len(heads) > 10
    assert all(artist.get_path_effects() for artist in (lines, *heads))


@pytest.mark.parametrize("text", ["0*x + 0*y + 3", "log(x - 100) + y", "1e30*x*y", "1e-30*x*y", "floor(x)"])
@pytest.mark.parametrize("points", [2, 3, 41, 150])
def test_flat_undefined_and_extreme_surfaces_have_pictures(text, points):
    assert encode(surface_figure(surface(text, points=points), streamlines=True)).image
