"""A descent over its steps: each of a few starts, bands of many."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

import tbgrad
from tbgrad.figures.canvas import encode
from tbgrad.figures.histories import history_figure
from tbgrad.figures.showing import show

STARTS = [[1.0, 1.0], [2.0, 0.0], [0.0, 3.0]]


def descend(name, starts, rate=0.1, steps=30, **options):
    return tbgrad.descend(tbgrad.resolve(name), tbgrad.Optimizer("sgd", rate), starts, steps, **options)


def named(figure):
    """Lines and bands by their name in the legend."""
    artists = [*figure.axes[0].get_lines(), *figure.axes[0].collections]
    return {a.get_label(): a for a in artists if not a.get_label().startswith("_")}


def legend(figure):
    return [text.get_text() for box in figure.legends for text in box.get_texts()]


def test_a_few_starts_have_a_line_each():
    descent = descend("sphere", STARTS)
    figure = history_figure(descent)
    axes, found = figure.axes[0], named(figure)
    assert axes.get_yscale() == "log" and axes.get_xlabel() == "step"
    assert legend(figure) == ["from (1, 1)", "from (2, 0)", "from (0, 3)"]
    for k, drawn in enumerate(found.values()):
        np.testing.assert_array_equal(drawn.get_xdata(), range(31))
        np.testing.assert_array_equal(drawn.get_ydata(), descent.gap[:, k])
    # Told apart without colours too.
    assert len({str(line.get_linestyle()) for line in found.values()}) == 3


def test_the_steps_are_those_that_were_recorded():
    descent = descend("sphere", STARTS[:1], steps=1000, record="log")
    figure = history_figure(descent)
    np.testing.assert_array_equal(figure.axes[0].get_lines()[0].get_xdata(), descent.step)
    assert descent.step[-1] == 1000 and figure.legends == []


def test_of_many_starts_there_are_bands():
    starts = np.random.default_rng(0).uniform(-2, 2, (41, 2))
    descent = descend("himmelblau", starts, rate=0.01)
    figure = history_figure(descent)
    found = named(figure)
    assert set(found) == {"lowest to highest", "quartiles", "median", "the one that ends best"}
    ranked = np.sort(descent.gap, axis=1)
    np.testing.assert_array_equal(found["median"].get_ydata(), ranked[:, 20])
    np.testing.assert_array_equal(found["the one that ends best"].get_ydata(), descent.best_gap)
    for name, low, high in (("lowest to highest", 0, 40), ("quartiles", 10, 30)):
        outline = found[name].get_paths()[0].vertices
        for row in (0, 17):
            heights = outline[outline[:, 0] == descent.step[row], 1]
            assert {heights.min(), heights.max()} == {ranked[row, low], ranked[row, high]}
    assert "41 starts" in figure.axes[0].texts[0].get_text()
    greys = [to_rgb(found[name].get_facecolor()[0, :3])[0] for name in ("lowest to highest", "quartiles")]
    assert greys[0] > greys[1]


def test_without_a_known_minimum_it_is_the_value():
    unknown = descend("x*y*z", [[1.0, 1.0, 1.0]], steps=3)
    axes = show(unknown).axes[0]
    assert axes.get_yscale() == "linear" and axes.get_ylabel() == "value"
    np.testing.assert_array_equal(axes.get_lines()[0].get_ydata(), unknown.value[:, 0])
    falling = descend("exp(x)", [[30.0]], rate=1e-14, steps=5)
    assert history_figure(falling).axes[0].get_yscale() == "linear"
    assert history_figure(descend("x**2 + y**4", STARTS, steps=60)).axes[0].get_yscale() == "log"


@pytest.mark.parametrize("count", [1, 9])
@pytest.mark.parametrize("name", ["sphere", "x**2 + y**2"], ids=["gap", "value"])
def test_a_diverging_history_ends_where_it_leaves_what_can_be_drawn(name, count):
    descent = descend(name, [[1.0, 1.0]] * count, rate=1.5, steps=2000)
    figure = history_figure(descent)
    for line in figure.axes[0].get_lines():
        height = line.get_ydata()
        assert np.nanmax(height) < 1e100 and np.isnan(height[-1])
    assert encode(figure).image
