"""How fast an optimizer is with which learning rate, and momentum: one descent for each, all in one compiled batch.

Source: Goh (2017), Why Momentum Really Works, Distill, doi:10.23915/distill.00006, for the map of rate and momentum.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tbgrad.calculus.derivatives import as_points
from tbgrad.calculus.lanczos import extreme_eigenvalues
from tbgrad.descent.loops import descend, resolve_rate
from tbgrad.descent.optimizers import Optimizer
from tbgrad.descent.recording import MOST_GIBIBYTES, Recording
from tbgrad.descent.stopping import Value
from tbgrad.errors import OptionError, RangeError, ShapeError
from tbgrad.functions.function import Function
from tbgrad.instruments.edges import largest_rate
from tbgrad.results import FAILED, STATUSES, Descent, RateSweep

# The keyword argument that is an optimizer's momentum, in the order in which it is looked for.
_MOMENTA = ("momentum", "beta_1")
_GAP = 1e-6
# Decades below and above the automatic rate.
_BELOW, _ABOVE = 3, 2
MOST_RATES = 100_000


def default_rates(f: Function, optimizer: Optimizer, start: np.ndarray, points: int) -> np.ndarray:
    """Learning rates over five powers of ten around the automatic one, which is to be a rate that works.

    Args:
      f: `Function` of d variables.
      optimizer: whose automatic rate it is.
      start: `[d]`.
      points: how many.

    Returns:
      float64 array `[points]`, ascending.
    """
    _check_points(points)
    resolved, _ = resolve_rate(f, Optimizer(optimizer.name, **optimizer.settings), start[None])
    return resolved.learning_rate * np.logspace(-_BELOW, _ABOVE, points)


def momentum_name(optimizer: Optimizer) -> str:
    """The keyword argument that is this optimizer's momentum.

    Raises:
      OptionError: it has none.
    """
    known = optimizer.all_settings()
    for name in _MOMENTA:
        if name in known:
            return name
    raise OptionError(f"{optimizer.name} has no momentum to vary; sgd, rmsprop and adam have.")


def sweep_rates(
    f: Function,
    optimizer: Optimizer,
    start: Sequence[float],
    rates: np.ndarray,
    momenta: np.ndarray | None = None,
    *,
    steps: int = 1000,
    target: float | None = None,
    dtype: str = "float64",
) -> RateSweep:
    """Descends from one start with each learning rate, and with each momentum if asked.

    Args:
      f: `Function` of d variables.
      optimizer: with its other settings; its learning rate is not used.
      start: d numbers.
      rates: float array `[rates]`, positive, in units of position² per value for plain gradient descent.
      momenta: float array `[momenta]`, or None to keep the optimizer's own.
      steps: int ≥ 1, updates at most.
      target: the value that counts as reached; by default 1e-6 above the known minimum, or above the lowest value of
        those descents that do not diverge.
      dtype: `float64` or `float32`.

    Returns:
      `RateSweep` with arrays `[momenta or 1, rates]`.

    Raises:
      ShapeError: `start` is not a point of f's space, or there is no rate.
      OptionError: Keras does not take a rate or a momentum, or the optimizer has no momentum.
      RangeError: too much would be recorded.
    """
    if not isinstance(optimizer, Optimizer):
        raise OptionError(f"expected an Optimizer, whose rate can be varied; got a {type(optimizer).__name__}.")
    position = as_points(f, [list(f.check_point(start))], dtype)
    rates = np.unique(np.asarray(rates, np.float64))
    if not rates.size:
        raise ShapeError("there are no learning rates to try; expected at least one.")
    varied, name, rows = {}, "", 1
    if momenta is not None:
        name, momenta = momentum_name(optimizer), np.unique(np.asarray(momenta, np.float64))
        rows = len(momenta)
        if not rows:
            raise ShapeError("there are no momenta to try; expected at least one.")
        varied = {name: np.repeat(momenta, len(rates))}
    others = {key: value for key, value in optimizer.settings.items() if key != name}
    tried = Optimizer(optimizer.name, np.tile(rates, rows), **others, **varied)
    starts = np.repeat(position, rows * len(rates), axis=0)
    known = f.subject().minimum
    if target is not None and not np.isfinite(target):
        raise RangeError(f"the target is {target}; expected a finite value.")
    if target is None and known is not None:
        target, rule = known + _GAP, f"{_GAP:g} above the known minimum"
    else:
        rule = "as given"
    if target is None:
        _check_memory(starts, steps)
        descent = descend(f, tried, starts, steps, record=Recording("every", values_only=True), kinds=False)
        # What a descent that diverged has passed is no value to aim at.
        kept = np.isfinite(descent.value) & ~np.isin(descent.verdicts.codes, [STATUSES.index(s) for s in FAILED])
        lowest = np.min(descent.value, initial=np.inf, where=kept)
        target = float(lowest) + _GAP if np.isfinite(lowest) else float("nan")
        rule = f"{_GAP:g} above the lowest value of those that do not diverge"
        reached = descent.value <= target
        found = np.where(reached.any(axis=0), reached.argmax(axis=0), np.nan)
    else:
        # What has reached the target is left alone.
        stop = Value(float(target))
        descent = descend(f, tried, starts, steps, instruments=(), record="end", stop=stop, kinds=False)
        found = np.where(descent.end.value <= target, descent.steps_made, np.nan)
    shape = (rows, len(rates))
    found = found.reshape(shape)
    edge, edge_rule = _edge(f, tried, descent, found, momenta)
    return RateSweep(
        subject=descent.subject,
        optimizer=optimizer.name,
        settings=others,
        start=position[0],
        steps=steps,
        target=float(target),
        target_rule=rule,
        rate=rates,
        momentum=momenta,
        momentum_name=name,
        steps_to_target=found,
        status=descent.verdicts.codes.reshape(shape),
        value=descent.end.value.reshape(shape),
        edge=edge,
        edge_rule=edge_rule,
    )


def spaced_rates(low: float, high: float, points: int) -> np.ndarray:
    """So many learning rates from low to high, evenly spaced in their logarithm.

    Raises:
      RangeError: they are not positive, finite and ascending, or there are fewer than two.
    """
    if not (0 < low < high < np.inf):
        raise RangeError(f"the rates go from {low:g} to {high:g}; expected positive ones, from low to high.")
    _check_points(points)
    return np.geomspace(low, high, points)


def _check_points(points: int) -> None:
    if not 2 <= points <= MOST_RATES:
        raise RangeError(f"points is {points}; expected 2 to {MOST_RATES:,} rates.")


def _check_memory(starts: np.ndarray, steps: int) -> None:
    """Refuses what an unknown target would take, as every value is kept for it."""
    gibibytes = starts.itemsize * len(starts) * (steps + 1) / 2**30
    if gibibytes > MOST_GIBIBYTES:
        raise RangeError(
            f"no minimum is known, so that all values of {len(starts):,} descents of {steps:,} steps have to be kept, "
            f"which take {gibibytes:,.1f} GiB; at most {MOST_GIBIBYTES} are. Say with --target which value counts as "
            "reached, or take fewer steps or rates."
        )


def _edge(
    f: Function, tried: Optimizer, descent: Descent, found: np.ndarray, momenta: np.ndarray | None
) -> tuple[np.ndarray, str]:
    """The largest stable rate in theory `[rows]`, at the end of the quickest descent, and its formula."""
    nothing = np.full(found.shape[0], np.nan)
    if tried.name != "sgd" or np.isnan(found).all():
        return nothing, ""
    _, (curvature,) = extreme_eigenvalues(f, descent.end.position[[int(np.nanargmin(found))]])
    settings = {key: value for key, value in tried.all_settings().items() if not isinstance(value, np.ndarray)}
    decay = settings.get("weight_decay")
    if momenta is not None:
        settings["momentum"] = momenta
    edge = np.broadcast_to(largest_rate("sgd", settings, curvature), nothing.shape)
    formula = "2/λ"
    if momenta is not None or settings["momentum"]:
        formula = "(2 + 2β)/((1 + 2β)λ)" if settings["nesterov"] else "(2 + 2β)/λ"
    if decay:
        formula = formula.replace("λ", "(λ + w)") if formula == "2/λ" else f"{formula} less weight decay"
    where = f"λ = {curvature:.4g} the largest eigenvalue of the Hessian where the quickest descent ends"
    where += f", w = {decay:g} the weight decay" if decay else ""
    return edge, f"{formula}, {where}" if np.isfinite(edge).any() else ""
