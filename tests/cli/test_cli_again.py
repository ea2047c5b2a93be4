"""The same request again, another request under its name, --overwrite, and where runs go."""

import json
import shutil

import pytest

SWEEP = ["sweep", "ripple", "--points", "5"]
DESCENT = ["descend", "sphere", "--start", "1,1", "--learning-rate", "0.1", "--steps", "4"]
DIVERGED = ["descend", "rosenbrock", "--learning-rate", "0.01", "--steps", "20"]
REQUESTS = pytest.mark.parametrize(("words", "code"), [(SWEEP, 0), (DESCENT, 0), (DIVERGED, 3)])


def events(top):
    return {path.name for path in top.rglob("events.out.tfevents.*")}


@REQUESTS
@pytest.mark.parametrize("json_first", [(), ("--json",)], ids=["text", "json"])
def test_again_prints_the_same_and_does_nothing(typed, contents, logdir, words, code, json_first):
    first = typed(*words, "--logdir", logdir, *json_first)
    before = contents(logdir)
    again = typed(*words, "--logdir", logdir, *json_first)
    assert (first.exit_code, again.exit_code) == (code, code)
    assert first.stdout == again.stdout
    assert contents(logdir) == before
    assert before


@REQUESTS
def test_text_after_json_and_json_after_text(typed, logdir, words, code):
    text, document = typed(*words, "--logdir", logdir), typed(*words, "--logdir", logdir, "--json")
    shutil.rmtree(logdir)
    fresh_document, fresh_text = typed(*words, "--logdir", logdir, "--json"), typed(*words, "--logdir", logdir)
    assert text.stdout == fresh_text.stdout
    assert document.stdout == fresh_document.stdout
    assert (text.exit_code, document.exit_code) == (code, code)
    assert json.loads(document.stdout)["run"] in text.stdout.splitlines()[-1]


def test_a_moved_log_directory_still_answers(typed, document, tmp_path):
    typed(*SWEEP, "--logdir", tmp_path / "one")
    (tmp_path / "one").rename(tmp_path / "two")
    result = typed(*SWEEP, "--logdir", tmp_path / "two")
    assert result.stdout.splitlines()[-1] == f"{tmp_path}/two/ripple/sweep/x_points5"
    assert document(*SWEEP, "--logdir", tmp_path / "two")["logdir"] == str(tmp_path / "two")


@pytest.mark.parametrize(
    "spelled",
    [
        ["descend", "sphere", "--start", "x=1,y=1", "--learning-rate", "0.10", "--steps", "4"],
        ["descend", "sphere", "--steps", "4", "--learning-rate", "1/10", "--start", "2/2,1e0", "--optimizer", "sgd"],
        [*DESCENT, "--dtype", "float64", "--seed", "0"],
        [*DESCENT, "--option", "momentum=0"],  # Keras's default
    ],
)
def test_the_same_request_spelled_otherwise(typed, contents, logdir, spelled):
    first = typed(*DESCENT, "--logdir", logdir)
    before = contents(logdir)
    assert typed(*spelled, "--logdir", logdir).stdout == first.stdout
    assert contents(logdir) == before


@REQUESTS
def test_overwrite_makes_it_anew(typed, logdir, words, code):
    first = typed(*words, "--logdir", logdir)
    old = events(logdir)
    again = typed(*words, "--logdir", logdir, "--overwrite")
    assert (again.exit_code, again.stdout) == (code, first.stdout)
    assert len(old) == len(events(logdir)) == 1
    assert not old & events(logdir)


def test_overwrite_where_nothing_is(typed, logdir):
    assert typed(*SWEEP, "--logdir", logdir, "--overwrite").exit_code == 0
    assert len(events(logdir)) == 1


@pytest.mark.parametrize("other", [["sweep", "ripple", "--points", "6"], DESCENT, ["sweep", "sphere", "--points", "5"]])
def test_another_request_under_the_same_name(typed, contents, logdir, other):
    assert typed(*SWEEP, "--run", "mine/own", "--logdir", logdir).exit_code == 0
    before = contents(logdir)
    refused = typed(*other, "--run", "mine/own", "--logdir", logdir)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "mine/own" in refused.stderr and "--overwrite" in refused.stderr and "--run" in refused.stderr
    assert contents(logdir) == before
    replaced = typed(*other, "--run", "mine/own", "--logdir", logdir, "--overwrite")
    assert replaced.exit_code == 0
    assert replaced.stdout.splitlines()[-1] == f"{logdir}/mine/own"
    assert len(events(logdir)) == 1 and not events(logdir) & {name.rsplit("/", 1)[-1] for name in before}


def test_the_name_is_the_whole(typed, logdir):
    assert typed(*SWEEP, "--run", "mine", "--logdir", logdir).stdout.splitlines()[-1] == f"{logdir}/mine"
    assert [path.name for path in logdir.iterdir()] == ["mine"]


@pytest.mark.parametrize("inside", ["mine", "mine/deeper", "mine/deeper/still"])
def test_a_run_holds_no_other(typed, contents, logdir, inside):
    assert typed(*SWEEP, "--run", "mine/deeper", "--logdir", logdir).exit_code == 0
    before = contents(logdir)
    other = typed("sweep", "sphere", "--points", "3", "--run", inside, "--logdir", logdir)
    assert (other.exit_code, other.stdout) == (2, "")
    assert contents(logdir) == before


def test_somebody_elses_run_is_left_alone(typed, contents, logdir):
    place = logdir / "ripple/sweep/x_points5"
    place.mkdir(parents=True)
    (place / "events.out.tfevents.1.theirs").write_bytes(b"theirs")
    before = contents(logdir)
    for words in (SWEEP, [*SWEEP, "--overwrite"]):
        refused = typed(*words, "--logdir", logdir)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert contents(logdir) == before


@REQUESTS
def test_a_crashed_run_is_replaced(typed, logdir, words, code):
    first = typed(*words, "--logdir", logdir)
    (kept,) = logdir.rglob("run.json")
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "status": "running"}))
    old = events(logdir)
    again = typed(*words, "--logdir", logdir)
    assert (again.exit_code, again.stdout) == (code, first.stdout)
    assert json.loads(kept.read_text())["status"] == "complete"
    assert len(events(logdir)) == 1 and not old & events(logdir)


def test_quiet_says_nothing_beside_the_report(typed, logdir):
    loud, quiet = typed(*SWEEP, "--logdir", logdir), typed(*SWEEP, "--logdir", logdir, "--quiet")
    assert (quiet.stdout, quiet.stderr) == (loud.stdout, "")


def test_the_variable_names_the_log_directory(typed, tmp_path, monkeypatch, logdir):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TBGRAD_LOGDIR", "from_the_variable")
    assert typed(*SWEEP).stdout.splitlines()[-1] == "from_the_variable/ripple/sweep/x_points5"
    assert typed(*SWEEP, "--logdir", "typed").stdout.splitlines()[-1] == "typed/ripple/sweep/x_points5"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["from_the_variable", "typed"]


@pytest.mark.parametrize("words", [SWEEP, DESCENT])
def test_the_default_is_logs_here(typed, document, tmp_path, monkeypatch, logdir, words):
    monkeypatch.chdir(tmp_path)
    last = typed(*words).stdout.splitlines()[-1]
    assert last.startswith("logs/") and (tmp_path / last / "run.json").is_file()
    answer = document(*words)
    assert (answer["logdir"], f"logs/{answer['run']}") == ("logs", last)


@pytest.mark.parametrize("name", ["with space", "ünï", 'quo"te', "-dash", "a.b"])
def test_log_directories_may_have_any_name(typed, tmp_path, monkeypatch, logdir, name):
    monkeypatch.chdir(tmp_path)
    result = typed(*SWEEP, "--logdir", name)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"{name}/ripple/sweep/x_points5"
    assert (tmp_path / name / "ripple/sweep/x_points5/run.json").is_file()
