"""What a descent in more than two variables has beside its path: the straight line, and all partial derivatives."""

import numpy as np
import pytest
from figure_texts import above
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.colors import Normalize, SymLogNorm

import tbgrad
from tbgrad.figures.canvas import encode
from tbgrad.figures.partials import partials_figure, shown_variables
from tbgrad.figures.straight import line_figure


def descend(name, start=None, optimizer="sgd", rate=0.1, steps=50, dimensions=None, **options):
    f = tbgrad.resolve(name, dimensions=dimensions)
    found = tbgrad.descend(f, tbgrad.Optimizer(optimizer, rate), [start or f.start], steps, **options)
    return tbgrad.with_landscape(f, found)


@pytest.fixture(scope="module")
def bowl():
    return descend("x**2 + 2*y**2 + 3*z**2", [2.0, 1.0, -1.0])


@pytest.fixture(scope="module")
def valley():
    return descend("rosenbrock", optimizer="adam", rate=0.05, steps=400, dimensions=10)


def lines(figure):
    return {a.get_gid() or a.get_label(): np.transpose(a.get_data()) for a in figure.axes[0].get_lines()}


def test_the_line_and_the_path_beside_it(bowl):
    figure = line_figure(bowl)
    found, path = lines(figure), bowl.position[:, 0]
    way = path[-1] - path[0]
    length = np.linalg.norm(way)
    distance, value = found["f on the straight line"].T
    np.testing.assert_allclose(distance[[0, -1]], [-0.3 * length, 1.3 * length])
    at = path[0] + distance[:, None] * way / length
    np.testing.assert_allclose(value, at**2 @ [1.0, 2.0, 3.0], atol=1e-12)
    np.testing.assert_allclose(found["path"][:, 0], (path - path[0]) @ way / length, atol=1e-12)
    np.testing.assert_array_equal(found["path"][:, 1], bowl.value[:, 0])
    np.testing.assert_allclose(found["start"], [[0.0, bowl.value[0, 0]]])
    np.testing.assert_allclose(found["end"], [[length, bowl.value[-1, 0]]])


def test_the_lengths_of_way_and_path_are_told(bowl):
    path = bowl.position[:, 0]
    whole = np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
    straight = np.linalg.norm(path[-1] - path[0])
    assert f"the end is {straight:.4g} from the start; the path is {whole:.4g} long" in above(line_figure(bowl))
    assert "outside" not in above(line_figure(bowl))


def test_values_that_crowd_at_the_lowest_are_logarithmic(bowl, valley):
    scales = []
    for descent in (bowl, valley):
        axes = line_figure(descent).axes[0]
        assert ("logarithmic" in axes.get_ylabel()) == (axes.get_yscale() == "log")
        scales.append(axes.get_yscale())
    assert scales[1] == "log"
    assert line_figure(descend("x + y**2 + z**2", [1.0, 1.0, 1.0])).axes[0].get_yscale() == "linear"


def test_a_diverging_path_is_cut_where_the_line_ends():
    found = descend("x**2 + 2*y**2 + 3*z**2", [1.0, 1.0, 1.0], rate=0.4, steps=500)
    figure = line_figure(found)
    path, line = lines(figure)["path"], found.line.coordinate
    inside = path[np.isfinite(path).all(axis=1)]
    assert 1 < len(inside) < 60 and inside[:, 0].min() >= line[0] and inside[:, 0].max() <= line[-1]
    # The last place that is seen is not the end.
    assert "start" in lines(figure) and "end" not in lines(figure)
    assert "the end is outside the picture" in above(figure)
    assert encode(figure).image


def test_without_a_way_there_is_no_line():
    assert line_figure(descend("x**2 + y**2 + z**2", [0.0, 0.0, 0.0], steps=3)) is None
    assert line_figure(descend("sphere", [1.0, 1.0], steps=3)) is None


def strip(figure):
    """Edges in steps, and the derivatives `[variables, columns]`."""
    (mesh,) = [a for a in figure.axes[0].collections if isinstance(a, QuadMesh)]
    return mesh.get_coordinates()[0, :, 0], mesh.get_array(), mesh


def test_the_strip_holds_the_partial_derivatives(bowl):
    figure = partials_figure(bowl)
    edges, value, mesh = strip(figure)
    np.testing.assert_array_equal(edges[:-1], range(51))
    np.testing.assert_array_equal(value, bowl.gradient[:, 0].T)
    assert mesh.get_cmap().name == "RdBu_r" and mesh.norm.vmin == -mesh.norm.vmax
    # Zero is white.
    assert min(mesh.get_cmap()(mesh.norm(0.0))[:3]) > 0.95
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["x", "y", "z"]
    low, high = axes.get_ylim()
    assert low > high


def test_a_line_strikes_what_is_negative(bowl):
    figure = partials_figure(bowl)
    (struck,) = [a for a in figure.axes[0].collections if isinstance(a, LineCollection)]
    # x and y come from above and their derivatives stay positive, z's is negative until it is nearly zero.
    (segment,) = struck.get_segments()
    norm, z = strip(figure)[2].norm, bowl.gradient[:, 0, 2]
    least = norm.linthresh if isinstance(norm, SymLogNorm) else 0.05 * norm.vmax
    assert segment.tolist() == [[0, 2], [int((z < -least).sum()), 2]]
    assert "blue, with a line, negative" in above(figure)


def test_the_scale_is_chosen_and_said(valley):
    _, _, mesh = strip(partials_figure(valley))
    assert isinstance(mesh.norm, SymLogNorm) and mesh.norm.vmax == np.abs(valley.gradient[:, 0]).max()
    label = partials_figure(valley).axes[1].get_ylabel().replace("\n", " ")
    assert label == f"partial derivative, logarithmic beyond ±{mesh.norm.linthresh:g}"
    even = descend("sin(x) + cos(y) + z", [1.0, 1.0, 1.0], rate=0.01, steps=5)
    _, _, mesh = strip(partials_figure(even))
    assert type(mesh.norm) is Normalize and partials_figure(even).axes[1].get_ylabel() == "partial derivative"


def test_many_steps_are_on_a_logarithmic_axis(valley):
    axes = partials_figure(valley).axes[0]
    assert axes.get_xscale() == "symlog" and axes.get_xlabel() == "step (logarithmic)"
    few = descend("x**2 + y**2 + z**2", [1.0, 1.0, 1.0], steps=20)
    assert partials_figure(few).axes[0].get_xscale() == "linear"
    long = descend("x**2 + y**2 + z**2", [1.0, 1.0, 1.0], rate=1e-4, steps=5000)
    edges, value, _ = strip(partials_figure(long))
    assert 150 < len(edges) <= 301 and edges[0] == 0 and edges[-2] == 5000
    np.testing.assert_array_equal(value, long.gradient[edges[:-1].astype(int), 0].T)


def test_of_very_many_variables_the_largest_are_shown_in_order():
    gradient = np.random.default_rng(2).normal(size=(9, 100))
    gradient[4, 50] = np.nan
    shown = shown_variables(gradient)
    sizes = np.nanmax(np.abs(gradient), axis=0)
    assert shown.tolist() == sorted(np.argsort(-sizes)[:20].tolist())
    assert shown_variables(gradient[:, :40]).tolist() == list(range(40))
    found = descend("sum((i + 1)*x[i]**2 for i in range(n))", [1.0] * 60, rate=1e-3, steps=5, dimensions=60)
    figure = partials_figure(found)
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == [f"x{i}" for i in range(40, 60)]
    assert "the 20 of 60 that are largest at some step" in above(figure)


def test_undefined_derivatives_have_no_colour():
    found = descend("sqrt(x) + y**2 + z**2", [0.1, 1.0, 1.0], rate=0.5, steps=5)
    figure = partials_figure(found)
    assert np.ma.getmaskarray(strip(figure)[1]).any() and encode(figure).image


@pytest.mark.parametrize("value", ["0*x + 0*y + 0*z + 1", "1e200*(x + y + z)", "1e-300*(x*y*z)"])
def test_extreme_derivatives_can_be_drawn(value):
    assert encode(partials_figure(descend(value, [1.0, 1.0, 1.0], rate=1e-250, steps=3))).image


def test_long_names_are_cut():
    f = tbgrad.Function.of_formula("a_very_long_name_indeed**2 + b**2 + c**2")
    found = tbgrad.with_landscape(f, tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.1), [[1.0, 1.0, 1.0]], 3))
    assert [t.get_text() for t in partials_figure(found).axes[0].get_yticklabels()] == ["a_very_long…", "b", "c"]


def test_values_only_have_no_strip():
    f = tbgrad.resolve("x*y*z")
    recording = tbgrad.Recording("every", values_only=True)
    found = tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.1), [[1.0, 1.0, 1.0]], 3, record=recording)
    assert partials_figure(found) is None and line_figure(found) is None
