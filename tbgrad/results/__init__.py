"""What the mathematics gives: frozen, in NumPy arrays, samples of (position, value, gradient) of one shape law.

    position [..., d]      value [...]      gradient [..., d]

A sweep has leading axis `[points]`, a surface `[rows, columns]`, a descent `[steps + 1, starts]`. Results carry
what figures and summaries need as plain data; they must not know functions, TensorFlow or TensorBoard. The arrays
belong to the result and are not to be written to.
"""

from __future__ import annotations

from tbgrad.results.checks import CheckVerdict, GradientCheck, PointCheck
from tbgrad.results.curvatures import Curvature
from tbgrad.results.descents import FAILED, Descent, Reading, Status, Verdict
from tbgrad.results.graphs import Graph, GraphOperation
from tbgrad.results.passes import Backward, BackwardNode
from tbgrad.results.samples import Evaluation, Surface, Sweep, Tangent
from tbgrad.results.subjects import KnownMinimum, Subject

__all__ = [
    "FAILED",
    "Backward",
    "BackwardNode",
    "CheckVerdict",
    "Curvature",
    "Descent",
    "Evaluation",
    "GradientCheck",
    "Graph",
    "GraphOperation",
    "KnownMinimum",
    "PointCheck",
    "Reading",
    "Status",
    "Subject",
    "Surface",
    "Sweep",
    "Tangent",
    "Verdict",
]
