"""A descent's records: tags, series, metrics, hparams and the story."""

import dataclasses

import keras
import numpy as np
import pytest

import tbgrad
from tbgrad.instruments import INSTRUMENTS
from tbgrad.records import HParams, Images, Layout, Meshes, Scalars, Texts

READINGS = tuple(i.name for i in INSTRUMENTS)


def descend(name, optimizer, starts, steps, **options):
    f = tbgrad.resolve(name)
    return tbgrad.with_landscape(f, tbgrad.descend(f, optimizer, starts, steps, **options))


def by_tag(descent):
    return {getattr(record, "tag", type(record).__name__): record for record in tbgrad.summarize(descent)}


@pytest.fixture(scope="module")
def descent():
    return descend("rosenbrock", tbgrad.Optimizer("adam", 0.05, beta_1=0.8), [[-1.2, 1.0]], 40)


@pytest.fixture(scope="module")
def records(descent):
    return by_tag(descent)


@pytest.fixture(scope="module")
def many():
    starts = np.random.default_rng(0).uniform(-2, 2, (21, 2))
    return descend("himmelblau", tbgrad.Optimizer("sgd", 0.01), starts, 30)


@pytest.fixture(scope="module")
def records_of_many(many):
    return by_tag(many)


def test_the_tags_are_those_of_the_interface(descent, records):
    scalars = {tag for tag, record in records.items() if isinstance(record, Scalars)}
    assert scalars == {
        "descent/value",
        "descent/log10_gap",
        "descent/log10_value",
        "metrics/best_value",
        "metrics/final_value",
    } | {f"descent/{name}" for name in READINGS} | {
        f"descent/{what}/{v}" for what in ("position", "gradient") for v in "xy"
    }
    kinds = {tag: type(record) for tag, record in records.items() if tag not in scalars}
    assert kinds == {
        "descent/story": Texts,
        "descent/path": Images,
        "descent/animation": Images,
        "descent/mesh": Meshes,
        "Layout": Layout,
        "HParams": HParams,
    }
    assert len(records) == len(tbgrad.summarize(dataclasses.replace(descent, landscape=None))) + 3


def test_tags_name_neither_function_nor_optimizer(records, records_of_many):
    for tag in [*records, *records_of_many]:
        assert not any(word in tag for word in ("rosenbrock", "himmelblau", "adam", "sgd", "0.05"))


@pytest.mark.parametrize("which", [("descent", "records"), ("many", "records_of_many")])
def test_the_series_are_those_of_the_best_start(request, which):
    descent, records = map(request.getfixturevalue, which)
    k = int(np.argmin(descent.value[-1]))
    gap = np.maximum(descent.value[:, k], np.finfo(float).eps)
    expected = {"value": descent.value[:, k], "log10_gap": np.log10(gap)}
    for i, v in enumerate("xy"):
        expected |= {f"position/{v}": descent.position[:, k, i], f"gradient/{v}": descent.gradient[:, k, i]}
    for tag, array in expected.items():
        np.testing.assert_array_equal(records[f"descent/{tag}"].step, range(descent.steps + 1))
        np.testing.assert_allclose(records[f"descent/{tag}"].value, array.astype(np.float32), rtol=1e-6)


def test_rows_without_a_reading_are_not_logged(descent, records):
    for name in READINGS:
        reading, record = descent.readings[name], records[f"descent/{name}"]
        kept = np.flatnonzero(~np.isnan(reading.value[:, 0]))
        np.testing.assert_array_equal(record.step, kept)
        np.testing.assert_array_equal(record.value, reading.value[kept, 0].astype(np.float32))
        assert record.description.startswith(reading.description)
        assert reading.unit in record.description
    assert len(records["descent/gradient_norm"].step) == 41 and len(records["descent/update_norm"].step) == 40


def test_the_gap_ends_at_rounding_error():
    descent = descend("sphere", tbgrad.Optimizer("sgd", 0.5), [[0.5, 0.5]], 3)
    gap = by_tag(descent)["descent/log10_gap"].value
    np.testing.assert_allclose(gap, [np.log10(0.5)] + [np.log10(np.finfo(float).eps)] * 3, rtol=1e-6)


@pytest.mark.parametrize(("steps", "reached"), [(40, None), (1800, 1691)])
def test_metrics(steps, reached):
    descent = descend("rosenbrock", tbgrad.Optimizer("adam", 0.05), [[-1.2, 1.0]], steps)
    records = by_tag(descent)
    assert records["metrics/best_value"].value == np.float32(descent.value.min())
    assert records["metrics/final_value"].value == np.float32(descent.value[-1, 0])
    if reached is None:
        assert "metrics/steps_to_gap" not in records
    else:
        assert records["metrics/steps_to_gap"].value == reached
    assert all(record.step.tolist() == [0] for tag, record in records.items() if tag.startswith("metrics/"))


def test_without_a_known_minimum_there_is_no_gap():
    records = by_tag(descend("tilted_waves", tbgrad.Optimizer("sgd", 0.1), [[2.0, 1.0]], 5))
    assert "descent/log10_gap" not in records and "metrics/steps_to_gap" not in records


def test_many_starts_have_median_and_quartiles(many, records_of_many):
    records = records_of_many
    for name, share in (("lower", 0.25), ("median", 0.5), ("upper", 0.75)):
        expected = np.quantile(many.value, share, axis=1, method="nearest")
        np.testing.assert_array_equal(records[f"descent/value/{name}"].value, expected.astype(np.float32))
        np.testing.assert_array_equal(records[f"descent/value/{name}"].step, range(31))
    assert records["HParams"].values["start"] == "21 starts"


def test_one_start_has_none(records):
    assert not any(tag.startswith("descent/value/") for tag in records)


def test_starts_that_left_the_floats_are_worst():
    f = tbgrad.resolve("x**4")
    descent = tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.01), [[1.0], [50.0], [60.0], [2.0], [1.5]], 100)
    assert not np.isfinite(descent.value[-1, 1:3]).any()
    records = by_tag(descent)
    ends = sorted(np.float32(descent.value[-1, [0, 3, 4]]).tolist())
    found = [records[f"descent/value/{name}"].value[-1] for name in ("lower", "median", "upper")]
    assert found == [ends[1], ends[2], np.inf]
    assert records["HParams"].succeeded is False


def test_hparams_hold_the_settings(records):
    values = records["HParams"].values
    assert values == {
        "function": "rosenbrock",
        "optimizer": "adam",
        "learning_rate": 0.05,
        "beta_1": 0.8,
        "start": "-1.2, 1",
        "steps": 40,
        "noise": 0.0,
        "stop": "none",
        "seed": 0,
        "dtype": "float64",
    }
    assert records["HParams"].succeeded is True


def test_hparams_hold_the_parameters_that_were_set():
    f = tbgrad.resolve("rosenbrock").with_parameters(b=10.0)
    values = by_tag(tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.01), [[0.5, 0.5]], 3))["HParams"].values
    assert {name: value for name, value in values.items() if name.startswith("parameter_")} == {"parameter_b": 10.0}


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: tbgrad.Optimizer("sgd", 0.01, momentum=0.5, nesterov=True),
        lambda: tbgrad.Optimizer("adam", 0.01, clipnorm=None, weight_decay=None),
        lambda: keras.optimizers.Adam(0.01),
        lambda: tbgrad.Optimizer("sgd", keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.5)),
        lambda: "sgd",
    ],
    ids=["settings", "none", "given", "schedule", "auto"],
)
def test_hparams_are_bool_number_or_string_never_none(optimizer):
    values = by_tag(descend("rosenbrock", optimizer(), [[0.5, 0.5]], 3))["HParams"].values
    assert all(isinstance(value, bool | int | float | str) for value in values.values())
    assert "None" not in values.values()
    assert {"function", "optimizer", "start", "steps", "dtype"} <= set(values)


@pytest.mark.parametrize(
    ("name", "rate", "start", "steps", "succeeded"),
    [
        ("sphere", 0.1, (1.0, 1.0), 300, True),
        ("rosenbrock", 0.01, (-1.2, 1.0), 30, False),
        ("rosenbrock", 0.00125, (-1.2, 1.0), 100, True),
        ("log(x)", 0.5, (1.0,), 2, False),
        ("abs(x)", 0.1, (0.35,), 50, True),
        ("sphere", 1.5, (1.0, 1.0), 2000, False),
    ],
    ids=["converged", "exploded", "steps_used", "not_finite", "oscillating", "overflowed"],
)
def test_the_story_names_the_verdict(name, rate, start, steps, succeeded):
    descent = descend(name, tbgrad.Optimizer("sgd", rate), [start], steps)
    records = by_tag(descent)
    (story,) = records["descent/story"].text
    assert descent.verdicts[0].sentence in story
    assert f"{rate}" in story and "sgd" in story and descent.subject.label in story
    assert records["HParams"].succeeded is succeeded
    assert ("descent/log10_gap" in story) == (descent.gap is not None)
    assert records["descent/story"].step.tolist() == [0]


def test_the_story_of_many_counts_them(many, records_of_many):
    (story,) = records_of_many["descent/story"].text
    assert "21 starts" in story and many.verdicts[many.best_start].sentence in story


def test_more_than_two_variables_have_pictures_of_their_own():
    descent = descend("x**2 + y**2 + z**2", tbgrad.Optimizer("sgd", 0.1), [[1.0, 2.0, 2.0]], 5)
    records = by_tag(descent)
    pictures = {tag for tag, record in records.items() if isinstance(record, Images | Meshes)}
    assert pictures == {f"descent/{name}" for name in ("path", "animation", "mesh", "line", "partials")}
    assert "descent/position/z" in records
    for tag in ("descent/line", "descent/partials"):
        assert records[tag].step.tolist() == [5] and records[tag].image[0].startswith(b"\x89PNG")
        assert "Axes: " in records[tag].description
    assert "holds 100.000% of its variance" in records["descent/path"].description


def test_the_log_of_the_value_is_logged_where_it_is_positive():
    records = by_tag(descend("himmelblau", tbgrad.Optimizer("sgd", 0.01), [[0.0, 0.0]], 9))
    expected = np.log10(records["descent/value"].value)
    np.testing.assert_allclose(records["descent/log10_value"].value, expected, rtol=1e-5)
    for name, start in (("x**3", [[-0.4]]), ("sphere", [[0.0, 0.0]]), ("log(x)", [[0.5]])):
        assert "descent/log10_value" not in by_tag(descend(name, tbgrad.Optimizer("sgd", 0.5), start, 9))


def test_a_thousand_variables_are_told_briefly():
    f = tbgrad.resolve("sphere", dimensions=1000)
    (story,) = by_tag(tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.1), [[1.0] * 1000], 2))["descent/story"].text
    assert "| x19 |" in story and "| x20 |" not in story and "980 further variables" in story


def test_float32_descents_too():
    descent = descend("rosenbrock", tbgrad.Optimizer("adam", 0.05), [[-1.2, 1.0]], 10, dtype="float32")
    records = by_tag(descent)
    np.testing.assert_array_equal(records["descent/value"].value, descent.value[:, 0])
    assert records["HParams"].values["dtype"] == "float32"
