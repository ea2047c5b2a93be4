"""The links in the pages of the Text dashboard, clicked on: each leads to the cards that it names, of its own run."""

import urllib.parse

import pytest

import tbgrad
from tbgrad.runs.addresses import exactly, view

RUN = "rosenbrock/descent/adam_lr0.05"

# [text, address] of each link in the pages of this run.
LINKS = """return all('tf-text-loader').filter(card => card.run == arguments[0]).flatMap(
    card => all('a', card.shadowRoot)).map(a => [text(a), a.href])"""
LINK = LINKS.replace(".map(a => [text(a), a.href])", ".filter(a => text(a) == arguments[1])[0]")
# [tag, runs in the table below it] of each chart, and [tag, run] of each picture.
CARDS = """const runs = card => all('tb-data-table-content-row', card).map(row => text(all('.cell', row)[1]));
return [...all('scalar-card').map(card => [text(card.querySelector('.tag')), ...runs(card)]),
    ...all('image-card').map(card => [text(card.querySelector('.tag')), text(card.querySelector('.run'))])].sort()"""
# What the filter finds comes first; the groups of all pictures follow.
FOUND = "return all('tf-image-loader').slice(0, 2).map(card => [card.run, card.tag])"
SHOWN = "return all('tf-mesh-loader').map(card => card.run)"
CHARTS = """return all('tf-custom-scalar-multi-line-chart-card').map(card => [card.smoothingWeight,
    ...all('.match-list-entry', card.shadowRoot).map(e => text(e).replace(/^.*\\((.*)\\)$/, '$1'))])"""


def follow(page, shown):
    """Click on a link in the run's page."""
    page.open(f"text&regexInput={RUN}$")
    page.wait(f"a link '{shown}'", LINKS, RUN, until=lambda links: shown in [text for text, _ in links])
    page.ask(LINK, RUN, shown).click()


def test_the_page_at_a_glance(page):
    follow(page, "This run at a glance")
    first = ("descent/gradient_norm", "descent/log10_gap", "descent/log10_value", "descent/path")
    page.wait("cards", CARDS, expected=[[tag, RUN] for tag in first])


def test_the_pictures_of_the_run(page):
    follow(page, "Images")
    page.wait("pictures found", FOUND, expected=[[RUN, "descent/animation"], [RUN, "descent/path"]])


def test_the_mesh_of_the_run(page):
    follow(page, "Mesh")
    page.wait("meshes, each in two groups", SHOWN, expected=[RUN] * 2)


def test_the_charts_of_the_run_are_not_smoothed(page):
    follow(page, "Custom Scalars")

    def shown():
        return [chart for chart in page.ask(CHARTS) if len(chart) > 1]

    charts = page.wait("charts", shown, until=lambda found: len(found) > 1)
    assert {entry for chart in charts for entry in chart} == {0, RUN}


def test_every_tag_that_a_page_links_is_in_its_run(page, tour):
    page.open("text&regexInput=rosenbrock")
    found = page.wait("links", LINKS, RUN)
    tags = [tag for of in vars(tbgrad.read_run(tour / RUN)).values() if isinstance(of, dict) for tag in of]
    wanted = {exactly(tag) for tag in tags}
    asked = [urllib.parse.parse_qs(address.partition("#")[0].partition("?")[2]) for _, address in found]
    asked += [urllib.parse.parse_qs(address.partition("#")[2]) for _, address in found]
    single = {tag for query in asked for tag in query.get("tagFilter", []) if not tag.startswith("^(")}
    assert len(single) > 5 and single <= wanted


@pytest.mark.parametrize("name", ["the race", "the surfaces", "curves and tangents", "the ways down", "the graphs"])
def test_the_tours_page_links_the_views_that_the_tour_prints(page, board, name):
    page.open("text")
    links = page.wait("links", LINKS, "about")
    assert dict(links)[name] == board.views[name]


def test_the_tours_page_is_the_first_that_one_sees(page):
    page.open(page.root + view("Text"))
    page.wait("the first page", "return all('tf-text-loader').map(card => card.run)[0]", expected="about")
