"""A landscape with a path in a run: what is written, and when it is found again."""

import dataclasses
import json

import numpy as np
import pytest
from landscape_samples import LINE, PATH, PLANE, STEPS, feet_of, quadratic, value_of

import tbgrad
from tbgrad.errors import UndefinedError
from tbgrad.experiments.launching import Place
from tbgrad.experiments.model_landscapes import log_landscape
from tbgrad.results import Plane


def test_a_run_holds_the_landscape_and_its_path(tmp_path):
    done = log_landscape(quadratic(), PLANE, Place(tmp_path), path=PATH, steps=STEPS, points=7)
    run = tmp_path / done.report["run"]
    assert done.report["run"].startswith("quadratic/landscape/first-second_") and done.lines[-1] == str(run)
    info, arrays = json.loads((run / "run.json").read_text()), tbgrad.read_arrays(run)
    assert info["status"] == "complete"
    np.testing.assert_allclose(arrays["path_at"], feet_of(PATH), rtol=1e-9)
    np.testing.assert_allclose(arrays["path_value"], value_of(PATH.astype(float)), rtol=1e-12)
    assert arrays["value"].shape == (7, 7) and arrays["gradient"].shape == (7, 7, 2)
    assert any("nothing normalised; on known numbers" in line for line in done.lines)
    assert any("path to step 32: projected on a plane" in line for line in done.lines)
    assert done.report["explained"] == pytest.approx(
        tbgrad.landscape(quadratic(), PLANE, path=PATH, points=3).trail.explained
    )


def test_a_repeat_finds_it_and_another_path_does_not(tmp_path):
    def log(f=quadratic, plane=PLANE, **settings):
        return log_landscape(f(), plane, Place(tmp_path), points=5, **{"path": PATH, "steps": STEPS} | settings)

    first = log()
    again = log(path=np.array(PATH))
    assert again.report["run"] == first.report["run"] and "found the complete run" in again.notes[0]
    others = [
        log(path=PATH + np.float32(1e-3)),
        log(steps=STEPS + 1),
        log(path=None, steps=None),
        log(gradients=False),
        log(over=[("first", -1, 1), ("second", -1, 1)]),
        log(plane=dataclasses.replace(PLANE, origin=PLANE.origin + 1e-6)),
        log(plane=dataclasses.replace(PLANE, caption="something else")),
    ]
    names = [outcome.report["run"] for outcome in others]
    assert len({first.report["run"], *names}) == 1 + len(names)
    assert not any(outcome.notes for outcome in others)


def test_without_gradients_none_are_kept(tmp_path):
    done = log_landscape(quadratic(), PLANE, Place(tmp_path), points=5, gradients=False)
    assert set(tbgrad.read_arrays(tmp_path / done.report["run"])) == {"x", "y", "value"}


def test_a_line(tmp_path):
    done = log_landscape(quadratic(), LINE, Place(tmp_path), path=PATH, steps=STEPS)
    assert done.report["run"].startswith("quadratic/landscape/way_")
    assert "sweep/curve" in tbgrad.read_run(tmp_path / done.report["run"]).images
    assert done.report["coordinate"].shape == (41,)


def test_what_is_undefined_everywhere_is_no_run(tmp_path):
    with pytest.raises(UndefinedError, match="not defined anywhere"):
        log_landscape(tbgrad.resolve("log(x) + y"), Plane(np.array([-9.0, 0]), np.eye(2)), Place(tmp_path), points=3)
    assert not [*tmp_path.rglob("run.json")]
