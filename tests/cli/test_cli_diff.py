"""tbgrad diff: what it prints, and what it refuses."""

import pytest
from run_samples import complete, foreign

FAST = "sphere/descent/sgd_lr0.25_start1_1_steps10"
SLOW = "sphere/descent/sgd_lr0.125_start1_1_steps10"


@pytest.fixture
def descents(typed, logdir):
    for rate in ("0.25", "0.125"):
        words = ["descend", "sphere", "--start", "1,1", "--learning-rate", rate, "--steps", "10"]
        assert typed(*words, "--logdir", logdir).exit_code == 0
    return logdir / FAST, logdir / SLOW


def test_two_descents(typed, document, contents, descents, logdir):
    before = contents(logdir)
    result = typed("diff", *descents)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[:2] == [f"one    {descents[0]}", f"other  {descents[1]}"]
    assert max(map(len, lines[2:])) <= 100
    for title in ("asked", "came out", "scalars", "besides"):
        assert title in lines
    rows = {line.split()[0]: line.split()[1:] for line in lines if line.startswith("  ")}
    assert rows["learning_rate"] == ["0.25", "0.125"]
    # On the sphere a step multiplies the value, which begins at 2, by (1 - 2 rate)².
    assert rows["descent/value"][:4] == ["1", "0.5", "1.125", "0.625"]
    answer = document("diff", *descents)
    assert [d["name"] for d in answer["asked"]] == ["learning_rate"] and answer["first_step"] == 0
    (value,) = (p for p in answer["scalars"] if p["tag"] == "descent/value")
    assert (value["step"], value["one"], value["other"], value["largest_step"]) == (1, 0.5, 1.125, 1)
    assert answer["exact"] == {"step": 1, "array": "value", "one": 0.5, "other": 1.125}
    assert {d["name"] for d in answer["came_out"]} >= {"best_value", "final_value"}
    assert contents(logdir) == before


def test_no_difference(typed, document, tmp_path):
    one, other = (complete(tmp_path / name, 1.0, float("nan"), float("inf")) for name in "ab")
    result = typed("diff", one, other)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[2:] == ["", "No difference found in 2 outcomes and 1 scalar."]
    answer = document("diff", one, other)
    assert answer["equal"] is True and answer["first_step"] is None and answer["scalars"] == []


def test_numbers_that_json_lacks(document, tmp_path):
    one, other = complete(tmp_path / "a", 1.0, float("nan")), complete(tmp_path / "b", 1.0, float("-inf"))
    (loss,) = document("diff", one, other)["scalars"]
    assert (loss["one"], loss["other"], loss["largest"]) == ("NaN", "-Infinity", "Infinity")


def test_ours_beside_a_foreign_one(typed, tmp_path):
    result = typed("diff", complete(tmp_path / "ours", 7.5), foreign(tmp_path / "theirs"))
    assert result.exit_code == 0 and "run.json" in result.stdout


def test_damage_is_a_note(typed, document, tmp_path):
    one, other = complete(tmp_path / "a", *range(50)), complete(tmp_path / "b", *range(50))
    (file,) = other.glob("*tfevents*")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)
    result = typed("diff", one, other)
    assert result.exit_code == 0 and result.stderr.startswith("note: ") and str(file) in result.stderr
    assert typed("diff", one, other, "--quiet").stderr == ""
    assert len(document("diff", one, other)["damage"]) == 1


@pytest.mark.parametrize(
    ("words", "holds"),
    [
        ([], "RUN"),
        (["a"], "RUN"),
        (["a", "b", "c"], "c"),
        (["a", "nowhere"], "there is no directory 'nowhere'"),
        (["a", "a"], "are the same run"),
        (["a", "./b/../a/"], "are the same run"),
        (["a", "."], "'.' is no run itself, but holds 2 runs: 'a', 'b'. Name two runs."),
        (["empty", "a"], "'empty' holds no event file"),
        (["a", "b", "--tag", "x"], "--tag"),
    ],
)
@pytest.mark.parametrize("more", [[], ["--json"]], ids=["text", "json"])
def test_mistakes(typed, tmp_path, monkeypatch, words, holds, more):
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        complete(tmp_path / name, 1.0)
    (tmp_path / "empty").mkdir()
    result = typed("diff", *words, *more)
    assert (result.exit_code, result.stdout) == (2, "")
    assert holds in result.stderr and len(result.stderr.splitlines()) == 1
