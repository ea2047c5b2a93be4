"""The pictures of rate sweeps: artists' data are the sweep's arrays."""

import dataclasses
import io

import numpy as np
import pytest
from figure_texts import above
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgba
from PIL import Image
from plane_samples import make_sweep

import tbgrad
from tbgrad.figures.canvas import encode
from tbgrad.figures.rates import FAILED, NOT_REACHED, between, crowds_at_one, rates_figure
from tbgrad.figures.style import TANGENT

RATES = np.geomspace(1e-3, 1.0, 61)


def lines(figure):
    return {str(line.get_label()): line for line in figure.axes[0].get_lines()}


@pytest.fixture(scope="module")
def curve():
    return make_sweep(RATES)


@pytest.fixture(scope="module")
def plane():
    return make_sweep(RATES, np.linspace(0, 0.9, 19))


def test_the_curve_is_that_of_the_steps(curve):
    figure = rates_figure(curve)
    axes, found = figure.axes[0], lines(figure)
    np.testing.assert_array_equal(found["steps to the target"].get_data(), [RATES, curve.steps_to_target[0]])
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert found["best"].get_xydata().tolist() == [[curve.best_rate, curve.best_steps]]
    assert found["in theory: 2/λ = 0.1"].get_xdata()[0] == 0.1
    (first,) = [line for label, line in found.items() if label.startswith("first diverging")]
    assert first.get_color() == TANGENT and first.get_xdata()[0] == curve.first_diverging[0]
    assert f"best: rate {curve.best_rate:.3g}, {curve.best_steps} steps" in above(figure)


def test_rates_that_miss_the_target_are_not_silently_absent(curve):
    axes = rates_figure(curve).axes[0]
    spans = {}
    for patch in axes.patches:
        spans.setdefault(patch.get_label(), []).append((patch.get_x(), patch.get_x() + patch.get_width()))
    for label, there in (
        ("target not reached", ~curve.reached[0] & ~curve.failed[0]),
        ("diverged", curve.failed[0]),
    ):
        covered = np.any([(low <= RATES) & (high >= RATES) for low, high in spans[label]], axis=0)
        np.testing.assert_array_equal(covered, there)


def test_the_map_has_a_cell_for_each_descent(plane):
    axes = rates_figure(plane).axes[0]
    (mesh,) = [c for c in axes.collections if isinstance(c, QuadMesh)]
    cells = np.asarray(mesh.get_array()).reshape(19, 61, 4)
    assert (cells[plane.failed] == to_rgba(FAILED)).all()
    missed = ~plane.failed & ~plane.reached
    assert missed.any() and np.allclose(cells[missed], to_rgba(NOT_REACHED))
    # Fewer steps are darker.
    lightness = cells[..., :3].mean(axis=-1)[plane.reached]
    steps = plane.steps_to_target[plane.reached]
    assert lightness[steps < 40].max() < lightness[steps > 200].min()


def test_the_map_marks_edge_best_and_first_diverging(plane):
    figure = rates_figure(plane)
    found = lines(figure)
    np.testing.assert_allclose(
        found["in theory: (2 + 2β)/λ"].get_data(), [(2 + 2 * plane.momentum) / 20, plane.momentum]
    )
    np.testing.assert_array_equal(found["first diverging"].get_data(), [plane.first_diverging, plane.momentum])
    assert found["best"].get_xydata().tolist() == [[plane.best_rate, plane.best_momentum]]
    assert figure.axes[1].get_ylabel() == "steps to the target"


def test_momenta_that_crowd_at_one_are_spread():
    momentum = 1 - np.geomspace(1, 1e-3, 31)
    assert (
        crowds_at_one(momentum) and not crowds_at_one(np.linspace(0, 0.99, 30)) and not crowds_at_one(np.array([0.5]))
    )
    figure = rates_figure(make_sweep(RATES[::6], momentum, steps=50))
    axes = figure.axes[0]
    figure.canvas.draw()
    heights = axes.transData.transform(np.stack([np.full(3, 0.01), [0.0, 0.9, 0.99]], 1))[:, 1]
    assert heights[1] - heights[0] == pytest.approx(heights[2] - heights[1])
    assert [t for t in axes.get_yticks() if t in (0.9, 0.99, 0.999)] == [0.9, 0.99, 0.999]


def test_cells_end_halfway_between_their_middles():
    np.testing.assert_allclose(between(np.array([1.0, 100.0])), [0.1, 10, 1000])
    assert len(between(np.array([1.0]))) == 2


@pytest.mark.parametrize("momenta", [None, [0.0, 0.5, 0.9], [0.5]])
@pytest.mark.parametrize("rates", [RATES, RATES[:3] / 100, [0.1], np.geomspace(10, 100, 9)])
def test_every_sweep_can_be_drawn_on_the_page(rates, momenta):
    sweep = make_sweep(np.asarray(rates), momenta, steps=60)
    sweep = dataclasses.replace(sweep, settings={"nesterov": True, "weight_decay": 0.01}, momentum_name="beta_1")
    figure = rates_figure(sweep)
    picture = encode(figure)
    assert np.asarray(Image.open(io.BytesIO(picture.image))).std() > 5
    figure.canvas.draw()
    page = figure.bbox
    for box in (figure.axes[0].title.get_window_extent(), figure.legends[0].get_window_extent()):
        assert page.x0 - 1 <= box.x0 < box.x1 <= page.x1 + 1 and page.y0 - 1 <= box.y0 and box.y1 <= page.y1 + 1
    assert np.isfinite([*figure.axes[0].get_xlim(), *figure.axes[0].get_ylim()]).all()


def test_a_start_that_is_at_the_target_is_drawn():
    figure = rates_figure(make_sweep(RATES, start=(0.0, 0.0)))
    figure.canvas.draw()
    assert "0 steps" in above(figure)


def test_show_draws_the_sweep(curve):
    assert tbgrad.show(curve).axes[0].get_lines()
