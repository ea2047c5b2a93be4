"""What was asked is wrong: exit code 2, one message on stderr, nothing on stdout, nothing on the disk."""

import json
import os

import pytest

WRONG = {
    # what: (words, what the message holds)
    "command": (["grads", "ripple"], ["grads", "grad"]),
    "command descent": (["descent", "ripple"], ["descent", "descend"]),
    "option": (["grad", "ripple", "--at", "2,0", "--jsn"], ["--jsn", "--json"]),
    "option before the point": (["grad", "ripple", "--att", "2,0"], ["--att", "--at"]),
    "option and no argument": (["grad", "--by-hnd"], ["--by-hnd", "--by-hand"]),
    "option and too many arguments": (["sweep", "ripple", "one", "two", "--pionts", "3"], ["--pionts", "--points"]),
    "option of descend": (["descend", "ripple", "--lerning-rate", "0.1"], ["--lerning-rate", "--learning-rate"]),
    "option of a formula": (["grad", "-x**2", "--att=-1"], ["--att", "--at"]),
    "no function": (["grad"], ["FUNCTION"]),
    "no point": (["grad", "ripple"], ["--at"]),
    "function": (["grad", "riple", "--at", "2,0"], ["riple", "ripple"]),
    "function of sweep": (["sweep", "rosenbrok"], ["rosenbrok", "rosenbrock"]),
    "function of descend": (["descend", "fading_wav"], ["fading_wav", "fading_wave"]),
    "function described": (["functions", "riple"], ["riple", "ripple"]),
    "function in a formula": (["grad", "sine(y)", "--at", "1"], ["sine", "sin"]),
    "import": (["grad", "no_such_module:f", "--at", "1"], ["no_such_module"]),
    "file": (["grad", "no_such_file.py:f", "--at", "1"], ["no_such_file.py"]),
    "point too short": (["grad", "ripple", "--at", "2"], ["2", "x, y"]),
    "point too long": (["grad", "ripple", "--at", "2,0,1"], ["3", "x, y"]),
    "point lacks": (["grad", "ripple", "--at", "x=2"], ["y"]),
    "point has more": (["grad", "ripple", "--at", "x=2,y=0,z=1"], ["z", "x, y"]),
    "point mixes": (["grad", "ripple", "--at", "x=2,0"], ["x=2"]),
    "point twice": (["grad", "ripple", "--at", "x=2,x=3"], ["x"]),
    "point of words": (["grad", "ripple", "--at", "one,two"], ["one"]),
    "point empty": (["grad", "ripple", "--at", ""], ["--at"]),
    "point not a number": (["grad", "ripple", "--at", "nan,0"], ["nan"]),
    "setting unknown": (["grad", "rosenbrock", "--at", "1,1", "--set", "c=1"], ["'c'", "a, b"]),
    "setting without a value": (["grad", "rosenbrock", "--at", "1,1", "--set", "b"], ["'b'"]),
    "setting of words": (["sweep", "rosenbrock", "--set", "b=ten"], ["ten"]),
    "setting of none": (["grad", "x", "--at", "1", "--set", "b=1"], ["'b'"]),
    "type": (["grad", "ripple", "--at", "2,0", "--dtype", "float16"], ["float16", "float64", "float32"]),
    "seed": (["sweep", "ripple", "--seed", "x"], ["--seed"]),
    "negative seed": (["descend", "ripple", "--starts", "2", "--seed", "-5"], ["seed"]),
    "range upside down": (["sweep", "ripple", "--over", "x=6:0"], ["x=6:0"]),
    "range empty": (["sweep", "ripple", "--over", "x=1:1"], ["x=1:1"]),
    "range of nothing": (["sweep", "ripple", "--over", "z=0:1"], ["z", "x, y"]),
    "range without an end": (["sweep", "ripple", "--over", "x=0"], ["x=0", "LOW:HIGH"]),
    "range unknown": (["sweep", "x**2"], ["--over"]),
    "zero points": (["sweep", "ripple", "--points", "0"], ["0"]),
    "negative points": (["sweep", "ripple", "--points", "-1"], ["-1"]),
    "half a point": (["sweep", "ripple", "--points", "1.5"], ["1.5"]),
    "more points than memory": (["sweep", "ripple", "--points", "99999999999999999999"], ["points"]),
    "line without an end": (["sweep", "ripple", "--from", "0,0"], ["to"]),
    "line without a length": (["sweep", "ripple", "--from", "1,1", "--to", "1,1"], ["different"]),
    "line too short": (["sweep", "ripple", "--from", "0,0", "--to", "1"], ["x, y"]),
    "line and axis": (["sweep", "ripple", "--from", "0,0", "--to", "1,1", "--over", "x=0:1"], ["over"]),
    "fixed and swept": (["sweep", "ripple", "--over", "x=0:1", "--fix", "x=1"], ["'x'"]),
    "fix of nothing": (["sweep", "ripple", "--fix", "z=1"], ["z", "x, y"]),
    "tangent of words": (["sweep", "ripple", "--tangent=four"], ["four"]),
    "tangent unasked": (["sweep", "ripple", "--tangent"], ["--tangent"]),
    "zero steps": (["descend", "ripple", "--steps", "0"], ["steps", "0"]),
    "negative steps": (["descend", "ripple", "--steps", "-3"], ["steps", "-3"]),
    "rate of words": (["descend", "ripple", "--learning-rate", "fast"], ["fast", "--learning-rate"]),
    "rate zero": (["descend", "ripple", "--learning-rate", "0"], ["learning rate"]),
    "rate negative": (["descend", "ripple", "--learning-rate", "-0.1"], ["learning rate", "-0.1"]),
    "rate not a number": (["descend", "ripple", "--learning-rate", "nan"], ["nan"]),
    "rate infinite": (["descend", "ripple", "--learning-rate", "inf"], ["inf"]),
    "rate empty": (["descend", "ripple", "--learning-rate", ""], ["--learning-rate"]),
    "optimizer": (["descend", "ripple", "--optimizer", "adm"], ["adm", "adam"]),
    "optimizer empty": (["descend", "ripple", "--optimizer", ""], ["sgd"]),
    "option of an optimizer": (["descend", "ripple", "--option", "momentm=0.9"], ["momentm", "momentum"]),
    "option without a value": (["descend", "ripple", "--option", "momentum"], ["momentum"]),
    "option of words": (["descend", "ripple", "--option", "momentum=much"], ["momentum", "much"]),
    "option out of range": (["descend", "ripple", "--option", "momentum=1.9"], ["momentum"]),
    "option that has its own": (["descend", "ripple", "--option", "learning_rate=0.1"], ["learning_rate"]),
    "option that is a name": (["descend", "ripple", "--option", "name=mine"], ["name"]),
    "start too long": (["descend", "fading_wave", "--start", "1,2"], ["x"]),
    "start unknown": (["descend", "x**2"], ["--start"]),
    "starts without a domain": (["descend", "x**2", "--starts", "3"], ["domain"]),
    "spread of no starts": (["descend", "ripple", "--spread", "grid"], ["spread", "--starts"]),
    "spread unknown": (["descend", "ripple", "--starts", "4", "--spread", "even"], ["even", "sobol"]),
    "starts off the grid": (["descend", "ripple", "--starts", "5", "--spread", "grid"], ["4 (2", "9 (3"]),
    "no starts": (["descend", "ripple", "--starts", "0"], ["--starts"]),
    "run outside": (["sweep", "ripple", "--run", "../mine"], ["../mine"]),
    "run absolute": (["descend", "ripple", "--run", "/mine"], ["/mine"]),
    "run too long": (["sweep", "ripple", "--points", "3", "--run", "x" * 300], ["xxx"]),
}


def is_a_mistake(result):
    """Exit code 2, and a message that is for a person and on stderr alone."""
    assert result.exit_code == 2, result.stdout + result.stderr
    assert result.stdout == ""
    assert result.stderr.strip()
    assert "Traceback" not in result.stderr
    return result.stderr


@pytest.mark.parametrize("what", WRONG)
def test_mistakes(typed, logdir, tmp_path, monkeypatch, what):
    words, holds = WRONG[what]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TBGRAD_LOGDIR", str(logdir))
    message = is_a_mistake(typed(*words))
    for part in holds:
        assert part in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["function", "point too short", "rate zero", "range upside down", "command"])
def test_mistakes_are_no_document(typed, logdir, monkeypatch, what):
    monkeypatch.setenv("TBGRAD_LOGDIR", str(logdir))
    is_a_mistake(typed(*WRONG[what][0], "--json"))
    assert not logdir.exists()


@pytest.mark.parametrize(
    ("formula", "column"),
    [
        ("x + * y", 4),
        ("x +", 3),
        ("x**", 3),
        ("2x", 1),
        ("x y", 2),
        ("(x", 0),
        ("x)", 1),
        ("x + foo(y)", 4),
        ("x $ y", 2),
    ],
)
@pytest.mark.parametrize("command", [["grad", "--at", "1"], ["sweep"], ["descend"]], ids=lambda words: words[0])
def test_a_caret_stands_under_the_place(typed, tmp_path, monkeypatch, formula, column, command):
    monkeypatch.chdir(tmp_path)
    lines = is_a_mistake(typed(*command, formula)).splitlines()
    caret = next(index for index, line in enumerate(lines) if line.strip() == "^")
    assert lines[caret - 1].strip() == formula
    assert lines[caret].index("^") - lines[caret - 1].index(formula) == column
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "formula", ["__import__('os').getcwd()", "x; y", "x.real", "lambda x: x", "[x]", "x if y else z"]
)
def test_a_formula_is_never_python(typed, formula):
    is_a_mistake(typed("grad", formula, "--at", "1"))


@pytest.mark.parametrize("below", ["", "deeper/still"])
@pytest.mark.parametrize("words", [["sweep", "ripple"], ["descend", "ripple", "--steps", "3"], ["tour"]], ids=" ".join)
def test_a_log_directory_that_is_a_file(typed, tmp_path, words, below):
    place = tmp_path / "file"
    place.write_text("mine")
    message = is_a_mistake(typed(*words, "--logdir", place / below))
    assert str(place) in message
    assert place.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="everything is writable to root")
@pytest.mark.parametrize("words", [["sweep", "ripple"], ["descend", "ripple", "--steps", "3"], ["tour"]], ids=" ".join)
def test_a_log_directory_without_permission(typed, logdir, words):
    logdir.mkdir(mode=0o555)
    is_a_mistake(typed(*words, "--logdir", logdir))
    assert list(logdir.iterdir()) == []


def test_what_cannot_be_guessed_is_asked_for(typed, logdir):
    message = is_a_mistake(typed("sweep", "tilted_waves", "--logdir", logdir))
    assert "tilted_waves is undefined at y = 0: fix y, for example --fix y=1" in message
    assert not logdir.exists()


def test_a_traceback_never_hides_the_answer(typed):
    assert json.loads(typed("grad", "ripple", "--at", "2,0", "--json", "--debug").stdout)["function"] == "ripple"
