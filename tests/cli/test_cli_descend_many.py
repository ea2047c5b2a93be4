"""tbgrad descend from many starts: spread, stop, record, instrument and noise; what is logged, and what is refused."""

import json

import numpy as np
import pytest

import tbgrad
from tbgrad.instruments import ALL_INSTRUMENTS, INSTRUMENTS

BANDS = {"best", "lower", "median", "upper", "worst"}
SPHERE = ["descend", "sphere", "--learning-rate", "0.1"]
# x goes by the factor 0.8 at each step.
FACTOR = 0.8


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where the runs of this file lie, so that the same request is made once."""
    return tmp_path_factory.mktemp("many")


def arrays_of(place, answer):
    with np.load(place / answer["run"] / "arrays.npz") as arrays:
        return dict(arrays)


MANY = [*SPHERE, "--starts", "12", "--spread", "sobol", "--steps", "20"]


def test_the_bands_are_quantiles_over_the_starts(document, place):
    answer = document(*MANY, "--logdir", place)
    values = arrays_of(place, answer)["value"]
    assert values.shape == (21, 12)
    squares = [sum(x * x for x in one["start"]) for one in answer["starts"]]
    np.testing.assert_allclose(values, np.outer(FACTOR ** (2 * np.arange(21)), squares), rtol=1e-12)
    scalars = tbgrad.read_run(place / answer["run"]).scalars
    assert {f"descent/{what}/{band}" for what in ("value", "log10_gap") for band in BANDS} <= set(scalars)
    ordered = np.sort(values, axis=1)
    for band, lowest, highest in [
        ("best", 0, 0),
        ("lower", 2, 3),
        ("median", 5, 6),
        ("upper", 8, 9),
        ("worst", 11, 11),
    ]:
        series = scalars[f"descent/value/{band}"]
        assert series.step.tolist() == list(range(21))
        assert (series.value >= ordered[:, lowest].astype(np.float32)).all(), band
        assert (series.value <= ordered[:, highest].astype(np.float32)).all(), band
        gap = scalars[f"descent/log10_gap/{band}"].value
        np.testing.assert_allclose(gap, np.log10(series.value), rtol=1e-5, atol=1e-5)


def test_the_best_start_is_logged_alone(document, place):
    answer = document(*MANY, "--logdir", place)
    arrays = arrays_of(place, answer)
    best = int(np.argmin(arrays["end_value"]))
    records = tbgrad.read_run(place / answer["run"])
    np.testing.assert_array_equal(records.scalars["descent/value"].value, arrays["value"][:, best].astype(np.float32))
    expected = arrays["position"][:, best, 1].astype(np.float32)
    np.testing.assert_array_equal(records.scalars["descent/position/y"].value, expected)
    assert {"descent/path", "descent/animation"} <= set(records.images)
    assert records.hparams.values["start"] == "12 starts"


def test_the_charts_of_many_starts(document, place):
    many, one = document(*MANY, "--logdir", place), document(*SPHERE, "--steps", "5", "--logdir", place)
    raw = {name: b"".join(path.read_bytes() for path in (place / answer["run"]).glob("events.*"))
           for name, answer in (("many", many), ("one", one))}  # fmt: skip
    for title in (b"value: median and quartiles", b"value: median, best and worst", b"many starts: value"):
        assert title in raw["many"] and title not in raw["one"]
    assert b"descent/value/median" not in raw["one"]


def test_arrays_at_full_precision(document, place):
    answer = document(*MANY, "--logdir", place)
    arrays = arrays_of(place, answer)
    assert arrays["position"].shape == arrays["gradient"].shape == (21, 12, 2)
    assert arrays["position"].dtype == arrays["end_value"].dtype == np.float64
    assert arrays["step"].tolist() == list(range(21)) and arrays["steps_made"].tolist() == [20] * 12
    assert arrays["status"].tolist() == [one["status"] for one in answer["starts"]]
    assert arrays["start_position"].tolist() == [one["start"] for one in answer["starts"]]
    assert arrays["end_position"].tolist() == [one["position"] for one in answer["starts"]]
    assert arrays["end_value"].tolist() == [one["value"] for one in answer["starts"]]
    assert {i.name for i in ALL_INSTRUMENTS} <= set(arrays)


def test_points_and_drawn_starts_together(document, place):
    words = [*SPHERE, "--start", "1,2", "--starts", "3", "--steps", "3"]
    starts = document(*words, "--logdir", place)["starts"]
    assert len(starts) == 4 and starts[0]["start"] == [1, 2]


def test_more_than_ten_starts_are_counted_and_the_best_told(typed, place):
    lines = typed(*MANY, "--logdir", place).stdout.splitlines()
    assert lines[1].startswith("12 starts: 12 ")
    told = [line for line in lines if line.startswith("from (")]
    ends = [float(line.rsplit(" ", 1)[1]) for line in told]
    assert len(told) == 10 and ends == sorted(ends)
    assert any("2 further starts" in line for line in lines)
    assert lines[-1].startswith(f"{place}/sphere/descent/sgd_lr0.1_")


RECORDS = {
    "every": list(range(26)),
    "10": [0, 10, 20, 25],
    "1": list(range(26)),
    "100": [0, 25],
    "end": [0, 25],
}


@pytest.mark.parametrize("record", RECORDS)
def test_what_is_recorded(document, place, record):
    words = [*SPHERE, "--start", "4,3", "--steps", "25", "--record", record, "--logdir", place]
    answer = document(*words)
    arrays = arrays_of(place, answer)
    assert arrays["step"].tolist() == RECORDS[record]
    np.testing.assert_allclose(arrays["value"][:, 0], 25 * FACTOR ** (2 * arrays["step"]), rtol=1e-12)
    records = tbgrad.read_run(place / answer["run"])
    assert records.scalars["descent/value"].step.tolist() == RECORDS[record]
    # The update that leaves a row belongs to it, whether or not the next row is recorded.
    update = records.scalars["descent/update_norm"]
    assert update.step.tolist() == RECORDS[record][:-1]
    np.testing.assert_allclose(update.value, 0.2 * 5 * FACTOR**update.step, rtol=1e-6)
    assert ("record" in answer["run"]) == (record != "every")


def test_logarithmic_steps(document, place):
    answer = document(*SPHERE, "--start", "4,3", "--steps", "1000", "--record", "log", "--logdir", place)
    step = arrays_of(place, answer)["step"]
    assert (step[0], step[-1]) == (0, 1000) and (np.diff(step) > 0).all() and len(step) < 40
    assert set(range(1, 6)) <= set(step) and (step[1:][1:] / step[1:][:-1]).max() <= 2
    # About as many in each decade.
    assert abs(((step > 10) & (step <= 100)).sum() - ((step > 100) & (step <= 1000)).sum()) <= 1


def test_values_alone(document, typed, place):
    words = [*SPHERE, "--start", "4,3", "--start", "1,1", "--steps", "25", "--record", "values", "--logdir", place]
    answer = document(*words)
    arrays = arrays_of(place, answer)
    np.testing.assert_allclose(arrays["value"], np.outer(FACTOR ** (2 * np.arange(26)), [25, 2]), rtol=1e-12)
    assert not {"position", "gradient", "update_norm"} & set(arrays)
    assert arrays["end_position"].shape == (2, 2)
    assert answer["starts"][0]["position"] == pytest.approx(np.array([4, 3]) * FACTOR**25, rel=1e-12)
    records = tbgrad.read_run(place / answer["run"])
    assert {"descent/value", "descent/log10_gap", "descent/value/median"} <= set(records.scalars)
    assert not {"descent/gradient_norm", "descent/position/x"} & set(records.scalars)
    assert "descent/path" not in records.images
    (story,) = records.texts["descent/story"].text
    assert "descent/path" not in story and "descent/gradient_norm" not in story
    assert "value 25 to" in typed(*words).stdout


STOPS = {
    # 5 × 0.8^k × 2 × 4/5 is the largest partial derivative, 8 at the start.
    "gradient=1e-3": next(k for k in range(99) if 8 * FACTOR**k <= 1e-3 * 8),
    "value=0.01": next(k for k in range(99) if 25 * FACTOR ** (2 * k) <= 0.01),
    # The update that leaves row k is FACTOR^k long.
    "update=0.1": next(k for k in range(99) if FACTOR**k <= 0.1) + 1,
}


@pytest.mark.parametrize("stop", STOPS)
def test_stopping_rules(document, place, stop):
    answer = document(*SPHERE, "--start", "4,3", "--steps", "60", "--stop", stop, "--logdir", place)
    (start,) = answer["starts"]
    assert start["steps"] == STOPS[stop]
    assert start["position"] == pytest.approx(np.array([4, 3]) * FACTOR ** STOPS[stop], rel=1e-12)
    records = tbgrad.read_run(place / answer["run"])
    assert records.scalars["descent/value"].step.tolist() == list(range(STOPS[stop] + 1))
    assert records.scalars["descent/update_norm"].step.tolist() == list(range(STOPS[stop]))
    assert stop.split("=")[0] in records.hparams.values["stop"]
    assert stop.replace("=", "") in answer["run"].replace("gradient0.001", "gradient1e-3")


def test_any_rule_stops_a_start(document, place):
    words = [*SPHERE, "--start", "4,3", "--steps", "60", "--stop", "value=0.01", "--stop", "gradient=1e-3"]
    (start,) = document(*words, "--logdir", place)["starts"]
    assert start["steps"] == min(STOPS["gradient=1e-3"], STOPS["value=0.01"])


def test_a_plateau(document, place):
    # From 1 with rate 0.4: 1, 0.6, 0.2, -0.2, 0.2, ...; no value is below that of step 2, to within rounding.
    words = ["descend", "abs(x) + 0*floor(x)", "--start", "1", "--learning-rate", "0.4", "--steps", "60"]
    (start,) = document(*words, "--stop", "plateau=7", "--logdir", place)["starts"]
    assert 2 + 7 <= start["steps"] <= 4 + 7
    assert abs(start["value"]) == pytest.approx(0.2, abs=1e-9)


def test_each_start_stops_on_its_own(document, place):
    words = [*SPHERE, "--start", "4,3", "--start", "0.04,0.03", "--start", "0,0", "--steps", "60"]
    answer = document(*words, "--stop", "value=0.01", "--logdir", place)
    assert [one["steps"] for one in answer["starts"]] == [STOPS["value=0.01"], 0, 0]
    values = arrays_of(place, answer)["value"]
    assert (values[:, 1] == values[0, 1]).all() and (values[STOPS["value=0.01"] :, 0] <= 0.01).all()


def test_a_start_that_stops_at_once_does_not_oscillate(document, place):
    (start,) = document(*SPHERE, "--start", "1,1", "--stop", "value=100", "--steps", "9", "--logdir", place)["starts"]
    assert start["steps"] == 0 and start["status"] not in ("oscillating", "stalled")


def test_nothing_is_logged_behind_a_stop(document, place):
    words = [*SPHERE, "--start", "4,3", "--steps", "60", "--stop", "value=0.01", "--record", "20"]
    answer = document(*words, "--logdir", place)
    records = tbgrad.read_run(place / answer["run"])
    made = answer["starts"][0]["steps"]
    assert made == STOPS["value=0.01"] == 18
    for part in (records.scalars["descent/value"], records.images["descent/path"], records.meshes["descent/mesh"]):
        assert max(part.step) <= made


def test_noise_is_seeded(document, tmp_path):
    words = [*SPHERE, "--start", "4,3", "--steps", "30", "--noise", "0.5"]
    first = document(*words, "--seed", "3", "--logdir", tmp_path / "a")
    again = document(*words, "--seed", "3", "--logdir", tmp_path / "b")
    other = document(*words, "--seed", "4", "--logdir", tmp_path / "a")
    assert first["starts"] == again["starts"] and first["run"] == again["run"] != other["run"]
    assert first["starts"][0]["position"] != other["starts"][0]["position"]
    assert "noise0.5" in first["run"]
    records = tbgrad.read_run(tmp_path / "a" / first["run"])
    assert records.hparams.values["noise"] == 0.5
    (story,) = records.texts["descent/story"].text
    assert "noise of standard deviation 0.5" in story and "plain gradient descent" not in story
    arrays = arrays_of(tmp_path / "a", first)
    # What is recorded is the gradient itself; what moved it was that and the noise.
    np.testing.assert_allclose(arrays["gradient"], 2 * arrays["position"], rtol=1e-12)
    noise = -np.diff(arrays["position"], axis=0) / 0.1 - arrays["gradient"][:-1]
    assert 0.3 < noise.std() < 0.7 and abs(noise.mean()) < 0.3


def test_without_noise_sgd_is_plain(document, place):
    answer = document(*SPHERE, "--start", "4,3", "--steps", "25", "--logdir", place)
    (story,) = tbgrad.read_run(place / answer["run"]).texts["descent/story"].text
    assert "plain gradient descent" in story


@pytest.mark.parametrize(
    ("names", "measured"),
    [
        ([], {i.name for i in ALL_INSTRUMENTS}),
        (["all"], {i.name for i in ALL_INSTRUMENTS}),
        (["gradient_norm"], {"gradient_norm"}),
        (["sharpness", "update_norm"], {"sharpness", "update_norm"}),
    ],
)
def test_instruments(document, place, names, measured):
    words = [*SPHERE, "--start", "4,3", "--steps", "6", *[w for name in names for w in ("--instrument", name)]]
    answer = document(*words, "--logdir", place)
    arrays, scalars = arrays_of(place, answer), tbgrad.read_run(place / answer["run"]).scalars
    every = {i.name for i in ALL_INSTRUMENTS}
    assert every & set(arrays) == measured
    assert {tag.split("/")[1] for tag in scalars if tag.startswith("descent/")} & every == measured
    if "sharpness" in measured:
        np.testing.assert_allclose(scalars["descent/sharpness"].value, 2, rtol=1e-6)


def test_very_many_points_are_not_measured_by_second_derivatives(document, place):
    words = [*SPHERE, "--starts", "2001", "--steps", "9", "--logdir", place]
    arrays = arrays_of(place, document(*words))
    assert {i.name for i in INSTRUMENTS} <= set(arrays) and "sharpness" not in arrays


def test_ten_thousand_starts_are_told_at_most(document, place):
    answer = document(*SPHERE, "--starts", "10001", "--steps", "2", "--record", "end", "--logdir", place)
    assert sum(answer["statuses"].values()) == 10_001 and len(answer["starts"]) == 10_000
    values = arrays_of(place, answer)["end_value"]
    assert values.shape == (10_001,)
    assert max(one["value"] for one in answer["starts"]) < values.max()


def test_a_start_that_diverges_among_many_is_exit_code_3(document, typed, place):
    words = ["descend", "x**4 + y**2", "--start", "0.1,0", "--start", "9,0", "--start", "0.2,0"]
    words += ["--learning-rate", "0.1", "--steps", "30", "--logdir", place]
    answer = document(*words, exit_code=3)
    assert [one["status"] for one in answer["starts"]].count("diverged") == 1
    assert answer["statuses"]["diverged"] == 1
    again = typed(*words)
    assert again.exit_code == 3 and again.stdout.splitlines()[-1] == f"{place}/{answer['run']}"
    worst = tbgrad.read_run(place / answer["run"]).scalars["descent/value/worst"].value
    assert worst[-1] == np.inf and np.isfinite(worst[0])


def test_the_same_request_finds_the_run(typed, contents, place):
    words = [*SPHERE, "--starts", "4", "--stop", "gradient=1e-3", "--record", "log", "--noise", "0.01", "--steps", "9"]
    first = typed(*words, "--logdir", place)
    before = contents(place)
    assert typed(*words, "--logdir", place).stdout == first.stdout
    spelled = [w if w != "gradient=1e-3" else "gradient=1/1000" for w in words]
    assert typed(*spelled, "--spread", "uniform", "--logdir", place).stdout == first.stdout
    assert contents(place) == before
    assert typed(*words, "--overwrite", "--logdir", place).stdout == first.stdout


@pytest.mark.parametrize(("one", "other"), [(["sharpness"], ["sharpness", "sharpness"]), ([], ["all"])])
def test_the_same_instruments_are_the_same_request(document, place, one, other):
    words = [*SPHERE, "--start", "4,3", "--steps", "6", "--logdir", place]
    runs = [document(*words, *[w for n in names for w in ("--instrument", n)])["run"] for names in (one, other)]
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["--record", "10"], "sgd_lr0.1_steps12_record10"),
        (["--record", "values"], "sgd_lr0.1_steps12_recordvalues"),
        (["--stop", "plateau=5"], "sgd_lr0.1_steps12_plateau5"),
        (["--stop", "value=-1"], "sgd_lr0.1_steps12_value-1"),
        (["--noise", "0.25"], "sgd_lr0.1_steps12_noise0.25"),
        (["--record", "every", "--noise", "0", "--spread", "uniform"], "sgd_lr0.1_steps12"),
    ],
)
def test_names(typed, place, words, name):
    result = typed(*SPHERE, "--steps", "12", *words, "--logdir", place)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"{place}/sphere/descent/{name}"


WRONG = {
    "rule": (["--stop", "speed=1"], ["speed", "gradient, value, update, plateau"]),
    "rule misspelt": (["--stop", "gradent=1"], ["gradent", "Did you mean 'gradient'"]),
    "rule below zero": (["--stop", "gradient=-1"], ["gradient", "-1"]),
    "update below zero": (["--stop", "update=-1"], ["update", "-1"]),
    "half a plateau": (["--stop", "plateau=2.5"], ["plateau", "2.5", "whole"]),
    "no plateau": (["--stop", "plateau=0"], ["plateau", "at least 1"]),
    "rule twice": (["--stop", "gradient=1", "--stop", "gradient=2"], ["--stop", "gradient", "twice"]),
    "rule without a number": (["--stop", "gradient"], ["--stop", "NAME=VALUE"]),
    "rule of nan": (["--stop", "gradient=nan"], ["--stop", "nan"]),
    "rule of words": (["--stop", "gradient=small"], ["--stop", "small"]),
    "record nothing": (["--record", "0"], ["--record", "'0'", "every, log, end"]),
    "record often": (["--record", "often"], ["--record", "'often'"]),
    "record half": (["--record", "1.5"], ["--record", "1.5"]),
    "record below zero": (["--record", "-3"], ["--record", "-3"]),
    "noise below zero": (["--noise", "-1"], ["noise", "-1"]),
    "noise nan": (["--noise", "nan"], ["--noise", "nan"]),
    "noise infinite": (["--noise", "inf"], ["--noise", "inf"]),
    "noise of words": (["--noise", "much"], ["--noise", "much"]),
    "instrument": (["--instrument", "speed"], ["speed", "gradient_norm", "all"]),
    "instrument misspelt": (["--instrument", "gradient_nrm"], ["Did you mean 'gradient_norm'"]),
    "instruments of values": (["--record", "values", "--instrument", "sharpness"], ["instruments", "values"]),
    "sobol of none": (["--spread", "sobol"], ["sobol", "--starts"]),
    "spread": (["--spread", "even", "--starts", "4"], ["even", "sobol"]),
    "more starts than drawn": (["--starts", "1000001"], ["1000001", "1,000,000"]),
    "impossible": (["--starts", "1000000", "--steps", "2000"], ["1,000,000 starts", "2,001 rows", "GiB", "log or end"]),
    "impossible values": (["--starts", "1000000", "--steps", "2000", "--record", "values"], ["GiB"]),
    "impossible steps": (["--steps", "40000000"], ["40,000,001 rows", "GiB"]),
}


def mistaken(result, holds):
    assert result.exit_code == 2, result.stdout + result.stderr
    assert result.stdout == "" and "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    for part in holds:
        assert part in result.stderr


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_asked(typed, tmp_path, what):
    words, holds = WRONG[what]
    mistaken(typed("descend", "sphere", *words, "--logdir", tmp_path / "logs"), holds)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("updates", [2**32 + 1, 10**30])
def test_a_plateau_of_more_than_an_int32_counts(typed, logdir, updates):
    words = ["descend", "abs(x)", "--start", "0.2", "--learning-rate", "0.4", "--steps", "9", "--json"]
    result = typed(*words, "--stop", f"plateau={updates}", "--logdir", logdir)
    assert result.exit_code == 2 or json.loads(result.stdout)["starts"][0]["steps"] == 9


def test_nothing_is_left_behind_when_a_run_fails(typed, logdir):
    assert typed("descend", "sphere", "--steps", "40000000", "--json", "--logdir", logdir).stdout == ""
    assert not logdir.exists()
