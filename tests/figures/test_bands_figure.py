"""Bands of groups: what is drawn, and that a name keeps its style from picture to picture."""

import numpy as np
import pytest
from figure_texts import above

from tbgrad.figures.bands import bands_figure
from tbgrad.figures.canvas import encode
from tbgrad.figures.style import RACERS
from tbgrad.results import Band

STEP = np.arange(40)


def band(name, level=1.0, first_end=39, **series):
    median = series.get("median", np.linspace(level, level / 2, 40))
    lower, upper = series.get("lower", median - 0.1), series.get("upper", median + 0.1)
    return Band(name, "loss", STEP, median, lower, upper, 5, first_end)


def colours(figure):
    return [line.get_color() for line in figure.axes[0].lines]


def test_medians_are_lines_and_quartiles_bands():
    figure = bands_figure([band("a"), band("b", 2.0)], "f")
    axes = figure.axes[0]
    for line, expected in zip(axes.lines, (band("a"), band("b", 2.0)), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), expected.median)
    between = axes.collections[0].get_paths()[0].vertices
    assert between[:, 1].min() == pytest.approx(0.4) and between[:, 1].max() == pytest.approx(1.1)
    assert axes.get_yscale() == "linear" and (axes.get_xlabel(), axes.get_ylabel()) == ("step", "loss")
    assert encode(figure).size == (768, 608)


def test_a_name_has_its_style_in_all_pictures():
    a, b, c = (racer["color"] for racer in RACERS[:3])
    assert colours(bands_figure([band("a"), band("b"), band("c")], "f", ["a", "b", "c"])) == [a, b, c]
    assert colours(bands_figure([band("c"), band("a")], "g", ["a", "b", "c"])) == [c, a]


def test_many_decades_are_logarithmic_and_what_left_the_floats_goes_out_of_the_picture():
    median = np.geomspace(1.0, 1e-8, 40)
    upper = np.where(STEP > 20, np.inf, median * 2)
    figure = bands_figure([band("a", median=median, lower=median / 2, upper=upper)], "f")
    axes = figure.axes[0]
    assert axes.get_yscale() == "log"
    between = axes.collections[0].get_paths()[0].vertices
    assert between[:, 1].max() >= axes.get_ylim()[1] * 0.99


def test_the_title_says_what_has_ended_and_what_is_left_out():
    assert "from step 12 on some have ended" in above(bands_figure([band("a", first_end=12)], "f"))
    said = above(bands_figure([band(str(k)) for k in range(12)], "f"))
    assert "the first 10 of 12 groups" in said and "ended" not in said
