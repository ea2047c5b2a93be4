"""Neither writing nor reading, nor opening a run, loads TensorFlow; each in a process of its own."""

import subprocess
import sys

import pytest

WRITE = """
from pathlib import Path
from tbgrad.events.writer import EventWriter
from tbgrad.records import HParams, Images, Scalars, Texts
writer = EventWriter(Path(sys.argv[1]))
records = [Scalars("a", range(3), range(3)), Texts("b", 0, "text"), HParams({"c": 1.0}, succeeded=True)]
writer.write([*records, Images("d", [0], [b"png"], (1, 1))])
writer.close()
"""

READ = """
from tbgrad.events.reader import read_run
records = read_run(sys.argv[1])
assert len(records.scalars["a"].value) == 3 and records.images["d"] and records.hparams.values
"""

OPEN = """
import tbgrad
from tbgrad.records import Scalars
with tbgrad.open_run(sys.argv[1] + "/run") as run:
    run.write(Scalars("a", [0], [1.0]))
assert tbgrad.read_run(sys.argv[1] + "/run").scalars["a"].value == 1
"""

SHOW = "import tbgrad.figures.showing, tbgrad.summaries, tbgrad.records, tbgrad.runs.board\nimport tbgrad\n"

CHECK = """
loaded = [name for name in ("tensorflow", "keras", "torch", "matplotlib.pyplot") if name in sys.modules]
sys.exit(f"loaded: {loaded}" if loaded else 0)
"""


def run(code, directory):
    command = [sys.executable, "-c", "import sys\n" + code + CHECK, str(directory)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("code", [WRITE, WRITE + READ, OPEN, SHOW], ids=["write", "read", "open", "show"])
def test_no_tensorflow(tmp_path, code):
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr


def test_importing_tbgrad_loads_neither_tensorflow_nor_matplotlib(tmp_path):
    code = "import tbgrad\nif 'matplotlib' in sys.modules: sys.exit('matplotlib')\n"
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_check_itself_can_fail(tmp_path):
    done = run("import keras\n", tmp_path)
    assert done.returncode == 1 and "tensorflow" in done.stderr
