"""tbgrad compare and tbgrad board, on a small log directory."""

import csv
import io
import json
import math

import pytest
from click.testing import CliRunner

from tbgrad.cli.main import main

FAST = "sphere/descent/sgd_lr0.4_start1_1_steps60"
SLOW = "sphere/descent/sgd_lr0.1_start1_1_steps60"
SHORT = "sphere/descent/sgd_lr0.01_start1_1_steps60"
SHORTER = "sphere/descent/sgd_lr0.001_start1_1_steps60"
AWAY = "sphere/descent/sgd_lr5_start1_1_steps60"
WAVES = "tilted_waves/descent/sgd_lr0.1_steps60"
ORDER = [FAST, SLOW, SHORT, SHORTER, AWAY]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Five descents on sphere, one on tilted_waves, and a sweep that has nothing to rank."""
    top = tmp_path_factory.mktemp("compare") / "logs"
    runs = [["sphere", "--start", "1,1", "--learning-rate", rate] for rate in ("0.01", "5", "0.4", "0.001", "0.1")]
    requests = [["descend", *run, "--steps", "60"] for run in [*runs, ["tilted_waves", "--learning-rate", "0.1"]]]
    for words in [*requests, ["sweep", "sphere", "--points", "3"]]:
        result = CliRunner().invoke(main, [*words, "--logdir", str(top)])
        assert result.exit_code in (0, 3), result.stderr
    return top


def ranked(answer, function):
    return [one for one in answer["runs"] if one["run"].startswith(f"{function}/descent")]


def test_best_first(document, small):
    answer = document("compare", small)
    spheres = ranked(answer, "sphere")
    assert [one["run"] for one in spheres] == ORDER
    for one in spheres:
        assert {"run", "hparams", "metrics", "status"} <= set(one)
        assert {"steps_to_gap", "best_value", "final_value"} <= set(one["metrics"])
        assert one["hparams"]["optimizer"] == "sgd"
    # On the sphere a step multiplies the value by (1 - 2 rate)²; it begins at 2 and is there at 1e-6.
    for one, rate in zip(spheres[:2], (0.4, 0.1), strict=True):
        expected = math.ceil(math.log(1e-6 / 2) / math.log((1 - 2 * rate) ** 2))
        assert one["metrics"]["steps_to_gap"] == expected
        assert one["hparams"]["learning_rate"] == rate
    assert [one["metrics"]["steps_to_gap"] for one in spheres[2:]] == [None, None, None]
    assert spheres[2]["metrics"]["final_value"] == pytest.approx(2 * 0.98**120, rel=1e-6)
    assert [one["status"] for one in spheres] == ["converged", *["steps_used"] * 3, "diverged"]


def test_functions_are_not_ranked_against_each_other(document, typed, small):
    functions = [one["run"].split("/")[0] for one in document("compare", small)["runs"]]
    assert functions == sorted(functions, key=functions.index)
    assert set(functions) == {"sphere", "tilted_waves"}
    shown = typed("compare", small)
    assert (shown.exit_code, shown.stderr) == (0, "")
    lines = shown.stdout.splitlines()
    assert "sphere" in lines and "tilted_waves" in lines
    rows = [next(index for index, line in enumerate(lines) if line.endswith(run)) for run in ORDER]
    assert rows == sorted(rows)
    (waves,) = ranked(document("compare", small), "tilted_waves")
    assert waves["run"] == WAVES and waves["metrics"]["steps_to_gap"] is None


def test_some_runs_only(document, small):
    answer = document("compare", small / SHORT, small / FAST)
    assert len(answer["runs"]) == 2
    assert [one["run"].endswith(end) for one, end in zip(answer["runs"], (FAST, SHORT), strict=True)] == [True, True]


def test_the_same_place_twice_is_counted_once(document, small):
    assert len(document("compare", small, small)["runs"]) == len(document("compare", small)["runs"])


def test_by_a_tag(document, small):
    answer = document("compare", small, "--by", "descent/value")
    spheres = ranked(answer, "sphere")
    values = [one["metrics"]["descent/value"] for one in spheres]
    assert [one["run"] for one in spheres] == ORDER
    assert values[:4] == sorted(values[:4])


def test_by_an_unknown_tag(typed, small):
    refused = typed("compare", small, "--by", "descent/valu")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "descent/valu" in refused.stderr and "'descent/value'" in refused.stderr


def test_csv(typed, document, small, tmp_path):
    shown = typed("compare", small, "--csv", "-")
    assert (shown.exit_code, shown.stderr) == (0, "")
    rows = list(csv.DictReader(io.StringIO(shown.stdout)))
    answer = document("compare", small)["runs"]
    assert [row["run"] for row in rows] == [one["run"] for one in answer]
    for row, one in zip(rows, answer, strict=True):
        final = one["metrics"]["final_value"]
        assert float(row["final_value"]) == pytest.approx(float(final), nan_ok=True)
        assert row["steps_to_gap"] == "" or float(row["steps_to_gap"]) == one["metrics"]["steps_to_gap"]
    assert typed("compare", small, "--csv", tmp_path / "table.csv").exit_code == 0
    assert (tmp_path / "table.csv").read_text() == shown.stdout


def test_two_things_on_one_stdout(typed, small):
    refused = typed("compare", small, "--json", "--csv", "-")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "--csv" in refused.stderr and "--json" in refused.stderr


def test_json_beside_a_csv_file(document, small, tmp_path):
    assert document("compare", small, "--csv", tmp_path / "table.csv")["runs"]
    assert (tmp_path / "table.csv").read_text().count("\n") == 7


def test_compare_writes_nothing(typed, contents, small):
    before = contents(small)
    typed("compare", small)
    assert contents(small) == before


@pytest.mark.parametrize("command", ["compare", "board"])
@pytest.mark.parametrize("place", ["nowhere", "empty", "file"])
def test_no_runs(typed, tmp_path, command, place):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    refused = typed(command, tmp_path / place, "--json")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert place in refused.stderr and "Traceback" not in refused.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file"]


def test_a_score_of_a_tag(document, small):
    answer = document("compare", small, "--by", "descent/value:steps-to=1", "--where", "run=sphere*")
    steps = [one["metrics"]["descent/value:steps-to=1"] for one in answer["runs"]]
    # A step multiplies the value, 2 at first, by (1 - 2 rate)².
    expected = [math.ceil(math.log(1 / 2) / math.log((1 - 2 * rate) ** 2)) for rate in (0.4, 0.1, 0.01)]
    assert steps == [*expected, "Infinity", "Infinity"]
    assert [one["rank"] for one in answer["runs"]] == [1, 2, 3, 4, 4]
    highest = document("compare", small, "--by", "descent/value", "--highest", "--where", "run=sphere*")
    assert [one["run"] for one in highest["runs"]][:4] == ORDER[3::-1]


def test_conditions(document, small):
    answer = document("compare", small, "--where", "learning_rate<0.1", "--where", "function=sphere")
    assert [one["run"] for one in answer["runs"]] == [SHORT, SHORTER]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--where", "learning_rat<1"], "Did you mean 'learning_rate'?"),
        (["--where", "learning_rate"], "no condition"),
        (["--where", "optimizer<sgd"], "no number"),
        (["--where", "learning_rate>100"], "none of the 7 runs"),
        (["--by", "descent/value:steps-to=low"], "no number"),
        (["--by", "descent/value:mean"], "Did you mean 'descent/value"),
        (["--by", "descent/value:mean"], "last, min, max, auc, steps-to=VALUE"),
        (["--group-by", "optimiser"], "Did you mean 'optimizer'?"),
        (["--run", "mine"], "--log"),
        (["--overwrite"], "--log"),
        (["--csv", "-", "--markdown", "-"], "want stdout"),
        (["--csv", "table", "--html", "./table"], "overwrite each other"),
        (["--json", "--markdown", "-"], "want stdout"),
        (["--log", "--run", "../mine"], "cannot name a run"),
    ],
)
def test_mistakes(typed, small, contents, words, said):
    before = contents(small)
    refused = typed("compare", small, *words, "--logdir", small)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert said in refused.stderr and refused.stderr.count("\n") == 1
    assert contents(small) == before


@pytest.mark.parametrize("width", [40, 50, 72, 80, 120])
def test_the_table_fits_the_terminal(typed, small, width):
    shown = typed("compare", small, "--group-by", "learning_rate", env={"COLUMNS": str(width)})
    lines = shown.stdout.splitlines()
    assert max(map(len, lines)) <= width
    assert (any("0.4" in line for line in lines) and "No room for" in shown.stdout) or width == 120
    # Of a group the verdict stays.
    assert "not applicable" in shown.stdout
    # What all runs share stands once, below the table.
    assert "optimizer sgd" in shown.stdout.replace("\n", " ")


def test_markdown(typed, small, tmp_path):
    shown = typed("compare", small, "--markdown", "-").stdout
    rows = [line for line in shown.splitlines() if line.startswith("| 1")]
    assert len(rows) == 2 and FAST.replace("_", "\\_") in rows[0]
    assert typed("compare", small, "--markdown", tmp_path / "table.md").exit_code == 0
    assert (tmp_path / "table.md").read_text() == shown


def test_patterns(document, small):
    answer = document("compare", f"{small}/*/descent")
    assert {one["run"].rsplit("/", 1)[-1] for one in answer["runs"]} == {run.split("/")[-1] for run in [*ORDER, WAVES]}
    assert len(document("compare", f"{small}/**/sgd_lr0.[14]*")["runs"]) == 3


def test_a_pattern_without_a_match(typed, small):
    refused = typed("compare", f"{small}/nothing*")
    assert refused.exit_code == 2 and "no directory matches" in refused.stderr


def test_log(typed, document, small, tmp_path):
    shown = typed("compare", small, "--log", "--logdir", tmp_path)
    assert shown.exit_code == 0
    run = tmp_path / shown.stdout.splitlines()[-1].split(f"{tmp_path}/")[1]
    assert (run / "run.json").is_file() and len(list(run.parent.iterdir())) == 3
    answer = document("compare", small, "--log", "--logdir", tmp_path)
    assert (answer["logdir"], f"{tmp_path}/{answer['run']}") == (str(tmp_path), str(run))
    assert len(answer["runs"]) == 6


def test_a_file_that_cannot_be_written(typed, small, tmp_path):
    refused = typed("compare", small, "--csv", tmp_path / "nowhere/table.csv")
    assert refused.exit_code == 2
    assert "Traceback" not in refused.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [[], ["--host", "0.0.0.0"], ["--port", "0"], ["--port", "7007"]], ids=" ".join)
def test_the_boards_command(typed, small, words):
    result = typed("board", small, *words, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    command = json.loads(result.stdout)["command"]
    assert any("tensorboard" in part for part in command)
    assert command[command.index("--logdir") + 1] == str(small)
    assert command[command.index("--host") + 1] == (words[1] if "--host" in words else "localhost")
    if "--port" in words:
        assert command[command.index("--port") + 1] == words[1]


@pytest.mark.parametrize("steps", [60, 3000])
def test_nothing_logged_is_hidden(typed, document, logdir, steps):
    typed("descend", "sphere", "--start", "1,1", "--learning-rate", "0.1", "--steps", steps, "--logdir", logdir)
    command = document("board", logdir)["command"]
    sampled = command[command.index("--samples_per_plugin") + 1]
    kept = dict(part.split("=") for part in sampled.split(","))
    assert int(kept["scalars"]) == 0 or int(kept["scalars"]) >= steps + 1
    assert {"images", "text"} <= set(kept)


def test_the_board_knows_the_default(document, tmp_path, monkeypatch, small, logdir):
    monkeypatch.setenv("TBGRAD_LOGDIR", str(small))
    assert document("board")["logdir"] == str(small)
    assert len(document("compare")["runs"]) == 6
    (tmp_path / "logs").symlink_to(small)
    monkeypatch.delenv("TBGRAD_LOGDIR")
    monkeypatch.chdir(tmp_path)
    assert document("board")["logdir"] == "logs"
    assert len(document("compare")["runs"]) == 6


def test_another_number_of_variables_is_another_function(typed, logdir):
    for size in ("2", "3"):
        words = ["descend", "rastrigin", "--dimensions", size, "--steps", "3", "--learning-rate", "0.001"]
        assert typed(*words, "--logdir", logdir).exit_code == 0
    lines = typed("compare", logdir).stdout.splitlines()
    assert "rastrigin" in lines and "rastrigin in 3 variables" in lines
    assert any("rastrigin/descent/sgd_lr0.001_dimensions3_steps3" in line for line in lines)


@pytest.mark.parametrize("command", ["compare", "export"])
def test_an_empty_place_is_refused(small, monkeypatch, command):
    """It would be the current directory."""
    monkeypatch.chdir(small)
    result = CliRunner().invoke(main, [command, ""])
    assert result.exit_code == 2 and "write '.'" in result.stderr and not result.stdout
