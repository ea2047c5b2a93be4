"""Readings against NumPy formulas over the recorded positions, values and gradients."""

import numpy as np
import pytest
import tensorflow as tf

import tbgrad
from tbgrad.instruments import INSTRUMENTS
from tbgrad.instruments.instrument import Instrument


@pytest.fixture(scope="module", params=["float64", "float32"])
def descent(request):
    starts = np.array([[-1.2, 1.0], [0.5, 0.5], [1.9, -1.0]], dtype=request.param)
    return tbgrad.descend(tbgrad.resolve("rosenbrock"), tbgrad.Optimizer("adam", 0.02), starts, 80)


def tolerance(descent):
    return 40 * np.finfo(descent.value.dtype).eps


def test_they_are_as_promised(descent):
    assert list(descent.readings) == [i.name for i in INSTRUMENTS] == ["gradient_norm", "update_norm", "decrease_ratio"]
    for reading in descent.readings.values():
        assert reading.description.endswith(".") and reading.value.shape == descent.value.shape
        assert reading.value.dtype == descent.value.dtype


def test_the_gradients_norm_has_a_last_row(descent):
    reading = descent.readings["gradient_norm"]
    expected = np.sqrt((descent.gradient.astype(np.float64) ** 2).sum(axis=-1))
    np.testing.assert_allclose(reading.value, expected, rtol=tolerance(descent))
    assert not reading.of_update and np.isfinite(reading.value[-1]).all()


def test_the_updates_norm(descent):
    reading = descent.readings["update_norm"]
    expected = np.sqrt((np.diff(descent.position, axis=0).astype(np.float64) ** 2).sum(axis=-1))
    np.testing.assert_allclose(reading.value[:-1], expected, rtol=tolerance(descent))
    assert reading.of_update and np.isnan(reading.value[-1]).all()


def test_the_decrease_ratio(descent):
    reading = descent.readings["decrease_ratio"]
    position, value, gradient = (np.asarray(a, np.float64) for a in (descent.position, descent.value, descent.gradient))
    foretold = -(gradient[:-1] * np.diff(position, axis=0)).sum(axis=-1)
    actual = value[:-1] - value[1:]
    # Where a drop stands well above rounding there must be a ratio, and it must be this one.
    unit = np.finfo(descent.value.dtype).eps * np.maximum(value[:-1], value[1:])
    clear = np.abs(foretold) > 1e4 * unit
    assert clear.mean() > 0.8
    ratio = reading.value[:-1]
    assert np.isfinite(ratio[clear]).all()
    error = np.abs(ratio - actual / foretold) * np.abs(foretold)
    assert (error[clear] <= 8 * unit[clear] + tolerance(descent) * np.abs(actual[clear])).all()
    assert reading.of_update and np.isnan(reading.value[-1]).all()


@pytest.mark.parametrize(
    ("text", "start", "rate"),
    [
        ("1e9 + x**2", 1e-4, 0.01),  # a drop of 4e-10 beside 1e9
        ("x**2", 0.0, 0.1),  # no update at all
        ("x**2 - 1", 1e-9, 0.25),
    ],
)
def test_a_drop_that_is_lost_in_rounding_has_no_ratio(text, start, rate):
    descent = tbgrad.descend(tbgrad.resolve(text), tbgrad.Optimizer("sgd", rate), [[start]], 5)
    assert np.isnan(descent.readings["decrease_ratio"].value).all()
    assert np.isfinite(descent.readings["update_norm"].value[:-1]).all()


@pytest.mark.parametrize(("rate", "ratio"), [(0.25, 0.75), (0.5, 0.5), (1.0, 0.0), (1.25, -0.25)])
def test_ratios_on_a_parabola(rate, ratio):
    # x goes to (1 - 2η)x: the actual drop is 4η(1 - η)x², the foretold one 4ηx².
    descent = tbgrad.descend(tbgrad.resolve("x**2"), tbgrad.Optimizer("sgd", rate), [[3.0]], 1)
    assert descent.readings["decrease_ratio"].value[0, 0] == pytest.approx(ratio, abs=1e-14)


def test_on_a_line_the_gradients_word_is_kept():
    descent = tbgrad.descend(tbgrad.resolve("3*x - 4*y"), tbgrad.Optimizer("sgd", 0.5), [[1.0, 1.0]], 4)
    np.testing.assert_allclose(descent.readings["decrease_ratio"].value[:-1], 1.0, rtol=1e-14)
    np.testing.assert_allclose(descent.readings["gradient_norm"].value, 5.0, rtol=1e-15)
    np.testing.assert_allclose(descent.readings["update_norm"].value[:-1], 2.5, rtol=1e-14)


def test_uphill_is_negative():
    descent = tbgrad.descend(tbgrad.resolve("x**2"), tbgrad.Optimizer("sgd", 2.0), [[1.0]], 3)
    assert (descent.readings["decrease_ratio"].value[:-1] < 0).all()


def test_only_what_is_asked_for_is_measured():
    f = tbgrad.resolve("sphere")
    assert tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.1), [[1.0, 1.0]], 3, instruments=()).readings == {}
    one = tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.1), [[1.0, 1.0]], 3, instruments=INSTRUMENTS[1:2])
    assert list(one.readings) == ["update_norm"]


def test_an_instrument_of_ones_own_sees_both_ends_of_the_step():
    angle = Instrument(
        "turning",
        "",
        "Scalar product of this gradient and the next.",
        lambda step: tf.reduce_sum(step.gradient * step.next_gradient, axis=-1),
    )
    drop = Instrument("drop", "value", "Drop.", lambda step: step.value - step.next_value)
    depth = Instrument("depth", "value", "Value here.", lambda step: step.value + 0.0, of_update=False)
    starts = [[1.0, 2.0], [0.5, -1.0]]
    descent = tbgrad.descend(
        tbgrad.resolve("sphere"), tbgrad.Optimizer("sgd", 0.1), starts, 6, instruments=[angle, drop, depth]
    )
    readings = {name: reading.value for name, reading in descent.readings.items()}
    np.testing.assert_allclose(
        readings["turning"][:-1], (descent.gradient[:-1] * descent.gradient[1:]).sum(-1), rtol=1e-14
    )
    np.testing.assert_allclose(readings["drop"][:-1], -np.diff(descent.value, axis=0), rtol=1e-13)
    np.testing.assert_array_equal(readings["depth"], descent.value)
    assert np.isnan(readings["turning"][-1]).all() and np.isnan(readings["drop"][-1]).all()
