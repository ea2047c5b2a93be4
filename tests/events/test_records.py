"""What a record does when it is made."""

import dataclasses
import time

import numpy as np
import pytest

from tbgrad.errors import OptionError, ShapeError
from tbgrad.records import Chart, HParams, Images, Meshes, Scalars, Texts


@pytest.mark.parametrize(
    ("step", "value"),
    [
        ([0, 1, 2], [0.5, 1.5, 2.5]),
        (range(3), np.array([0.5, 1.5, 2.5])),
        (np.array([0, 1, 2], dtype=np.int8), (0.5, 1.5, 2.5)),
        (np.arange(3.0), np.array([0.5, 1.5, 2.5], dtype=np.float16)),
    ],
)
def test_scalars_are_cast(step, value):
    record = Scalars("loss", step, value)
    assert (record.step.dtype, record.value.dtype, record.wall_time.dtype) == (np.int64, np.float32, np.float64)
    assert record.step.tolist() == [0, 1, 2] and record.value.tolist() == [0.5, 1.5, 2.5]


def test_a_single_number_is_a_series_of_one():
    record = Scalars("metrics/best", 0, 1.25)
    assert record.step.shape == record.value.shape == record.wall_time.shape == (1,)


def test_float64_is_rounded_to_the_nearest_float32():
    assert Scalars("a", 0, 0.1).value[0] == np.float32(0.1)


# Warnings are errors here, so that a warning of NumPy's would fail this.
@pytest.mark.parametrize(("value", "expected"), [(1e40, np.inf), (-1e300, -np.inf), (3.5e38, np.inf), (1e-60, 0.0)])
def test_beyond_float32_a_value_becomes_infinite_without_a_warning(value, expected):
    assert Scalars("a", [0], np.array([value])).value[0] == expected


def test_what_is_not_finite_is_kept():
    value = Scalars("a", range(3), [float("nan"), float("inf"), float("-inf")]).value
    assert np.isnan(value[0]) and value[1] == np.inf and value[2] == -np.inf


def test_wall_times_are_filled_in():
    before = time.time()
    record = Scalars("a", range(4), np.zeros(4))
    assert before <= record.wall_time.min() == record.wall_time.max() <= time.time()
    np.testing.assert_array_equal(Scalars("a", range(2), [0, 0], wall_time=7.5).wall_time, [7.5, 7.5])
    np.testing.assert_array_equal(Scalars("a", range(2), [0, 0], wall_time=[1, 2]).wall_time, [1.0, 2.0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Scalars("tag", [0, 1], [1.0]),
        lambda: Scalars("tag", 0, [1.0, 2.0]),
        lambda: Scalars("tag", [0, 1], [1.0, 2.0], wall_time=[1.0]),
        lambda: Scalars("tag", [[0, 1]], [1.0, 2.0]),
        lambda: Scalars("tag", [0, 1], [[1.0, 2.0]]),
        lambda: Images("tag", [0, 1], [b"one"], (1, 1)),
        lambda: Texts("tag", [0, 1], ["one"]),
        lambda: Texts("tag", 0, ["one"], wall_time=[1.0, 2.0]),
    ],
)
def test_lengths_that_differ_are_refused(make):
    with pytest.raises(ShapeError, match="'tag'") as caught:
        make()
    assert isinstance(caught.value, ValueError)


TRIANGLE, FACE, COLOURS = np.eye(3), [[0, 1, 2]], [[0, 128, 255]] * 3


@pytest.mark.parametrize(
    ("vertices", "faces", "colors", "message"),
    [
        ([TRIANGLE] * 2, [FACE], [COLOURS] * 2, "2 arrays of vertices and 1 of faces"),
        ([TRIANGLE], [FACE], [[[0.0, 0.5, 1.0]] * 3], "colors that are no integers within 0:255"),
        ([TRIANGLE], [FACE], [[[0, 128, 256]] * 3], "colors that are no integers within 0:255"),
        ([TRIANGLE], [[[0, 1, 1.5]]], [COLOURS], "faces that are no integers"),
        ([TRIANGLE], [[[0, 1, np.nan]]], [COLOURS], "faces that are no integers"),
        ([TRIANGLE], [[[0, 1, 3]]], [COLOURS], "faces between vertices that it does not have"),
        ([TRIANGLE], [FACE], [COLOURS[:2]], r"colors \(2, 3\)"),
    ],
)
def test_meshes_that_are_none_are_refused(vertices, faces, colors, message):
    with pytest.raises(ShapeError, match=message):
        Meshes("tag", range(len(vertices)), vertices, faces, colors)
    assert Meshes("tag", 0, [TRIANGLE], [FACE], [COLOURS]).colors[0].tolist() == COLOURS


def test_a_margin_chart_has_three_tags_for_each_band():
    assert Chart("band", ("a", "b", "c", "d", "e", "f"), is_margin=True).tags[3] == "d"
    with pytest.raises(ShapeError, match="'band' has 2 tags; expected three for each band"):
        Chart("band", ("a", "b"), is_margin=True)


def test_one_text_and_many():
    assert Texts("story", 0, "once").text == ("once",)
    assert Texts("story", [0, 1], ["once", "twice"]).text == ("once", "twice")


def test_images_keep_their_bytes():
    record = Images("picture", range(2), iter([b"a", b"b"]), (3, 4))
    assert record.image == (b"a", b"b") and record.size == (3, 4) and record.step.dtype == np.int64


def test_hparams_leave_none_out_and_have_no_trial_unless_told():
    record = HParams({"rate": 0.5, "option": None, "nesterov": False, "name": ""})
    assert record.values == {"rate": 0.5, "nesterov": False, "name": ""}
    assert record.trial == "" and HParams({}, trial="mine").trial == "mine"


def test_hparams_have_three_types_whatever_numpy_calls_them():
    given = {"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True), "d": np.str_("x"), "e": 7}
    values = HParams(given).values
    assert values == {"a": 0.5, "b": 3.0, "c": True, "d": "x", "e": 7.0}
    assert [type(value) for value in values.values()] == [float, float, bool, str, float]


@pytest.mark.parametrize("value", [[1.0], np.array([1.0, 2.0]), {"a": 1}, 1j])
def test_a_setting_that_tensorboard_cannot_hold_is_refused(value):
    with pytest.raises(OptionError, match="expected bool, number or text"):
        HParams({"rate": value})


@pytest.mark.parametrize(("succeeded", "ends"), [(None, False), (True, True), (False, True)])
def test_hparams_know_when_they_began_and_ended(succeeded, ends):
    before = time.time()
    began, ended = HParams({}, succeeded=succeeded).wall_time
    assert before <= began <= time.time()
    assert (ended is not None) == ends


@pytest.mark.parametrize("record", [Scalars("a", 0, 0), Texts("a", 0, ""), HParams({})], ids=lambda r: type(r).__name__)
def test_records_are_frozen(record):
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.wall_time = None


def test_a_record_does_not_follow_the_callers_array():
    value = np.zeros(3, dtype=np.float32)
    record = Scalars("a", range(3), value)
    value[:] = 1
    assert not record.value.any()


@pytest.mark.parametrize(
    "step", [[0.5], [np.nan], [np.inf], [1e19], [2**64], np.array([2**63], np.uint64), ["1"], [1j]]
)
def test_steps_that_are_no_integers_of_64_bits_are_refused(step):
    for given, value in ((step, [1.0]), (step[0], 1.0)):
        with pytest.raises(ShapeError, match="'a' has steps that are no integers of 64 bits"):
            Scalars("a", given, value)


@pytest.mark.parametrize("value", ["3", ["x"], 1j, None, [None, 1.0]])
def test_values_that_are_no_numbers_are_refused(value):
    with pytest.raises(ShapeError, match="'a' has values that are no real numbers"):
        Scalars("a", 0, value)


@pytest.mark.parametrize("step", [[3.0], [True], np.array([7], np.uint8), 2**63 - 1, -(2**63), np.float32(2**24)])
def test_steps_of_any_type_that_holds_integers(step):
    record = Scalars("a", step, [1.0])
    assert record.step.dtype == np.int64 and record.step[0] == int(np.ravel(step)[0])
