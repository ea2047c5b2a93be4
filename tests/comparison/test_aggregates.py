"""`compare --log`: what it writes, read back, and as TensorBoard shows it."""

import numpy as np
import pytest
from boards import served

import tbgrad
from tbgrad.errors import NotARunError, RunExistsError, UnknownTagError
from tbgrad.experiments.comparisons import log_comparison
from tbgrad.experiments.launching import Place
from tbgrad.records import HParams, Scalars

STEPS = np.arange(30)
VALUES = {(rate, seed): np.exp(-rate * STEPS) + 0.01 * seed for rate in (0.1, 0.2) for seed in range(5)}


@pytest.fixture
def logs(logdir):
    for (rate, seed), value in VALUES.items():
        with tbgrad.open_run(logdir / f"rate{rate}_seed{seed}") as run:
            run.write([Scalars("loss", STEPS, value), Scalars("metrics/best_value", 0, value.min())])
            run.write([Scalars(f"own{seed}", STEPS, value), Scalars("accuracy", STEPS, 1 - value)])
            run.write(HParams({"learning_rate": rate, "seed": seed}, succeeded=True))
    return logdir


def log(logs, by="loss", group_by=("learning_rate",), **place):
    comparison = tbgrad.compare([logs], by, group_by=group_by)
    return log_comparison(comparison, Place(logs, **place), {"places": [str(logs)], "by": by, "group_by": group_by})


def runs(logs):
    return sorted(path.name for path in (logs / "compare").iterdir())


def test_bands_of_each_group(logs):
    name = log(logs).report["run"]
    assert runs(logs) == [
        name.removeprefix("compare/") + end for end in ("", "_learning_rate_0.1", "_learning_rate_0.2")
    ]
    for rate in (0.1, 0.2):
        found = tbgrad.read_run(logs / f"{name}_learning_rate_{rate}")
        values = [value.astype(np.float32) for (of, _), value in VALUES.items() if of == rate]
        lower, median, upper = np.quantile(np.array(values, float), [0.25, 0.5, 0.75], axis=0)
        for part, expected in (("lower", lower), ("median", median), ("upper", upper)):
            series = found.scalars[f"compare/loss/{part}"]
            np.testing.assert_array_equal(series.step, STEPS)
            np.testing.assert_allclose(series.value, expected, rtol=1e-6)
        # What only some of the runs have is no band; metrics are compared, not drawn.
        tags = {tag.split("/")[1] for tag in found.scalars}
        assert tags == {"loss", "accuracy"} and next(iter(found.scalars)).startswith("compare/loss")
        charts = [chart for charts in found.layout.categories.values() for chart in charts]
        assert charts[0].is_margin and charts[0].tags == tuple(
            f"compare/loss/{p}" for p in ("median", "lower", "upper")
        )
    ranking = tbgrad.read_run(logs / name)
    assert "learning\\_rate 0.2" in ranking.texts["compare/ranking"].text[0]
    assert ranking.images["compare/bands"].step.tolist() == [0]


def test_what_comparisons_wrote_is_not_compared(logs):
    before = [run.run for run in tbgrad.compare([logs], "loss").runs]
    log(logs)
    assert [run.run for run in tbgrad.compare([logs], "loss").runs] == before
    with pytest.raises(UnknownTagError):
        tbgrad.compare([logs], "compare/loss/median")
    with pytest.raises(NotARunError, match="comparisons wrote"):
        tbgrad.compare([logs / "compare"])


def test_the_same_request_is_made_anew(logs):
    name = log(logs).report["run"]
    with tbgrad.open_run(logs / "new") as run:
        run.write([Scalars("loss", STEPS, np.zeros(30)), HParams({"learning_rate": 0.5}, succeeded=True)])
    assert log(logs).report["run"] == name
    assert [end.removeprefix(name.split("/")[1]) for end in runs(logs)] == [
        "",
        "_learning_rate_0.1",
        "_learning_rate_0.2",
        "_learning_rate_0.5",
    ]
    for path in (logs / "new").iterdir():
        path.unlink()
    log(logs)
    # The group that is no more is gone; a run of somebody else that begins alike is not touched.
    assert len(runs(logs)) == 3


def test_another_request_under_the_same_name_is_refused(logs):
    log(logs, run="mine")
    with pytest.raises(RunExistsError, match="another request"):
        log(logs, by="accuracy", run="mine")
    assert log(logs, by="accuracy", run="mine", overwrite=True).report["run"] == "mine"
    assert (logs / "mine_learning_rate_0.1").is_dir()


def test_tensorboard_shows_the_bands(logs):
    name = log(logs).report["run"]
    group = f"{name}_learning_rate_0.1"
    with served(logs, lambda board: group in board("scalars/tags")) as board:
        layout = board("custom_scalars/layout")
        charts = [chart for category in layout["category"] for chart in category["chart"]]
        band = next(chart for chart in charts if chart["title"].startswith("loss"))
        assert band["margin"]["series"] == [
            {"value": "compare/loss/median", "lower": "compare/loss/lower", "upper": "compare/loss/upper"}
        ]
        shown = board("scalars/scalars", run=group, tag="compare/loss/median")
        assert len(shown) == 30


def test_without_groups_all_runs_are_one(logs):
    name = log(logs, group_by=()).report["run"]
    assert runs(logs) == [name.split("/")[1], name.split("/")[1] + "_all_runs"]


def test_groups_that_are_spelled_alike_have_a_run_each(logdir):
    for k, kind in enumerate(("a b", "a_b", "A b", "c")):
        with tbgrad.open_run(logdir / str(k)) as run:
            run.write([Scalars("loss", STEPS, STEPS + k), HParams({"kind": kind}, succeeded=True)])
    name = log(logdir, group_by=("kind",)).report["run"]
    found = [path for path in (logdir / "compare").iterdir() if path.name != name.split("/")[1]]
    firsts = {tbgrad.read_run(path).scalars["compare/loss/median"].value[0] for path in found}
    assert len(found) == 4 and firsts == {0, 1, 2, 3}
    assert len({path.name.lower() for path in found}) == 4


def test_what_is_replaced_takes_its_groups_along(logs):
    log(logs, run="mine")
    log(logs, run="other")
    log(logs, group_by=(), run="mine", overwrite=True)
    assert sorted(path.name for path in logs.glob("mine*")) == ["mine", "mine_all_runs"]
    assert len([*logs.glob("other*")]) == 3


def test_of_a_torn_series_the_band_is_what_tensorboard_shows(logdir):
    for name in ("a", "b"):
        with tbgrad.open_run(logdir / name) as run:
            run.write(Scalars("loss", [0, 10, 20, 30], [9.0, 100.0, 100.0, 100.0]))
            run.write(Scalars("loss", [5, 6, 7], [1.0, 1.0, 1.0]))
    name = log(logdir, group_by=()).report["run"]
    found = tbgrad.read_run(logdir / f"{name}_all_runs").scalars["compare/loss/median"]
    assert found.step.tolist() == [0, 5, 6, 7] and found.value.tolist() == [9.0, 1.0, 1.0, 1.0]


def test_a_name_that_is_taken_is_refused_before_anything_is_written(logs):
    with tbgrad.open_run(logs / "mine") as run:
        run.write(Scalars("loss", STEPS, STEPS))
    before = sorted(logs.rglob("*"))
    with pytest.raises(RunExistsError, match="another request"):
        log(logs, run="mine")
    assert sorted(logs.rglob("*")) == before
