"""The page of a comparison: read back by Python's own HTML parser, its curves by NumPy from the documented bytes."""

import base64
import hashlib
import html.parser
import io
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from run_samples import foreign
from tensorboardX import SummaryWriter

import tbgrad
from tbgrad.cli.main import main
from tbgrad.comparison.page.looks import style
from tbgrad.comparison.page.report import html_report
from tbgrad.figures.style import RACERS
from tbgrad.records import HParams, Images, Scalars, Texts

VOID = {"meta", "img", "input", "path", "link", "br"}
MOST = 2 * 2**20


class Page(html.parser.HTMLParser):
    """What a browser finds in a page: elements with their attributes, and the texts of some."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.texts, self.open = [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def inside(self, *tags):
        return [data for tag, data in self.texts if tag in tags]

    @property
    def words(self):
        return "".join(data for tag, data in self.texts if tag not in ("script", "style"))

    @property
    def data(self):
        return json.loads(self.inside("script")[0])


def curves(chart):
    """{run: (steps, values)} as the page's script finds them: differences of 16 or 32 bits, or floats; then floats."""
    whole, at, found = base64.b64decode(chart["data"]), 0, {}
    for run, n, first, kind in zip(chart["runs"], chart["points"], chart["first"], chart["kinds"], strict=True):
        kind = np.dtype({"H": "<u2", "I": "<u4", "d": "<f8"}[kind])
        step = np.frombuffer(whole, kind, n, at)
        at += step.nbytes
        value = np.frombuffer(whole, "<f4", n, at)
        at += value.nbytes
        found[run] = (step if kind == "<f8" else first + np.cumsum(step.astype(np.int64)), value)
    assert at == len(whole)
    return found


def log(directory, *series, hparams=None, **about):
    with tbgrad.open_run(directory, about=about) as run:
        run.write([*series, *([HParams(hparams, succeeded=True)] if hparams else [])])


def page_of(*places, **how):
    return Page(html_report(tbgrad.compare(places, **how)))


def picture(size=(768, 608)):
    target = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (size[1] // 8, size[0] // 8, 3), np.uint8)
    Image.fromarray(noise).resize(size).save(target, "PNG")
    return Images("descent/path", [0], [target.getvalue()], size)


def test_ranking_settings_and_how_it_was_made(logdir):
    for rate, end in ((0.1, 0.25), (0.2, 0.125)):
        asked = {"command": "descend", "function": "f", "settings": {"momentum": 0.9}, "seed": 7}
        outcome = {
            "lines": ["f: sgd", "somewhere"],
            "report": {"starts": [{"value": end, "sentence": "It went well."}]},
        }
        value = Scalars("descent/value", range(3), [1, 0.5, end])
        log(logdir / f"lr{rate}", value, hparams={"function": "f", "learning_rate": rate}, asked=asked,
            outcome=outcome, versions={"tbgrad": "9.8"})  # fmt: skip
    page = page_of(logdir)
    assert "2 runs on f, compared" in page.inside("h1")
    cells = page.inside("td", "a")
    assert cells.index("lr0.2") < cells.index("lr0.1")
    assert "Best on f: lr0.2, best value 0.125, of 2 runs." in page.words
    for told in ("learning rate", "It went well.", "momentum = 0.9", "tbgrad 9.8", "f: sgd", "less than a second"):
        assert told in page.words
    assert "somewhere" not in page.words
    assert [card["id"] for card in page.all("article")] == ["run-0", "run-1"]
    assert {"#run-0", "#run-1"} <= {link["href"] for link in page.all("a")}


def test_curves_are_bit_for_bit_what_was_logged(logdir):
    rng = np.random.default_rng(0)
    value = rng.standard_normal(50).astype(np.float32)
    value[[3, 7]] = np.nan, np.inf
    steps = {"near": np.arange(50) * 3 - 20, "far": np.arange(50) * 10**6, "farthest": np.arange(50) * 10**12 + 1}
    for name, step in steps.items():
        log(logdir / name, Scalars("loss", step, value), Scalars("once", 0, 1.0))
    page = page_of(logdir, by="loss:max")
    (chart,) = page.data["charts"]
    assert chart["tag"] == "loss" and {*chart["kinds"]} == {"H", "I", "d"}
    for run, (step, found) in curves(chart).items():
        np.testing.assert_array_equal(step, steps[page.data["runs"][run]["name"]])
        assert found.tobytes() == value.tobytes()


def test_long_curves_keep_their_extremes_and_say_so(logdir):
    value = np.random.default_rng(1).standard_normal(60_000).astype(np.float32)
    log(logdir / "a", Scalars("loss", np.arange(60_000), value))
    (chart,) = page_of(logdir).data["charts"]
    ((step, found),) = curves(chart).values()
    assert chart["totals"] == [60_000] and chart["points"] == [len(step)] and len(step) <= 4_000
    np.testing.assert_array_equal(found, value[step])
    assert {0, 59_999, value.argmin(), value.argmax()} <= {*step.tolist()}


def test_a_step_that_goes_back_is_shown_as_the_dashboards_do(logdir):
    log(logdir / "a", Scalars("loss", [0, 1, 2, 3, 2, 3], [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]))
    ((step, value),) = curves(page_of(logdir).data["charts"][0]).values()
    assert (step.tolist(), value.tolist()) == ([0, 1, 2, 3], [6, 5, 2, 1])


def test_fifty_runs_stay_below_two_mebibytes(logdir):
    rng, path = np.random.default_rng(0), picture()
    for i in range(50):
        noise = rng.standard_normal((5, 10_000))
        log(logdir / f"run{i}", *(Scalars(f"tag{k}/loss", np.arange(10_000), noise[k]) for k in range(5)), path,
            hparams={"rate": float(i), "note": "x" * 40}, asked={"command": "descend", "text": "y" * 200})  # fmt: skip
    told = html_report(tbgrad.compare([logdir]))
    assert len(told.encode()) < MOST
    page = Page(told)
    assert len(page.all("img")) == 50 and len(page.data["charts"]) == 5
    assert all(len(chart["runs"]) == 50 and min(chart["points"]) > 300 for chart in page.data["charts"])


def test_very_many_runs_and_tags_are_limited_and_said(logdir):
    few = [Scalars(f"t{k}/loss", [0, 1], [1.0, 2.0]) for k in range(6)]
    for i in range(203):
        log(logdir / f"run{i:03}", *few)
    told = html_report(tbgrad.compare([logdir]))
    page = Page(told)
    assert len(told.encode()) < MOST
    assert len(page.all("article")) == 200 and "The best 200 of 203 runs are shown here" in page.words
    assert "2 further tags" in page.words and page.data["charts"][0]["tag"] == "t0/loss"
    assert "run202" in page.inside("td", "a")


def test_hostile_names_are_text(logdir):
    evil = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'
    texts = Texts("args", 0, f"{evil}]]> <!-- ' \" $data {evil}")
    loss, other = Scalars(f"loss{evil}", [0, 1], [1, 2]), Scalars("<!--<script>", [0, 1], [1, 2])
    log(logdir / evil / "a", loss, texts, hparams={evil: evil, "function": evil})
    asked, outcome = {evil: [evil], "command": evil}, {"lines": [evil, ""]}
    log(logdir / "b$data", loss, other, hparams={evil: 1.0, "function": evil}, asked=asked, outcome=outcome)
    told = html_report(tbgrad.compare([logdir], group_by=["run"]))
    page = Page(told)
    assert len(page.all("script")) == 2 and page.all("img") == []
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert told.count("<script") == 2 and "<!--<script>" in [chart["tag"] for chart in page.data["charts"]]
    assert evil in page.words and f"loss{evil}" in [chart["tag"] for chart in page.data["charts"]]


def test_a_directory_whose_name_is_no_text(logdir):
    log(logdir / os.fsdecode(b"odd\xff"), Scalars("loss", [0, 1], [1, 2]))
    log(logdir / "even", Scalars("loss", [0, 1], [1, 3]))
    told = html_report(tbgrad.compare([logdir]))
    assert "odd?" in Page(told).inside("td", "a") and told.encode()


def test_nothing_comes_from_elsewhere(logdir):
    log(logdir / "a", Scalars("loss", [0, 1], [1, 2]), picture())
    told = html_report(tbgrad.compare([logdir]))
    page = Page(told)
    addresses = [a[name] for _, a in page.elements for name in ("src", "href", "action", "data", "srcset") if name in a]
    assert addresses and all(address.startswith(("data:image/webp;base64,", "#")) for address in addresses)
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", told)
    (policy,) = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    for kind, inside in (("style-src", page.inside("style")[0]), ("script-src", page.inside("script")[1])):
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert not [attributes for _, attributes in page.elements if "style" in attributes]


def test_runs_of_others(logdir):
    for name, end in (("one", 0.5), ("two", 0.25)):
        with SummaryWriter(str(logdir / name)) as writer:
            for step in range(5):
                writer.add_scalar("train/loss", 1 if step < 4 else end, step)
            writer.add_text("args", "--rate 0.1 <b>")
    foreign(logdir / "three")
    page = page_of(logdir, by="train/loss")
    assert "another program wrote this run" in page.words and "--rate 0.1 <b>" in page.words
    assert "1 run without these is left out:" in page.words and "Pictures" not in page.words
    (chart,) = [chart for chart in page.data["charts"] if chart["tag"] == "train/loss"]
    ends = {page.data["runs"][run]["name"]: value[-1] for run, (_, value) in curves(chart).items()}
    assert ends == {"two": 0.25, "one": 0.5}


def test_groups_have_a_line_each_under_all_functions(logdir):
    for function in ("f", "g"):
        for optimizer, end in (("adam", 0.1), ("sgd", 0.3)):
            for seed in range(4):
                log(logdir / function / f"{optimizer}{seed}", Scalars("loss", [0, 1], [1, end + seed / 100]),
                    hparams={"function": function, "optimizer": optimizer, "seed": seed})  # fmt: skip
    page = page_of(logdir, by="loss", group_by=["optimizer"])
    styles = {(run["group"], *run["style"]) for run in page.data["runs"]}
    assert {group for group, *_ in styles} == {"optimizer adam", "optimizer sgd"} and len(styles) == 2
    assert [one["name"] for one in page.data["sets"]] == ["f", "g"]
    assert page.data["sets"][1]["groups"] == ["optimizer adam", "optimizer sgd"]
    assert "First on f by the median loss: optimizer adam; worse: optimizer sgd." in page.words


def test_the_profile_is_drawn_as_it_is_defined(logdir):
    costs = {"adam": (10, 40, None), "sgd": (20, 20, 30)}
    for solver, of_problems in costs.items():
        for i, steps in enumerate(of_problems):
            series = [Scalars("descent/value", [0, 1], [1, 0.5]), Scalars("descent/log10_gap", [0, 1], [0, -7])]
            series += [Scalars("metrics/steps_to_gap", 0, steps)] if steps else []
            log(logdir / f"f{i}" / solver, *series, hparams={"function": f"f{i}", "optimizer": solver})
    page = page_of(logdir)
    drawn = dict(zip(page.data["profile"]["names"], page.data["profile"]["curves"], strict=True))
    for solver, (factors, shares) in drawn.items():
        for factor, share in zip(factors, shares, strict=True):
            least = [min(filter(None, pair)) for pair in zip(*costs.values(), strict=True)]
            solved = [c is not None and c <= factor * m for c, m in zip(costs[solver], least, strict=True)]
            assert share == pytest.approx(sum(solved) / 3)
    assert drawn["sgd"] == [[1, 2, 2.2], pytest.approx([2 / 3, 1, 1])]


def test_colours_and_dashes_are_those_of_the_house():
    css = html_page_style()
    for number, racer in enumerate(RACERS):
        assert re.findall(rf"--r{number}: (#\w+)", css)[0] == racer["color"]
    dashes = {number: racer["linestyle"] for number, racer in enumerate(RACERS)}
    assert all((dashes[i] == dashes[j]) == (style(i)[1] == style(j)[1]) for i in dashes for j in dashes)
    assert dashes[0] == "-" and style(0) == (0, 0)
    assert len({style(number) for number in range(50)}) == 50


def html_page_style():
    from tbgrad.comparison.page.report import _file

    return _file("page.css")


def test_the_command_writes_the_page(logdir, tmp_path):
    log(logdir / "a", Scalars("loss", [0, 1], [1, 2]))
    file = tmp_path / "page.html"
    done = CliRunner().invoke(main, ["compare", str(logdir), "--html", str(file)])
    assert done.exit_code == 0 and "loss" in done.stdout
    assert Page(file.read_text("utf-8")).data["charts"][0]["tag"] == "loss"
    piped = CliRunner().invoke(main, ["compare", str(logdir), "--html", "-"])
    assert piped.exit_code == 0 and Page(piped.stdout).data["charts"][0]["tag"] == "loss"
    refused = CliRunner().invoke(main, ["compare", str(logdir), "--html", "-", "--csv", "-"])
    assert refused.exit_code == 2 and "stdout" in refused.output
    nowhere = CliRunner().invoke(main, ["compare", str(logdir), "--html", str(tmp_path / "no" / "page.html")])
    assert nowhere.exit_code == 2 and "cannot write" in nowhere.output


def test_the_page_needs_neither_tensorflow_nor_matplotlib(logdir):
    log(logdir / "a", Scalars("loss", [0, 1], [1, 2]), picture())
    code = (
        "import sys, tbgrad; from tbgrad.comparison.page.report import html_report; "
        f"html_report(tbgrad.compare([{str(logdir)!r}])); assert not {{'tensorflow', 'matplotlib'}} & {{*sys.modules}}"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
