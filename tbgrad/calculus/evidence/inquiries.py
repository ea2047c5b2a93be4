"""The evidence on a gradient at points: values on both sides of them, slopes, and how far rounding moves both.

Source: Squire & Trapp (1998), SIAM Review 40(1), 110-112, for the complex step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tbgrad.calculus.evidence.differences import Slopes, central_slopes, one_sided_slopes
from tbgrad.calculus.evidence.judging import Evidence, Judgement, judge, suspect
from tbgrad.calculus.evidence.kinks import BENT, Shape, shapes, trend
from tbgrad.calculus.evidence.ladders import Ladder, climb
from tbgrad.calculus.evidence.means import explained_by_means
from tbgrad.calculus.evidence.reverse import Reverse, broken_path
from tbgrad.calculus.evidence.rounding import Rounded, gradient_rounding, rounding_program
from tbgrad.functions.function import Function
from tbgrad.results import CheckVerdict, PointCheck

_MODERATE = 1e-3
# Differences know a slope that is so many times their error.
_KNOWN = 10.0
# A float32 value that is farther off than this, relatively, has lost its digits to rounding or underflow.
_SPOILED = 1e-5
_COMPLEX_STEPS = (2.0**-70, 2.0**-100)


def _witness(e: Evidence) -> float:
    """The slope by differences: central, or of the side that is there."""
    return {Shape.AHEAD_ONLY: e.ahead, Shape.BEHIND_ONLY: e.behind}.get(e.shape, e.slope)


@dataclass(frozen=True)
class Inquiry:
    """One function with the gradient that is judged, the same in float64, and where values come from."""

    f: Function
    reverse: Reverse
    exact: Reverse
    values: Callable[[np.ndarray], Rounded]
    dtype: str

    def block(self, some: np.ndarray) -> tuple[list[PointCheck], np.ndarray, np.ndarray]:
        """Judges some of the points: what is said of each, and its steps and errors `[n, k]`."""
        position = self.exact.position[some]
        n, d = position.shape
        # A line across all coordinates sees what the axes do not: the kink of sqrt(|x y|) at the origin.
        across = np.ldexp(1.0, -(np.arange(d) % 3))[None] * np.where(np.arange(d) % 2, -1.0, 1.0)
        lines = np.concatenate([np.eye(d), across]) if d > 1 else np.eye(1)
        with np.errstate(all="ignore"):
            ladder = climb(self.values, position, lines)
            form = shapes(ladder, np.finfo(self.dtype).eps)
            shape, bend = form.shape.reshape(n, -1), form.last.reshape(n, -1)
            axes = (np.arange(n)[:, None] * len(lines) + np.arange(d)).ravel()
            kinks = shape[:, d:].any(axis=1)
            ladder = ladder.lines(axes)
            central = ladder.central()
            slopes = central_slopes(ladder)
            evidence = self._evidence(some, ladder, central, slopes, shape[:, :d], bend[:, :d])
        points, steps, errors = [], [], []
        for i, partials in zip(some, evidence, strict=True):
            row = i - some[0]
            point, worst = self._point(i, partials, slopes, row, ladder, bool(kinks[row]))
            line = row * d + worst
            scale = partials[worst].scale or 1.0
            with np.errstate(all="ignore"):
                errors.append(np.abs(central[line] - self.reverse.gradient[i, worst].astype(np.float64)) / scale)
            steps.append(np.where(np.isfinite(errors[-1]), ladder.step[line], np.nan))
            points.append(point)
        return points, np.array(steps), np.array(errors)

    def _evidence(
        self,
        some: np.ndarray,
        ladder: Ladder,
        central: np.ndarray,
        slopes: Slopes,
        shape: np.ndarray,
        bend: np.ndarray,
    ) -> list[list[Evidence]]:
        """What is known of each partial derivative of each point."""
        n, d = shape.shape
        flat = shape.ravel()
        sides, growing = np.full((2, n * d), np.nan), trend(ladder.with_center(), central)
        error, usual = slopes.error.copy(), np.zeros(n * d)
        for side, sign, edge in ((0, 1, Shape.AHEAD_ONLY), (1, -1, Shape.BEHIND_ONLY)):
            lines = np.flatnonzero(np.isin(flat, (edge, Shape.KINK)))
            if len(lines):
                part = ladder.lines(lines)
                found = one_sided_slopes(part, sign)
                sides[side, lines] = found.slope
                alone = flat[lines] == edge
                difference = part.one_sided(sign)
                plain = dataclasses.replace(part, slack=part.noise, center_slack=part.center_noise).with_center()
                along = trend(plain, difference)
                growing.shape[lines[alone]] = along.shape[alone]
                growing.last[lines[alone]] = along.last[alone]
                share = part.step / np.maximum(1.0, part.size)[:, None]
                moderate = (share > _MODERATE) & (share <= 1.0)
                usual[lines] = np.where(moderate & np.isfinite(difference), np.abs(difference), 0.0).max(axis=1)
                error[lines[alone]] = found.error[alone]
        complexes = self._complex_slopes(self.exact.position[some]).ravel()
        exact, reverse = self.exact.gradient[some].astype(np.float64), self.reverse.gradient[some].astype(np.float64)
        slope = slopes.slope.reshape(n, d)
        wobble = self._wobble(self.exact, some, slope, slopes.error.reshape(n, d))
        last = growing.last.reshape(n, d)
        bent = np.isin(shape, BENT)
        grows = np.isin(growing.shape.reshape(n, d), (Shape.STEEP, Shape.JUMP))
        alleged = np.where(bent, bend, np.where(grows, last, np.nan))
        explained = explained_by_means(self.f, self.exact.position[some], exact, ladder, slopes, wobble, alleged)
        coarse = self._float32_rounding(some, ladder, slopes)
        in_float32 = self.exact is not self.reverse
        reverse_wobble = self._wobble(self.reverse, some, slope, coarse.reshape(n, d)) if in_float32 else wobble
        # Where there is no slope, what the differences make of it tells no size.
        sizes = np.abs(np.stack([exact, np.where(bent, np.nan, slope)]))
        scale = np.where(np.isfinite(sizes), sizes, 0.0).max(axis=(0, 2))
        return [
            [
                Evidence(
                    variable=self.f.variables[j],
                    shape=Shape(int(shape[i, j])),
                    reverse=float(reverse[i, j]),
                    exact=float(exact[i, j]),
                    wobble=float(wobble[i, j]),
                    reverse_wobble=float(reverse_wobble[i, j]),
                    slope=float(slopes.slope[i * d + j]),
                    error=float(error[i * d + j]),
                    ahead=float(sides[0, i * d + j]),
                    behind=float(sides[1, i * d + j]),
                    usual=float(usual[i * d + j]),
                    trend=Shape(int(growing.shape[i * d + j])),
                    last=float((bend if bent[i, j] else last)[i, j]),
                    explained=bool(explained[i, j]),
                    in_float32=in_float32,
                    float32_rounding=float(coarse[i * d + j]),
                    complex_slope=float(complexes[i * d + j]),
                    scale=float(scale[i]),
                )
                for j in range(d)
            ]
            for i in range(n)
        ]

    def _wobble(self, reverse: Reverse, some: np.ndarray, slope: np.ndarray, error: np.ndarray) -> np.ndarray:
        """How much rounding may move the gradient, `[n, d]`: its bound is asked for only where it decides."""
        position, wobble = reverse.position[some], reverse.wobble[some]
        if not suspect(reverse.gradient[some].astype(np.float64), slope, error, wobble).any():
            return wobble
        # What moves the value by less than its last digit, all the way from zero, is no slope; unless it is known.
        value = np.abs(np.nan_to_num(reverse.value[some].astype(np.float64)))[:, None]
        least = np.finfo(position.dtype).eps * value / np.maximum(1.0, np.abs(position)) / 2
        least = np.where(np.abs(slope) > _KNOWN * error, 0.0, least)
        return wobble + least + gradient_rounding(self.f, position)

    def _float32_rounding(self, some: np.ndarray, ladder: Ladder, slopes: Slopes) -> np.ndarray:
        """What float32 may do to slopes, from the rounding at the best step; infinite where it spoils the value."""
        best = np.arange(len(slopes.slope)), np.maximum(slopes.index, 0)
        ratio = np.finfo(np.float32).eps / np.finfo(np.float64).eps
        coarse = np.nan_to_num(ratio * ladder.noise[best] / ladder.step[best], nan=np.inf)
        values = self.reverse.value[some].astype(np.float64), self.exact.value[some].astype(np.float64)
        spoiled = ~np.isclose(*values, rtol=_SPOILED, atol=0.0)
        return np.where(np.repeat(spoiled, self.f.dimensions), np.inf, coarse)

    def _complex_slopes(self, position: np.ndarray) -> np.ndarray:
        """Im f(x + i h) / h along each coordinate, where two steps give the same; NaN elsewhere. `[n, d]`."""
        n, d = position.shape
        if not self.f.analytic:
            return np.full((n, d), np.nan)
        found = []
        for h in _COMPLEX_STEPS:
            steps = h * np.maximum(1.0, np.abs(position.astype(np.float64)))
            displaced = position[:, None, :] + 1j * steps[:, None, :] * np.eye(d)
            found.append(self.f.numpy_value(displaced).imag / steps)
        return np.where(np.isclose(*found, rtol=1e-9, atol=0.0), found[1], np.nan)

    def _point(
        self, i: int, partials: Sequence[Evidence], slopes: Slopes, row: int, ladder: Ladder, kink: bool
    ) -> tuple[PointCheck, int]:
        """What is said of a point, and the index of the variable that it is about."""
        d = len(partials)
        judged = [self._judgement(i, e, kink) for e in partials]
        worst = min(range(d), key=lambda j: (judged[j].verdict.rank, judged[j].digits))
        lines, e = slice(row * d, (row + 1) * d), partials[worst]
        index = slopes.index[row * d + worst]
        larger, off = max(abs(e.reverse), abs(_witness(e))), abs(e.reverse - _witness(e))
        relative = off / larger if larger else off
        return PointCheck(
            position=self.reverse.position[i],
            value=float(self.reverse.value[i]),
            verdict=judged[worst].verdict,
            reverse=self.reverse.gradient[i],
            differences=np.array([_witness(e) for e in partials]),
            uncertainty=slopes.error[lines],
            variable=e.variable,
            step=float(ladder.step[row * d + worst, index]) if index >= 0 else float("nan"),
            error=float(relative),
            digits=judged[worst].digits,
            cause=judged[worst].cause,
        ), worst

    def _judgement(self, i: int, e: Evidence, kink: bool) -> Judgement:
        for reverse in (self.reverse, self.exact):
            if not np.isfinite(reverse.value[i]):
                value, dtype = reverse.value[i], reverse.position.dtype.name
                said = "NaN" if np.isnan(value) else "infinite, as at a pole or beyond the floats"
                where = " in float32" if dtype == "float32" else ""
                return Judgement(CheckVerdict.UNDEFINED, 0.0, f"the value is {said}{where}")
        program = rounding_program(self.f, self.dtype)
        found = judge(e, branches=bool(program.kinds & {"Select", "SelectV2"}))
        if self.reverse.missing and found.verdict in (CheckVerdict.DISAGREES, CheckVerdict.AGREES):
            return Judgement(CheckVerdict.DISAGREES, 0.0, self.reverse.missing)
        if found.verdict == CheckVerdict.DISAGREES and kink and not np.isfinite(e.exact):
            return Judgement(CheckVerdict.NOT_DIFFERENTIABLE, 0.0, "a kink across the coordinates")
        breaks = broken_path(self.f, self.dtype) if found.verdict == CheckVerdict.DISAGREES else ""
        return dataclasses.replace(found, cause=f"{found.cause}; {breaks} passes no gradient back") if breaks else found
