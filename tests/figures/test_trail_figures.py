"""A path on the pictures of a surface and of a sweep: the artists' data against least squares, and the words."""

import dataclasses

import numpy as np
import pytest
from figure_texts import above
from landscape_samples import LINE, PATH, PLANE, SLANTED, STEPS, feet_of, quadratic, value_of

import tbgrad
from tbgrad.figures.basins import minimum_figure
from tbgrad.figures.canvas import encode
from tbgrad.figures.curves import curve_figure
from tbgrad.figures.derivatives import magnitude_figure, partial_figure
from tbgrad.figures.reliefs import contour3d_figure, relief_figure
from tbgrad.figures.surfaces import surface_figure

OWN = value_of(PATH.astype(float))
CAPTION = "nothing normalised; on known numbers; first from"


@pytest.fixture(scope="module")
def surface():
    return tbgrad.landscape(quadratic(), PLANE, path=PATH, steps=STEPS, points=21)


@pytest.fixture(scope="module")
def sweep():
    return tbgrad.landscape(quadratic(), LINE, path=PATH, steps=STEPS, points=41)


def track(figure):
    (line,) = [a for a in figure.axes[0].get_lines() if a.get_gid() == "path"]
    return np.transpose(line.get_data())


def marked(figure, label):
    (line,) = [a for a in figure.axes[0].get_lines() if a.get_label() == label]
    return np.ravel(line.get_data())


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_flat_contours_show_the_path_step_by_step(surface):
    figure = surface_figure(surface)
    feet = feet_of(PATH)
    np.testing.assert_allclose(track(figure), feet, rtol=1e-9)
    np.testing.assert_allclose(marked(figure, "start"), feet[0], rtol=1e-9)
    np.testing.assert_allclose(marked(figure, "end"), feet[-1], rtol=1e-9)
    # The colours of the points are those of their steps.
    (dots,) = [c for c in figure.axes[0].collections if c.get_gid() == "path" and c.get_offsets().shape == feet.shape]
    np.testing.assert_array_equal(dots.get_array(), np.maximum(STEPS, 1))
    assert {axes.get_xlabel() for axes in figure.axes} >= {"step", "first: a direction"}
    assert {"path", "start", "end", "gradient: uphill, longer is steeper"} <= set(legend(figure))
    title = above(figure)
    assert CAPTION in title
    assert f"projected on a plane that holds {100 * surface.trail.explained:.3g} % of the path's variance" in title
    assert "outside" not in title


def test_what_is_outside_of_the_picture_is_said():
    over = [("first", -10.0, -9.0), ("second", 0.0, 1.0)]
    outside = tbgrad.landscape(quadratic(), PLANE, over=over, path=PATH, points=5)
    assert "7 of the path's 7 points are outside the picture" in above(surface_figure(outside))
    for draw in (surface_figure, relief_figure):
        assert len(encode(draw(outside)).image) > 1000


def test_every_picture_says_how_it_is_shown(surface, sweep):
    pictures = [surface_figure(surface), relief_figure(surface), contour3d_figure(surface), magnitude_figure(surface)]
    pictures += [partial_figure(surface, axis) for axis in (0, 1)]
    for figure in pictures:
        figure.canvas.draw()
        assert CAPTION in above(figure)
    assert "one direction; on known numbers; way from" in above(curve_figure(sweep))
    assert "path's variance" in above(relief_figure(surface))


def test_basins_say_how_they_are_shown():
    on = tbgrad.restrict(quadratic(), PLANE)
    over = [("first", -1.0, 1.0), ("second", -1.0, 1.0)]
    found = tbgrad.find_basins(on, "sgd", over=over, points=5, steps=20)
    assert "nothing normalised; on known numbers" in above(minimum_figure(found))


def test_without_gradients_there_are_no_arrows():
    bare = tbgrad.landscape(quadratic(), PLANE, points=11, gradients=False)
    figure = surface_figure(bare)
    assert not any("gradient" in text for legend in figure.legends for text in map(str, legend.get_texts()))
    assert not [c for c in figure.axes[0].collections if type(c).__name__ == "Quiver"]
    assert "no gradient" not in above(figure)


def test_the_relief_shows_the_path_at_its_own_values(surface):
    figure = relief_figure(surface)
    # Off the plane it goes lower than the surface does.
    drawn = [line for line in figure.axes[0].lines if line.get_label() == "path, at its own values, cut"]
    x, y, value = drawn[0].get_data_3d()
    np.testing.assert_allclose(np.column_stack([x, y]), feet_of(PATH), rtol=1e-9)
    low, high = figure.axes[0].get_zlim()
    np.testing.assert_allclose(value, OWN.clip(low, high), rtol=1e-9)
    assert {"start", "end"} <= set(legend(figure))


def test_the_curve_shows_the_path_beside_it(sweep):
    figure = curve_figure(sweep)
    drawn = track(figure)
    np.testing.assert_allclose(drawn, np.column_stack([feet_of(PATH, SLANTED[:1])[:, 0], OWN]), rtol=1e-9)
    low, high = figure.axes[0].get_ylim()
    assert low < OWN.min() and high > OWN.max()
    assert "step" in {axes.get_xlabel() for axes in figure.axes}
    assert "projected on a line that holds" in above(figure)


def test_a_curve_in_other_units(sweep):
    huge = dataclasses.replace(
        sweep, value=sweep.value * 1e200, trail=dataclasses.replace(sweep.trail, value=sweep.trail.value * 1e200)
    )
    drawn = track(curve_figure(huge))[:, 1]
    np.testing.assert_allclose(drawn / drawn[0], OWN / OWN[0], rtol=1e-9)
    assert drawn.max() < 1e3


def test_a_single_position(surface):
    alone = tbgrad.landscape(quadratic(), PLANE, path=PATH[:1], points=5)
    figure = surface_figure(alone)
    np.testing.assert_allclose(marked(figure, "start"), feet_of(PATH[:1])[0], rtol=1e-9)
    assert "a path that does not move" in above(figure)
    assert len(encode(relief_figure(alone)).image) > 1000


def test_a_path_that_stands_upright_on_its_plane_is_a_mark_alone():
    # What random directions do with a path: all of it lies in one place of the picture.
    over = [("first", -200.0, 200.0), ("second", -200.0, 200.0)]
    figure = surface_figure(tbgrad.landscape(quadratic(), PLANE, over=over, path=PATH, steps=STEPS, points=11))
    assert np.ptp(feet_of(PATH), axis=0).max() < 0.03 * 400
    np.testing.assert_allclose(marked(figure, "path: its start and end are here"), feet_of(PATH)[-1], rtol=1e-9)
    assert not {"path", "start", "end"} & set(legend(figure))
    assert "step" not in {axes.get_xlabel() for axes in figure.axes}
    # On a smaller plane its way can be seen.
    over = [("first", -10.0, 10.0), ("second", -10.0, 10.0)]
    assert "start" in legend(surface_figure(tbgrad.landscape(quadratic(), PLANE, over=over, path=PATH, points=11)))


def test_of_a_path_without_progress_the_curve_has_no_bar_of_steps(sweep):
    still = dataclasses.replace(sweep.trail, at=0 * sweep.trail.at, value=np.full(len(PATH), sweep.value.mean()))
    figure = curve_figure(dataclasses.replace(sweep, trail=still))
    assert "path: its start and end are here" in legend(figure)
    assert "step" not in {axes.get_xlabel() for axes in figure.axes}
