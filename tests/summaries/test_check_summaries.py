"""A check's records: tags, the steps of the V, the table."""

import numpy as np
import pytest
import tensorflow as tf
from html_tables import cells

import tbgrad
from tbgrad.records import Images, Scalars, Texts

POINTS = np.random.default_rng(5).uniform(0.5, 2.0, (9, 1))


def by_tag(check):
    return {record.tag: record for record in tbgrad.summarize(check)}


@tf.custom_gradient
def _halved(x):
    return tf.exp(x), lambda up: 0.5 * up * tf.exp(x)


@pytest.fixture(scope="module")
def right():
    return tbgrad.check_gradient("exp(x)", POINTS, region="somewhere")


@pytest.fixture(scope="module")
def wrong():
    return tbgrad.check_gradient(lambda x: _halved(x), POINTS)


def test_the_tags_are_those_of_the_interface(right):
    assert {t: type(r) for t, r in by_tag(right).items()} == {
        "check/v_curve": Images,
        "check/error": Scalars,
        "check/table": Texts,
    }


def test_the_steps_are_the_exponents_of_the_step_sizes(right):
    series = by_tag(right)["check/error"]
    assert series.step.dtype == np.int64 and (np.diff(series.step) > 0).all()
    # Central differences of exp are off by a factor sinh(h)/h.
    for k in (-8, -4, 0, 2):
        h = 2.0**k
        assert series.value[series.step == k] == pytest.approx(np.sinh(h) / h - 1, rel=1e-4)


def test_of_a_wrong_gradient_the_series_is_the_worst_points_and_has_a_floor(wrong):
    series = by_tag(wrong)["check/error"]
    # The error is relative to the larger of both slopes: half of it is missing.
    resolved = (series.step > -30) & (series.step < -6)
    assert resolved.sum() > 20 and series.value[resolved] == pytest.approx(0.5, rel=0.01)


def test_the_table_tells_verdict_digits_step_and_cause(right, wrong):
    (text,) = by_tag(right)["check/table"].text
    assert "**Verdict: agrees at all 9 points.**" in text and "somewhere" in text and "| x | verdict | digits |" in text
    assert text.count("| agrees |") == 9
    (text,) = by_tag(wrong)["check/table"].text
    assert "disagrees at all 9 points" in text and text.count("0.5 times what the differences give") >= 9
    many = tbgrad.check_gradient("exp(x)", np.linspace(0, 1, 60)[:, None])
    (text,) = by_tag(many)["check/table"].text
    assert text.count("| agrees |") == 50 and "... and 10 more" in text


def test_where_there_are_no_differences_there_is_no_series():
    records = by_tag(tbgrad.check_gradient("log(x)", [[-1.0]]))
    assert set(records) == {"check/v_curve", "check/table"}


def test_the_worst_come_first():
    (text,) = by_tag(tbgrad.check_gradient("abs(x) + 0*sqrt(x + 1)", [[1.0], [0.0], [-2.0]]))["check/table"].text
    assert text.index("undefined here |") < text.index("not differentiable here |") < text.index("| agrees |")
    assert "|x|" not in text.replace("\\|", "")


def test_a_notebook_shows_a_table(right):
    heads, *rows = cells(right)
    assert len(rows) == 9 and {row[heads.index("verdict")] for row in rows} == {"agrees"}
