"""What `tbgrad doctor` says of a callback's runs: the verdict of those that are sick, and of others nothing."""

import json
import shutil

import keras
import networks
import numpy as np
import pytest
from click.testing import CliRunner

import tbgrad
from tbgrad.cli.main import main

X, Y = networks.data()


def fit(*callbacks, x=X):
    model = networks.made(networks.functional, lambda: keras.optimizers.SGD(0.01))
    for callback in callbacks:
        model.fit(x, Y, batch_size=networks.BATCH, verbose=0, shuffle=False, callbacks=[callback])


def examined(logdir):
    done = CliRunner().invoke(main, ["doctor", str(logdir), "--json"])
    return done.exit_code, json.loads(done.stdout)["findings"]


@pytest.fixture(scope="module")
def logdir(tmp_path_factory):
    """A callback that went on in a second fit, and so has two files; a new one beside it; and two that are sick."""
    top = tmp_path_factory.mktemp("examined")
    going_on = tbgrad.GradientCallback(top / "mine", histograms=2, quiet=True)
    fit(going_on, going_on, tbgrad.GradientCallback(top / "mine", quiet=True))
    assert {path.name for path in top.iterdir()} == {"mine", "mine-2"}
    assert len(list((top / "mine").glob("*tfevents*"))) == 2
    for name, row in (("nan_amid", len(X) // 2), ("nan_at_last", -1)):
        broken = X.copy()
        broken[row] = np.nan
        fit(tbgrad.GradientCallback(top / name, histograms=2, quiet=True), x=broken)
    return top


def test_healthy_trainings_are_not_accused(logdir, tmp_path):
    for name in ("mine", "mine-2"):
        shutil.copytree(logdir / name, tmp_path / name)
    assert examined(tmp_path) == (0, [])


def test_sick_trainings_are_named_by_their_verdict(logdir):
    code, findings = examined(logdir)
    assert code == 1
    assert {finding["run"] for finding in findings} == {"nan_amid", "nan_at_last"}
    verdicts = {f["run"]: f["what"] for f in findings if f["fault"] == "a verdict on training"}
    half = len(X) // 2 // networks.BATCH
    assert verdicts["nan_amid"].startswith(f"The batch at step {half} held NaN or infinity")
    assert verdicts["nan_at_last"].startswith("The batch at step 5 held NaN or infinity")
    assert {f["fault"] for f in findings} <= {"a verdict on training", "NaN or infinity"}, findings
