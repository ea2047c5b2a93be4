"""Time Series: as it opens, and at the addresses that the tour prints."""

import re
import urllib.parse

import pytest

RACERS = ("adam_lr0.05", "rmsprop_lr0.001", "sgd_lr0.00125", "sgd_lr0.001_momentum0.9", "sgd_lr0.01")

# [tag, [run of each row of the table below the chart]] of each card.
CHARTS = """return all('scalar-card').map(card => [text(card.querySelector('.tag')),
    all('tb-data-table-content-row', card).map(row => text(all('.cell', row)[1]))]).sort()"""
# [tag, run, whether the picture is loaded] of each card.
PICTURES = """return all('image-card').map(card => [text(card.querySelector('.tag')), text(card.querySelector('.run')),
    card.querySelector('img')?.naturalWidth > 0])"""


def test_the_race_has_a_line_for_each_racer(page, board):
    page.open(board.views["the race"])
    runs = [f"rosenbrock/descent/{racer}" for racer in RACERS]
    page.wait("charts and their runs", CHARTS, expected=[["descent/log10_gap", runs]])
    colours = page.ask("return all('scalar-card .row-circle span').map(e => e.style.backgroundColor)")
    colours = [tuple(int(part) for part in colour[4:-1].split(",")) for colour in colours[: len(RACERS)]]
    assert len(set(colours)) == len(RACERS)

    def undrawn():
        # The last racer diverges and leaves the chart at once.
        seen = page.colours("return all('scalar-card .series-view canvas')[0]")
        return [colour for colour in colours[:-1] if colour not in seen]

    page.wait("colours of missing lines", undrawn, expected=[])


@pytest.mark.parametrize("name", ["the surfaces", "curves and tangents", "the ways down", "the race, moving"])
def test_the_views_show_the_pictures_that_they_name(page, board, runs, name):
    page.open(board.views[name])
    (pattern,) = urllib.parse.parse_qs(urllib.parse.urlsplit(board.views[name]).query)["tagFilter"]
    wanted = [[tag, run] for run, found in runs.items() for tag in found.images if re.search(pattern, tag)]
    counts = "return all('.group-text .group-card-count').map(text)"
    page.wait("how many cards", counts, expected=[f"{len(wanted)} cards"])

    def shown():
        # The cards further down are loaded when one scrolls there.
        return [[tag, run] for tag, run, loaded in page.ask(PICTURES) if loaded]

    found = page.wait("loaded pictures", shown, until=lambda cards: len(cards) >= min(4, len(wanted)))
    assert len(wanted) >= 3 and [card for card in found if card not in wanted] == []


# [name, how many cards] of each group.
GROUPS = """return all('metrics-card-group-toolbar').map(
    group => [text(group.querySelector('.group-title')), text(group.querySelector('.group-card-count'))])"""
# The tags of the first page's cards.
TAGS = """return all('metrics-card-groups card-view').map(
    card => card.querySelector('.tag') ? text(card.querySelector('.tag')) : '')"""


def tags_of_cards(runs):
    """{group: tags of its cards, sorted}: a card for each scalar tag, and for each picture of each run."""
    tags = sorted({tag for run in runs.values() for tag in run.scalars})
    tags += [tag for run in runs.values() for tag in run.images]
    groups = {}
    for tag in sorted(tags):
        groups.setdefault(tag.split("/")[0], []).append(tag)
    return groups


def test_time_series_has_a_group_for_each_first_word_and_a_card_for_each_tag(page, runs):
    page.open("timeseries")
    expected = [[group, f"{len(tags)} cards"] for group, tags in sorted(tags_of_cards(runs).items())]
    page.wait("groups", GROUPS, expected=expected)


def test_the_first_cards_are_those_of_the_first_tags(page, runs):
    # In the order of the alphabet, whatever was logged first: what a descent shows first is where it goes.
    page.open("timeseries")
    (_, first), *_ = sorted(tags_of_cards(runs).items())
    page.wait("first cards", lambda: page.ask(TAGS)[:5], expected=first[:5])
    assert set(first[:5]) == {"descent/animation"}


# {run: its further cells} of the table of runs.
RUNS = """return Object.fromEntries(all('runs-data-table tb-data-table-content-row').map(
    row => all('tb-data-table-content-cell', row).map(text).filter(Boolean)).map(([run, ...cells]) => [run, cells]))"""


def test_the_table_of_runs_has_the_settings_as_columns(page, runs):
    page.open("timeseries")
    page.wait("the button +", "return all('runs-data-table .add-button').map(e => (click(e), 1)).length")
    offered = page.wait("columns", "return all('tb-data-table-column-selector-component button').map(text)")
    settings = {name for run in runs.values() if run.hparams for name in run.hparams.values}
    assert {name.removesuffix("differs").strip() for name in offered} == settings
    page.ask("""all('tb-data-table-column-selector-component button').filter(
        button => text(button).startsWith('optimizer')).forEach(click)""")
    expected = {name: [run.hparams.values["optimizer"]] for name, run in runs.items() if run.hparams}
    page.wait("optimizers", lambda: {run: cells for run, cells in page.ask(RUNS).items() if cells}, expected=expected)
