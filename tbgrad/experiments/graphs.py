"""`tbgrad graph`: the computational graph of f and of its gradient, and the graph by hand, into runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tbgrad import naming
from tbgrad.calculus.backward import backward
from tbgrad.calculus.graphs import trace_graph
from tbgrad.errors import OptionError
from tbgrad.experiments import conditions
from tbgrad.experiments.launching import Outcome, Place, Product, find, launch
from tbgrad.functions.function import Function
from tbgrad.records import GraphRecord
from tbgrad.results import Backward, Graph
from tbgrad.results.graphs import counted, times
from tbgrad.results.handwriting import point_text
from tbgrad.runs.opening import delete_run, read_info
from tbgrad.summaries import summarize

BY_HAND, _PART = "_by_hand", "by hand"


def log_graph(
    f: Function, place: Place, *, at: Sequence[float] | None = None, dtype: str = "float64", seed: int = 0
) -> Outcome:
    """Logs TensorFlow's graph, and with a point the graph by hand into a run of its own beside it.

    Args:
      f: `Function` of d variables; with a point it must have a formula.
      place: where to log; the run by hand has the same name and `_by_hand`.
      at: d numbers, or None.
      dtype: `float64` or `float32`, of TensorFlow's graph; the passes by hand are in float64.
      seed: kept with the request.

    Returns:
      `Outcome` of the run with TensorFlow's graph.

    Raises:
      NoFormulaError: a point is given, and f is a Python function.
      OptionError: a point is given, and another dtype than `float64`.
      RunExistsError, LogdirError, RunLockedError: as `launching.launch`.
    """
    if at is not None and dtype != "float64":
        raise OptionError("the passes by hand compute in float64, as Python does; leave --dtype or --at out.")
    passes = None if at is None else backward(f, at)
    asked = {"command": "graph", **f.request(), "at": at, "dtype": dtype, "seed": seed}
    settings = conditions.parameters(f) + ([] if at is None else [("at", naming.point(at))])
    name = naming.run_name(f.name, "graph", settings + conditions.common(dtype, seed), asked)
    place = dataclasses.replace(place, run=name if place.run is None else place.run)
    by_hand = dataclasses.replace(place, run=place.run + BY_HAND)
    # Where the first run is refused, the second must not be left behind.
    found = find(place, name, asked)
    if passes is not None:
        launch(by_hand, by_hand.run, asked | {"part": _PART}, lambda: _by_hand(passes))

    def work() -> Product:
        graph = trace_graph(f, dtype=dtype)
        report = {"function": graph.subject.identity, "traces": graph.traces, "counts": graph.counts, "by_hand": None}
        records, lines = list(summarize(graph)), describe_graph(graph)
        if passes is not None:
            report |= {"by_hand": by_hand.run, "position": passes.position}
            report |= {"value": passes.value, "gradient": passes.gradient, "status": passes.status}
            # The graph itself is in the run by hand: a run shows one.
            records += [record for record in summarize(passes) if not isinstance(record, GraphRecord)]
            lines += _describe_passes(passes, by_hand.run)
        return Product(records, {}, report, lines)

    outcome = launch(place, name, asked, work)
    if passes is None and found is None:
        _delete_by_hand(by_hand)
    return outcome


def log_graph_twice(f: Function, place: Place) -> Outcome:
    """Logs the graph of a program that asks for the gradient in two places, as the tutorial's does."""
    asked = {"command": "graph", **f.request(), "gradients": 2}

    def work() -> Product:
        graph = trace_graph(f, gradients=2)
        report = {"function": graph.subject.identity, "traces": graph.traces, "counts": graph.counts}
        return Product(summarize(graph), {}, report, describe_graph(graph))

    return launch(place, naming.run_name(f.name, "graph_twice", [], asked), asked, work)


def describe_graph(graph: Graph) -> list[str]:
    """What came out, in a few lines."""
    return [
        f"{graph.subject.equation}: one compiled function gives value and gradient, traced {times(graph.traces)}",
        counted(graph.counts),
    ]


def _describe_passes(passes: Backward, run: str) -> list[str]:
    partials = ", ".join(f"{x:.9g}" for x in passes.gradient)
    undefined = ": undefined here" if passes.status == "undefined" else ""
    return [
        f"by hand at {point_text(passes)}: value {passes.value:.9g}, gradient ({partials}){undefined}",
        f"a click on a node of the run {run} shows its value, its local derivatives and its gradient",
    ]


def _delete_by_hand(place: Place) -> None:
    """Deletes the graph by hand that belonged to a graph which is made anew without one."""
    info = read_info(place.logdir / place.run)
    if info is not None and (info.get("asked") or {}).get("part") == _PART:
        delete_run(place.logdir / place.run)


def _by_hand(passes: Backward) -> Product:
    graph = [record for record in summarize(passes) if isinstance(record, GraphRecord)]
    names = ("label", "full", "value", "gradient")
    arrays = {name: np.array([getattr(node, name) for node in passes.nodes]) for name in names}
    report = {"function": passes.subject.identity, "position": passes.position, **arrays}
    return Product(graph, arrays, report, [f"{passes.subject.equation} by hand at {point_text(passes)}"])
