"""Pages of the Text dashboard: links to the run's parts, before and after the run has a name."""

import re
import urllib.parse

import pytest

from tbgrad.runs.addresses import exactly
from tbgrad.summaries.pages import page, select_run

QUESTIONS = (
    ("Close?", "Custom Scalars", "descent/log10_gap"),
    ("Which way?", "Images: move the slider", "descent/path"),
    ("How does it look?", "Mesh: drag", "descent/mesh"),
    ("How steep?", "Time Series", "descent/gradient_norm"),
    ("How far?", "Time Series", "descent/update_norm"),
    ("How straight?", "Time Series", "descent/update_cosine"),
    ("And the others?", "Time Series of all runs: the race", "descent/log10_gap"),
    ("Which is best?", "HParams", "metrics/best_value"),
    ("What computes it?", "Graphs", ""),
)
RUN = "rosenbrock/descent/adam_lr0.05"


@pytest.fixture(scope="module")
def text():
    return page("A run", ["**It converged.**", "More of it."], QUESTIONS)


def links(text):
    """{shown: (dashboard, its parameters)} of each link; a later one of the same name is another."""
    found = []
    for shown, target in re.findall(r"\[([^]]*)\]\(([^)\s]*)\)", text):
        query, _, fragment = target.partition("#")
        dashboard, *pairs = fragment.split("&")
        pairs += [pair for pair in query.removeprefix("?").split("&") if pair]
        asked = {key: urllib.parse.unquote(value) for key, value in (pair.split("=") for pair in pairs)}
        found.append((shown, dashboard, asked))
    return found


def test_the_page_begins_with_what_came_out_and_where_to_look(text):
    heading, outcome, look, more, where, *_ = text.split("\n\n")
    assert (heading, outcome, more, where) == ("## A run", "**It converged.**", "More of it.", "**Where to look**")
    names = ["This run at a glance", "Custom Scalars", "Images", "Mesh", "Time Series", "HParams", "Graphs"]
    assert [shown for shown, _, _ in links(look)] == names


def test_at_a_glance_are_the_first_cards_that_time_series_has(text):
    shown, dashboard, asked = links(text)[0]
    first = ("descent/log10_gap", "descent/path", "descent/gradient_norm", "descent/update_norm")
    assert (shown, dashboard, asked["tagFilter"]) == ("This run at a glance", "timeseries", exactly(*first))


def test_a_dashboards_link_shows_all_of_its_tags(text):
    asked = {shown: asked for shown, _, asked in links(text.split("**Where to look**")[0])}
    of_series = ("descent/gradient_norm", "descent/update_norm", "descent/update_cosine")
    assert asked["Time Series"]["tagFilter"] == exactly(*of_series)
    assert asked["Images"]["tagFilter"] == exactly("descent/path")


def test_the_table_links_each_dashboard_and_keeps_the_hints(text):
    rows = [row.strip("| ").split(" | ") for row in text.split("**Where to look**")[1].splitlines() if " | " in row][1:]
    assert [row[0] for row in rows] == [question for question, _, _ in QUESTIONS]
    assert [row[2].strip("`") for row in rows if len(row) > 2] == [tag for _, _, tag in QUESTIONS if tag]
    assert rows[1][1].endswith("): move the slider") and rows[6][1].endswith(") of all runs: the race")
    assert [len(links(row[1])) for row in rows] == [1] * len(QUESTIONS)


def test_without_a_name_no_run_is_hidden(text):
    for _, dashboard, asked in links(text):
        for key in ("runFilter", "regexInput"):
            assert re.search(asked.get(key, ""), "any/run at all"), dashboard


def selected(asked, names):
    pattern = asked.get("runFilter", asked.get("regexInput", ""))
    return [name for name in names if re.search(pattern, name)]


def test_with_a_name_the_links_select_the_run(text):
    others = [f"{RUN}_steps500", "rosenbrock/descent/adam_lr0x05", "ripple/descent/sgd_lr0.1", "himmelblau/surface/x-y"]
    named = links(select_run(text, RUN))
    assert len(named) == len(links(text)) == 16
    for shown, dashboard, asked in named:
        if dashboard in ("hparams", "graphs"):
            assert not asked
        elif (shown, dashboard) == ("Time Series", "timeseries") and asked["tagFilter"] == exactly("descent/log10_gap"):
            # Of all runs: those of this function and experiment.
            assert selected(asked, [RUN, *others]) == [RUN, *others[:2]]
        else:
            assert selected(asked, [RUN, *others]) == [RUN]
            # TensorBoard may have been started on a directory above.
            assert selected(asked, [f"logs/{RUN}"]) == [f"logs/{RUN}"]


def test_a_run_without_a_directory_above_it_has_no_runs_beside_it(text):
    beside = [asked for _, _, asked in links(select_run(text, "mine")) if asked.get("runFilter") == ".*"]
    assert len(beside) == 1


def test_a_run_is_selected_once(text):
    assert select_run(select_run(text, RUN), "another/run/name") == select_run(text, RUN)
