"""What the tour tells: the story of its runs, one gradient computed in three ways, and where to look."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tbgrad.calculus.backward import backward
from tbgrad.calculus.derivatives import evaluate
from tbgrad.functions.catalogue import lookup
from tbgrad.functions.function import Function
from tbgrad.functions.interpreters import interpret, numpy_table
from tbgrad.results.graphs import counted, times
from tbgrad.results.tabular import markdown_table
from tbgrad.runs.addresses import address, view
from tbgrad.summaries.pages import link

# A converged descent that is so far above the global minimum has found another one.
_WELL_ABOVE = 1e-3


def story(stops: Sequence[tuple[str, str, Mapping[str, Any]]]) -> list[str]:
    """The lines about (function, kind of experiment, its report), function by function."""
    lines = []
    for function in dict.fromkeys(name for name, _, _ in stops):

        def reports(kind: str, function: str = function) -> list[Mapping[str, Any]]:
            return [report for name, what, report in stops if (name, what) == (function, kind)]

        (graph,), (sweep,), descents = reports("graph"), reports("sweep"), reports("descent")
        lines += ["", f"{function} = {lookup(function).text()}"]
        lines.append(f"  graph: {counted(graph['counts'])}, traced {times(graph['traces'])}")
        twice = reports("graph, the gradient twice")
        lines += [f"  graph, the tutorial's way: {counted(g['counts'])}, traced {times(g['traces'])}" for g in twice]
        lines += [f"  surface over {surface['where']}" for surface in reports("surface")]
        lines.append(f"  sweep {sweep['where']}")
        lines += [f"  {sentence}" for sentence in sweep["undefined"]]
        lines += [
            f"  tangent at {t['coordinate']:g}: value {t['value']:.4f}, slope {t['slope']:.6f}"
            for t in sweep["tangents"]
        ]
        lines += ["  " + _descent_line(report) for report in descents]
        lines += [f"  {line}" for report in reports("race") for line in _race_lines(report)]
        lines += [f"  {sentence}" for sentence in _deeper_valley(lookup(function), descents)]
        lines += [f"  {remark}" for remark in _REMARKS.get(function, ())]
    return lines[1:]


# What the numbers above mean; tests hold each to the mathematics.
_REMARKS = {
    "ripple": ("Two optimizers, one ring: every point at distance 3π/2 from the origin is a minimum.",),
    "rosenbrock": (
        "sgd 0.00125 crawls along the valley; momentum and adam get there; rmsprop is late and never settles: its",
        "updates stay about as long as its rate. Each rate is one untuned choice: the race compares settings.",
    ),
}


def _deeper_valley(f: Function, descents: Sequence[Mapping[str, Any]]) -> list[str]:
    """Says where the global minimum is, if all descents converged well above it."""
    ends = [report["starts"][0] for report in descents]
    minima = f.known_minima()
    if not minima or any(end["status"] != "converged" or end["value"] < minima[0].value + _WELL_ABOVE for end in ends):
        return []
    where = ", ".join(f"{x:.3f}" for x in minima[0].points[0])
    return [f"It found the valley below its start; the deepest is at ({where}), value {minima[0].value:.4f}."]


def _descent_line(report: Mapping[str, Any]) -> str:
    start = report["starts"][0]
    settings = "".join(f", {name} {value:g}" for name, value in report["settings"].items())
    method = f"{report['optimizer']} {report['learning_rate']:g}{settings}"
    if start["status"] in ("diverged", "not_finite"):
        return f"{method:<24} {start['sentence']}"
    at = ", ".join(f"{x:.3f}" for x in start["position"])
    origin = ", ".join(f"{x:g}" for x in start["start"])
    reached = report["metrics"]["steps_to_gap"]
    gap = f", 1e-6 from the minimum at step {reached}" if reached is not None else ""
    return (
        f"{method:<24} from ({origin}) to ({at}), value {start['value']:.4g}{gap}: {start['status'].replace('_', ' ')}"
    )


def _race_lines(report: Mapping[str, Any]) -> list[str]:
    """Who arrived in which order, and which pictures show it."""
    arrived = [
        f"{r['racer']} ({r['steps_to_target']:,} steps)" for r in report["racers"] if r["steps_to_target"] is not None
    ]
    late = [r["racer"] for r in report["racers"] if r["steps_to_target"] is None]
    order = f"the race: {', '.join(arrived)}" + (f"; not there: {', '.join(late)}" if late else "")
    return [order, "its pictures: race/paths, race/animation and race/value, all racers on one"]


def gradient_table(f: Function, point: Sequence[float]) -> list[dict[str, Any]]:
    """Value and gradient of a formula by hand, by autograd where it is installed, and by TensorFlow."""
    hand = backward(f, point)
    found = evaluate(f, [point])
    rows = [("by hand", hand.value, list(hand.gradient))]
    if importlib.util.find_spec("autograd"):
        rows.append(("autograd", *_by_autograd(f, point)))
    rows.append(("TensorFlow", float(found.value[0]), found.gradient[0].tolist()))
    return [{"way": way, "value": value, "gradient": gradient} for way, value, gradient in rows]


def _by_autograd(f: Function, point: Sequence[float]) -> tuple[float, list[float]]:
    import autograd
    import autograd.numpy

    table = numpy_table(autograd.numpy)

    def value(position: Any) -> Any:
        variables = {name: position[i] for i, name in enumerate(f.variables)}
        return interpret(f.nodes, table, variables)[-1]

    at = np.array(point, dtype=float)
    return float(value(at)), autograd.grad(value)(at).tolist()


def table_lines(table: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rows of `gradient_table`, for people."""
    lines = ["ripple at (2, 0)   value                gradient"]
    for row in table:
        gradient = ", ".join(repr(x + 0.0) for x in row["gradient"])
        lines.append(f"  {row['way']:<16} {row['value']!r:<20} ({gradient})")
    if len(table) < 3:
        lines.append("  autograd is not installed; with it ('pip install autograd') it stands here too.")
    return lines


# What to open first: the dashboard, its tags, and the runs.
_VIEWS: dict[str, tuple[str, Sequence[str], str | None]] = {
    "what to look at": ("Text", (), None),
    "the race": ("Time Series", ("descent/log10_gap",), "rosenbrock/descent"),
    "the race, moving": ("Time Series", ("race/animation", "race/paths", "race/value"), None),
    "all racers' gaps": ("Custom Scalars", (), "rosenbrock/descent"),
    "the runs compared": ("HParams", (), None),
    "the graphs": ("Graphs", (), None),
    "the surfaces": ("Time Series", ("surface/contour", "surface/gradient_norm", "surface/relief/30_-60"), None),
    "the same, to turn": ("Mesh", (), "surface"),
    "curves and tangents": ("Time Series", ("sweep/curve", "sweep/secant", "sweep/tangent"), None),
    "the ways down": ("Time Series", ("descent/animation", "descent/path"), None),
}
# (question, view, hint).
_QUESTIONS = (
    ("Which optimizer won?", "the race", ""),
    ("Which way does each racer go, and who is ahead?", "the race, moving", ""),
    ("Which settings took how many steps?", "the runs compared", ": tick metrics/steps_to_gap at the left"),
    ("Where is the minimum? Is it a point or a ring?", "the surfaces", ""),
    ("Where is the function undefined?", "the surfaces", ""),
    ("Which way does the gradient point?", "the surfaces", ": the arrows of surface/contour"),
    ("Where is it steep?", "the surfaces", ": bright in surface/gradient_norm"),
    ("What is its shape?", "the same, to turn", ": drag"),
    ("How does the gradient come about?", "the graphs", ": a run graph_by_hand, click on a node"),
    ("What does TensorFlow compute for it?", "the graphs", ": a run graph, open its two scopes"),
    ("How does a descent go down?", "the ways down", ": move the slider of descent/path"),
    ("What are value and slope at 4.1?", "curves and tangents", ""),
    ("How does a secant become a tangent?", "curves and tangents", ": move the slider of sweep/secant"),
)


def guide(told: Sequence[str]) -> str:
    """A page that links what to open first and what answers which question, with the story below, as markdown."""
    first = [link(name, *there) for name, there in _VIEWS.items() if there[0] != "Text"]
    rows = [(question, f"{link(name, *_VIEWS[name])}{hint}") for question, name, hint in _QUESTIONS]
    parts = [
        "## The tour",
        "**A tutorial on gradients, and a race of optimizers.** Each run has a page of its own under this one.",
        " · ".join(first),
        "**Where to look**",
        markdown_table(("question", "where"), rows),
        "\n".join(["```", *told, "```"]),
    ]
    return "\n\n".join(parts) + "\n"


def views() -> list[str]:
    """What to open first, with its address."""
    return [f"{name:<20} {address(view(*there))}" for name, there in _VIEWS.items()]
