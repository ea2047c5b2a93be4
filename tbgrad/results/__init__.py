"""What the mathematics gives: frozen, in NumPy arrays, samples of (position, value, gradient) of one shape law.

    position [..., d]      value [...]      gradient [..., d]

A sweep has leading axis `[points]`, a surface `[rows, columns]`, a descent `[steps + 1, starts]`. Results carry
what figures and summaries need as plain data; they must not know functions, TensorFlow or TensorBoard. The arrays
belong to the result and are not to be written to.
"""

from __future__ import annotations

from tbgrad.results.bands import Band
from tbgrad.results.basins import Basins, End
from tbgrad.results.checks import CheckVerdict, GradientCheck, PointCheck
from tbgrad.results.curvatures import Curvature
from tbgrad.results.descents import Descent, Reading
from tbgrad.results.graphs import Graph, GraphOperation
from tbgrad.results.passes import Backward, BackwardNode
from tbgrad.results.planes import Plane
from tbgrad.results.profiles import Profile
from tbgrad.results.races import Race
from tbgrad.results.rates import RateSweep
from tbgrad.results.readings import Readings
from tbgrad.results.rules import Rules
from tbgrad.results.samples import Evaluation
from tbgrad.results.subjects import KnownMinimum, Subject
from tbgrad.results.surfaces import Breaks, Surface, TangentPlane
from tbgrad.results.sweeps import Secant, Stationary, Sweep, Tangent
from tbgrad.results.trails import Trail
from tbgrad.results.training import KINDS, Fault, Layer, NotFinite, Training, joined, worst_first
from tbgrad.results.verdicts import FAILED, POINTS, STATUSES, Status, Verdict, Verdicts

__all__ = [
    "FAILED",
    "KINDS",
    "POINTS",
    "STATUSES",
    "Backward",
    "BackwardNode",
    "Band",
    "Basins",
    "Breaks",
    "CheckVerdict",
    "Curvature",
    "Descent",
    "End",
    "Evaluation",
    "Fault",
    "GradientCheck",
    "Graph",
    "GraphOperation",
    "KnownMinimum",
    "Layer",
    "NotFinite",
    "Plane",
    "PointCheck",
    "Profile",
    "Race",
    "RateSweep",
    "Reading",
    "Readings",
    "Rules",
    "Secant",
    "Stationary",
    "Status",
    "Subject",
    "Surface",
    "Sweep",
    "Tangent",
    "TangentPlane",
    "Trail",
    "Training",
    "Verdict",
    "Verdicts",
    "joined",
    "worst_first",
]
