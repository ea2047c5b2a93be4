"""tbgrad.race: each racer against its NumPy loop, the landscape of all paths, and what cannot race."""

import numpy as np
import pytest
from oracles import adam, sgd

import tbgrad
from tbgrad.errors import OptionError, RangeError, ShapeError, UnknownOptimizerError

START = (-1.2, 1.0)
STEPS = 150


def value(position):
    x, y = np.moveaxis(np.asarray(position), -1, 0)
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2


def slope(position):
    x, y = np.moveaxis(np.asarray(position), -1, 0)
    return np.stack([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)], axis=-1)


@pytest.fixture(scope="module")
def rosenbrock():
    return tbgrad.resolve("rosenbrock")


@pytest.fixture(scope="module")
def race(rosenbrock):
    momentum = tbgrad.Optimizer("sgd", 0.001, momentum=0.9)
    racers = [tbgrad.Optimizer("sgd", 0.001), momentum, tbgrad.Optimizer("adam", 0.05), tbgrad.Optimizer("sgd", 0.01)]
    return tbgrad.race(rosenbrock, racers, START, STEPS)


def test_racers_go_as_numpy_loops_do(race):
    with np.errstate(all="ignore"):
        expected = [sgd(slope, START, 0.001, STEPS), sgd(slope, START, 0.001, STEPS, 0.9),
                    adam(slope, START, 0.05, STEPS)]  # fmt: skip
    for descent, path in zip(race.descents, expected, strict=False):
        np.testing.assert_allclose(descent.position[:, 0], path, rtol=1e-9)
    ends = [value(path[-1]) for path in expected]
    assert race.order == (*np.argsort(ends).tolist(), 3) and race.failed.tolist() == [False] * 3 + [True]
    assert (race.target, race.target_rule) == (1e-6, "1e-06 above the known minimum")


def test_the_landscape_holds_all_paths_that_stay_and_the_minimum(race):
    surface = race.landscape
    low, high = np.array([surface.x[0], surface.y[0]]), np.array([surface.x[-1], surface.y[-1]])
    for descent in race.descents[:3]:
        assert (descent.position[:, 0] > low).all() and (descent.position[:, 0] < high).all()
    assert (low < 1).all() and (high > 1).all() and (low >= -2.048).all() and (high <= 2.048).all()
    grid = np.stack(np.meshgrid(surface.x, surface.y), axis=-1)
    np.testing.assert_allclose(surface.value, value(grid), rtol=1e-10)
    # The paths take up a good part of it, and it is no strip.
    span = np.ptp(np.vstack([d.position[:, 0] for d in race.descents[:3]] + [[[1.0, 1.0]]]), axis=0)
    assert (span / (high - low)).max() > 0.6 and 0.4 < (high - low)[1] / (high - low)[0] < 2.5


def test_a_target_where_no_minimum_is_known():
    f = tbgrad.resolve("x**2 + y**2 + 3")
    run = tbgrad.race(f, [tbgrad.Optimizer("sgd", 0.1), tbgrad.Optimizer("sgd", 0.3)], [1.0, 1.0], 40)
    lowest = 3 + min(2 * (1 - 2 * rate) ** 80 for rate in (0.1, 0.3))
    assert run.target == pytest.approx(lowest + 1e-6, rel=1e-12) and "any racer reaches" in run.target_rule
    expected = [np.flatnonzero(3 + 2 * (1 - 2 * r) ** (2.0 * np.arange(41)) <= run.target)[0] for r in (0.1, 0.3)]
    assert run.steps_to_target.tolist() == expected and run.order == (1, 0)


def test_one_variable_has_a_curve():
    f = tbgrad.resolve("fading_wave")
    run = tbgrad.race(f, [tbgrad.Optimizer("sgd", 0.1), tbgrad.Optimizer("sgd", 0.2)], steps=50)
    x, at = run.landscape.coordinate, [d.position[:, 0, 0] for d in run.descents]
    assert x[0] < min(map(np.min, at)) and x[-1] > max(map(np.max, at))
    np.testing.assert_allclose(run.landscape.value, np.cos(x) * np.sin(x) / np.sqrt(x), rtol=1e-9, atol=1e-12)


def test_more_variables_have_the_plane_of_all_paths():
    f = tbgrad.resolve("sum((i + 1) * x[i]**2 for i in range(n))", dimensions=5)
    racers = [tbgrad.Optimizer("sgd", 0.05), tbgrad.Optimizer("sgd", 0.08), tbgrad.Optimizer("sgd", 0.9)]
    run = tbgrad.race(f, racers, [1.0, -2.0, 1.0, 0.5, 3.0], 60)
    plane, best = run.plane, run.descents[1]
    assert run.order[0] == 1 and run.failed.tolist() == [False, False, True]
    # It holds the start and the end of the one that comes first.
    np.testing.assert_allclose(plane.distance(run.start), 0, atol=1e-12)
    np.testing.assert_allclose(plane.distance(best.position[-1, 0]), 0, atol=1e-12)
    paths = np.vstack([run.descents[0].position[:, 0], best.position[:, 0]])
    centred = paths - paths.mean(axis=0)
    along = best.position[-1, 0] - run.start
    along /= np.linalg.norm(along)
    rest = centred - np.outer(centred @ along, along)
    across = np.linalg.svd(rest, full_matrices=False)[2][0]
    assert abs(plane.directions[1] @ across) == pytest.approx(1, abs=1e-9)
    shown = ((centred @ along) ** 2).sum() + ((centred @ across) ** 2).sum()
    assert sum(plane.explained) == pytest.approx(shown / (centred**2).sum(), rel=1e-9)
    # The landscape is f there, and holds the paths.
    surface = run.landscape
    grid = plane.origin + np.stack(np.meshgrid(surface.x, surface.y), axis=-1) @ plane.directions
    np.testing.assert_allclose(surface.value, (grid**2 * np.arange(1, 6)).sum(axis=-1), rtol=1e-9)
    for k in (0, 1):
        at = run.on_landscape(run.descents[k].position[:, 0])
        assert (at > [surface.x[0], surface.y[0]]).all() and (at < [surface.x[-1], surface.y[-1]]).all()


def test_names_and_keras_optimizers_race_too(rosenbrock):
    import keras

    run = tbgrad.race(rosenbrock, ["sgd", keras.optimizers.SGD(0.001, momentum=0.5)], steps=5)
    assert "momentum 0.5" in run.names[1] and "no nesterov" not in run.names[1]
    assert run.descents[0].rate_rule != "as given" and run.names[1].startswith("sgd 0.001")


@pytest.mark.parametrize(
    ("racers", "error", "message"),
    [
        ([], OptionError, "2 to 10 racers, such as sgd and adam; got none"),
        (["sgd"], OptionError, "got 1"),
        (["sgd"] * 11, OptionError, "got 11"),
        ("sgd", OptionError, "expected a list of optimizers"),
        (["sgd", "sgd"], OptionError, "races twice"),
        ([tbgrad.Optimizer("sgd", 0.1), tbgrad.Optimizer("sgd", 0.1, momentum=0.0)], OptionError, "0.1 races twice"),
        (["sgd", "adm"], UnknownOptimizerError, "Did you mean 'adam'"),
        (["adam", tbgrad.Optimizer("sgd", 0.1, momentum=2.0)], OptionError, "momentum"),
        (["adam", tbgrad.Optimizer("sgd", 0.1, momentm=0.9)], OptionError, "Did you mean 'momentum'"),
        (["adam", tbgrad.Optimizer("sgd", np.array([0.1, 0.2]))], OptionError, "a racer has one start"),
        (["adam", 3], OptionError, "got a int"),
    ],
)
def test_what_cannot_race(rosenbrock, racers, error, message):
    with pytest.raises(error, match=message):
        tbgrad.race(rosenbrock, racers, steps=5)


def test_where_and_how_long_cannot_be_anything(rosenbrock):
    with pytest.raises(ShapeError):
        tbgrad.race(rosenbrock, ["sgd", "adam"], [1.0, 2.0, 3.0])
    with pytest.raises(RangeError):
        tbgrad.race(rosenbrock, ["sgd", "adam"], steps=0)
    with pytest.raises(ShapeError, match="no published start"):
        tbgrad.race(tbgrad.resolve("x*y"), ["sgd", "adam"])
