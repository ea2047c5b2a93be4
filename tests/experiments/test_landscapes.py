"""What a path is drawn on: for more than two variables the function on a plane, and along a line."""

import numpy as np
import pytest

import tbgrad

BOWL = "x**2 + 2*y**2 + 3*z**2"


def descend(name, optimizer=("sgd", 0.1), start=None, steps=50, dimensions=None, **options):
    f = tbgrad.resolve(name, dimensions=dimensions)
    starts = start or [f.start]
    return tbgrad.with_landscape(f, tbgrad.descend(f, tbgrad.Optimizer(*optimizer), starts, steps, **options))


def bowl(position):
    return position**2 @ np.array([1.0, 2.0, 3.0])


@pytest.fixture(scope="module")
def descent():
    return descend(BOWL, start=[[2.0, 1.0, 1.0], [9.0, 9.0, 9.0]])


def test_the_surface_is_the_function_on_the_plane(descent):
    plane, surface = descent.plane, descent.landscape
    assert surface.axes == ("along", "across") and surface.value.shape == (121, 121)
    x, y = np.meshgrid(surface.x, surface.y)
    position = plane.origin + x[..., None] * plane.directions[0] + y[..., None] * plane.directions[1]
    np.testing.assert_allclose(surface.value, bowl(position), rtol=1e-12)
    slopes = (position * [2.0, 4.0, 6.0]) @ plane.directions.T
    np.testing.assert_allclose(surface.slopes, slopes, atol=1e-12)


def test_start_and_end_lie_where_they_should(descent):
    path = descent.position[:, 0]
    length = np.linalg.norm(path[-1] - path[0])
    coordinates = descent.on_landscape(path)
    np.testing.assert_allclose(coordinates[[0, -1]], [[0, 0], [length, 0]], atol=1e-12)
    np.testing.assert_array_equal(descent.plane.origin, path[0])
    # The whole path is in the picture.
    surface = descent.landscape
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    assert surface.x[0] < low[0] and high[0] < surface.x[-1] and surface.y[0] < low[1] and high[1] < surface.y[-1]
    sides = [surface.x[-1] - surface.x[0], surface.y[-1] - surface.y[0]]
    assert 0.4 < sides[1] / sides[0] < 2.5


def test_the_line_goes_from_start_to_end_and_beyond(descent):
    line, path = descent.line, descent.position[:, 0]
    length = np.linalg.norm(path[-1] - path[0])
    np.testing.assert_allclose(line.coordinate[[0, -1]], [-0.3 * length, 1.3 * length])
    position = path[0] + line.coordinate[:, None] * (path[-1] - path[0]) / length
    np.testing.assert_allclose(line.value, bowl(position), rtol=1e-12, atol=1e-15)


def test_two_variables_and_fewer_have_neither_plane_nor_line():
    for name, axes in (("rosenbrock", ("x", "y")), ("fading_wave", None)):
        found = descend(name, ("sgd", 1e-3), steps=3)
        assert found.plane is None and found.line is None and found.landscape is not None
        if axes:
            assert found.landscape.axes == axes
            np.testing.assert_array_equal(found.on_landscape(found.position), found.position)


def test_values_only_have_no_landscape():
    f = tbgrad.resolve(BOWL)
    recording = tbgrad.Recording("every", values_only=True)
    found = tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.1), [[1.0, 1.0, 1.0]], 5, record=recording)
    assert tbgrad.with_landscape(f, found).plane is None


def test_a_known_minimum_is_marked_only_where_it_is_in_the_plane():
    # From (1, ..., 1) sphere's path goes straight to the origin.
    (minimum,) = descend("sphere", dimensions=5, start=[[1.0] * 5]).landscape.subject.minima
    np.testing.assert_allclose(minimum.points, [[np.sqrt(5), 0.0]], atol=1e-12)
    assert minimum.value == 0.0
    # Rastrigin's ends in another valley.
    assert descend("rastrigin", ("sgd", 1e-3), [[1.1, 0.2, 2.1]], dimensions=3).landscape.subject.minima == ()


@pytest.mark.parametrize(("rate", "near"), [(0.05, True), (0.01, False)])
def test_a_minimum_in_the_plane_is_in_the_picture_unless_it_is_far(rate, near):
    # Of the way to the origin five steps go 1 - 0.9^5 = 0.41, or 0.096: it is 1.4 or 9.4 times as far again.
    surface = descend("sphere", ("sgd", rate), [[1.0, 2.0, 3.0]], steps=5, dimensions=3).landscape
    assert surface.x[0] < 0 and (surface.x[-1] > np.sqrt(14)) == near
    places = [minimum.points[0] for minimum in surface.subject.minima]
    np.testing.assert_allclose(places, [[np.sqrt(14), 0.0]] if near else np.zeros((0,)), atol=1e-12)


def test_a_diverging_path_is_shown_as_far_as_it_is_near():
    found = descend(BOWL, ("sgd", 0.4), [[1.0, 1.0, 1.0]], steps=500)
    assert found.status[0].value == "diverged"
    last = int(np.argmax(np.abs(found.position[:, 0]).max(axis=1) > 1e3))
    assert found.plane.axes[0] == f"along: from start to step {last - 1}"
    end = found.on_landscape(found.position[last - 1, 0])
    np.testing.assert_allclose(end, [np.linalg.norm(found.position[last - 1, 0] - 1), 0], atol=1e-9)
    assert found.landscape.x[-1] > end[0] and found.line is not None


def test_of_a_first_step_out_of_the_surroundings_the_start_is_shown():
    found = descend("rosenbrock", ("sgd", 0.1), [[-1.2, 1.0, 1.0]], steps=20, dimensions=3)
    gradient = found.gradient[0, 0]
    np.testing.assert_allclose(found.plane.directions[0], -gradient / np.linalg.norm(gradient))
    assert found.line is None and np.isfinite(found.landscape.value).all()


def test_one_step_and_no_step():
    found = descend(BOWL, start=[[1.0, 1.0, 1.0]], steps=1)
    assert found.plane.axes == ("along: from start to end", "across: where the gradient varies")
    still = descend(BOWL, start=[[0.0, 0.0, 0.0]], steps=5)
    assert still.line is None and still.plane.explained == (1.0, 0.0)
    assert still.landscape.x[0] < 0 < still.landscape.x[-1]


def test_rows_after_a_stop_do_not_weigh():
    f = tbgrad.resolve(BOWL)
    starts = [[1.0, 1.0, 1.0], [500.0, 1.0, 1.0]]
    stop = tbgrad.descent.stopping.GradientNorm(1e-2)
    found = tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.1), starts, 300, stop=stop)
    best = found.best_start
    assert found.steps_made[best] < 60
    alone = tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.1), [starts[best]], int(found.steps_made[best]))
    both, one = tbgrad.with_landscape(f, found).plane, tbgrad.with_landscape(f, alone).plane
    np.testing.assert_allclose(both.directions, one.directions, atol=1e-9)
    np.testing.assert_allclose(both.explained, one.explained, rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_thousand_variables(dtype):
    found = descend("rosenbrock", ("adam", 0.05), steps=30, dimensions=1000, dtype=dtype)
    assert found.landscape.value.dtype == found.line.value.dtype == dtype
    assert np.isfinite(found.landscape.value).all() and found.landscape.value.size <= 20_000
    # At the start the surface's neighbours are the start's.
    i, j = np.abs(found.landscape.y).argmin(), np.abs(found.landscape.x).argmin()
    near = found.landscape.value[i - 1 : i + 2, j - 1 : j + 2]
    assert near.min() <= found.value[0, 0] <= near.max()
