"""A sweep's records: tags, the rule of the steps, values."""

import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tbgrad
from tbgrad.errors import OptionError
from tbgrad.records import Images, Layout, Scalars, Texts
from tbgrad.results import Sweep
from tbgrad.summaries.sweeps import sweep_steps

EXACT = 2**53


def by_tag(result):
    return {getattr(record, "tag", type(record).__name__): record for record in tbgrad.summarize(result)}


@pytest.fixture(scope="module")
def sweep():
    return tbgrad.sweep(tbgrad.resolve("rosenbrock"), ("x", -2.0, 2.0), {"y": 0.5}, points=201, tangents=[1.0])


def test_the_tags_are_those_of_the_interface(sweep):
    records = by_tag(sweep)
    scalars = {tag for tag, record in records.items() if isinstance(record, Scalars)}
    assert scalars == {"sweep/value", "sweep/gradient/x", "sweep/gradient/y", "sweep/slope", "sweep/coordinate"}
    kinds = {tag: type(record) for tag, record in records.items() if tag not in scalars}
    pictures = dict.fromkeys(("sweep/curve", "sweep/tangent", "sweep/secant"), Images)
    assert kinds == {**pictures, "sweep/story": Texts, "Layout": Layout}
    assert len(records) == len(tbgrad.summarize(sweep))


def test_the_values_are_the_sweeps_in_float32(sweep):
    records = by_tag(sweep)
    x = np.linspace(-2, 2, 201)
    value = (1 - x) ** 2 + 100 * (0.5 - x**2) ** 2
    slope = -2 * (1 - x) - 400 * x * (0.5 - x**2)
    expected = {"value": value, "gradient/x": slope, "slope": slope, "gradient/y": 200 * (0.5 - x**2), "coordinate": x}
    for tag, array in expected.items():
        np.testing.assert_allclose(records[f"sweep/{tag}"].value, array, rtol=1e-6, atol=1e-5)
        np.testing.assert_array_equal(records[f"sweep/{tag}"].step, np.arange(-2000, 2001, 20))


def test_descriptions_say_where_and_which_rule(sweep):
    records = by_tag(sweep)
    said = {tag: record.description for tag, record in records.items() if tag not in ("Layout", "sweep/story")}
    said["sweep/story"] = records["sweep/story"].text[0]
    for tag, text in said.items():
        assert "along x from -2 to 2, y = 0.5" in text, tag
        # The secant's steps are its own.
        assert ("1000" in text) == (tag != "sweep/secant"), tag
    assert len(said) == 9
    units = {"value": "value", "slope": "value per x", "gradient/y": "value per y", "coordinate": "x"}
    for tag, unit in units.items():
        assert said[f"sweep/{tag}"].endswith(f"Unit: {unit}.")


def test_the_chart_draws_value_and_slope_together(sweep):
    records = by_tag(sweep)
    ((chart,),) = records["Layout"].categories.values()
    assert not chart.is_margin
    drawn = [tag for tag in records if any(re.match(pattern, tag) for pattern in chart.tags)]
    assert drawn == ["sweep/value", "sweep/slope"]


def test_the_story_tells_tangents_and_what_is_undefined(sweep):
    (story,) = by_tag(sweep)["sweep/story"].text
    assert "201 points" in story and "ndefined" not in story and sweep.subject.remark in story
    # At (1, 0.5): (1 - 1)^2 + 100 (0.5 - 1)^2 = 25, and the slope -400 (0.5 - 1) = 200.
    assert "| 1 | 25 | 200 |" in story
    (story,) = by_tag(tbgrad.sweep(tbgrad.resolve("fading_wave"), ("x", 0.0, 6.0), points=7))["sweep/story"].text
    assert "Undefined at 1 of them" in story and "tangent at" not in story and "sweep/secant" not in story


def test_the_story_has_a_table_of_stationary_points():
    cubic = tbgrad.sweep(tbgrad.resolve("x**3 - 3*x"), ("x", -2.0, 2.0), points=64)
    (story,) = by_tag(cubic)["sweep/story"].text
    assert "The slope is zero at 2 points: 1 minimum, 1 maximum." in story
    assert "| -1 | 2 | maximum |\n| 1 | -2 | minimum |" in story
    (story,) = by_tag(tbgrad.sweep(tbgrad.resolve("sin(x)"), ("x", 0.0, 600.0), points=6001))["sweep/story"].text
    assert "The slope is zero at 191 points: 95 minima, 96 maxima." in story and "The first 20 of them" in story
    assert story.count("maximum |") == story.count("minimum |") == 10
    (story,) = by_tag(tbgrad.sweep(tbgrad.resolve("relu(x)"), ("x", -1.0, 1.0)))["sweep/story"].text
    assert "The curve is level from -1 to 0." in story and "slope zero at" not in story


def test_the_story_tells_how_secants_become_tangents(sweep):
    (story,) = by_tag(sweep)["sweep/story"].text
    # At (1, 0.5): f(1 + h) - f(1) = 200 h + 501 h² + 400 h³ + 100 h⁴, over h.
    assert "Secants through the points at 1 and 1 + h." in story and "in the limit the secant is the tangent" in story
    for h in (1, 0.5, 0.25, 0.125):
        assert f"| {h:g} | {200 + 501 * h + 400 * h**2 + 100 * h**3:.9g} |" in story
    kink = tbgrad.sweep(tbgrad.resolve("abs(x)"), ("x", -1.0, 1.0), tangents=[0.0])
    (story,) = by_tag(kink)["sweep/story"].text
    assert "**The difference stays**: there is a kink or a jump here" in story and "| 0.5 | 1 | 1 |" in story
    root = tbgrad.sweep(tbgrad.resolve("sqrt(x)"), ("x", 0.0, 1.0), tangents=[0.0])
    assert "There is no derivative here" in by_tag(root)["sweep/story"].text[0]


def test_the_second_derivative_is_logged_on_request(sweep):
    assert "sweep/second_derivative" not in by_tag(sweep)
    f = tbgrad.resolve("rosenbrock")
    asked = tbgrad.sweep(f, ("x", -2.0, 2.0), {"y": 0.5}, points=201, second=True)
    record = by_tag(asked)["sweep/second_derivative"]
    x = np.linspace(-2, 2, 201)
    np.testing.assert_allclose(record.value, 2 - 200 + 1200 * x**2, rtol=1e-6, atol=1e-3)
    np.testing.assert_array_equal(record.step, np.arange(-2000, 2001, 20))
    assert record.description.endswith("Unit: value per x².")
    assert "`sweep/second_derivative`" in by_tag(asked)["sweep/story"].text[0]


def test_the_sliders_have_ten_steps(sweep):
    records = by_tag(sweep)
    tangent, secant = records["sweep/tangent"], records["sweep/secant"]
    assert tangent.step.tolist() == [-2000, -1560, -1120, -660, -220, 220, 660, 1120, 1560, 2000]
    # Its steps are those of the scalars at the same coordinates.
    assert set(tangent.step.tolist()) <= set(records["sweep/value"].step.tolist())
    assert secant.step.tolist() == list(range(10))
    for record in (tangent, secant):
        assert record.size == (768, 608) and len(record.image) == 10 and len(set(record.image)) == 10
    bare = by_tag(tbgrad.sweep(tbgrad.resolve("sin(x)"), ("x", 0.0, 1.0), points=4))
    assert len(bare["sweep/tangent"].image) == 4 and "sweep/secant" not in bare


def test_the_first_tangent_with_secants_is_the_one_that_moves():
    f = tbgrad.resolve("fading_wave")
    records = by_tag(tbgrad.sweep(f, ("x", 0.0, 6.0), points=7, tangents=[0.0, 2.0, 4.0]))
    assert "through the points at 2 and 2 + h" in records["sweep/secant"].description


def test_nothing_moves_where_there_is_no_slope():
    x = np.linspace(0, 1, 3)
    nowhere = np.full(3, np.nan)
    result = Sweep(tbgrad.resolve("x").subject(), "x", {}, x, x[:, None], x, nowhere[:, None], nowhere)
    records = by_tag(result)
    assert "sweep/tangent" not in records and "sweep/tangent" not in records["sweep/story"].text[0]


def test_the_story_names_only_tags_that_the_run_has(sweep):
    records = by_tag(sweep)
    named = re.findall(r"`(sweep/[^`]*)`", records["sweep/story"].text[0])
    assert len(named) >= 3 and set(named) <= set(records)


def test_on_a_line_the_coordinate_is_the_distance():
    f = tbgrad.resolve("sphere")
    records = by_tag(tbgrad.sweep(f, start=(0.0, 0.0), end=(3.0, 4.0), points=6))
    np.testing.assert_allclose(records["sweep/coordinate"].value, range(6), rtol=1e-6)
    np.testing.assert_array_equal(records["sweep/value"].step, range(0, 6000, 1000))
    np.testing.assert_allclose(records["sweep/slope"].value, 2 * np.arange(6.0), rtol=1e-6)


def test_what_is_not_finite_is_logged_as_computed():
    records = by_tag(tbgrad.sweep(tbgrad.resolve("fading_wave"), ("x", 0.0, 6.0), points=7))
    assert np.isnan(records["sweep/value"].value[0]) and len(records["sweep/value"].value) == 7
    assert np.isfinite(records["sweep/value"].value[1:]).all()


@pytest.mark.parametrize(
    ("coordinate", "expected", "says"),
    [
        (np.linspace(0, 6, 7), [0, 1000, 2000, 3000, 4000, 5000, 6000], "× 1000."),
        (np.array([4.1]), [4100], "× 1000."),
        (np.float32([4.1, 4.2]), [4100, 4200], "× 1000."),
        (np.array([-0.001, 0.0, 0.001]), [-1, 0, 1], "× 1000."),
        (np.linspace(0, 0.002, 5), [0, 5, 10, 15, 20], "× 10000."),
        (np.linspace(0, 1e-8, 3), [0, 5, 10], "× 1000000000."),
        (np.array([1e6, 1e6 + 1e-4]), [10**10, 10**10 + 1], "× 10000."),
        (np.array([1e15, 2e15, 3e15]), [0, 1, 2], "number"),
        (np.array([1e12, 1e12 + 1e-4]), [0, 1], "number"),
        (np.array([1e300, 2e300]), [0, 1], "number"),
        (np.array([3.0, 3.0]), [0, 1], "number"),
    ],
)
def test_the_rule_of_the_steps(coordinate, expected, says):
    steps, how = sweep_steps(coordinate)
    assert steps.dtype == np.int64 and steps.tolist() == expected and says in how


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.floats(-1e13, 1e13), st.floats(1e-11, 1e13), st.integers(2, 300))
def test_steps_are_distinct_exact_and_of_the_least_power(low, width, points):
    coordinate = np.linspace(low, low + width, points)
    steps, how = sweep_steps(coordinate)
    assert (np.diff(steps) > 0).all() and np.abs(steps).max() <= EXACT
    # The rule in exact arithmetic; where rounding in float64 decides, either answer will do.
    for power in range(3, 16):
        exact = [Fraction(x) * 10**power for x in coordinate.tolist()]
        if max(map(abs, exact)) > EXACT * (1 - Fraction(1, 10**9)):
            break
        rounded = [round(x) for x in exact]
        if (np.diff(rounded) > 0).all():
            if f"× {10**power}." in how:
                assert np.abs(steps - np.array(rounded)).max() <= 1
            else:
                assert min(np.diff(rounded)) == 1
            return
    assert steps.tolist() == list(range(points)) or "number" not in how


def test_sweeps_with_other_numbers_of_points_lie_over_each_other():
    f = tbgrad.resolve("sphere")
    coarse, fine = (by_tag(tbgrad.sweep(f, ("x", 0.0, 4.0), points=n))["sweep/value"] for n in (5, 41))
    assert set(coarse.step.tolist()) <= set(fine.step.tolist())
    shared = np.isin(fine.step, coarse.step)
    np.testing.assert_array_equal(fine.value[shared], coarse.value)


@pytest.mark.parametrize("points", [1, 2])
def test_the_shortest_sweeps(points):
    records = by_tag(tbgrad.sweep(tbgrad.resolve("sin(x)"), ("x", 1.0, 2.0), points=points))
    assert len(records["sweep/value"].value) == points


@pytest.mark.parametrize("thing", [3, None, "sweep"])
def test_what_has_no_summary(thing):
    with pytest.raises(OptionError, match="no summary for a"):
        tbgrad.summarize(thing)
