import dataclasses
import re
import subprocess
import sys

import numpy as np
import pytest
from oracles import mp_gradient, mp_value

from tbgrad.calculus.derivatives import evaluate
from tbgrad.errors import OptionError, UnknownFunctionError
from tbgrad.functions.catalogue import FAMILIES, catalogue, lookup
from tbgrad.functions.function import Function, Minimum

CATALOGUE = catalogue()
ALL = pytest.mark.parametrize("f", CATALOGUE.values(), ids=CATALOGUE)
WITH_MINIMA = [f for f in CATALOGUE.values() if f.minima]
KNOWN = pytest.mark.parametrize("f", WITH_MINIMA, ids=[f.name for f in WITH_MINIMA])


def body(f):
    return f.formula.text.rpartition("->")[2].strip()


def exact(f, point):
    return mp_value(body(f), **dict(zip(f.variables, point, strict=True)), **f.parameters)


def by_numpy(f, points):
    """Python's own eval with NumPy's functions: independent of the project, and fast enough for many points."""
    names = {name: getattr(np, name) for name in ("sin", "cos", "sqrt", "exp", "log", "abs")}
    names |= {"pi": np.pi, "e": np.e, "tau": 2 * np.pi}
    return eval(body(f), {"__builtins__": {}}, names | dict(zip(f.variables, points.T, strict=True)) | f.parameters)


def test_the_tutorials_functions_are_there():
    assert {"tilted_waves", "ripple", "fading_wave", "rosenbrock"} <= set(CATALOGUE)
    assert len(CATALOGUE) == sum(len(family.FUNCTIONS) for family in FAMILIES)


@ALL
def test_an_entry_is_complete(f):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", f.name)
    assert f.source
    assert f.formula is not None
    assert len(f.domain) == f.dimensions
    assert all(low < high for low, high in f.domain)
    assert len(f.start) == f.dimensions
    assert all(low <= x <= high for x, (low, high) in zip(f.start, f.domain, strict=True))
    assert np.isfinite(evaluate(f, [f.start]).gradient).all()


@KNOWN
def test_stated_minima_have_the_stated_value_and_no_gradient(f):
    for minimum in f.known_minima():
        for point in minimum.points[:: max(1, len(minimum.points) // 12)]:
            assert float(exact(f, point)) == pytest.approx(minimum.value, rel=1e-14, abs=1e-26)
            # The position is rounded by up to eps·|x|, which the second derivatives (below 1e3) turn into a gradient.
            gradient = mp_gradient(body(f), f.variables, point, **f.parameters)
            assert max(abs(g) for g in gradient) < 1e-12
            np.testing.assert_allclose(evaluate(f, [point]).gradient, 0, atol=2e-12)


@KNOWN
def test_no_point_of_the_domain_is_lower(f):
    rng = np.random.default_rng(11)
    low, high = np.array(f.domain).T
    samples = [rng.uniform(low, high, (200_000, f.dimensions))]
    for minimum in f.known_minima():
        for point in minimum.points[::30]:
            for width in (1e-1, 1e-3, 1e-5):
                samples.append(point + width * rng.normal(size=(2_000, f.dimensions)))
    points = np.clip(np.concatenate(samples), np.nextafter(low, high), high)
    least = min(m.value for m in f.known_minima())
    values = by_numpy(f, points)
    assert np.isfinite(values).all()
    assert values.min() >= least - 1e-14 * max(1, abs(least))
    assert all(m.value == least for m in f.known_minima())


@KNOWN
def test_stated_minima_lie_in_the_domain(f):
    for minimum in f.known_minima():
        inside = [all(lo <= x <= hi for x, (lo, hi) in zip(p, f.domain, strict=True)) for p in minimum.points]
        assert any(inside) if minimum.is_curve else all(inside)


def test_every_minimum_of_himmelblau_is_another():
    points = [m.points[0] for m in CATALOGUE["himmelblau"].known_minima()]
    assert len({(round(x), round(y)) for x, y in points}) == 4


def test_the_minimum_of_ripple_is_a_closed_ring():
    (ring,) = CATALOGUE["ripple"].known_minima()
    assert ring.is_curve
    np.testing.assert_allclose(np.hypot(*np.transpose(ring.points)), 3 * np.pi / 2, rtol=1e-15)
    np.testing.assert_allclose(ring.points[0], ring.points[-1], atol=1e-14)


def test_tilted_waves_has_no_minimum_as_it_is_unbounded():
    f = CATALOGUE["tilted_waves"]
    assert f.known_minima() == ()
    assert f.subject().minimum is None
    assert float(exact(f, (6.0, -1e-9))) < -1e9


def test_parameters_move_the_minimum():
    f = CATALOGUE["rosenbrock"].with_parameters(a=2)
    (minimum,) = f.known_minima()
    assert (minimum.points, minimum.value) == (((2.0, 4.0),), 0.0)
    assert f.subject().minima == (minimum,)
    assert float(exact(f, (2.0, 4.0))) == 0.0
    assert evaluate(f, [[1.0, 1.0]]).value == [float(exact(f, (1.0, 1.0)))]
    assert f.defaults == {"a": 1.0, "b": 100.0}


@pytest.mark.parametrize(("name", "parameter"), [("rosenbrock", "b"), ("ellipse", "condition")])
@pytest.mark.parametrize("value", [-1.0, 0.0])
def test_an_invalid_parameter_leaves_no_known_minimum(name, parameter, value):
    f = CATALOGUE[name].with_parameters(**{parameter: value})
    assert f.known_minima() == ()
    assert f.subject().minimum is None


def test_parameters_do_not_leak_into_a_program_that_is_compiled_already():
    f = CATALOGUE["rosenbrock"]
    before = evaluate(f, [[0.5, 0.5]]).value
    assert evaluate(f.with_parameters(b=1), [[0.5, 0.5]]).value == 0.25 + 0.0625
    assert evaluate(f, [[0.5, 0.5]]).value == before == 0.25 + 6.25


def test_a_wrong_parameter_is_refused():
    f = CATALOGUE["ellipse"]
    with pytest.raises(OptionError, match="Did you mean 'condition'"):
        f.with_parameters(conditon=3)
    with pytest.raises(OptionError, match="finite"):
        f.with_parameters(condition=float("nan"))


def test_a_minimum_may_depend_on_parameters_in_value_too():
    f = Function.of_formula("x, c=2 -> x**2 + c", minima=(Minimum((0.0,), "c"),))
    assert f.with_parameters(c=5).subject().minimum == 5.0


def test_lookup_names_the_nearest():
    assert lookup("ripple") is catalogue()["ripple"]
    with pytest.raises(UnknownFunctionError) as caught:
        lookup("spere")
    assert str(caught.value) == (
        f"no function named 'spere'. Did you mean 'sphere'? 'tbgrad functions' lists all {len(CATALOGUE)}."
    )
    assert isinstance(caught.value, LookupError)


def test_a_definition_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        CATALOGUE["ripple"].name = "other"


@pytest.mark.parametrize("module", ["tbgrad.functions.catalogue", "tbgrad.functions.resolving", "tbgrad"])
def test_importing_the_catalogue_loads_neither_tensorflow_nor_matplotlib(module):
    code = (
        f"import sys, {module}; from tbgrad.functions.catalogue import catalogue; catalogue();"
        "print([m for m in ('tensorflow', 'keras', 'matplotlib', 'tensorboard') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
