"""One number of a series: read as typed, computed by NumPy's own means."""

import math

import numpy as np
import pytest

from tbgrad.comparison.scores import Score, likely_loss
from tbgrad.errors import OptionError

STEP = np.array([0, 10, 20, 50])
VALUE = np.array([3.0, 0.5, 1.0, 0.25], np.float32)


def of(text, value=VALUE, highest=None, step=STEP):
    return Score.parse(text, highest).of(step, np.asarray(value))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("loss", 0.25), ("loss:last", 0.25), ("loss:min", 0.25), ("loss:max", 3.0), ("loss:steps-to=0.5", 10),
     ("loss:steps-to=0.3", 50), ("loss:steps-to=0.1", math.inf), ("loss:steps-to=5", 0)],
)  # fmt: skip
def test_scores(text, expected):
    assert of(text) == expected


def test_area_is_numpys():
    assert of("loss:auc") == pytest.approx(np.trapezoid(VALUE.astype(float), STEP))
    assert of("loss:auc") == pytest.approx(0.5 * (3.5 * 10 + 1.5 * 10 + 1.25 * 30))


def test_steps_upwards():
    assert of("accuracy:steps-to=0.8", [0.1, 0.79, 0.8, 0.9], highest=True) == 20
    assert Score.parse("accuracy:steps-to=0.8", True).prefers_high is False


@pytest.mark.parametrize(("text", "highest", "value"), [("steps-to=0.1", None, 0.1), ("steps-to=0.9", True, 0.9)])
def test_a_logged_number_is_reached(text, highest, value):
    """What is logged is float32: 0.1 of it is above float64's, 0.9 below."""
    series = np.array([0.5, value], np.float32)
    assert Score.parse(f"loss:{text}", highest).of(np.array([3, 7]), series) == 7


def test_what_is_not_finite():
    odd = [np.nan, 2.0, -np.inf, np.inf]
    assert (of("loss:min", odd), of("loss:max", odd), of("loss", odd)) == (2.0, 2.0, math.inf)
    assert math.isnan(of("loss:min", [np.nan] * 4)) and math.isnan(of("loss:auc", odd))
    assert of("loss:steps-to=1", [np.nan, np.nan, 1.0, np.nan]) == 20
    assert math.isnan(of("loss", [], step=np.array([], int)))


@pytest.mark.parametrize(
    "text",
    [
        "loss",
        "loss:min",
        "loss:max",
        "loss:auc",
        "loss:steps-to=0.1",
        "loss:steps-to=1234567.8",
        "loss:steps-to=0.123456789",
        "a:b",
        "x:0",
        "a/b:c:min",
    ],
)
def test_labels_read_back(text):
    assert Score.parse(text).label == text
    assert Score.parse(Score.parse(text).label) == Score.parse(text)


@pytest.mark.parametrize(
    ("text", "tag", "kind"),
    [
        ("x:0", "x:0", "last"),
        ("x:0:min", "x:0", "min"),
        (":min", ":min", "last"),
        ("loss:mim", "loss:mim", "last"),
        ("loss:last", "loss", "last"),
    ],
)
def test_colons_belong_to_tags_too(text, tag, kind):
    assert (Score.parse(text).tag, Score.parse(text).kind) == (tag, kind)


@pytest.mark.parametrize(
    "text", ["loss:steps-to", "loss:steps-to=", "loss:steps-to=low", "loss:steps-to=nan", "loss:steps-to=inf"]
)
def test_steps_to_what(text):
    with pytest.raises(OptionError, match="steps-to"):
        Score.parse(text)


def test_which_end_is_good():
    assert [Score.parse(f"a:{kind}").highest for kind in ("last", "min", "max", "auc")] == [False, False, True, False]
    assert not Score.parse("a:max", False).highest and Score.parse("a:min", True).highest
    assert "highest first" in Score.parse("a:max").words and "lowest first" in Score.parse("a:steps-to=1", True).words


def test_the_likely_loss():
    assert likely_loss({"epoch_loss": 4, "batch_loss": 2, "accuracy": 9}) == "epoch_loss"
    assert likely_loss({"train/loss": 4, "val/loss": 4}) == "val/loss"
    assert likely_loss({"train/loss": 4, "val/loss": 3}) == "train/loss"
    assert likely_loss({"accuracy": 3}) is None
    # Words, not letters: a value's loss is none of validation.
    assert likely_loss({"loss": 3, "value_loss": 3, "latest_loss": 3}) == "loss"
    assert likely_loss({"loss": 3, "eval/loss": 3}) == "eval/loss"
