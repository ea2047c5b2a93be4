"""What an examination says in all: healthy folders, verdicts on descents, the order, and how it is told."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from doctor_samples import losses, put, the_finding
from run_samples import complete

import tbgrad
from tbgrad.experiments.descents import log_descent
from tbgrad.experiments.launching import Place
from tbgrad.experiments.sweeps import log_sweep
from tbgrad.records import Scalars, Texts

VERDICT = "a verdict on a descent"


def healthy(logdir):
    examination = tbgrad.examine(logdir)
    assert examination.healthy, examination.lines()
    return examination


def descent(logdir, formula, rate, steps=60, starts=((1.0, 1.0),), **more):
    f = tbgrad.resolve(formula)
    optimizer = tbgrad.Optimizer("sgd", learning_rate=rate)
    return log_descent(f, optimizer, Place(logdir), points=starts, steps=steps, **more)


def test_what_tbgrad_logs_is_healthy(logdir):
    log_sweep(tbgrad.resolve("ripple"), Place(logdir))
    descent(logdir, "x**2 + y**2", 0.1)
    descent(logdir, "x**2 + y**2", 0.001)
    descent(logdir, "x**2 + y**2", 0.1, starts=[(1.0, 1.0), (2.0, 0.5), (-1.0, 0.1)])
    examination = healthy(logdir)
    assert examination.runs == 4 and examination.tags > 30 and examination.notes == ()
    assert "Healthy: 4 runs with" in examination.lines()[0]


@pytest.mark.parametrize("every", ["epoch", "batch"])
def test_keras_callbacks_are_healthy(logdir, every):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    callback = keras.callbacks.TensorBoard(str(logdir), histogram_freq=1, update_freq=every)
    common = {"batch_size": 16, "verbose": 0, "validation_split": 0.25, "callbacks": [callback]}
    model.fit(x, x[:, :1], epochs=3, **common)
    assert healthy(logdir).runs == 2
    # Keras counts epochs on where it is told to, but batches from the beginning again.
    model.fit(x, x[:, :1], initial_epoch=3, epochs=5, **common)
    found = [(finding.fault, finding.tag) for finding in tbgrad.examine(logdir).findings]
    assert found == ([] if every == "epoch" else [("two launches in one directory", "batch_loss")])


def test_tf_summary_is_healthy(logdir):
    traced = tf.function(lambda x: tf.sin(x) * x, autograph=False)
    with tf.summary.create_file_writer(str(logdir / "a")).as_default():
        tf.summary.trace_on(graph=True)
        traced(tf.constant(1.0))
        tf.summary.trace_export("trace", step=0)
        for step in range(9):
            tf.summary.scalar("loss", 1 / (step + 1), step=step)
            tf.summary.histogram("weights", np.arange(step + 1.0), step=step)
        tf.summary.image("picture", np.zeros((2, 4, 4, 3), np.uint8), step=3)
        tf.summary.text("story", "# ∇f", step=4)
    healthy(logdir)


@pytest.mark.parametrize("module", ["torch.utils.tensorboard", "tensorboardX"])
def test_torch_and_tensorboardx_are_healthy(logdir, module):
    writer = pytest.importorskip(module).SummaryWriter(str(logdir / "a"))
    for step in range(30):
        writer.add_scalar("loss", 1 / (step + 1), step)
        writer.add_histogram("weights", np.arange(step + 1.0), step)
    writer.add_scalars("both", {"train": 1.0, "test": 2.0}, 0)
    writer.add_image("picture", np.zeros((3, 4, 4), np.uint8), 0)
    writer.add_text("story", "# ∇f")
    writer.add_mesh("cloud", vertices=np.zeros((1, 5, 3), np.float32), global_step=3)
    writer.add_hparams({"rate": 0.1, "schedule": None, "name": "adam"}, {"final": 0.5})
    writer.close()
    healthy(logdir)


def test_clu_is_healthy(logdir):
    writer = pytest.importorskip("clu.metric_writers").SummaryWriter(str(logdir / "a"))
    for step in range(30):
        writer.write_scalars(step, {"loss": 1 / (step + 1), "rate": 0.5})
    writer.write_texts(4, {"story": "# ∇f"})
    writer.write_hparams({"rate": 0.5, "name": "adam"})
    writer.close()
    healthy(logdir)


def test_a_descent_that_diverged_in_its_own_words(logdir):
    report = descent(logdir, "x**2 + y**2", 5.0).report
    found, *more = tbgrad.examine(logdir).findings
    # Its last value is beyond the floats, too; that its session failed says nothing more.
    assert found.fault == VERDICT and [finding.fault for finding in more] == ["a tag with only NaN"]
    assert found.what == report["starts"][0]["sentence"] and found.what.startswith("Diverged")
    assert found.run == report["run"] and found.where == "start (1.0, 1.0)"
    assert found.cure.endswith(": tbgrad rates 'x**2 + y**2' --optimizer sgd")


def test_a_function_without_a_bottom(logdir):
    descent(logdir, "-x**2 - y**2", 5.0)
    assert "bounded below" in tbgrad.examine(logdir).findings[0].cure


def test_a_descent_that_is_not_finite(logdir):
    descent(logdir, "log(x) + y**2", 0.1, starts=[(-1.0, 1.0)])
    found = tbgrad.examine(logdir).findings[0]
    assert found.fault == VERDICT and found.what.startswith("Not finite") and "start elsewhere" in found.cure


def test_a_descent_that_oscillates(logdir):
    descent(logdir, "abs(x) + abs(y)", 0.3)
    assert the_finding(logdir, VERDICT).what.startswith("Oscillating")


def test_noise_that_was_asked_for_may_keep_it_moving(logdir):
    outcome = descent(logdir, "x**2 + y**2", 0.4, steps=400, noise=1.0)
    assert outcome.report["statuses"] == {"oscillating": 1}
    healthy(logdir)


def test_many_starts_are_one_finding_for_each_status(logdir):
    f = tbgrad.resolve("x**4")
    optimizer = tbgrad.Optimizer("sgd", learning_rate=0.1)
    outcome = log_descent(f, optimizer, Place(logdir), points=[(0.5,), (9.0,), (1.0,), (-8.0,)], steps=60)
    assert outcome.report["statuses"] == {"diverged": 2, "steps_used": 2}
    found = next(finding for finding in tbgrad.examine(logdir).findings if finding.fault == VERDICT)
    assert found.what.startswith("2 of 4 starts; the first of them: Diverged") and found.where == "start (9.0)"


def test_verdicts_first_then_runs_then_the_folder(logdir):
    for number in range(41):
        put(logdir / f"run{number}", losses([1]))
    put(logdir / "a", losses([1, 1]))
    put(logdir / "b", losses([1]), "log.bin")
    with tbgrad.open_run(logdir / "z") as run:
        run.write(Texts("training/verdict", 0, "Exploding."))
    found = [finding.fault for finding in tbgrad.examine(logdir).findings]
    assert found == [
        "a verdict on training",
        "steps that go back or repeat",
        "a misnamed file",
        "more runs than a dashboard opens",
    ]


def test_equal_findings_are_folded(logdir):
    for number in range(10):
        put(logdir / f"run{number}", [*losses([1, 1]), *losses([1, 1], "other")])
    examination = tbgrad.examine(logdir)
    lines = examination.lines()
    assert len(examination.findings) == 20 and len(examination.document()["findings"]) == 20
    assert sum("(and 1 more tag)" in line for line in lines) == 4 and "  and 12 more in 6 runs" in lines
    assert sum(line.lstrip().startswith("cure:") for line in lines) == 1
    assert lines[-1] == "10 runs with 20 tags: 20 findings of 1 kind."
    assert max(map(len, lines)) <= 80


def test_capped_samples_are_folded_into_one_line(logdir):
    for number in range(3):
        with tbgrad.open_run(logdir / f"run{number}") as run:
            run.write(Scalars(tag, range(1001), range(1001)) for tag in ("a", "b"))
    lines = tbgrad.examine(logdir).lines()
    assert sum("1,001 scalars" in line for line in lines) == 1 and "  and 4 more in 2 runs" in lines


def test_the_document(logdir):
    put(logdir / "a", losses([1, 1]))
    document = tbgrad.examine(logdir).document()
    (finding,) = document.pop("findings")
    assert document == {"logdir": str(logdir), "runs": 1, "healthy": False, "notes": []}
    assert list(finding) == ["fault", "run", "tag", "place", "what", "cure"]
    assert (finding["run"], finding["tag"]) == ("a", "loss") and finding["place"].startswith("a, tag 'loss', file ")


def test_each_run_is_read_alone(logdir):
    """Memory is bounded by one run: of twenty no more is held at a time than of two."""
    import tracemalloc

    def peak(top):
        tracemalloc.start()
        tbgrad.examine(top)
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return held

    for count in (2, 20):
        for number in range(count):
            with tbgrad.open_run(logdir / f"{count}" / f"run{number}") as run:
                run.write(Scalars("loss", range(100_000), np.zeros(100_000)))
    peak(logdir / "2")
    assert peak(logdir / "20") < 1.2 * peak(logdir / "2")


def test_a_run_of_others_is_left_as_it_was(logdir):
    put(logdir / "a", losses(range(3)))
    complete(logdir / "b", 1.0)
    before = sorted((p, p.stat().st_mtime_ns) for p in logdir.rglob("*"))
    healthy(logdir)
    assert sorted((p, p.stat().st_mtime_ns) for p in logdir.rglob("*")) == before
