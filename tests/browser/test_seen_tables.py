"""HParams, Custom Scalars and Text: each run is there, with its numbers, lines and tables."""

import re

import numpy as np
import pytest
from seen_cards import CHARTS, ROWS, TEXTS

# The lines of the parallel coordinates.
LINES = """return all('tf-hparams-parallel-coords-plot').flatMap(
    plot => all('.foreground path', plot.shadowRoot).filter(line => !/NaN/.test(line.getAttribute('d'))))"""
# A person would tick the boxes on the left.
TICK = "all('paper-checkbox').filter(box => text(box).startsWith('metrics/') && !box.checked).forEach(click)"

DIVERGED = "rosenbrock/descent/sgd_lr0.01"


@pytest.fixture(scope="module")
def descents(runs):
    """{run: its records} of the runs that have hparams: the descents."""
    found = {name: runs[name] for name in sorted(runs) if runs[name].hparams}
    assert len(found) > 5 and all("/descent/" in name for name in found)
    return found


@pytest.fixture(scope="module")
def trials(page, descents):
    """{run: {column: text}} of the table of HParams."""
    page.open("hparams")
    runs = "return all('tf-hparams-table-view')[0]?.sessionGroups?.map(group => group.name).sort()"
    page.wait("trials", runs, expected=sorted(descents))
    rows = page.wait("rows", lambda: {row["Trial ID"]: row for row in page.ask(ROWS) if len(row) > 5})
    assert set(rows) == set(descents)
    return rows


def test_hparams_has_a_row_for_each_descent(trials, descents):
    for run, row in trials.items():
        function, _, conditions = run.split("/")
        optimizer, rate = conditions.split("_")[:2]
        assert (row["function"], row["optimizer"]) == (function, optimizer)
        assert float(row["learning_rate"]) == float(rate.removeprefix("lr"))


def test_hparams_shows_the_metrics_last_values(trials, descents):
    metrics = [column for column in trials[DIVERGED] if "/" in column]
    assert len(metrics) > 3
    for run, row in trials.items():
        for metric in metrics:
            if metric in descents[run].scalars:
                last = float(descents[run].scalars[metric].value[-1])
                assert float(row[metric]) == pytest.approx(last, rel=1e-3, nan_ok=True), (run, metric)
            else:
                assert row[metric] == "", (run, metric)


def test_hparams_has_all_metrics_of_each_descent_and_a_line_for_each(page, descents):
    page.open("hparams")
    ours = sorted({tag for run in descents.values() for tag in run.scalars if tag.startswith("metrics/")})
    assert len(ours) >= 3

    def with_metrics():
        page.ask(TICK)
        rows = {row["Trial ID"]: row for row in page.ask(ROWS) if set(ours) <= set(row)}
        return rows if set(rows) == set(descents) else {}

    rows = page.wait("all metrics", with_metrics)
    for run, row in rows.items():
        measured = {tag: descents[run].scalars[tag].value[-1] for tag in ours if tag in descents[run].scalars}
        assert {tag for tag in ours if row[tag] != ""} == set(measured), run
        # A descent ends somewhere, whether it arrives or not.
        assert {"metrics/best_value", "metrics/final_value"} <= set(measured)
        assert [float(row[tag]) for tag in measured] == pytest.approx(list(measured.values()), rel=1e-3, nan_ok=True)
    # A run has a line if it has all that is shown: who did not arrive has no steps until then.
    whole = [run for run, row in rows.items() if not {"", "NaN"} & {v for c, v in row.items() if c != "Show Metrics"}]
    page.ask("all('paper-tab').filter(tab => /parallel/i.test(text(tab))).forEach(click)")
    page.wait("lines", lambda: len(page.ask(LINES)), expected=len(whole))
    assert 0 < len(whole) < len(rows)


def test_custom_scalars_draws_what_the_runs_ask_for(page, runs):
    wanted = {}
    for name in sorted(runs):
        for charts in runs[name].layout.categories.values() if runs[name].layout else ():
            wanted |= {chart.title: chart.tags for chart in charts}
    assert list(wanted)[:2] == ["log10 of the gap to the minimum", "value and gradient norm"]
    expected = []
    for title, patterns in wanted.items():
        drawn = {(tag, name): run.scalars[tag].value for name, run in runs.items() for tag in run.scalars
                 if any(re.match(pattern, tag) for pattern in patterns)}  # fmt: skip
        # What diverges is out of its chart at once.
        lines = sum(bool(np.nanmedian(np.abs(value)) < 1e6) for value in drawn.values())
        expected.append([title, sorted(f"{tag} ({name})" for tag, name in drawn), lines])
    page.open("custom_scalars")
    page.wait("charts", CHARTS, expected=expected)


@pytest.fixture(scope="module")
def texts(page, board):
    """{(run, tag): (its text, its tables' cells)} of the dashboard Text."""
    page.open("text")
    listed = {(run, tag) for run, tags in board("plugin/text/tags").items() for tag in tags}

    def cards():
        shown = {(run, tag): (said, cells) for run, tag, said, cells in page.ask(TEXTS)}
        return shown if {key for key, (said, _) in shown.items() if said} == listed else {}

    return page.wait(f"texts {sorted(listed)}", cards)


def test_text_shows_the_tours_page_first(texts):
    said, cells = texts["about", "about/tour"]
    assert next(iter(texts)) == ("about", "about/tour")
    assert said.startswith("The tour") and "Where to look" in said and "tilted_waves = cos(x)*sin(y) + x/y" in said
    assert {"Which optimizer won?", "the race"} <= set(cells)


def test_text_has_a_page_with_tables_for_each_run(texts, tour):
    kinds = {
        "descent": {"descent/story"},
        "surface": {"surface/story"},
        "sweep": {"sweep/story"},
        "race": {"race/story"},
    }
    kinds |= {"graph": {"graph/story", "graph/backward"}, "graph_twice": {"graph/story"}, "graph_by_hand": set()}
    runs = [str(path.parent.relative_to(tour)) for path in tour.glob("*/*/**/run.json")]
    expected = {(run, tag) for run in runs for tag in kinds[run.split("/")[1]]}
    assert {key for key in texts if key[1] != "about/tour"} == expected
    assert {key for key, (_, cells) in texts.items() if not cells} == set()


def test_text_tells_the_numbers_of_the_descent_and_of_the_passes(texts):
    said, _ = texts["rosenbrock/descent/adam_lr0.05", "descent/story"]
    assert "adam on rosenbrock = (1 - x)**2 + 100*(y - x**2)**2" in said and "Converged" in said
    assert "Diverged" in texts[DIVERGED, "descent/story"][0]
    # cos(2) sin(1), as mpmath says.
    assert any(cell.startswith("-0.3501754883740") for cell in texts["tilted_waves/graph", "graph/backward"][1])
