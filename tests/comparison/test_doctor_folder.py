"""Folders in which each run is right and TensorBoard shows something wrong, made on purpose; hparams that clash."""

import pytest
import tensorflow as tf
from doctor_samples import aged, experiment, faults, losses, put, session, the_finding
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.plugins.hparams import summary_v2 as hp

import tbgrad
from tbgrad.errors import NotARunError

MIXED, NONE, TRIAL = "an hparam of mixed type", "an hparam that is None", "runs that are one trial"


def trial(logdir, name, trial="", /, **settings):
    return put(logdir / name, [session(trial or name, **settings), *losses(range(3))])


def test_no_run(logdir):
    logdir.mkdir()
    found = the_finding(logdir, "no run")
    assert found.place == str(logdir) and "tbgrad tour" in found.cure
    (logdir / "notes.txt").write_text("nothing")
    assert faults(logdir) == ["no run"]


def test_no_directory(logdir):
    with pytest.raises(NotARunError, match="does not exist"):
        tbgrad.examine(logdir)
    file = put(logdir, losses([1]))
    with pytest.raises(NotARunError, match="is a file"):
        tbgrad.examine(file)


def test_a_single_run(logdir):
    put(logdir / "a", losses([1, 1]))
    (found,) = tbgrad.examine(logdir / "a").findings
    assert found.run == str(logdir / "a")


@pytest.mark.parametrize(("count", "words"), [(40, None), (41, "41 runs"), (501, "Time Series too")])
def test_more_runs_than_a_dashboard_opens(logdir, count, words):
    for number in range(count):
        put(logdir / f"run{number}", losses([1]))
    if words is None:
        assert faults(logdir) == []
        return
    found = the_finding(logdir, "more runs than a dashboard opens")
    assert words in found.what and found.place == str(logdir) and "filter" in found.cure
    assert ("Time Series" in found.what) == (count > 500)


@pytest.mark.parametrize(("value", "kind"), [("auto", "text"), (True, "true or false"), ("None", "text")])
def test_an_hparam_of_mixed_type(logdir, value, kind):
    for name in ("a", "b"):
        trial(logdir, name, rate=0.1, name="adam", nesterov=False)
    trial(logdir, "c", rate=value, name="sgd", nesterov=True)
    found = the_finding(logdir, MIXED)
    assert found.place == "c, hparam 'rate'" and "a number in 2 runs (0.1 in 'a')" in found.what
    assert f"{kind} in 1 run" in found.what


def test_an_hparam_that_is_none(logdir):
    trial(logdir, "a", rate=0.1, dropout=0.5)
    trial(logdir, "b", rate=0.2, dropout=None)
    found = the_finding(logdir, NONE)
    assert found.place == "b, hparam 'dropout'" and "None in 1 run" in found.what


def test_none_as_a_text_among_texts_is_fine(logdir):
    trial(logdir, "a", schedule="cosine")
    trial(logdir, "b", schedule="None")
    trial(logdir, "c", rate=0.5)
    assert faults(logdir) == []


def test_an_hparam_that_is_a_list(logdir):
    start = session("a")
    data = start.summary.value[0].metadata.plugin_data
    told = plugin_data_pb2.HParamsPluginData.FromString(data.content)
    told.session_start_info.hparams["layers"].list_value.values.add(number_value=3)
    data.content = told.SerializeToString()
    put(logdir / "a", [start, *losses([1])])
    assert "a list" in the_finding(logdir, NONE).what


def test_runs_of_one_trial(logdir):
    trial(logdir, "a", "one", rate=0.1)
    trial(logdir, "b", "one", rate=0.2)
    found = the_finding(logdir, TRIAL)
    assert "trial 'one'" in found.place and "'a', 'b'" in found.what and "'rate'" in found.what


def test_repetitions_are_one_trial_on_purpose(logdir):
    """By its hparams TensorFlow's own function names the trial; their average is what is asked for."""
    for name in ("a", "b"):
        with tf.summary.create_file_writer(str(logdir / name)).as_default():
            hp.hparams({"rate": 0.1})
            tf.summary.scalar("loss", 0.5, step=1)
        aged(next((logdir / name).iterdir()))
    examination = tbgrad.examine(logdir)
    assert examination.healthy and "the same settings" in examination.notes[0].what
    trial(logdir, "c", rate=0.1)
    assert tbgrad.examine(logdir).healthy


def test_configurations_that_differ(logdir):
    put(logdir / "a", [experiment(["rate"], ["loss"]), session("a", rate=0.1), *losses([1])])
    put(logdir / "b", [experiment(["rate"], ["loss"]), session("b", rate=0.2), *losses([1])])
    assert faults(logdir) == []
    put(logdir / "c", [experiment(["rate", "momentum"], ["loss"]), session("c", rate=0.2), *losses([1])])
    found = the_finding(logdir, "configurations of HParams that differ")
    assert found.run == "c" and "'momentum' is not in all" in found.what and "'a'" in found.place


def test_tensorboardx_writes_a_configuration_into_each_run(logdir):
    from tensorboardX import SummaryWriter

    def write(name, **settings):
        with SummaryWriter(str(logdir / name)) as writer:
            writer.add_hparams(settings, {"loss": 0.5}, name="metrics")

    write("a", rate=0.1, schedule=None)
    write("b", rate=0.2, schedule=None)
    assert faults(logdir) == []
    write("c", rate=0.2, momentum=0.9)
    assert faults(logdir) == ["configurations of HParams that differ"]


def test_hparams_without_a_metric(logdir):
    put(logdir / "a", [session("a", rate=0.1)])
    put(logdir / "b", [session("b", rate=0.2)], age=0)
    assert the_finding(logdir, "hparams without a metric").run == "a"
    # As Keras's callbacks do: hparams above, scalars of training and validation below.
    put(logdir / "a" / "train", losses([1]))
    put(logdir / "a" / "validation", losses([1]))
    assert faults(logdir) == []


def test_hparams_at_the_top(logdir):
    put(logdir, [session("top", rate=0.1)])
    assert faults(logdir) == ["hparams without a metric"]
    put(logdir / "train", losses([1]))
    assert faults(logdir) == []
