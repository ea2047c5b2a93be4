"""`tbgrad rates`: how fast an optimizer is with which learning rate, and momentum, into a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tbgrad import naming
from tbgrad.calculus import pointwise
from tbgrad.calculus.derivatives import evaluate
from tbgrad.descent.optimizers import Optimizer
from tbgrad.descent.rate_sweeps import default_rates, momentum_name, spaced_rates, sweep_rates
from tbgrad.descent.starts import choose_starts
from tbgrad.errors import OptionError, UndefinedError
from tbgrad.experiments import conditions
from tbgrad.experiments.launching import Outcome, Place, Product, launch
from tbgrad.functions.function import Function
from tbgrad.results import RateSweep
from tbgrad.summaries import summarize
from tbgrad.summaries.rates import metrics

POINTS, STEPS = 121, 1000
MOMENTA = np.linspace(0.0, 0.99, 100)


def log_rates(
    f: Function,
    optimizer: Optimizer,
    place: Place,
    *,
    start: Sequence[float] | None = None,
    rates: tuple[float, float] | None = None,
    points: int = POINTS,
    momentum: bool = False,
    target: float | None = None,
    steps: int = STEPS,
    dtype: str = "float64",
    seed: int = 0,
) -> Outcome:
    """Descends with many learning rates and logs it; arguments and errors as in `descent.rate_sweeps.sweep_rates`.

    Args:
      f: `Function` of d variables.
      optimizer: with its other settings.
      place: where to log.
      start: d numbers; by default f's published start.
      rates: (low, high); by default five powers of ten around the automatic rate.
      points: how many rates.
      momentum: whether to vary the momentum too, from 0 to 0.99.
      target: the value that counts as reached.
      steps: updates at most.
      dtype: `float64` or `float32`.
      seed: kept with the request.

    Returns:
      `Outcome`; a rate that diverges is what one wants to see, and no failure.
    """
    if momentum and momentum_name(optimizer) in optimizer.settings:
        name = momentum_name(optimizer)
        raise OptionError(f"--momentum varies {name} from 0 to 0.99; leave out --option {name}=... for it.")
    (where,) = choose_starts(f, [] if start is None else [start])
    if not np.isfinite(evaluate(f, where[None], dtype=dtype).value).all():
        raise UndefinedError(f"'{f.label}' is undefined at the start {naming.listed(where.tolist())}: choose another.")
    tried = default_rates(f, optimizer, where, points) if rates is None else spaced_rates(*rates, points)
    others = [("points", points, POINTS), ("steps", steps, STEPS)]
    others += [("target", target, None)]
    asked = {"command": "rates", **f.request(), "optimizer": optimizer.name, "settings": optimizer.changed()}
    asked |= {"start": where, "rates": rates, "dtype": dtype, "seed": seed}
    asked |= {"momentum": momentum} | {name: value for name, value, _ in others}
    settings = conditions.parameters(f)
    if f.start is None or tuple(where) != f.start:
        settings.append(("start", naming.point(where)))
    if rates is not None:
        settings.append(("rates", naming.point(rates)))
    settings += [conditions.setting(n, v) for n, v in optimizer.changed().items()]
    settings += [conditions.setting(name, value) for name, value, default in others if value != default]
    settings += [("momenta", "")] * momentum + conditions.common(dtype, seed)
    name = naming.run_name(f.name, f"rates/{optimizer.name}", settings, naming.plain(asked))

    def work() -> Product:
        momenta = MOMENTA if momentum else None
        sweep = sweep_rates(f, optimizer, where, tried, momenta, steps=steps, target=target, dtype=dtype)
        names = ("rate", "steps_to_target", "status", "value", "edge")
        arrays = {name: getattr(sweep, name) for name in names}
        if momentum:
            arrays["momentum"] = sweep.momentum
        report = {"function": sweep.subject.identity, "optimizer": sweep.optimizer, "settings": sweep.settings}
        report |= {"start": sweep.start, "steps": steps, "target": sweep.target, "target_rule": sweep.target_rule}
        report |= {"statuses": [status.value for status in sweep.statuses], "metrics": metrics(sweep), **arrays}
        return Product(summarize(sweep), arrays, report, describe_rates(sweep), notes=pointwise.notes(f))

    return launch(place, name, asked, work)


def describe_rates(sweep: RateSweep) -> list[str]:
    """What came out, in a few lines."""
    settings = "".join(f", {name} {value}" for name, value in sweep.settings.items())
    lines = [
        f"{sweep.subject.label}: {sweep.optimizer}{settings}, {sweep.where}, {sweep.from_where}, "
        f"at most {sweep.steps} steps to {sweep.target:.6g} ({sweep.target_rule})"
    ]
    if sweep.best is None:
        lowest = np.min(sweep.value, initial=np.inf, where=np.isfinite(sweep.value) & ~sweep.failed)
        found = f"; the lowest value at an end is {lowest:.6g}" if np.isfinite(lowest) else ""
        lines.append(f"none reached it{found}: try more --steps, other --rates, or another --target")
    else:
        momentum = "" if sweep.best_momentum is None else f" and {sweep.momentum_name} {sweep.best_momentum:.4g}"
        steps = f"{sweep.best_steps} step{'s' * (sweep.best_steps != 1)}"
        lines.append(f"best: learning rate {sweep.best_rate:.4g}{momentum}, {steps}")
    first = sweep.first_diverging
    if sweep.momentum is None:
        word = "diverging" if sweep.failure == "diverged" else "failing"
        diverging = "no rate diverged" if np.isnan(first[0]) else f"first {word} learning rate: {first[0]:.4g}"
        lines.append(diverging)
        if np.isfinite(sweep.edge[0]):
            lines.append(f"edge of stability in theory: {sweep.edge[0]:.4g} = {sweep.edge_rule}")
    else:
        lines.append(f"{sweep.failed.sum():,} of {sweep.failed.size:,} pairs {sweep.failure or 'diverged'}")
        if np.isfinite(sweep.edge).any():
            lines.append(f"edge of stability in theory: {sweep.edge_rule}")
    return lines
