"""The notebook in docs/, executed from the top as a learner would."""

import contextlib
import json
import os
import signal
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "docs" / "gradients.ipynb"

# What this test asks the kernel when the notebook is through, since TensorBoard ends with it: which Python it is, and
# which runs TensorBoard has loaded.
ASKED = """import json, sys, time, urllib.request
from tensorboard import manager
(board,) = manager.get_all()
deadline, runs = time.monotonic() + 60, []
while len(runs) < 3 and time.monotonic() < deadline:
    with urllib.request.urlopen(f"http://localhost:{board.port}/data/runs", timeout=30) as told:
        runs = json.load(told)
    time.sleep(0.2)
print(json.dumps({"python": sys.executable, "runs": sorted(runs)}))"""


@pytest.fixture(scope="module")
def written():
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def executed(written, tmp_path_factory):
    """The notebook with its outputs, and what the kernel answered."""
    home = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.from_dict(written)
    notebook.cells.append(nbformat.v4.new_code_cell(ASKED))
    # TensorBoard is looked up among the commands, and notes down below TMPDIR where it runs.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    environment = os.environ | {"PATH": path, "TMPDIR": str(home), "IPYTHONDIR": str(home)}
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(home)}})
    try:
        client.execute(env=environment)
    finally:
        for note in home.glob(".tensorboard-info/pid-*.info"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(json.loads(note.read_text())["pid"], signal.SIGTERM)
    answer = json.loads(notebook.cells.pop().outputs[0].text)
    return notebook, answer


def outputs(notebook, source):
    """The kinds of data that the cells which hold this text gave."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and source in cell.source]
    return [{kind for output in cell.outputs for kind in output.get("data", {})} for cell in cells]


def test_no_cell_failed(executed):
    notebook, _ = executed
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells)
    bad = [(cell.source, output) for cell in cells for output in cell.outputs if output.output_type == "error"]
    assert bad == []


def test_pictures_show_without_a_backend_switched_on(executed):
    shown = outputs(executed[0], "tbgrad.show(")
    assert len(shown) == 5 and all("image/png" in kinds for kinds in shown)


@pytest.mark.parametrize("ends", ["tbgrad.evaluate(", "tbgrad.backward(", "check = ", "descent = tbgrad.descend("])
def test_results_show_as_tables(executed, ends):
    (kinds,) = outputs(executed[0], ends)
    assert "text/html" in kinds


def test_tensorboard_shows_the_runs_that_the_notebook_logged(executed):
    notebook, answer = executed
    assert answer["runs"] == ["adam", "surface", "sweep"]
    assert (
        outputs(notebook, "%tensorboard") == [{"text/html", "text/plain"}]
        or "text/html" in outputs(notebook, "%tensorboard").pop()
    )


def test_the_kernel_is_this_python(executed):
    assert os.path.samefile(executed[1]["python"], sys.executable)


def test_outputs_are_not_committed(written):
    assert all(not cell.outputs and cell.execution_count is None for cell in written.cells if "outputs" in cell)
    assert nbformat.validate(written) is None
