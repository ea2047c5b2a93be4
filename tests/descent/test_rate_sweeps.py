"""Rate sweeps: steps to the target against NumPy loops, the first diverging rate and the edge against theory."""

import functools

import numpy as np
import pytest
from html_tables import cells
from oracles import adam, sgd

import tbgrad
from tbgrad.descent.rate_sweeps import default_rates, momentum_name, spaced_rates, sweep_rates
from tbgrad.errors import InputError, OptionError, RangeError, ShapeError
from tbgrad.results import Status

ELLIPSE_START = (5.0, 1.0)
SGD = tbgrad.Optimizer("sgd")


def ellipse_value(path):
    with np.errstate(over="ignore", invalid="ignore"):
        return path[..., 0] ** 2 + 10 * path[..., 1] ** 2


def ellipse_gradient(position):
    return position * np.array([2.0, 20.0])


def steps_to(values, target):
    """The first step whose value is at most the target, or NaN."""
    reached = np.flatnonzero(values <= target)
    return float(reached[0]) if reached.size else np.nan


def path_of(rule, rate, momentum, steps, gradient=ellipse_gradient, start=ELLIPSE_START):
    with np.errstate(over="ignore", invalid="ignore"):
        if rule == "adam":
            return adam(gradient, start, rate, steps, beta_1=momentum)
        return sgd(gradient, start, rate, steps, momentum, nesterov=rule == "nesterov")


def diverged(path, values):
    """Value or position passed 1e12 × max(1, what it was at the start), or left the floats."""
    with np.errstate(over="ignore", invalid="ignore"):
        size = np.abs(path).max(axis=-1)
        beyond = (np.abs(values) > 1e12 * max(1, abs(values[0]))) | (size > 1e12 * max(1, size[0]))
        return bool((beyond | ~np.isfinite(values)).any())


def spectral_radius(rule, rate, momentum, curvature):
    """Of the companion matrix of (x, previous x) along one eigenvector."""
    if rule == "nesterov":
        # x' = x + β(x - x₋) - ηλ(x + β(x - x₋)) at the place looked ahead to.
        ahead = 1 - rate * curvature
        matrix = [[ahead * (1 + momentum), -ahead * momentum], [1, 0]]
    else:
        matrix = [[1 + momentum - rate * curvature, -momentum], [1, 0]]
    return np.abs(np.linalg.eigvals(matrix)).max()


@functools.cache
def ellipse():
    return tbgrad.resolve("ellipse")


@functools.cache
def square():
    """Its minimum is not known."""
    return tbgrad.resolve("x**2")


def test_steps_to_target_are_the_numpy_loops():
    rates = np.geomspace(1e-3, 1.0, 40)
    sweep = sweep_rates(ellipse(), SGD, ELLIPSE_START, rates, steps=300)
    assert sweep.steps_to_target.shape == sweep.status.shape == sweep.value.shape == (1, 40)
    assert sweep.target == 1e-6 and "known minimum" in sweep.target_rule
    np.testing.assert_array_equal(sweep.rate, rates)
    paths = [path_of("plain", rate, 0.0, 300) for rate in rates]
    values = [ellipse_value(path) for path in paths]
    expected = np.array([steps_to(v, 1e-6) for v in values])
    assert 5 < np.isfinite(expected).sum() < 35
    np.testing.assert_array_equal(sweep.steps_to_target[0], expected)
    np.testing.assert_array_equal(sweep.failed[0], [diverged(p, v) for p, v in zip(paths, values, strict=True)])
    # What reached the target is left alone there, the others go on to the end.
    for k, found in enumerate(expected):
        last = 300 if np.isnan(found) else int(found)
        if not sweep.failed[0, k]:
            assert sweep.value[0, k] == pytest.approx(values[k][last], rel=1e-9)


@pytest.mark.parametrize("rule", ["heavy ball", "nesterov", "adam"])
def test_the_map_is_the_numpy_loops_for_every_pair(rule):
    rates, momenta = np.geomspace(2e-3, 0.5, 14), np.array([0.0, 0.3, 0.6, 0.9])
    optimizer = {
        "heavy ball": SGD,
        "nesterov": tbgrad.Optimizer("sgd", nesterov=True),
        "adam": tbgrad.Optimizer("adam"),
    }[rule]
    sweep = sweep_rates(ellipse(), optimizer, ELLIPSE_START, rates, momenta, steps=200, target=1e-3)
    assert sweep.momentum_name == ("beta_1" if rule == "adam" else "momentum")
    assert sweep.steps_to_target.shape == sweep.status.shape == (4, 14)
    assert (sweep.target, sweep.target_rule) == (1e-3, "as given")
    paths = [[path_of(rule, rate, momentum, 200) for rate in rates] for momentum in momenta]
    expected = [[steps_to(ellipse_value(path), 1e-3) for path in row] for row in paths]
    np.testing.assert_array_equal(sweep.steps_to_target, expected)
    assert np.isfinite(expected).any(axis=1).all() and np.isnan(expected).any(axis=1).all()
    np.testing.assert_array_equal(sweep.failed, [[diverged(p, ellipse_value(p)) for p in row] for row in paths])
    np.testing.assert_array_equal(sweep.momentum, momenta)


def test_a_row_of_the_map_is_the_sweep_of_its_momentum():
    rates, momenta = np.geomspace(1e-3, 0.2, 9), np.array([0.0, 0.5])
    plane = sweep_rates(ellipse(), SGD, ELLIPSE_START, rates, momenta, steps=150)
    fixed = tbgrad.Optimizer("sgd", momentum=0.5)
    for row, optimizer in enumerate((SGD, fixed)):
        alone = sweep_rates(ellipse(), optimizer, ELLIPSE_START, rates, steps=150)
        np.testing.assert_array_equal(plane.steps_to_target[row], alone.steps_to_target[0])
        np.testing.assert_array_equal(plane.status[row], alone.status[0])
        np.testing.assert_allclose(plane.value[row], alone.value[0], rtol=1e-11)
        assert alone.momentum is None and alone.best_momentum is None
    assert dict(alone.settings) == {"momentum": 0.5}


def test_an_unknown_minimum_is_the_lowest_value_of_all():
    rates = np.geomspace(1e-3, 1.2, 25)
    sweep = sweep_rates(square(), SGD, (3.0,), rates, steps=80)
    # x goes by the factor 1 - 2η at each step.
    values = 9 * np.abs(1 - 2 * rates[:, None]) ** (2 * np.arange(81))
    lowest = values.min()
    assert sweep.target == pytest.approx(lowest + 1e-6, rel=1e-12)
    assert "lowest" in sweep.target_rule
    np.testing.assert_array_equal(sweep.steps_to_target[0], [steps_to(v, lowest + 1e-6) for v in values])
    np.testing.assert_allclose(sweep.value[0], values[:, -1], rtol=1e-9, atol=1e-300)


def test_the_target_that_an_unknown_minimum_gives_gives_the_same_when_given():
    rates = np.geomspace(1e-2, 0.9, 12)
    found = sweep_rates(square(), SGD, (3.0,), rates, steps=60)
    given = sweep_rates(square(), SGD, (3.0,), rates, steps=60, target=found.target)
    np.testing.assert_array_equal(found.steps_to_target, given.steps_to_target)
    assert (found.best, found.best_rate, found.best_steps) == (given.best, given.best_rate, given.best_steps)


@pytest.mark.parametrize("rule", ["plain", "heavy ball", "nesterov"])
def test_the_edge_is_where_the_linear_recurrence_grows(rule):
    momenta = np.array([0.0]) if rule == "plain" else np.array([0.0, 0.4, 0.9])
    optimizer = tbgrad.Optimizer("sgd", nesterov=rule == "nesterov")
    rates = np.geomspace(0.02, 0.4, 60)
    asked = None if rule == "plain" else momenta
    sweep = sweep_rates(ellipse(), optimizer, ELLIPSE_START, rates, asked, steps=1500)
    expected = {
        "plain": 2 / 20 + 0 * momenta,
        "heavy ball": (2 + 2 * momenta) / 20,
        "nesterov": (2 + 2 * momenta) / (20 * (1 + 2 * momenta)),
    }[rule]
    np.testing.assert_allclose(sweep.edge, expected, rtol=1e-9)
    for momentum, edge, first in zip(momenta, sweep.edge, sweep.first_diverging, strict=True):
        assert spectral_radius(rule, 0.999 * edge, momentum, 20) < 1 < spectral_radius(rule, 1.001 * edge, momentum, 20)
        # Between the edge and the first diverging rate there may be rates that grow too slowly to be seen.
        growing = rates[rates > edge]
        fast = [1500 * np.log10(spectral_radius(rule, rate, momentum, 20)) > 13 for rate in growing]
        assert edge < first <= growing[np.argmax(fast)]
    assert (sweep.failed <= (rates > sweep.edge[:, None])).all()
    parts = {"plain": ["2/λ"], "heavy ball": ["2 + 2β", "λ"], "nesterov": ["2 + 2β", "1 + 2β", "λ"]}[rule]
    assert all(part in sweep.edge_rule for part in parts) and "20" in sweep.edge_rule


def test_the_edge_with_a_fixed_momentum():
    rates = np.geomspace(0.01, 0.3, 12)
    heavy = sweep_rates(ellipse(), tbgrad.Optimizer("sgd", momentum=0.5), ELLIPSE_START, rates, steps=200)
    ahead = tbgrad.Optimizer("sgd", momentum=0.5, nesterov=True)
    nesterov = sweep_rates(ellipse(), ahead, ELLIPSE_START, rates, steps=200)
    np.testing.assert_allclose([heavy.edge, nesterov.edge], [[3 / 20], [3 / 40]], rtol=1e-9)
    assert "β" in heavy.edge_rule and "1 + 2β" in nesterov.edge_rule and "1 + 2β" not in heavy.edge_rule


def test_the_edge_is_of_the_hessian_where_the_quickest_descent_ends():
    f = tbgrad.resolve("rosenbrock")
    sweep = sweep_rates(f, SGD, (0.9, 0.9), np.geomspace(1e-4, 5e-3, 12), steps=1500, target=1e-3)
    optimizer = tbgrad.Optimizer("sgd", sweep.best_rate)
    x, y = tbgrad.descend(f, optimizer, [(0.9, 0.9)], sweep.best_steps).end.position[0]
    hessian = [[2 - 400 * (y - 3 * x * x), -400 * x], [-400 * x, 200]]
    assert sweep.edge[0] == pytest.approx(2 / np.linalg.eigvalsh(hessian)[-1], rel=1e-6)


@pytest.mark.parametrize(
    "optimizer",
    [
        tbgrad.Optimizer("adam"),
        tbgrad.Optimizer("rmsprop"),
        tbgrad.Optimizer("sgd", clipnorm=1.0),
    ],
    ids=["adam", "rmsprop", "clipped"],
)
def test_no_edge_is_told_where_none_is_known(optimizer):
    sweep = sweep_rates(ellipse(), optimizer, ELLIPSE_START, [0.05, 0.09], steps=200, target=0.1)
    assert sweep.reached.any()
    assert np.isnan(sweep.edge).all() and sweep.edge_rule == ""


def test_weight_decay_moves_the_edge():
    optimizer = tbgrad.Optimizer("sgd", weight_decay=0.5)
    sweep = sweep_rates(ellipse(), optimizer, ELLIPSE_START, np.geomspace(0.05, 0.2, 30), steps=1500)
    # x' = (1 - ηw)x - η(λx), which swings ever wider where η(λ + w) > 2.
    assert sweep.edge[0] == pytest.approx(2 / 20.5, rel=1e-9)
    assert sweep.edge[0] < sweep.first_diverging[0] < 1.1 * sweep.edge[0]


def test_the_formula_of_the_edge_has_the_weight_decay():
    optimizer = tbgrad.Optimizer("sgd", weight_decay=0.5)
    sweep = sweep_rates(ellipse(), optimizer, ELLIPSE_START, [0.05, 0.09], steps=200)
    assert not sweep.edge_rule.startswith("2/λ,")


def test_nobody_reaches_it():
    sweep = sweep_rates(ellipse(), SGD, ELLIPSE_START, np.geomspace(1e-4, 1e-3, 5), steps=20, target=-1.0)
    assert np.isnan(sweep.steps_to_target).all() and not sweep.reached.any()
    assert (sweep.best, sweep.best_rate, sweep.best_steps, sweep.best_momentum) == (None,) * 4
    assert np.isnan(sweep.edge).all() and sweep.edge_rule == ""
    assert np.isnan(sweep.first_diverging).all()
    assert len(cells(sweep)) > 1


def test_all_of_them_diverge():
    sweep = sweep_rates(ellipse(), SGD, ELLIPSE_START, [0.5, 1.0, 3.0], steps=400)
    assert sweep.failed.all() and sweep.best is None
    assert sweep.first_diverging.tolist() == [0.5]
    assert (sweep.status == sweep.statuses.index(Status.DIVERGED)).all()


@pytest.mark.parametrize("target", [250.0, None])
def test_a_start_that_is_there_needs_no_step(target):
    start = (0.0, 0.0) if target is None else ELLIPSE_START
    sweep = sweep_rates(ellipse(), SGD, start, [0.01, 0.02], steps=5, target=target)
    assert sweep.steps_to_target.tolist() == [[0, 0]]
    assert (sweep.best, sweep.best_steps, sweep.best_rate) == ((0, 0), 0, 0.01)


def test_a_start_that_is_there_does_not_oscillate():
    sweep = sweep_rates(ellipse(), SGD, ELLIPSE_START, [0.01, 0.02], steps=5, target=250.0)
    assert not (sweep.status == sweep.statuses.index(Status.OSCILLATING)).any()


def test_the_last_step_counts():
    # 9 × (1 - 2η)^2k: with η = 1/4 the value is 9 / 4^k.
    for steps, expected in ((5, 5.0), (4, np.nan)):
        sweep = sweep_rates(square(), SGD, (3.0,), [0.25], steps=steps, target=9 / 4**5)
        np.testing.assert_array_equal(sweep.steps_to_target, [[expected]])


def test_among_equals_the_smallest_rate_and_then_momentum():
    # One step from the kink's side: every one of these rates jumps below the target at once.
    f = tbgrad.resolve("abs(x)")
    sweep = sweep_rates(f, SGD, (1.0,), [0.6, 0.8, 0.9], [0.0, 0.5], steps=3, target=0.45)
    assert (sweep.steps_to_target == 1).all()
    assert sweep.best == (0, 0) and (sweep.best_rate, sweep.best_momentum) == (0.6, 0.0)


def test_rates_and_momenta_are_sorted_and_each_once():
    sweep = sweep_rates(ellipse(), SGD, ELLIPSE_START, [0.05, 0.01, 0.05, 0.2], [0.5, 0.0, 0.5], steps=50)
    assert sweep.rate.tolist() == [0.01, 0.05, 0.2] and sweep.momentum.tolist() == [0.0, 0.5]
    assert sweep.steps_to_target.shape == (2, 3)


def test_the_optimizers_own_rate_is_not_used():
    rates = [0.01, 0.05]
    one, other = (
        sweep_rates(ellipse(), tbgrad.Optimizer("sgd", rate), ELLIPSE_START, rates, steps=60) for rate in (1e-9, 0.3)
    )
    np.testing.assert_array_equal(one.value, other.value)


def test_float32():
    rates = np.geomspace(5e-3, 0.2, 15)
    single = sweep_rates(ellipse(), SGD, ELLIPSE_START, rates, steps=200, target=1e-3, dtype="float32")
    double = sweep_rates(ellipse(), SGD, ELLIPSE_START, rates, steps=200, target=1e-3)
    assert (single.value.dtype, double.value.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(single.reached, double.reached)
    difference = np.abs(single.steps_to_target - double.steps_to_target)
    assert np.nanmax(difference) <= 1
    assert single.edge[0] == pytest.approx(0.1, rel=1e-5)


def test_a_start_where_the_function_is_undefined():
    sweep = sweep_rates(tbgrad.resolve("sqrt(x) + x"), SGD, (-1.0,), [0.1, 0.2], steps=10, target=0.5)
    assert (sweep.status == sweep.statuses.index(Status.NOT_FINITE)).all()
    assert sweep.failed.all() and not sweep.reached.any()
    assert sweep.first_diverging.tolist() == [0.1]


def test_undefined_everywhere_and_an_unknown_minimum():
    sweep = sweep_rates(tbgrad.resolve("sqrt(x)"), SGD, (-1.0,), [0.1, 0.2], steps=5)
    assert sweep.failed.all() and not sweep.reached.any() and sweep.best is None


def test_what_a_sweep_says_of_itself():
    sweep = sweep_rates(ellipse(), SGD, ELLIPSE_START, [0.01, 0.1], [0.0, 0.9], steps=10)
    assert (sweep.optimizer, sweep.steps, sweep.subject.identity) == ("sgd", 10, "ellipse")
    assert sweep.start.tolist() == [5.0, 1.0] and sweep.from_where == "from (5, 1)"
    assert sweep.where == "2 learning rates from 0.01 to 0.1, 2 values of momentum from 0 to 0.9"


@pytest.mark.parametrize(
    ("name", "momentum"),
    [("sgd", "momentum"), ("rmsprop", "momentum"), ("adam", "beta_1"), ("nadam", "beta_1"), ("lion", "beta_1")],
)
def test_which_setting_is_the_momentum(name, momentum):
    assert momentum_name(tbgrad.Optimizer(name)) == momentum


@pytest.mark.parametrize("name", ["adagrad", "adadelta", "ftrl", "adafactor"])
def test_optimizers_without_momentum(name):
    with pytest.raises(OptionError, match=rf"{name} .*momentum.*sgd"):
        sweep_rates(ellipse(), tbgrad.Optimizer(name), ELLIPSE_START, [0.1], [0.0, 0.9], steps=3)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"rates": []}, ShapeError),
        ({"rates": [0.0, 0.1]}, InputError),
        ({"rates": [-0.1, 0.1]}, InputError),
        ({"rates": [0.1, np.nan]}, InputError),
        ({"rates": [0.1, np.inf]}, InputError),
        ({"momenta": [0.0, 1.5]}, OptionError),
        ({"momenta": [-0.5, 0.5]}, OptionError),
        ({"momenta": [0.5, np.nan]}, InputError),
        ({"momenta": []}, InputError),
        ({"steps": 0}, RangeError),
        ({"steps": -1}, RangeError),
        ({"steps": 2.5}, OptionError),
        ({"start": (1.0,)}, ShapeError),
        ({"target": np.nan}, InputError),
    ],
    ids=str,
)
def test_what_cannot_be(options, error):
    asked = {"start": ELLIPSE_START, "rates": [0.1], "momenta": None, "steps": 5} | options
    start, rates, momenta = asked.pop("start"), asked.pop("rates"), asked.pop("momenta")
    with pytest.raises(error):
        sweep_rates(ellipse(), SGD, start, rates, momenta, **asked)


def test_spaced_rates():
    np.testing.assert_allclose(spaced_rates(0.01, 100, 5), [0.01, 0.1, 1, 10, 100], rtol=1e-12)
    for low, high, points in [(0, 1, 5), (-1, 1, 5), (1, 0.1, 5), (1, 1, 5), (1, np.inf, 5), (np.nan, 1, 5), (1, 2, 1)]:
        with pytest.raises(RangeError):
            spaced_rates(low, high, points)


def test_default_rates_are_five_powers_of_ten_around_the_automatic_one():
    # From (0.1, 0.1) the automatic rate is 1 / 20; that of Adam 0.01 × the width 10 of the domain.
    start = np.array([0.1, 0.1])
    np.testing.assert_allclose(default_rates(ellipse(), SGD, start, 6), 0.05 * 10.0 ** np.arange(-3, 3), rtol=1e-9)
    adam_rates = default_rates(ellipse(), tbgrad.Optimizer("adam"), start, 11)
    np.testing.assert_allclose(adam_rates[[0, 6, 10]], [1e-4, 0.1, 10], rtol=1e-9)


@pytest.mark.parametrize("points", [1, 0, -1])
def test_too_few_default_rates(points):
    with pytest.raises(RangeError, match=f"points is {points}"):
        default_rates(ellipse(), SGD, np.array([1.0, 1.0]), points)
