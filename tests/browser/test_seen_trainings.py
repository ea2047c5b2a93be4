"""The board of `scripts/train_digits.py`: what a person sees of a network that learns, and of one that does not."""

import io
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from conftest import Page, serving
from PIL import Image
from seen_cards import CHARTS, PICTURES, ROWS, TEXTS

import tbgrad
from tbgrad.runs.addresses import view

SCRIPT = Path(tbgrad.__file__).parents[1] / "scripts" / "train_digits.py"
SHORT = ("--epochs", "3", "--points", "9")
TRAININGS = ("healthy", "sick")
# A tag has the layer's place in front.
LAYERS = [*(f"{k}_hidden_{k}" for k in range(1, 9)), "9_output"]
# The colour of the mark at which a gradient begins to vanish.
VANISHES = (102, 204, 238)

# [tag, [run of each row of the table below the chart]] of each card, in the page's order.
CARDS = """return all('scalar-card').map(card => [text(card.querySelector('.tag')),
    all('tb-data-table-content-row', card).map(row => text(all('.cell', row)[1]))])"""
# How many margins, drawn as areas, are in each chart of that kind, with its title.
MARGINS = """return all('tf-custom-scalar-margin-chart-card').map(card => [
    card.shadowRoot.querySelector('tf-card-heading').displayName, all('.match-list-entry', card.shadowRoot).length,
    all('path.area', card.shadowRoot).filter(e => e.getAttribute('d')?.length > 30).length])"""
# [tag, run, whether there is a shape] of each histogram.
HISTOGRAMS = """return all('tf-histogram-loader').filter(shown).map(card => [card.tag, card.run,
    all('path', card.shadowRoot).filter(e => e.getAttribute('d')?.length > 60).length > 0])"""
CANVAS = "return all('tf-mesh-loader').flatMap(card => all('canvas', card.shadowRoot)).filter(shown)[0]"


@pytest.fixture(scope="module")
def top(tmp_path_factory):
    """The directory of the script's runs."""
    top = tmp_path_factory.mktemp("digits") / "runs"
    command = [sys.executable, str(SCRIPT), "--logdir", str(top), *SHORT]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    return top


@pytest.fixture(scope="module")
def found(top):
    """{run: its records}, from their files."""
    return {str(path.parent.relative_to(top)): tbgrad.read_run(path.parent) for path in top.rglob("run.json")}


@pytest.fixture(scope="module")
def page(driver, top, found, tmp_path_factory):
    with serving(top, found, tmp_path_factory.mktemp("board") / "output") as board:
        yield Page(driver, board.root)


def test_time_series_has_the_layers_in_network_order(page):
    page.open(f"{page.root}?tagFilter={urllib.parse.quote('^training/gradient_norm/[0-9]')}#timeseries")
    page.wait("how many", "return all('.group-text .group-card-count').map(text)", expected=["9 cards"])
    # Those further down are made when one scrolls there.
    seen = page.wait("charts and their runs", CARDS, until=lambda cards: len([c for c in cards if len(c[1]) == 2]) >= 4)
    expected = [[f"training/gradient_norm/{layer}", list(TRAININGS)] for layer in LAYERS]
    assert seen == expected[: len(seen)]


def test_images_shows_where_the_gradient_vanishes(page, found):
    page.open(page.root + view("Images", ["training/layers"]))

    def shown():
        return {run: source for run, tag, source, _ in page.ask(PICTURES) if tag == "training/layers" and source}

    pictures = page.wait("pictures", shown, until=lambda pictures: set(pictures) == set(TRAININGS))
    marked = {}
    for run, source in pictures.items():
        with urllib.request.urlopen(source, timeout=30) as answer:
            picture = answer.read()
        assert picture == found[run].images["training/layers"].image[-1]
        with Image.open(io.BytesIO(picture)) as image:
            colours = {colour for _, colour in image.convert("RGB").getcolors(image.width * image.height)}
        marked[run] = VANISHES in colours
    assert marked == {"healthy": False, "sick": True}


def test_text_shows_the_verdicts_first(page):
    page.open(page.root + view("Text", runs=f"^({'|'.join(TRAININGS)})$"))

    def cards():
        return [card for card in page.ask(TEXTS) if card[2]]

    healthy, sick = page.wait("both pages", cards, until=lambda cards: len(cards) == 2)
    assert [card[:2] for card in (healthy, sick)] == [[run, "training/verdict"] for run in TRAININGS]
    assert healthy[2].startswith("Healthy: no fault found in steps 0 to 89")
    assert sick[2].startswith("The gradient vanishes at layer hidden_3 and 2 more layers below it, since step 0")
    assert "What to do: " in sick[2]
    # The last cell of a row is the verdict on its layer.
    verdicts = {layer: sick[3][sick[3].index(layer) : sick[3].index(layer) + 8][-1] for layer in ("output", "hidden_1")}
    assert verdicts == {"output": "healthy", "hidden_1": "vanishing"}
    assert "vanishing" not in healthy[3]


def test_custom_scalars_has_a_line_for_each_layer_and_bands(page):
    page.open("custom_scalars")
    charts = page.wait("charts", CHARTS, until=lambda charts: len(charts) >= 4 and all(named for _, named, _ in charts))
    by_layer = sorted(f"training/gradient_norm/{layer} ({run})" for layer in LAYERS for run in TRAININGS)
    (lines,) = [(named, drawn) for title, named, drawn in charts if title.startswith("gradient norm of each layer")]
    assert lines[0] == by_layer
    assert charts[0][0] == "loss and gradient norm" and len(charts[0][1]) == 4
    page.wait("lines", lambda: page.ask(CHARTS)[0][2], expected=4)
    bands = [["gradient norm: median and quartiles of the layers", 2, 2]]
    page.wait("bands", MARGINS, expected=bands)


def test_histograms_shows_gradients_in_network_order(page):
    page.open(f"histograms&tagFilter={urllib.parse.quote('^training/gradients/')}")
    first = [[f"training/gradients/{LAYERS[k]}/{w}", run, True] for k in (0, 1) for w in ("bias", "kernel")
             for run in TRAININGS]  # fmt: skip
    page.wait("first histograms", lambda: page.ask(HISTOGRAMS)[:8], expected=first)


def test_mesh_shows_the_landscape_with_the_way_on_it(page):
    page.open(page.root + view("Mesh", runs="along_the_way$"))

    def kinds():
        # The way is red; so is nothing else. The surface has many shades from blue to yellow.
        seen = page.colours(CANVAS) if page.ask(CANVAS) else set()
        return any(r > 150 and g < 60 and b < 60 for r, g, b in seen), len(seen) > 1000

    page.wait("a red way on a surface", kinds, expected=(True, True))


def test_hparams_lists_both_trainings(page):
    page.open("hparams")
    rows = page.wait("rows", lambda: {row["Trial ID"]: row for row in page.ask(ROWS) if len(row) > 5})
    assert set(rows) == set(TRAININGS)
    for row in rows.values():
        assert row["model"] == "digits" and float(row["learning_rate"]) == 0.05 and float(row["epochs"]) == 3
