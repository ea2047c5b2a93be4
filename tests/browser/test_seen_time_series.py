"""Time Series, at the addresses that the tour prints."""

RACERS = ("adam_lr0.05", "rmsprop_lr0.001", "sgd_lr0.00125", "sgd_lr0.001_momentum0.9", "sgd_lr0.01")
SURFACES = [f"{function}/surface/x-y" for function in ("ripple", "rosenbrock", "tilted_waves")]
CURVES = ["fading_wave/sweep/x_points100_tangent4.1", "ripple/sweep/x"]
CURVES += ["rosenbrock/sweep/line_from-1.2_1_to1_1", "tilted_waves/sweep/x_y1"]

# [tag, [run of each row of the table below the chart]] of each card.
CHARTS = """return all('scalar-card').map(card => [text(card.querySelector('.tag')),
    all('tb-data-table-content-row', card).map(row => text(all('.cell', row)[1]))]).sort()"""
# [tag, run, whether the picture is loaded] of each card.
PICTURES = """return all('image-card').map(card => [text(card.querySelector('.tag')), text(card.querySelector('.run')),
    card.querySelector('img')?.naturalWidth > 0]).sort()"""


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


def test_the_surfaces(page, board):
    page.open(board.views["the surfaces"])
    cards = [[tag, run, True] for tag in ("surface/contour", "surface/relief/30_-60") for run in SURFACES]
    page.wait("pictures", PICTURES, expected=cards)


def test_the_curves(page, board):
    page.open(board.views["curves and tangents"])
    page.wait("pictures", PICTURES, expected=[["sweep/curve", run, True] for run in CURVES])


def test_the_ways_down(page, board):
    page.open(board.views["the ways down"])
    page.wait("how many cards", "return all('.group-text .group-card-count').map(text)", expected=["18 cards"])
    # The cards further down are loaded when one scrolls there.
    shown = page.wait("loaded pictures", PICTURES.replace(").sort()", ").filter(card => card[2])"))
    assert {tag for tag, _, _ in shown} <= {"descent/animation", "descent/path"}


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
