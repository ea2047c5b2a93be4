"""Ranks with known answers: runs made on purpose, by us and by TensorFlow."""

import csv
import io
import json

import numpy as np
import pytest
import tensorflow as tf
from html_tables import cells

import tbgrad
from tbgrad.comparison.documents import csv_text, document
from tbgrad.comparison.tables import markdown_text, text_table
from tbgrad.errors import NotARunError, UnknownTagError
from tbgrad.experiments.descents import log_descent
from tbgrad.experiments.launching import Place
from tbgrad.naming import plain
from tbgrad.records import HParams, Scalars


def log(directory, value, gap=None, steps_to_gap=None, **hparams):
    steps = np.arange(len(value))
    with tbgrad.open_run(directory) as run:
        run.write(Scalars("descent/value", steps, value))
        if gap is not None:
            run.write(Scalars("descent/log10_gap", steps, gap))
        if steps_to_gap is not None:
            run.write(Scalars("metrics/steps_to_gap", 0, steps_to_gap))
        run.write(Scalars("metrics/best_value", 0, np.nanmin(value)))
        run.write(HParams(hparams, succeeded=True))


@pytest.fixture
def runs(logdir):
    log(logdir / "slow", [1, 0.1], [0, -7], 900, function="f", optimizer="sgd")
    log(logdir / "fast", [1, 0.1], [0, -6.5], 30, function="f", optimizer="adam")
    log(logdir / "near", [1, 0.1], [0, -3], None, function="f", optimizer="lion")
    log(logdir / "far", [1, 0.1], [0, -1], None, function="f", optimizer="ftrl")
    log(logdir / "lost", [1, np.nan], [np.nan, np.nan], None, function="f", optimizer="nadam")
    log(logdir / "high", [3, 2], function="g", optimizer="sgd")
    log(logdir / "low", [3, -2], function="g", optimizer="sgd")
    return logdir


def names(comparison):
    return [run.run for run in comparison.runs]


def test_order(runs):
    assert names(tbgrad.compare([runs])) == ["fast", "slow", "near", "far", "lost", "low", "high"]


def test_by_a_tag(runs):
    compared = tbgrad.compare([runs], by="descent/log10_gap")
    assert names(compared) == ["slow", "fast", "near", "far", "lost"]
    assert compared.runs[0].metrics["descent/log10_gap"] == -7


def test_unknown_tag_has_a_neighbour(runs):
    with pytest.raises(UnknownTagError, match="Did you mean 'descent/value'"):
        tbgrad.compare([runs], by="descent/valeu")


def test_one_run_and_several_places(runs):
    assert names(tbgrad.compare([runs / "fast"])) == [(runs / "fast").as_posix()]
    assert len(tbgrad.compare([runs / "fast", runs / "slow", runs / "fast"]).runs) == 2


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(parents=True)])
def test_nothing_to_compare(logdir, make):
    make(logdir)
    with pytest.raises(NotARunError):
        tbgrad.compare([logdir])


def test_foreign_logs_rank_by_any_scalar(logdir):
    for name, loss in (("worse", 0.5), ("better", 0.25)):
        with tf.summary.create_file_writer(str(logdir / name)).as_default():
            tf.summary.scalar("loss", 1.0, step=0)
            tf.summary.scalar("loss", loss, step=1)
    assert names(tbgrad.compare([logdir])) == ["better", "worse"]
    assert names(tbgrad.compare([logdir], by="loss:max")) == ["better", "worse"]
    assert names(tbgrad.compare([logdir], by="loss", highest=True)) == ["worse", "better"]


def test_nothing_to_rank_by_says_what_there_is(logdir):
    with tbgrad.open_run(logdir / "run") as run:
        run.write(Scalars("accuracy", [0, 1], [0.1, 0.2]))
    with pytest.raises(NotARunError, match=r"--by.*accuracy"):
        tbgrad.compare([logdir])


def test_nothing_to_rank_by_names_what_would_count(logdir):
    """Other metrics are there, and are not said to be missing."""
    for name in ("one", "two"):
        with tbgrad.open_run(logdir / name) as run:
            run.write(Scalars("metrics/accuracy", 0, 0.5))
    words = (
        r"none of the 2 runs has anything.*metrics/steps_to_gap, .*metrics/best_value, and no loss.*metrics/accuracy"
    )
    with pytest.raises(NotARunError, match=words) as caught:
        tbgrad.compare([logdir])
    assert "*" not in str(caught.value)
    with pytest.raises(NotARunError, match=r"^the run has nothing to rank by"):
        tbgrad.compare([logdir / "one"])


def test_table_shows_each_function_best_first(runs):
    lines = text_table(tbgrad.compare([runs]))
    assert lines[0] == "f"
    assert lines[1].split() == ["steps", "to", "gap", "optimizer", "best", "gap", "best", "value", "run"]
    assert lines[2].split()[:2] == ["1", "30"]
    assert lines.index("g") > 6


def test_constant_columns_are_left_out(runs):
    of_g = text_table(tbgrad.compare([runs / "high", runs / "low"]))
    assert "optimizer" not in of_g[1]


def test_csv_holds_every_number(runs):
    rows = list(csv.DictReader(io.StringIO(csv_text(tbgrad.compare([runs])))))
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5", "1", "2"]
    assert float(rows[0]["steps_to_gap"]) == 30
    assert rows[2]["steps_to_gap"] == ""
    assert rows[0]["optimizer"] == "adam"


def test_document(runs):
    found = json.loads(json.dumps(plain(document(tbgrad.compare([runs]))), allow_nan=False))
    assert set(found["runs"][0]) >= {"run", "hparams", "metrics", "status"}
    assert found["runs"][2]["metrics"]["steps_to_gap"] is None


def test_status_of_a_failed_session(logdir):
    with tbgrad.open_run(logdir / "run") as run:
        run.write([Scalars("metrics/best_value", 0, 1.0), HParams({"function": "f"}, succeeded=False)])
    (logdir / "run" / "run.json").unlink()
    assert tbgrad.compare([logdir]).runs[0].status == "failure"


def test_notebook_table_escapes(logdir):
    log(logdir / "run", [1.0], function="<b>", optimizer="<i>")
    log(logdir / "other", [2.0], function="<b>", optimizer="<u>")
    assert [row[2] for row in cells(tbgrad.compare([logdir]))[1:3]] == ["<i>", "<u>"]
    assert "<b>" not in tbgrad.compare([logdir])._repr_html_()


def test_a_run_that_crashed_is_called_so(logdir):
    log(logdir / "run", [1.0], function="f")
    info = logdir / "run" / "run.json"
    info.write_text(info.read_text().replace("complete", "running"))
    assert tbgrad.compare([logdir]).runs[0].status == "crashed"
    with tbgrad.open_run(logdir / "run", "append"):
        assert tbgrad.compare([logdir]).runs[0].status == "running"


def test_metrics_of_ones_own_runs_are_exact(logdir):
    f = tbgrad.resolve("rosenbrock")
    place = Place(logdir)
    outcome = log_descent(f, tbgrad.Optimizer("sgd", 0.001), place, steps=10)
    metrics = tbgrad.compare([logdir]).runs[0].metrics
    assert (
        metrics["final_value"] == outcome.report["metrics"]["final_value"] != float(np.float32(metrics["final_value"]))
    )


def test_settings_that_are_called_like_columns(logdir):
    for k in range(2):
        with tbgrad.open_run(logdir / str(k)) as run:
            run.write(Scalars("loss", [0, 1], [1, k]))
            run.write(HParams({"rank": 7 + k, "run": f"r{k}", "loss": k, "note": f"two\nlines {k}"}, succeeded=True))
    comparison = tbgrad.compare([logdir], "loss")
    rows = list(csv.DictReader(io.StringIO(csv_text(comparison))))
    assert [(row["rank"], row["run"], row["hparam/rank"], row["hparam/run"]) for row in rows] == [
        ("1", "0", "7.0", "r0"),
        ("2", "1", "8.0", "r1"),
    ]
    assert [(row["loss"], row["hparam/loss"]) for row in rows] == [("0.0", "0.0"), ("1.0", "1.0")]
    lines = text_table(comparison)
    assert "setting loss" in lines[1] and "setting run" in lines[1] and "two lines 1" in lines[3]
    assert markdown_text(comparison).count("two lines") == 2


def test_an_infinite_loss_is_infinite_not_late(logdir):
    with tbgrad.open_run(logdir / "a") as run:
        run.write(Scalars("loss", [0, 1], [1, np.inf]))
    assert text_table(tbgrad.compare([logdir], "loss"))[2].split()[1] == "inf"
    assert text_table(tbgrad.compare([logdir], "loss:steps-to=0.1"))[2].split()[1] == "never"


def test_what_is_left_out_is_named(runs):
    with tbgrad.open_run(runs / "nothing") as run:
        run.write(Scalars("accuracy", [0, 1], [1, 2]))
    assert "1 run without these is left out: nothing." in text_table(tbgrad.compare([runs]))[-1]


def test_many_groups_are_told_in_short(logdir):
    for k in range(12):
        with tbgrad.open_run(logdir / str(k)) as run:
            run.write([Scalars("loss", [0, 1], [1, k]), HParams({"seed": k}, succeeded=True)])
    lines = text_table(tbgrad.compare([logdir], group_by=["seed"]))
    assert sum("no spread" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("models", "heading"),
    [
        (["digits", "digits"], "training of digits"),
        (["digits", "words"], "training of 2 models"),
        (["digits", None], "(no function named)"),
    ],
)
def test_trainings_stand_below_the_model_that_is_trained(logdir, models, heading):
    for i, model in enumerate(models):
        with tbgrad.open_run(logdir / str(i)) as run:
            run.write(Scalars("training/loss", [0, 1], [2, 1 - 0.1 * i]))
            run.write(HParams({"learning_rate": 0.1} | ({"model": model} if model else {})))
    comparison = tbgrad.compare([logdir])
    assert text_table(comparison)[0] == heading
    assert [run.run for run in comparison.runs] == ["1", "0"]
