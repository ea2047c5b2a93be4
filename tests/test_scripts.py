"""The scripts run as they stand and log what they promise."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tbgrad

SCRIPTS = Path(tbgrad.__file__).parent.parent / "scripts"
QUICK = {
    "optimizers_on_rosenbrock": ["--steps", "500", "--rates", "2"],
    "train_digits": ["--epochs", "4", "--points", "9"],
}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Runs a script once in a directory of its own; gives what it printed and that directory."""
    done = {}

    def run(name):
        if name not in done:
            home = tmp_path_factory.mktemp(name)
            command = [sys.executable, str(SCRIPTS / f"{name}.py"), "--logdir", "runs", *QUICK.get(name, [])]
            finished = subprocess.run(command, cwd=home, capture_output=True, text=True, env=os.environ)
            assert finished.returncode == 0, finished.stderr
            done[name] = finished.stdout, home / "runs"
        return done[name]

    return run


def test_ripple(said):
    text, runs = said("ripple")
    assert "value 0.9092974268256817" in text
    assert text.count("1.500000 π from the origin") == 2
    line = tbgrad.read_run(runs / "sweep")
    assert len(line.scalars["sweep/value"].value) == 201
    for optimizer in ("sgd", "adam"):
        assert tbgrad.read_run(runs / optimizer).scalars["descent/value"].value[-1] == pytest.approx(-1)


def test_tilted_waves(said):
    text, runs = said("tilted_waves")
    assert "along y: 240 of 241 points are defined" in text
    assert "ends at (2.537092, 2.235646), value 0.487296" in text
    by_hand, by_tape = (line.split() for line in text.splitlines()[:2])
    assert float(by_hand[-1]) == pytest.approx(float(by_hand[-3].rstrip(",")), rel=1e-14)
    assert float(by_tape[-1]) == pytest.approx(float(by_tape[-3].rstrip(",")), rel=1e-14)
    assert "sweep/curve" in tbgrad.read_run(runs / "along_y").images


def test_fading_wave(said):
    text, runs = said("fading_wave")
    assert "tangent at 4.1: value 0.2322968533263" in text
    assert "slope -0.195825531572" in text
    own, built_in = (tbgrad.read_run(runs / run).scalars["sweep/slope"] for run in ("by_tape", "sweep"))
    assert own.step.tolist() == built_in.step.tolist()
    assert own.value[1:] == pytest.approx(built_in.value[1:])


def test_optimizers_on_rosenbrock(said):
    text, runs = said("optimizers_on_rosenbrock")
    assert len(tbgrad.compare([runs]).runs) == 7
    assert "momentum" in text


def test_train_digits(said):
    text, runs = said("train_digits")
    healthy, *_, sick, _ = text.splitlines()
    right = [float(re.search(r"([\d.]+)% of the test digits are right", line)[1]) for line in (healthy, sick)]
    # One digit in ten is right by chance.
    assert right[0] > 70 and right[1] < 20
    assert healthy.startswith("healthy") and healthy.endswith("no fault found")
    assert sick.startswith("sick") and "The gradient vanishes at layer 'hidden_3' and 2 more layers below it" in sick
    for name, verdict in (("healthy", "## Healthy"), ("sick", "## The gradient vanishes at layer `hidden_3`")):
        run = tbgrad.read_run(runs / name)
        assert run.texts["training/verdict"].text[-1].startswith(verdict)
        assert "training/layers" in run.images and "training/sharpness" in run.scalars
        assert len(run.scalars["training/loss"].value) == 102
    for name, share in (("along_the_way", (0.7, 1)), ("random", (0, 0.05))):
        run = tbgrad.read_run(runs / "landscape" / name)
        assert {"surface/contour"} <= set(run.images) and "surface/mesh" in run.meshes
        arrays = np.load(runs / "landscape" / name / "arrays.npz")
        assert arrays["value"].shape == (9, 9) and np.isfinite(arrays["value"]).all()
        # Positions are kept at every tenth step; the loss falls along them.
        assert arrays["path_step"].tolist() == [*range(0, 121, 10)]
        assert arrays["path_value"][-1] < 0.5 * arrays["path_value"][0]
        report = json.loads((runs / "landscape" / name / "run.json").read_text())["outcome"]["report"]
        assert share[0] < report["explained"] < share[1]


@pytest.mark.parametrize("script", sorted(path.stem for path in SCRIPTS.glob("*.py")))
def test_every_script_is_tested(script):
    assert f"test_{script}" in globals()
