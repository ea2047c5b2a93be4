"""What a person would see: TensorBoard started by our command, asked over HTTP."""

import io

import numpy as np
import pytest
from boards import served
from PIL import Image

import tbgrad

STEPS = 1500
SWEEP, DESCENT = "rosenbrock/sweep/x", "rosenbrock/descent/adam_lr0.05"


def loaded(board):
    """Until both runs are loaded to their last records."""
    ends = [board("scalars/scalars", run=DESCENT, tag="descent/gradient/y")[-1][1] == STEPS]
    ends.append(board("scalars/scalars", run=SWEEP, tag="sweep/coordinate")[-1][1] == 2000)
    ends.append("metrics/final_value" in board("scalars/tags")[DESCENT])
    return all(ends) and board("hparams/experiment", {"experimentName": ""})["hparamInfos"]


@pytest.fixture(scope="module")
def results():
    f = tbgrad.resolve("rosenbrock")
    sweep = tbgrad.sweep(f, ("x", -2.0, 2.0), {"y": 1.0}, points=201, tangents=[1.5])
    descent = tbgrad.descend(f, tbgrad.Optimizer("adam", 0.05), [[-1.2, 1.0]], STEPS)
    return sweep, tbgrad.with_landscape(f, descent)


@pytest.fixture(scope="module")
def board(results, tmp_path_factory):
    logdir = tmp_path_factory.mktemp("board")
    for name, result in zip((SWEEP, DESCENT), results, strict=True):
        with tbgrad.open_run(logdir / name) as run:
            run.write(tbgrad.summarize(result))
    with served(logdir, loaded) as found:
        yield found


def series(board, run, tag):
    points = board("scalars/scalars", run=run, tag=tag)
    _, steps, values = zip(*points, strict=True)
    return np.array(steps), np.array([float(value) for value in values], dtype=np.float32)


def test_the_tags_of_both_runs(board, results):
    tags = board("scalars/tags")
    assert set(tags) == {SWEEP, DESCENT}
    for run, result in zip((SWEEP, DESCENT), results, strict=True):
        written = [record for record in tbgrad.summarize(result) if type(record).__name__ == "Scalars"]
        assert set(tags[run]) == {record.tag for record in written}
        for record in written:
            # TensorBoard makes HTML of the markdown.
            assert "<p>" in tags[run][record.tag]["description"] or not record.description


def test_all_points_of_a_long_series_are_there(board, results):
    steps, values = series(board, DESCENT, "descent/value")
    assert steps.tolist() == list(range(STEPS + 1))
    np.testing.assert_array_equal(values, results[1].value[:, 0].astype(np.float32))


@pytest.mark.parametrize("tag", ["descent/log10_gap", "descent/update_norm", "descent/decrease_ratio"])
def test_readings_have_no_point_where_there_is_nothing_to_measure(board, tag):
    steps, values = series(board, DESCENT, tag)
    assert np.isfinite(values).all() and (np.diff(steps) > 0).all()
    assert steps[-1] == (STEPS if tag == "descent/log10_gap" else STEPS - 1)


def test_the_sweeps_cursor_means_x(board, results):
    sweep, _ = results
    steps, values = series(board, SWEEP, "sweep/slope")
    assert steps.tolist() == list(range(-2000, 2001, 20))
    np.testing.assert_array_equal(values, sweep.slope.astype(np.float32))


@pytest.mark.parametrize(("run", "tag"), [(SWEEP, "sweep/curve"), (DESCENT, "descent/path")])
def test_the_pictures_are_png(board, run, tag):
    images = board("images/images", run=run, tag=tag, sample=0)
    assert images
    for image in images:
        picture = Image.open(io.BytesIO(board.raw("images/individualImage?" + image["query"])))
        picture.load()
        assert picture.format == "PNG" and min(picture.size) > 400


def test_the_story_is_shown_as_markdown(board):
    (entry,) = board("text/text", run=DESCENT, tag="descent/story")
    assert "<h2>" in entry["text"] and "<table>" in entry["text"] and "adam" in entry["text"]


def test_hparams_show_the_run_and_that_it_succeeded(board, results):
    statuses = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]
    metric = {"name": {"group": "", "tag": "metrics/final_value"}}
    body = {"experimentName": "", "allowedStatuses": statuses, "colParams": [], "startIndex": 0, "sliceSize": 10}
    experiment = board("hparams/experiment", {"experimentName": ""})
    assert {info["name"] for info in experiment["hparamInfos"]} >= {"optimizer", "learning_rate", "start", "steps"}
    assert metric["name"] in [{"group": "", "tag": info["name"]["tag"]} for info in experiment["metricInfos"]]
    (group,) = board("hparams/session_groups", body)["sessionGroups"]
    assert group["hparams"]["optimizer"] == "adam" and group["hparams"]["learning_rate"] == 0.05
    (session,) = group["sessions"]
    assert session["name"] == DESCENT and session["status"] == "STATUS_SUCCESS"
    values = {value["name"]["tag"]: value["value"] for value in session["metricValues"]}
    assert values["metrics/final_value"] == pytest.approx(results[1].value[-1, 0], rel=1e-6)
