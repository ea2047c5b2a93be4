"""Graphs: TensorFlow's graph in its scopes, and the graph by hand with the numbers of both passes on its cards."""

import json

import mpmath
import pytest

FUNCTIONS = ("fading_wave", "ripple", "rosenbrock", "tilted_waves")

RUNS = "return all('tf-graph-controls')[0]?.datasets?.map(run => run.name).sort()"
# Another graph than the one before, if there was one, is loaded and drawn.
DRAWN = """const board = all('tf-graph-board')[0];
const drawn = board?.progress?.value == 100 && board.graphHierarchy && board.graphHierarchy !== window.before;
"""
SELECT = """const controls = all('tf-graph-controls')[0];
window.before = all('tf-graph-board')[0].graphHierarchy;
controls._selectedRunIndex = controls.datasets.findIndex(run => run.name == arguments[0])"""
NODES = "all('g.node').filter(shown).map(e => e.getAttribute('data-name')).sort()"
CLICK = "click(all('g.node').find(e => e.getAttribute('data-name') == arguments[0]).querySelector(arguments[1]))"
# What the card says, when it is this node's; its rows follow a moment after its title. The graph moves when a node is
# clicked on, and does not hear clicks while it moves.
CARD = f"""const card = all('tf-node-info')[0];
if (card?._node?.name != arguments[0]) return {CLICK};
const cells = which => all('.attr-' + which, card.shadowRoot).filter(shown).map(text);
const values = cells('right');
const rows = cells('left').map((name, i) => [name, values[i]]);
return String(rows) == String(card._attributes.map(row => [row.key, row.value])) ? rows : null"""


def select(page, run, nodes):
    """Open the dashboard at a run's graph, whose uppermost nodes are these."""
    page.open("graphs")
    # It begins with the first run's graph; a choice before that is drawn would be lost.
    page.wait("the first graph", DRAWN + f"return drawn && {NODES}.length")
    page.ask(SELECT, run)
    page.wait(f"nodes of {run}", DRAWN + f"return drawn && {NODES}", expected=sorted(nodes))


def unfold(page, scope):
    """Click on a scope's plus; returns the names of the nodes in it."""
    page.ask(CLICK, scope, ".buttoncontainer")
    return page.wait(f"nodes in {scope}", f"return {NODES}.filter(name => name.startsWith(arguments[0]))", scope + "/")


def card(page, name):
    """Click on a node; returns what its card says, without the JSON around the texts."""
    rows = page.wait(f"the card of {name}", CARD, name, ".nodeshape > *")
    return {key: json.loads(value)["s"] for key, value in rows}


def test_each_function_has_its_graphs(page):
    page.open("graphs")
    runs = [f"{function}/{kind}" for function in FUNCTIONS for kind in ("graph", "graph_by_hand")]
    page.wait("runs with a graph", RUNS, expected=sorted([*runs, "fading_wave/graph_twice"]))


def test_the_graph_of_value_and_gradient(page):
    select(page, "tilted_waves/graph", ["forward", "gradient"])
    forward, gradient = unfold(page, "forward"), unfold(page, "gradient")
    named = {"x", "y", "cos(x)", "sin(y)", "cos(x)*sin(y)", "x÷y", "cos(x)*sin(y) + x÷y", "value"}
    assert {name.removeprefix("forward/") for name in forward} == named
    assert {"gradient/∂f÷∂x", "gradient/∂f÷∂y", "gradient/sin(x)", "gradient/cos(y)"} <= set(gradient)
    assert not [name for name in forward + gradient if "PartitionedCall" in name or "Identity" in name]
    assert card(page, "forward/cos(x)") == {"original_name": "Cos", "dtype": "float64"}


def test_the_graph_of_the_gradient_asked_for_twice(page):
    select(page, "fading_wave/graph_twice", ["forward", "gradient", "gradient_again"])
    once, again = unfold(page, "gradient"), unfold(page, "gradient_again")
    assert len(once) == len(again) > 10


def test_the_graph_by_hand_has_the_formulas_nodes(page):
    nodes = ["x", "y", "cos(x)", "sin(y)", "cos(x)*sin(y)", "x÷y", "cos(x)*sin(y) + x÷y"]
    select(page, "tilted_waves/graph_by_hand", nodes)


@pytest.fixture(scope="module")
def by_hand(page):
    """The cards of tilted_waves = cos(x)*sin(y) + x/y at (2, 1)."""
    nodes = ["x", "y", "cos(x)", "sin(y)", "cos(x)*sin(y)", "x÷y", "cos(x)*sin(y) + x÷y"]
    select(page, "tilted_waves/graph_by_hand", nodes)
    return {name: card(page, name) for name in nodes}


COS2, SIN2, COS1, SIN1 = mpmath.cos(2), mpmath.sin(2), mpmath.cos(1), mpmath.sin(1)


@pytest.mark.parametrize(
    ("name", "value", "gradient", "derivatives"),
    [
        ("x", 2, 1 - SIN2 * SIN1, {}),
        ("y", 1, COS2 * COS1 - 2, {}),
        ("cos(x)", COS2, SIN1, {"x": -SIN2}),
        ("cos(x)*sin(y)", COS2 * SIN1, 1, {"cos(x)": SIN1, "sin(y)": COS2}),
        ("x÷y", 2, 1, {"x": 1, "y": -2}),
        ("cos(x)*sin(y) + x÷y", COS2 * SIN1 + 2, 1, {"cos(x)*sin(y)": 1, "x÷y": 1}),
    ],
)
def test_the_cards_by_hand_tell_the_numbers(by_hand, name, value, gradient, derivatives):
    told = {key: float(text.rpartition("= ")[2]) for key, text in by_hand[name].items()}
    expected = {"value": value, "gradient": gradient}
    expected |= {f"derivative by {argument}": derivative for argument, derivative in derivatives.items()}
    assert told == pytest.approx({key: float(number) for key, number in expected.items()}, rel=1e-14)
