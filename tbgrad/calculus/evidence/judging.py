"""What is to be said of one partial derivative: a verdict and its cause, from the reverse gradient and its witnesses.

A gradient is accused only where it is farther from the differences than truncation, rounding and its own rounding can
explain. Where the witnesses cannot tell, it stands, and the cause says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tbgrad.calculus.evidence.kinks import Shape
from tbgrad.results import CheckVerdict

# Of the larger slope; a wrong derivative is farther off than this.
_RELATIVE = 1e-7
_IN_FLOAT32 = 1e-5
_ERRORS = 4.0
_OWN_ROUNDING = 8.0
_MOST_DIGITS = 15.95
# Fewer digits than these are worth a word.
_FEW_DIGITS = 3.0
_SAME_FACTOR = 1e-4
# Of the slope at the edge of the domain, which one-sided differences know less well.
_EDGE = 1e-3
# A slope so many times the usual one has grown on the way to the edge.
_STEEPER = 2.0
_GROWING = (Shape.STEEP, Shape.JUMP)


@dataclass(frozen=True)
class Evidence:
    """What is known of one partial derivative.

    Attributes:
      variable: its name.
      shape: of f along this coordinate; `ALONE` on both sides undefined.
      reverse: the gradient that is judged, in the precision of the check.
      exact: the same in float64, or in the precision of the check where f takes no other.
      wobble: how much rounding may move `exact`: a bound, and how much neighbours in the last digits differ.
      reverse_wobble: the same of `reverse`.
      slope, error: by central differences, with its uncertainty; NaN where they do not converge.
      ahead, behind: one-sided slopes where they matter, or NaN.
      usual: at the edge of the domain the largest slope of f at moderate steps to the side that is there.
      trend: of the differences as the step shrinks: `STEEP` or `JUMP` where they grow without bound.
      last: what stays or grows, at the smallest step where rounding does not cover it; at an edge the difference.
      explained: whether the reverse gradient, where it is suspect or f seems bent, gives the differences in the mean
        over every step, and is no other beside the point.
      in_float32: whether `reverse` is a float32 gradient and `exact` the same in float64.
      float32_rounding: how far float32's rounding may move a slope; infinite where it spoils the very value.
      complex_slope: by a complex step, or NaN.
      scale: the largest of the point's slopes in size.
    """

    variable: str
    shape: Shape
    reverse: float
    exact: float
    wobble: float
    reverse_wobble: float
    slope: float
    error: float
    ahead: float
    behind: float
    usual: float
    trend: Shape
    last: float
    explained: bool
    in_float32: bool
    float32_rounding: float
    complex_slope: float
    scale: float


@dataclass(frozen=True)
class Judgement:
    """Verdict, digits that agree, and cause."""

    verdict: CheckVerdict
    digits: float
    cause: str = ""


def judge(e: Evidence, branches: bool) -> Judgement:
    """Judges one partial derivative where the value is finite.

    Args:
      e: what is known.
      branches: whether f takes branches by `tf.where`.
    """
    if e.shape == Shape.ALONE:
        return Judgement(CheckVerdict.UNDEFINED, 0.0, f"it is undefined on both sides of the point along {e.variable}")
    if e.shape in (Shape.AHEAD_ONLY, Shape.BEHIND_ONLY):
        return _judge_edge(e)
    if e.shape != Shape.SMOOTH or (e.trend in _GROWING and not e.error < 0.1 * abs(e.slope)):
        return _judge_singular(e)
    if math.isnan(e.slope) and not math.isnan(e.exact):
        beyond = f"the slope along {e.variable} is beyond the floats" if math.isinf(e.exact) else _cannot_tell(e)
        return Judgement(CheckVerdict.AGREES, 0.0, beyond)
    if not math.isfinite(e.exact):
        return Judgement(CheckVerdict.DISAGREES, 0.0, _not_finite(e, branches))
    if suspect(e.exact, e.slope, e.error, e.wobble):
        if e.explained:
            return Judgement(CheckVerdict.AGREES, 0.0, _cannot_tell(e))
        return Judgement(CheckVerdict.DISAGREES, 0.0, _wrong(e))
    return _judge_float32(e) if e.in_float32 else _agreeing(e)


def suspect(reverse: Any, slope: Any, error: Any, wobble: Any) -> Any:
    """Whether a derivative is farther from the slope by differences than truncation and rounding explain."""
    larger = np.maximum(np.abs(reverse), np.abs(slope))
    return np.abs(reverse - slope) > _ERRORS * error + _RELATIVE * larger + _OWN_ROUNDING * wobble


def _judge_edge(e: Evidence) -> Judgement:
    """At the edge of the domain: the slope of the side that is there."""
    ahead = e.shape == Shape.AHEAD_ONLY
    slope, side = (e.ahead, "above") if ahead else (e.behind, "below")
    cause = f"it is defined only for {e.variable} {side} the point, the edge of its domain"
    certain = math.isfinite(slope) and _ERRORS * e.error <= _EDGE * max(abs(slope), e.usual)
    claimed = abs(e.reverse) if math.isfinite(e.reverse) else 0.0
    steep = e.trend in _GROWING or abs(e.last) > _STEEPER * max(e.usual, claimed)
    if steep and not _ERRORS * e.error <= _EDGE * abs(slope):
        return Judgement(CheckVerdict.NOT_DIFFERENTIABLE, 0.0, f"{cause}, where the slope grows without bound")
    off, room = abs(e.reverse - slope), _EDGE * max(abs(slope), abs(e.reverse)) + _ERRORS * e.error
    if math.isfinite(room) and off <= room:
        if not certain:
            return Judgement(CheckVerdict.AGREES, 0.0, f"{cause}; differences cannot tell the slope there")
        digits = _digits(off, max(e.scale, abs(slope)))
        return Judgement(CheckVerdict.AGREES, digits, f"{cause}; the slope of that side agrees")
    return Judgement(CheckVerdict.NOT_DIFFERENTIABLE, 0.0, f"{cause}, and its slope there is not the gradient")


def _judge_singular(e: Evidence) -> Judgement:
    if e.explained:
        return Judgement(CheckVerdict.AGREES, 0.0, _cannot_tell(e))
    if e.shape == Shape.KINK:
        sides = f"a kink: along {e.variable} the slope is {e.behind:.6g} below the point and {e.ahead:.6g} above"
        return Judgement(CheckVerdict.NOT_DIFFERENTIABLE, 0.0, sides)
    # A pole nearer than the last digit of the position looks the same, but there the gradient is at least as steep.
    if math.isfinite(e.exact) and abs(e.exact) >= 0.5 * abs(e.last):
        if e.error < 0.1 * abs(e.slope) and suspect(e.exact, e.slope, e.error, e.wobble):
            return Judgement(CheckVerdict.DISAGREES, 0.0, _wrong(e))
        return Judgement(CheckVerdict.AGREES, 0.0, _cannot_tell(e))
    if Shape.JUMP in (e.shape, e.trend):
        return Judgement(CheckVerdict.NOT_DIFFERENTIABLE, 0.0, f"a jump: along {e.variable} the value is discontinuous")
    steep = f"along {e.variable} the slope grows without bound as the step shrinks"
    return Judgement(CheckVerdict.NOT_DIFFERENTIABLE, 0.0, steep)


def _agreeing(e: Evidence) -> Judgement:
    off = abs(e.exact - e.slope)
    digits = _digits(off, e.scale)
    if suspect(e.exact, e.slope, e.error, 0.0):
        # The differences know better; a complex step would cancel as the gradient does.
        told = f"rounding on the way, as where large numbers cancel, leaves {digits:.1f} digits of ∂f/∂{e.variable}"
        return Judgement(CheckVerdict.AGREES, digits, told if digits < _FEW_DIGITS and e.scale > 0 else "")
    if math.isfinite(e.complex_slope):
        digits = max(digits, _digits(abs(e.exact - e.complex_slope), e.scale))
    lost = max(e.error, off) > 0.3 * e.scale and digits < 1
    return Judgement(CheckVerdict.AGREES, digits, _cannot_tell(e) if lost else "")


def _judge_float32(e: Evidence) -> Judgement:
    """The float64 gradient is right; what is left of it in float32?"""
    if not math.isfinite(e.reverse):
        cause = f"float32: ∂f/∂{e.variable} is {e.reverse:g} in float32, and {e.exact:.6g} in float64, which agrees"
        return Judgement(CheckVerdict.DISAGREES, 0.0, cause)
    larger = max(abs(e.exact), abs(e.slope))
    off = abs(e.reverse - e.exact)
    allowed = _IN_FLOAT32 * larger + _OWN_ROUNDING * e.reverse_wobble + _ERRORS * e.float32_rounding
    if off > allowed:
        cause = f"float32: ∂f/∂{e.variable} is {e.reverse:.6g} in float32, and {e.exact:.6g} in float64, which agrees"
        return Judgement(CheckVerdict.DISAGREES, 0.0, cause)
    digits = _digits(max(abs(e.reverse - e.slope) - e.error, off), e.scale)
    few = digits < _FEW_DIGITS and e.scale > 0
    cause = f"float32: rounding leaves {digits:.1f} digits of ∂f/∂{e.variable}; the float64 gradient agrees"
    return Judgement(CheckVerdict.AGREES, digits, cause if few else "")


def _digits(off: float, scale: float) -> float:
    if off == 0:
        return _MOST_DIGITS
    if not off < scale:
        return 0.0
    return min(_MOST_DIGITS, math.log10(scale) - math.log10(off))


def _cannot_tell(e: Evidence) -> str:
    return f"differences cannot tell here: along {e.variable} the slope is lost in rounding"


def _not_finite(e: Evidence, branches: bool) -> str:
    differences = f"the differences give {e.slope:.6g}" if math.isfinite(e.slope) else "the value is defined"
    told = f"∂f/∂{e.variable} is {_number(e.exact)} where {differences}"
    if branches:
        return (
            f"{told}: the branch that tf.where did not take has a gradient that is not finite, and 0 times that is NaN"
        )
    return f"{told}: on the way back a factor is not finite, as 0 times infinity is"


def _wrong(e: Evidence) -> str:
    name, slope = f"∂f/∂{e.variable}", f"{e.slope:.6g}"
    if e.exact == 0:
        told = f"{name} is 0 where the differences give {slope}"
        return f"{told}: its path back to {e.variable} is broken, here or everywhere"
    factor = e.exact / e.slope if e.slope else math.inf
    simple = next((s for s in _simple_factors() if abs(factor - s) < _SAME_FACTOR * abs(s)), None)
    if simple is not None:
        return f"{name} is {_number(simple)} times what the differences give, {e.exact:.6g} for {slope}"
    return f"{name} is {e.exact:.6g} where the differences give {slope} ± {max(e.error, 0):.1g}"


def _simple_factors() -> list[float]:
    sizes = [*range(1, 11), 100, 1000, 0.5, 0.25, 0.2, 0.1, 0.01, 0.001, math.pi, 1 / math.pi, 180 / math.pi]
    return [sign * float(size) for size in sizes for sign in (-1, 1) if sign * size != 1]


def _number(value: float) -> str:
    return "NaN" if math.isnan(value) else f"{value:g}"
