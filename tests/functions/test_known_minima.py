import mpmath
import numpy as np
import pytest
from oracles import mp_gradient, mp_value, mp_vector_gradient
from searching import body, lowest, named, values

from tbgrad.calculus.derivatives import evaluate
from tbgrad.functions.catalogue import catalogue

CATALOGUE = catalogue()
SIZES = (1, 2, 3, 5, 10)
ON_THE_BOUNDARY = {"adjiman", "eggholder"}
NONE = {"tilted_waves", "gaussian", "logistic", "softplus", "runge", "hyperbolic_paraboloid", "monkey_saddle"}
# How far from the domain, in its widths, the first lower point is sure to be found.
FAR = {"cross_in_tray": 100.0}


def in_all_sizes():
    for f in CATALOGUE.values():
        family = f.family
        sizes = [n * family.multiple for n in SIZES if n * family.multiple >= family.least] if family else []
        yield from (f.with_dimensions(n) for n in sizes or [f.dimensions])


CASES = [f for f in in_all_sizes() if f.minima]
KNOWN = pytest.mark.parametrize("f", CASES, ids=[f"{f.name}-{f.dimensions}" for f in CASES])


def exact(f, point):
    return mp_value(body(f), **named(f, point))


def exact_gradient(f, point):
    names = named(f, point)
    vectors = [name for name, value in names.items() if isinstance(value, list)]
    if vectors:
        return mp_vector_gradient(body(f), vectors[0], point, **f.parameters)
    return mp_gradient(body(f), f.variables, point, **f.parameters)


def some_points(minimum):
    return minimum.points[:: max(1, len(minimum.points) // 12)]


def edges(f, point):
    """For each coordinate -1 on the lower edge of the domain, 1 on the upper one, 0 inside."""
    return [(x == high) - (x == low) for x, (low, high) in zip(point, f.domain, strict=True)]


def test_a_function_without_minimum_says_why():
    assert {f.name for f in CATALOGUE.values() if not f.minima} == NONE
    assert all("no minimum" in CATALOGUE[name].remark or "no global minimum" in CATALOGUE[name].remark for name in NONE)


@KNOWN
def test_the_stated_value_is_the_value_there(f):
    for minimum in f.known_minima():
        for point in some_points(minimum):
            assert float(exact(f, point)) == pytest.approx(minimum.value, rel=2e-15, abs=2e-16)


@KNOWN
def test_stated_minima_lie_in_the_domain_and_differ(f):
    points = []
    for minimum in f.known_minima():
        inside = [all(lo <= x <= hi for x, (lo, hi) in zip(p, f.domain, strict=True)) for p in minimum.points]
        assert any(inside) if minimum.is_curve else all(inside)
        points += minimum.points[:1]
    assert len(set(points)) == len(f.minima)
    assert len({m.value for m in f.known_minima()}) == 1


@KNOWN
def test_a_smooth_minimum_has_no_gradient_but_across_the_boundary(f):
    for stated, minimum in zip(f.minima, f.known_minima(), strict=True):
        for point in [] if stated.kink else some_points(minimum):
            # A position is rounded by up to eps·|x|, which the second derivatives turn into a gradient: by differences.
            gradient = exact_gradient(f, point)
            there = np.array(exact_gradient(f, [x + 1e-6 * max(1, abs(x)) for x in point]), dtype=float)
            allowed = 1e-9 * np.abs(there).max() + 1e-24
            steep = [i for i, g in enumerate(gradient) if abs(g) > allowed]
            assert steep == ([0] if f.name in ON_THE_BOUNDARY else [])
            assert all(edges(f, point)[i] * gradient[i] < 0 for i in steep)


@KNOWN
def test_a_kink_has_slopes_of_both_signs(f):
    h = mpmath.mpf(10) ** -12
    for stated, minimum in zip(f.minima, f.known_minima(), strict=True):
        (point,) = minimum.points if stated.kink else [()]
        for i in range(len(point)):
            before, here, after = (
                exact(f, [x + sign * h if j == i else x for j, x in enumerate(point)]) for sign in (-1, 0, 1)
            )
            assert (here - before) / h < -1e-3
            assert (after - here) / h > 1e-3


@KNOWN
def test_nothing_in_the_domain_is_lower_and_no_minimum_is_missing(f):
    low, high = np.array(f.domain).T
    known = f.known_minima()
    least = known[0].value
    points, value = lowest(f, low, high, seed=11)
    near = [
        p + 10.0**-k * np.random.default_rng(k).normal(size=(500, f.dimensions))
        for m in known
        for p in m.points[::30]
        for k in (1, 3, 5)
    ]
    near = np.clip(np.concatenate(near), np.nextafter(low, high), high)
    scale = max(1, abs(least))
    for candidate in (points[value.argmin()], near[values(f, near).argmin()]):
        assert float(exact(f, candidate)) >= least - 1e-15 * scale
    places = np.concatenate([m.points for m in known])
    for p in points[value < least + 1e-8 * scale]:
        assert (np.abs(places - p) / (high - low)).max(axis=1).min() < 0.03


@KNOWN
def test_lower_values_lie_outside_the_domain_where_that_is_said(f):
    low, high = np.array(f.domain).T
    reach = FAR.get(f.name, 2.0) * (high - low)
    known = f.known_minima()
    _, value = lowest(f, low - reach, high + reach, seed=12)
    # In many dimensions chance alone finds nothing: from a minimum along the axes it does.
    lines = np.repeat(np.array(known[0].points[:1]), 2_000 * f.dimensions, axis=0)
    for i, line in enumerate(np.split(lines, f.dimensions)):
        line[:, i] = np.linspace(low[i] - reach[i], high[i] + reach[i], len(line))
    found = min(value.min(), values(f, lines).min())
    least = known[0].value
    assert {m.only_in_domain for m in f.minima} == {bool(found < least - 1e-12 * max(1, abs(least)))}


@pytest.mark.parametrize("f", CATALOGUE.values(), ids=CATALOGUE)
def test_the_compiled_gradient_is_finite_at_the_start_and_vanishes_at_smooth_minima(f):
    smooth = zip(f.minima, f.known_minima(), strict=True)
    points = [p for stated, minimum in smooth if not stated.kink for p in some_points(minimum)]
    if f.name in ON_THE_BOUNDARY:
        points = []  # The slope is not zero on the boundary.
    start, *there = evaluate(f, [f.start, *points]).gradient
    assert np.isfinite(start).all()
    assert np.abs(start).max() > 0
    assert np.abs(there or [0.0]).max() < 1e-11 * max(1, np.abs(start).max())


def test_minima_on_the_boundary():
    found = {f.name for f in CASES for m in f.known_minima() if not m.is_curve and any(edges(f, m.points[0]))}
    assert found == ON_THE_BOUNDARY


def test_minima_at_kinks():
    assert {f.name for f in CASES if any(m.kink for m in f.minima)} == {
        "absolute_value",
        "ackley",
        "ackley_2",
        "bukin_6",
        "salomon",
    }


@pytest.mark.parametrize(("name", "count"), [("himmelblau", 4), ("branin", 3), ("shubert", 18), ("schaffer_4", 4)])
def test_how_many_minima_are_global(name, count):
    assert len(CATALOGUE[name].minima) == count


def test_the_minimum_of_ripple_is_a_closed_ring():
    (ring,) = CATALOGUE["ripple"].known_minima()
    assert ring.is_curve
    np.testing.assert_allclose(np.hypot(*np.transpose(ring.points)), 3 * np.pi / 2, rtol=1e-15)
    np.testing.assert_allclose(ring.points[0], ring.points[-1], atol=1e-14)


@pytest.mark.parametrize(
    ("name", "way"),
    [("tilted_waves", (6.0, -1e-9)), ("hyperbolic_paraboloid", (0, 1e6)), ("monkey_saddle", (1e3, 1e3))],
)
def test_some_are_unbounded_below(name, way):
    f = CATALOGUE[name]
    assert f.known_minima() == ()
    assert f.subject().minimum is None
    assert float(exact(f, way)) < -1e9 + 1


@pytest.mark.parametrize("n", [2, 5, 10])
def test_michalewicz_has_its_published_minima(n):
    (minimum,) = CATALOGUE["michalewicz"].with_dimensions(n).known_minima()
    assert minimum.value == pytest.approx({2: -1.8013, 5: -4.687658, 10: -9.66015}[n], rel=2e-5)
    assert CATALOGUE["michalewicz"].with_dimensions(11).minima == ()


@pytest.mark.parametrize(("a", "exists"), [(0, True), (1, True), (2, False)])
def test_the_chain_of_rosenbrock_has_its_minimum_where_all_squares_can_vanish(a, exists):
    f = CATALOGUE["rosenbrock"].with_dimensions(4).with_parameters(a=a)
    assert [m.points for m in f.known_minima()] == ([((float(a),) * 4,)] if exists else [])
