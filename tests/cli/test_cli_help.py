"""Help, documentation, the two ways to start, what starting loads, and what a shell is offered."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tbgrad
from tbgrad.cli.main import main
from tbgrad.descent.stopping import RULES
from tbgrad.experiments import basins, rates
from tbgrad.experiments.descents import MOST_CURVED, STEPS
from tbgrad.experiments.racing import FEWEST, MOST
from tbgrad.functions.resolving import resolve
from tbgrad.instruments import ALL_INSTRUMENTS

COMMANDS = ["tour", "functions", "grad", "sweep", "descend", "race", "rates", "basins", "compare", "board"]
OFFERED = sorted({*COMMANDS, *main.list_commands(None)})
LOGGING = ["sweep", "descend", "race", "rates", "basins"]
COMPUTING = ["grad", "sweep", "descend", "race", "rates", "basins"]
HEAVY = ("tensorflow", "keras", "matplotlib", "tensorboard")
README = Path(__file__).parents[2] / "README.md"


def python(*words):
    """Run Python in a process whose surroundings say nothing about TensorFlow."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "TBGRAD_"))}
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, encoding="utf-8", env=environment, timeout=120
    )


def loads(words):
    """The packages that a command loads, by name."""
    code = (
        "import sys\n"
        "from tbgrad.cli.main import main\n"
        "try:\n"
        f"    main({words!r})\n"
        "except SystemExit:\n"
        "    pass\n"
        "print('|', *sys.modules)\n"
    )
    result = python("-c", code)
    assert result.returncode == 0, result.stderr
    return set(result.stdout.rsplit("|", 1)[1].split())


def completions(words, index):
    """What the shell is offered after these words, from the installed command, and what that loads."""
    script = shutil.which("tbgrad", path=str(Path(sys.executable).parent))
    if script is None:
        pytest.skip("the console script is not installed beside this Python")
    environment = {
        **os.environ,
        "_TBGRAD_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(index),
        "PYTHONPROFILEIMPORTTIME": "1",
    }
    result = subprocess.run([script], capture_output=True, text=True, env=environment, timeout=120)
    assert result.returncode == 0, result.stderr
    loaded = {line.rsplit("|", 1)[-1].strip() for line in result.stderr.splitlines() if line.startswith("import time")}
    return [line.split(",", 1)[1] for line in result.stdout.splitlines() if "," in line], loaded


@pytest.mark.parametrize("command", OFFERED)
def test_help_begins_with_a_sentence(typed, command):
    result = typed(command, "--help")
    assert result.exit_code == 0
    assert result.stderr == ""
    paragraphs = result.stdout.split("\n\n")
    assert paragraphs[0].startswith("Usage: ") and f" {command} " in paragraphs[0]
    first = " ".join(paragraphs[1].split())
    assert first[0].isupper() and first.endswith("."), first


@pytest.mark.parametrize("command", OFFERED)
def test_every_command_is_documented(command):
    assert f"tbgrad {command}" in README.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", OFFERED)
@pytest.mark.parametrize("option", ["--json", "--quiet", "--debug"])
def test_every_command_takes_the_common_options(typed, command, option):
    assert option in typed(command, "--help").stdout.split()


@pytest.mark.parametrize("command", LOGGING)
@pytest.mark.parametrize("option", ["--logdir", "--run", "--overwrite"])
def test_commands_that_log_take_a_place(typed, command, option):
    assert option in typed(command, "--help").stdout.split()


@pytest.mark.parametrize("command", COMPUTING)
@pytest.mark.parametrize("option", ["--dtype", "--seed"])
def test_commands_that_compute_take_a_type_and_a_seed(typed, command, option):
    assert option in typed(command, "--help").stdout.split()


def test_help_lists_every_command(typed):
    result = typed("--help")
    assert result.exit_code == 0
    listed = {line.split()[0] for line in result.stdout.split("Commands:")[1].splitlines() if line.strip()}
    assert set(COMMANDS) <= listed


def test_version(typed):
    result = typed("--version")
    assert result.exit_code == 0
    assert tbgrad.__version__ in result.stdout


@pytest.mark.parametrize("words", [[], ["--help"], *([command, "--help"] for command in COMMANDS)], ids=" ".join)
def test_help_loads_nothing_heavy(words):
    loaded = loads(words)
    assert not loaded.intersection(HEAVY)
    if words == ["--help"]:
        assert "numpy" not in loaded


def test_functions_load_no_tensorflow():
    assert not loads(["functions"]).intersection(("tensorflow", "keras", "matplotlib"))


def test_the_module_runs_like_the_command():
    result = python("-m", "tbgrad", "grad", "ripple", "--at", "2,0")
    assert (result.returncode, result.stderr) == (0, "")
    assert "0.9092974268256817" in result.stdout


def test_a_mistake_is_one_line_of_a_process():
    result = python("-m", "tbgrad", "grad", "riple", "--at", "2,0")
    assert (result.returncode, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1


def test_a_traceback_is_shown_only_on_request():
    result = python("-m", "tbgrad", "grad", "riple", "--at", "2,0", "--debug")
    assert (result.returncode, result.stdout) == (2, "")
    assert "Traceback (most recent call last)" in result.stderr
    assert "riple" in result.stderr


def test_closed_input_is_nobody_to_ask():
    code = "import os, sys; os.close(0); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    result = python("-c", code, "-m", "tbgrad", "sweep", "fading_wave", "--tangent")
    assert (result.returncode, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("words", "index", "offered"),
    [
        ("tbgrad gr", 1, {"grad"}),
        ("tbgrad grad ri", 2, {"ripple"}),
        ("tbgrad grad r", 2, {"ripple", "rosenbrock", "rastrigin"}),
        ("tbgrad functions fad", 2, {"fading_wave"}),
        ("tbgrad sweep ti", 2, {"tilted_waves"}),
        ("tbgrad descend ros", 2, {"rosenbrock"}),
        ("tbgrad descend ripple --optimizer ada", 4, {"adam", "adamax", "adamw", "adagrad", "adadelta"}),
        ("tbgrad descend ripple --optimizer sg", 4, {"sgd"}),
        ("tbgrad descend ripple --learn", 3, {"--learning-rate"}),
        ("tbgrad descend ripple --instrument s", 4, {"sharpness", "sharpness_over_edge"}),
        ("tbgrad descend ripple --instrument a", 4, {"all"}),
        ("tbgrad descend ripple --record e", 4, {"every", "end"}),
        ("tbgrad descend ripple --record l", 4, {"log"}),
        ("tbgrad descend ripple --spread s", 4, {"sobol"}),
        ("tbgrad race ripple --racer ada", 4, {"adam", "adamax", "adamw", "adagrad", "adadelta"}),
        ("tbgrad rates ros", 2, {"rosenbrock"}),
        ("tbgrad rates ripple --optimizer na", 4, {"nadam"}),
        ("tbgrad basins him", 2, {"himmelblau"}),
        ("tbgrad basins ripple --ov", 3, {"--over"}),
    ],
)
def test_completion(words, index, offered):
    found, loaded = completions(words, index)
    assert offered <= set(found)
    assert all(one.startswith(words.split()[-1]) for one in found)
    assert "tbgrad" in loaded
    assert not loaded.intersection(HEAVY)


def help_of(typed, command):
    """The help as one line, however it was wrapped."""
    return " ".join(typed(command, "--help").stdout.split())


def test_help_of_descend_names_what_there_is(typed):
    said = help_of(typed, "descend")
    for option in ("--spread [uniform|sobol|grid]", "--stop", "--record", "--instrument", "--noise", "--starts"):
        assert option in said
    for rule in RULES:
        assert f"{rule}=" in said
    for instrument in ("gradient_norm", "sharpness"):
        assert instrument in said and instrument in {i.name for i in ALL_INSTRUMENTS}
    for default in (f"[default: {STEPS}]", "[default: every]", "[default: uniform]", "[default: 0.0]"):
        assert default in said
    assert f"{MOST_CURVED:,} recorded points" in said and "Exit code 3" in said


def test_help_of_rates_and_basins_names_their_defaults(typed):
    said = help_of(typed, "rates")
    assert f"[default: {rates.POINTS}]" in said and f"[default: {rates.STEPS}]" in said and "[default: sgd]" in said
    assert f"{rates.MOMENTA[0]:g} to {rates.MOMENTA[-1]:g}" in said and "1e-6" in said
    said = help_of(typed, "basins")
    assert f"[default: {basins.POINTS}]" in said and f"[default: {basins.STEPS}]" in said and "[default: adam]" in said


def test_help_of_race_says_what_a_racer_is(typed):
    said = help_of(typed, "race")
    assert "sgd,0.001,momentum=0.9" in said and f"{FEWEST} to {MOST}" in said and f"[default: {STEPS}]" in said
    assert "Exit code 3" in said and "auto" in said


@pytest.mark.parametrize("command", ["descend", "race", "rates", "basins"])
def test_the_examples_of_the_help_parse(command):
    made = main.get_command(None, command)
    examples = [line.split(None, 2) for line in made.help.splitlines() if line.strip().startswith("tbgrad ")]
    assert len(examples) >= 2
    for _, name, rest in examples:
        assert name == command
        context = made.make_context(command, shlex.split(rest))
        assert resolve(context.params["function"])
