"""The page of `tbgrad compare --html`, opened from the disk: what it shows, and that it keeps to itself."""

import base64
import re

import numpy as np
import pytest
from selenium.webdriver.common.keys import Keys
from tensorboardX import SummaryWriter

import tbgrad
from tbgrad.comparison.page.report import html_report
from tbgrad.records import HParams, Scalars

EVIL = "</script><script>window.broken=1</script><img src=x onerror='window.broken=1'>"
# The places of a run's points on the screen, from what is drawn.
POINTS = """const path = document.querySelector(`#chart path[data-run="${arguments[0]}"]`);
const matrix = path.getScreenCTM();
return path.getAttribute('d').match(/[ML][\\d.]+,[\\d.]+/g).map(text => {
    const [x, y] = text.slice(1).split(',').map(Number), at = new DOMPoint(x, y).matrixTransform(matrix);
    return [at.x, at.y];
});"""
DRAWN = """return [...document.querySelectorAll('#chart path.curve')].map(path => Number(path.dataset.run))
    .sort((a, b) => a - b)"""
PRESSED = """return Object.fromEntries([...document.querySelectorAll('#legend [data-run]')].map(
    button => [button.textContent, button.getAttribute('aria-pressed') === 'true']))"""
OVERFLOW = """return [document.documentElement.scrollWidth - document.documentElement.clientWidth,
    ...[...document.querySelectorAll('body *')].filter(e => !e.closest('.wide, .legend, svg')
        && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 200))]"""


class ReportPage:
    """A page on the disk in the browser; has what the fixtures of all pages ask for."""

    def __init__(self, driver):
        self.driver = driver
        self.complaints()

    def open(self, file):
        self.driver.get(file.as_uri())

    def ask(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def choose(self, which, value):
        change = "e.value = arguments[1]; e.dispatchEvent(new Event('change'))"
        self.ask(f"const e = document.getElementById(arguments[0]); {change}", which, value)

    def click(self, selector):
        self.driver.find_element("css selector", selector).click()

    def hover(self, x, y):
        self.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": y})
        return self.ask("const t = document.querySelector('#chart .tip'); return t.hidden ? '' : t.innerText")

    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture(scope="module")
def page(driver):
    return ReportPage(driver)


@pytest.fixture(autouse=True)
def as_it_was(page):
    yield
    page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def log(directory, *series, **hparams):
    with tbgrad.open_run(directory) as run:
        run.write([*series, HParams(hparams, succeeded=True)])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Twelve runs; {name: its scalars}, best first."""
    top, rng = tmp_path_factory.mktemp("report") / "logs", np.random.default_rng(0)
    for i in range(12):
        decay = np.exp(-np.arange(5_000) / (300 + 100 * i)) * (1 + 0.01 * rng.standard_normal(5_000)) + 1e-4 * (i + 1)
        accuracy = Scalars("accuracy", np.arange(70, 5_000, 500), np.linspace(-0.5, 0.9 - i / 100, 10))
        log(
            top / f"run{i:02}",
            Scalars("loss", np.arange(5_000), decay),
            accuracy,
            rate=0.1 * i,
            note=f"{i} is wide" * 9,
        )
    return {path.name: tbgrad.read_run(path).scalars for path in sorted(top.iterdir())}, top


@pytest.fixture(scope="module")
def report(runs, tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(html_report(tbgrad.compare([runs[1]], by="loss:min")), encoding="utf-8")
    return file


@pytest.fixture
def opened(page, report):
    page.open(report)
    return page


def told(tip):
    """(run, value, step) of what is shown beside the pointer."""
    name, value, step = tip.split("\n")[:3]
    return name, float(value.replace("−", "-")), int(step.removeprefix("step ").replace(",", ""))


@pytest.mark.parametrize("where", [0.0, 0.01, 0.3, 0.77, 1.0])
def test_hover_tells_a_number_that_was_logged(opened, runs, where):
    opened.ask("document.getElementById('chart').scrollIntoView()")
    points = opened.ask(POINTS, 3)
    name, value, step = told(opened.hover(*points[round(where * (len(points) - 1))]))
    loss = runs[0][name]["loss"]
    assert value == pytest.approx(float(loss.value[loss.step == step][0]), rel=1e-6)
    assert step == pytest.approx(where * 4_999, abs=120)


def test_hover_on_the_lowest_point_finds_the_minimum(opened, runs):
    opened.click("#none")
    opened.click('#legend [data-run="5"]')
    opened.ask("document.getElementById('chart').scrollIntoView()")
    name, value, step = told(opened.hover(*max(opened.ask(POINTS, 5), key=lambda at: at[1])))
    loss = runs[0]["run05"]["loss"].value
    assert (name, step) == ("run05", loss.argmin()) and value == pytest.approx(float(loss.min()), rel=1e-6)


def test_the_tip_goes_when_the_pointer_does(opened):
    opened.ask("document.getElementById('chart').scrollIntoView()")
    assert opened.hover(*opened.ask(POINTS, 0)[50])
    assert opened.hover(2, 2) == ""


def test_the_best_ten_are_on_and_buttons_switch(opened):
    assert opened.ask(DRAWN) == [*range(10)]
    assert [name for name, on in opened.ask(PRESSED).items() if not on] == ["run10", "run11"]
    opened.click('#legend [data-run="2"]')
    assert opened.ask(DRAWN) == [0, 1, *range(3, 10)] and opened.ask(PRESSED)["run02"] is False
    opened.driver.find_element("css selector", '#legend [data-run="11"]').send_keys(Keys.ENTER)
    assert 11 in opened.ask(DRAWN)
    opened.click("#none")
    assert opened.ask(DRAWN) == [] and "No run is switched on" in opened.ask("return document.body.innerText")
    opened.click("#all")
    assert len(opened.ask(DRAWN)) == 12
    opened.click("#best")
    assert opened.ask(DRAWN) == [*range(10)]


def test_keys_walk_along_a_curve(opened, runs):
    chart = opened.driver.find_element("css selector", "#chart svg")
    steps = []
    for key in (Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT):
        chart.send_keys(key)
        steps.append(told(opened.ask("return document.querySelector('#chart .tip').innerText")))
    assert len({name for name, *_ in steps}) == 1 and steps[0][2] < steps[1][2] < steps[2][2]
    for name, value, step in steps:
        assert value == pytest.approx(float(runs[0][name]["loss"].value[step]), rel=1e-6)


def test_another_tag_and_the_scale(opened, runs):
    # The loss is positive and falls by more than two decades; the accuracy is negative at first.
    assert opened.ask("return document.getElementById('tag').value") == "loss"
    assert opened.ask("return document.getElementById('log').checked") is True
    logarithmic = opened.ask(POINTS, 0)
    opened.click("#log")
    assert opened.ask(POINTS, 0) != logarithmic
    opened.choose("tag", "accuracy")
    assert opened.ask("return document.getElementById('log').checked") is False
    opened.ask("document.getElementById('chart').scrollIntoView()")
    name, value, step = told(opened.hover(*opened.ask(POINTS, 9)[4]))
    accuracy = runs[0][name]["accuracy"]
    assert step == 2_070 and value == pytest.approx(float(accuracy.value[4]), rel=1e-6)
    opened.click("#log")
    assert len(opened.ask(POINTS, 0)) == (runs[0]["run00"]["accuracy"].value > 0).sum()
    assert re.search(r"\d+ that are not positive", opened.ask("return document.getElementById('note').innerText"))


def test_it_says_how_many_points_are_shown(opened):
    shown, total = opened.ask("return document.getElementById('note').innerText").split(" points")[0].split(" of ")
    lines = [opened.ask(POINTS, run) for run in range(10)]
    assert int(shown.replace(",", "")) == sum(map(len, lines)) and total == "50,000"


def test_no_request_leaves_the_page(opened):
    assert opened.ask("return performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:'))") == []
    # What the page says of itself, the browser does: whatever is put into it gets nowhere.
    blocked = opened.driver.execute_async_script("""const done = arguments[0], seen = [];
        addEventListener('securitypolicyviolation', e => seen.push(e.effectiveDirective));
        const image = new Image();
        image.src = 'https://localhost:9/x.png';
        document.body.append(image);
        fetch('https://localhost:9/x').catch(() => setTimeout(() => done(seen.sort()), 100));""")
    assert blocked == ["connect-src", "img-src"]
    assert len(opened.complaints()) >= 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_cut_off(opened, report, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    opened.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    opened.open(report)
    assert opened.ask("return innerWidth") == 390 and opened.ask(OVERFLOW) == [0]
    paper, ink = (
        opened.ask(f"return getComputedStyle(document.documentElement).{p}") for p in ("backgroundColor", "color")
    )
    bright, dim = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (paper, ink))
    assert (bright > dim) is (scheme == "light")


def test_it_prints(opened):
    printed = base64.b64decode(opened.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])
    assert printed.startswith(b"%PDF") and len(printed) > 20_000
    opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    shown = "return [...document.querySelectorAll(arguments[0])].some(e => e.getClientRects().length)"
    assert not opened.ask(shown, "#all") and not opened.ask(shown, "select")
    assert opened.ask(shown, "#chart path.curve") and opened.ask(shown, "table")


def test_hostile_names_do_nothing(page, tmp_path):
    for name in (f"a{EVIL}", "b"):
        log(tmp_path / "logs" / name, Scalars(f"loss{EVIL}", [0, 1, 2], [3, 2, 1]), **{EVIL: name, "function": EVIL})
    file = tmp_path / "report.html"
    file.write_text(html_report(tbgrad.compare([tmp_path / "logs"])), encoding="utf-8")
    page.open(file)
    page.ask("document.getElementById('chart').scrollIntoView()")
    assert "loss</script>" in page.ask("return document.getElementById('tag').value")
    assert page.hover(*page.ask(POINTS, 0)[1]).split("\n")[2] == "step 1"
    assert page.ask("return [window.broken ?? null, document.images.length, document.scripts.length]") == [None, 0, 2]


def test_groups_switch_together_and_functions_are_apart(page, tmp_path):
    for function in ("f", "g"):
        for i in range(24):
            loss, kind = Scalars("loss", range(9), np.linspace(1, 0.5 + i / 100, 9)), "new" if i < 12 else "old"
            log(tmp_path / "logs" / f"{function}{i:02}", loss, function=function, kind=kind, seed=i)
    file = tmp_path / "report.html"
    file.write_text(html_report(tbgrad.compare([tmp_path / "logs"], group_by=["kind"])), encoding="utf-8")
    page.open(file)
    assert page.ask(DRAWN) == [*range(5), *range(12, 17)]
    page.click("#legend .group")
    page.click("#legend .group")
    assert page.ask(DRAWN) == [*range(12, 17)]
    page.choose("set", "1")
    assert page.ask(DRAWN) == [*range(24, 29), *range(36, 41)]


def test_gaps_and_logs_of_others(page, tmp_path):
    value = [3.0, 2.0, float("nan"), 1.0, 0.5, float("inf"), 0.25]
    with SummaryWriter(str(tmp_path / "logs" / "theirs")) as writer:
        for step, number in enumerate(value):
            writer.add_scalar("loss", np.float32(number), step)
    file = tmp_path / "report.html"
    file.write_text(html_report(tbgrad.compare([tmp_path / "logs"])), encoding="utf-8")
    page.open(file)
    line = page.ask("return document.querySelector('#chart path.curve').getAttribute('d')")
    assert re.sub(r"[\d.,]+", "", line).replace(" ", "") == "MlLMlLMl"
