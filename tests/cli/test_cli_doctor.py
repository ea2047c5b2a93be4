"""tbgrad doctor: what it prints, its exit codes, its document."""

import json

import pytest
from doctor_samples import losses, put


@pytest.fixture
def ill(logdir):
    put(logdir / "a", losses([0, 1, 2, 1]))
    put(logdir / "b", losses([0, 1]))
    return logdir


def test_what_is_wrong_with_place_and_cure(typed, ill):
    result = typed("doctor", ill)
    assert (result.exit_code, result.stderr) == (1, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "steps that go back or repeat" and lines[1].startswith("  a, tag 'loss', file ")
    assert any(line.startswith("  cure: ") for line in lines)
    assert lines[-1] == "2 runs with 2 tags: 1 finding of 1 kind."
    assert all(len(line) <= 80 for line in lines)


def test_a_healthy_folder(typed, document, logdir):
    put(logdir / "a", losses(range(3)))
    result = typed("doctor", logdir)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Healthy: 1 run with 1 tag.")
    answer = document("doctor", logdir)
    assert answer == {"logdir": str(logdir), "runs": 1, "healthy": True, "findings": [], "notes": []}


def test_a_single_run(typed, ill):
    assert typed("doctor", ill / "a").exit_code == 1
    assert typed("doctor", ill / "b").exit_code == 0


def test_the_document(document, ill):
    answer = document("doctor", ill, exit_code=1)
    assert (answer["logdir"], answer["runs"], answer["healthy"]) == (str(ill), 2, False)
    (finding,) = answer["findings"]
    assert set(finding) == {"fault", "run", "tag", "place", "what", "cure"}
    assert (finding["run"], finding["tag"]) == ("a", "loss") and "step 1" in finding["place"]


def test_notes_go_to_stderr_and_are_no_fault(typed, logdir):
    put(logdir / "a", [], age=0)
    result = typed("doctor", logdir)
    assert result.exit_code == 0 and result.stderr.startswith("note: a, file ")
    assert typed("doctor", logdir, "--quiet").stderr == ""


def test_a_folder_without_runs_is_ill_and_none_is_a_mistake(typed, logdir):
    logdir.mkdir()
    result = typed("doctor", logdir)
    assert result.exit_code == 1 and "no run" in result.stdout and "cure: " in result.stdout
    result = typed("doctor", logdir / "nowhere")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "does not exist" in result.stderr and len(result.stderr.splitlines()) == 1


def test_the_place_by_default(typed, ill, monkeypatch):
    monkeypatch.chdir(ill.parent)
    assert typed("doctor").exit_code == 1
    monkeypatch.chdir("/")
    monkeypatch.setenv("TBGRAD_LOGDIR", str(ill))
    assert json.loads(typed("doctor", "--json").stdout)["logdir"] == str(ill)


@pytest.mark.parametrize("words", [["sweep", "ripple", "--points", "21"], ["descend", "sphere", "--steps", "60"]])
def test_what_a_command_logs_is_healthy(typed, logdir, words):
    assert typed(*words, "--logdir", logdir).exit_code == 0
    result = typed("doctor", logdir)
    assert result.exit_code == 0, result.stdout
