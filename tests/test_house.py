"""The rules of the house that no linter holds, and the tests that the recipes of CONTRIBUTING.md name."""

import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tbgrad
from tbgrad import errors, functions, instruments, summaries
from tbgrad.cli.main import COMMANDS
from tbgrad.functions import catalogue

HOUSE = Path(tbgrad.__file__).parent
TOP = HOUSE.parent
MODULES = [m.name for m in pkgutil.walk_packages([str(HOUSE)], "tbgrad.") if not m.name.endswith("__main__")]


def loaded_after(statement, *names):
    """Which of these modules a fresh interpreter has after a statement."""
    code = f"{statement}\nimport sys\nprint([n for n in {names!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("name", tbgrad.__all__)
def test_every_public_name_is_there(name):
    assert getattr(tbgrad, name) is not None


def test_no_public_name_is_also_a_module():
    assert not {m.rpartition(".")[2] for m in MODULES if m.count(".") == 1} & set(tbgrad.__all__)


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'gradeint'"):
        tbgrad.__getattr__("gradeint")


def test_importing_tbgrad_is_light():
    assert loaded_after("import tbgrad", "tensorflow", "matplotlib", "numpy", "click") == "[]"


@pytest.mark.parametrize("room", ["records", "events.reader", "runs.opening", "figures.showing", "summaries"])
def test_reading_and_drawing_load_no_tensorflow(room):
    assert loaded_after(f"import tbgrad.{room}", "tensorflow", "keras", "matplotlib.pyplot") == "[]"


def test_naming_instruments_loads_no_tensorflow():
    assert loaded_after("import tbgrad.instruments; tbgrad.instruments.named('all')", "tensorflow", "keras") == "[]"


@pytest.mark.parametrize("verb", ["compare", "examine"])
def test_comparing_loads_no_tensorflow(verb):
    assert loaded_after(f"import tbgrad; tbgrad.{verb}", "tensorflow", "keras") == "[]"


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is(name):
    assert importlib.import_module(name).__doc__.strip()


def test_names_say_what_is_inside():
    assert not [m for m in MODULES if re.search(r"\.(utils|misc|helpers|common|core)$", m)]


def test_errors_are_drawn():
    """Every class of errors.py stands in the tree at its head, with the Python error that it also is."""
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, Exception) and name != "TbgradError":
            python = [base.__name__ for base in kind.__bases__ if not issubclass(base, errors.TbgradError)]
            assert re.search(rf"── {name}\s+{' '.join(python)}", errors.__doc__), name


def test_every_function_family_is_gathered():
    """Named by CONTRIBUTING.md: complains when a family file is missing in `FAMILIES`."""
    files = {m.name for m in pkgutil.iter_modules(functions.__path__)}
    found = {f: getattr(importlib.import_module(f"tbgrad.functions.{f}"), "FUNCTIONS", None) for f in files}
    with_functions = {f for f, gathered in found.items() if isinstance(gathered, tuple)}
    families = {family.__name__.rpartition(".")[2] for family in catalogue.FAMILIES}
    assert with_functions == families


def test_every_instrument_is_played():
    """Named by CONTRIBUTING.md: complains when an instrument's file is missing in `ALL_INSTRUMENTS`."""
    files = {m.name for m in pkgutil.iter_modules(instruments.__path__)} - {"instrument", "edges", "eigenvalues"}
    assert {i.name for i in instruments.ALL_INSTRUMENTS} == files


def test_every_summary_is_imported():
    files = {m.name for m in pkgutil.iter_modules(summaries.__path__)}
    others = {"summarizing", "stories", "sweep_pages", "pages", "layouts", "hparams", "bands"}
    others |= {"meshes", "path_meshes", "boxes", "solids", "trails", "training_pages", "training_tags"}
    assert files - others <= set(summaries.__all__)


def test_every_command_is_registered():
    """Named by CONTRIBUTING.md: complains when a command's file is missing in `COMMANDS`."""
    files = {path.stem for path in (HOUSE / "cli").glob("*.py")}
    assert files - {"__init__", "main", "base", "options", "types"} == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command):
    """Named by CONTRIBUTING.md: complains when the README does not know a command."""
    assert f"tbgrad {command}" in (TOP / "README.md").read_text()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/measured.md", "docs/training.md"])
def test_pages_name_files_that_exist(page):
    named = re.findall(r"`((?:tbgrad|scripts|tests|benchmarks|docs)/[\w./-]*)`", (TOP / page).read_text())
    assert named
    assert [path for path in named if not (TOP / path).exists()] == []
