"""The tour's runs as a person sees them: TensorBoard on loopback, opened in headless Chromium.

The older dashboards are nested web components, which ordinary selectors do not look into, and they draw long after the
page says that it is loaded. So scripts have `all`, which does look into them, and `Page` waits for what they return.
"""

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import pytest
from PIL import Image

import tbgrad
from tbgrad.experiments.guide import views
from tbgrad.runs.addresses import address
from tbgrad.runs.board import board_command

PATIENCE = 60

# What each script may use.
HELPERS = """
const all = (selector, root = document) => [...root.querySelectorAll(selector),
    ...[root, ...root.querySelectorAll('*')].flatMap(e => e.shadowRoot ? all(selector, e.shadowRoot) : [])];
const shown = e => e.getBoundingClientRect().width > 0 && e.getBoundingClientRect().height > 0;
const text = e => e.textContent.replace(/\\s+/g, ' ').trim();
const click = e => { e.dispatchEvent(new MouseEvent('click', {bubbles: true, composed: true})); };
"""

HARMLESS = (
    # What TensorBoard says on any healthy page.
    *("Multiple instances of Three.js", "is deprecated. Please use app-layout", "favicon.ico"),
    *("'cls' is not a property of this material", "GL Driver Message"),
    # What its charts say of NaN, which a descent that diverges has.
    *("Computed radius is NaN", 'Expected length, "NaN"'),
)

FLAGS = (
    *("--headless=new", "--no-sandbox", "--no-first-run", "--disable-dev-shm-usage", "--disable-background-networking"),
    *("--disable-component-update", "--hide-scrollbars", "--window-size=1600,1000"),
    # Mesh and Time Series draw with WebGL; this one needs no graphics card.
    *("--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
)


@pytest.fixture(scope="session")
def tour(tmp_path_factory):
    """The directory of the tour's runs."""
    top = tmp_path_factory.mktemp("tour")
    command = [sys.executable, "-m", "tbgrad", "tour", "--logdir", str(top), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    return top / "tour"


class Board:
    """A running TensorBoard: its HTTP API, and the views that the tour names."""

    def __init__(self, root):
        self.root = root
        before, here = (urllib.parse.urlsplit(url).netloc for url in (address(), root))
        self.views = {line[:20].strip(): line.split()[-1].replace(before, here) for line in views()}

    def raw(self, path, **query):
        with urllib.request.urlopen(f"{self.root}data/{path}?{urllib.parse.urlencode(query)}", timeout=30) as answer:
            return answer.read()

    def __call__(self, path, **query):
        return json.loads(self.raw(path, **query))

    def tags(self):
        """{plugin: {run: its tags}}, and how many pictures there are, which come last in a run's file."""
        found = {p: self(f"plugin/{p}/tags") for p in ("scalars", "images", "text", "mesh")}
        tags = {p: {run: set(of) for run, of in runs.items() if of} for p, runs in found.items()}
        pairs = [(run, tag) for run, of in tags["images"].items() for tag in of]
        return tags, sum(len(self("plugin/images/images", run=run, tag=tag, sample=0)) for run, tag in pairs)


@pytest.fixture(scope="session")
def runs(tour):
    """{run: its records} of all runs, from their files: what the dashboards are to show."""
    return {str(path.parent.relative_to(tour)): tbgrad.read_run(path.parent) for path in tour.rglob("run.json")}


def tags_on_disk(runs):
    """What `Board.tags` finds as soon as TensorBoard has loaded everything."""
    kinds = {"scalars": "scalars", "images": "images", "text": "texts", "mesh": "meshes"}
    tags = {p: {name: set(getattr(run, kind)) for name, run in runs.items()} for p, kind in kinds.items()}
    tags = {p: {run: of for run, of in of_runs.items() if of} for p, of_runs in tags.items()}
    return tags, sum(len(series.step) for run in runs.values() for series in run.images.values())


def wait(what, look, is_there=bool, alive=lambda: True):
    """What `look` returns as soon as `is_there` holds of it."""
    __tracebackhide__ = True
    deadline = time.monotonic() + PATIENCE
    while not is_there(found := look()):
        if time.monotonic() > deadline or not alive():
            pytest.fail(f"{what}; waited for up to {PATIENCE} s, there is\n{found!r:.4000}", pytrace=False)
        time.sleep(0.2)
    return found


@contextlib.contextmanager
def serving(logdir, runs, output):
    """A `Board` of a directory, when it has loaded all that the runs' files hold; output is where it may write."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
    with output.open("w") as log:
        process = subprocess.Popen(board_command(logdir, port=0), stdout=log, stderr=log, env=os.environ | quiet)
    try:
        said = wait("Where TensorBoard is", output.read_text, lambda t: "CTRL+C" in t, lambda: process.poll() is None)
        board = Board(re.search(r"http://\S+:\d+/", said)[0])
        on_disk = tags_on_disk(runs)
        wait(f"TensorBoard should have loaded\n{on_disk}", board.tags, lambda tags: tags == on_disk)
        yield board
    finally:
        process.kill()
        process.wait(timeout=30)


@pytest.fixture(scope="session")
def board(tour, runs, tmp_path_factory):
    """TensorBoard, when it has loaded the tour."""
    with serving(tour, runs, tmp_path_factory.mktemp("board") / "output") as board:
        yield board


class Page:
    """The browser's one page."""

    def __init__(self, driver, root):
        self.driver, self.root = driver, root

    def open(self, url):
        """Go to an address, or to a dashboard's name. What comes behind # alone would not load the page anew."""
        self.driver.get("about:blank")
        self.driver.get(url if "://" in url else f"{self.root}#{url}")

    def ask(self, script, *arguments):
        return self.driver.execute_script(HELPERS + script, *arguments)

    def wait(self, what, look, *arguments, until=bool, **wanted):
        """What a script or a function returns, as soon as `until` holds of it, or as it is `expected`."""
        __tracebackhide__ = True
        what = f"{what} at {self.driver.current_url}"
        if wanted:
            expected = wanted.pop("expected")
            what, until = f"{what} should be\n{expected!r}", lambda found: found == expected
        return wait(what, lambda: look(*arguments) if callable(look) else self.ask(look, *arguments), until)

    def colours(self, script, *arguments):
        """The colours seen in the element that a script returns, as a set of (red, green, blue)."""
        from selenium.common import StaleElementReferenceException, TimeoutException

        try:
            picture = self.ask(script, *arguments).screenshot_as_png
        except (StaleElementReferenceException, TimeoutException):
            return set()  # too busy drawing; whoever waits asks again
        with Image.open(io.BytesIO(picture)) as image:
            pixels = image.convert("RGB")
        return {colour for _, colour in pixels.getcolors(pixels.width * pixels.height)}

    def complaints(self):
        """The errors in the console since the last time."""
        errors = {entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"}
        return [error for error in errors if not any(known in error.replace("\\", "") for known in HARMLESS)]


@pytest.fixture(scope="session")
def driver(tmp_path_factory):
    """The browser. In continuous integration it must not get lost unnoticed."""
    lacking = pytest.fail if os.environ.get("CI") else pytest.skip
    try:
        from selenium import webdriver
    except ImportError:
        lacking("Install selenium, 'pip install selenium', to see the dashboards.")
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not chromedriver:
        lacking("Install chromium and chromedriver, 'apt install chromium chromium-driver', to see the dashboards.")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options, webdriver.ChromeService(chromedriver)) as driver:
        driver.set_page_load_timeout(PATIENCE)
        yield driver


@pytest.fixture(scope="session")
def page(driver, board):
    return Page(driver, board.root)


@pytest.fixture(scope="module", autouse=True)
def rest(page):
    """After each file: an empty page, since a mesh is drawn without end, and the processor is needed elsewhere."""
    yield
    page.driver.get("about:blank")


@pytest.fixture(autouse=True)
def no_complaints(page):
    """After each test: its pages had no errors in the console."""
    yield
    assert page.complaints() == []
