"""Races made by hand: NumPy loops run the optimizers, and the landscape is a grid of the same formula."""

import numpy as np
from oracles import adam, sgd

from tbgrad.results import (
    Descent,
    Evaluation,
    KnownMinimum,
    Plane,
    Race,
    Status,
    Subject,
    Surface,
    Sweep,
    Verdicts,
)

CODES = list(Status)
STEPS = 120
# Weights of the squares: the smallest curvature is 2.
WEIGHTS = {1: np.array([1.0]), 2: np.array([1.0, 10.0]), 3: np.array([1.0, 10.0, 4.0])}
START = {1: np.array([3.0]), 2: np.array([4.0, 1.5]), 3: np.array([4.0, 1.5, -2.0])}
# sgd is stable below 2 / 20.
RACERS = (("sgd", 0.02, {}), ("sgd", 0.02, {"momentum": 0.6}), ("adam", 0.15, {}), ("sgd", 0.3, {}))
MORE = tuple(("sgd", 0.01 + 0.001 * k, {"momentum": 0.1, "nesterov": True}) for k in range(6))


def bowl(position):
    """The sum of weighted squares, of positions [..., d]."""
    return (WEIGHTS[np.shape(position)[-1]] * np.square(position)).sum(axis=-1)


def slope(position):
    return 2 * WEIGHTS[np.shape(position)[-1]] * np.asarray(position)


def path(d, k, racers=RACERS):
    """The positions [steps + 1, d] of a racer."""
    name, rate, settings = racers[k]
    with np.errstate(over="ignore", invalid="ignore"):
        if name == "adam":
            return np.array(adam(slope, START[d], rate, STEPS))
        return np.array(sgd(slope, START[d], rate, STEPS, settings.get("momentum", 0.0)))


def subject(d, known=True):
    variables = ("x", "y", "z")[:d]
    formula = " + ".join(f"{w:g}*{v}**2" for w, v in zip(WEIGHTS[d], variables, strict=True))
    minima = (KnownMinimum((tuple([0.0] * d),), 0.0),) if known else ()
    return Subject("bowl", "bowl", formula, formula.replace("**", "^").replace("*", ""), variables, minima=minima)


def descent(d, k, racers=RACERS, known=True):
    """The descent of a racer; the one with the rate 0.3 has diverged."""
    name, rate, settings = racers[k]
    at = path(d, k, racers)[:, None]
    with np.errstate(over="ignore", invalid="ignore"):
        value, gradient = bowl(at), slope(at)
    diverged = not value[-1, 0] < 1e6
    one, zero = np.array([1.0]), np.array([0])
    verdicts = Verdicts(
        codes=np.array([CODES.index(Status.DIVERGED if diverged else Status.STEPS_USED)]),
        points=np.array([-1]),
        eigenvalues=np.full((1, d), np.nan),
        rate=rate,
        steps_made=np.array([STEPS]),
        stopped=np.array([False]),
        rule="",
        noisy=False,
        last_steps=np.array([STEPS // 5]),
        last_drop=one,
        start_value=value[0],
        value=value[-1],
        steepest=np.abs(gradient[-1]).max(axis=-1),
        holes=zero,
        first_lost=np.array([-1]),
        lost_at=np.full((1, d), np.nan),
        lowest=value.min(axis=0),
    )
    about = subject(d, known)
    return Descent(
        subject=about,
        optimizer=name,
        settings=settings,
        learning_rate=rate,
        rate_rule="as given",
        remarks=(),
        noise=0.0,
        stop="",
        step=np.arange(STEPS + 1),
        position=at,
        value=value,
        gradient=gradient,
        readings={},
        start=Evaluation(about, at[0], value[0], gradient[0]),
        end=Evaluation(about, at[-1], value[-1], gradient[-1]),
        steps_made=np.array([STEPS]),
        verdicts=verdicts,
    )


def grid(d):
    """The landscape, and for three variables the plane that it lies on."""
    plane = None
    if d == 1:
        x = np.linspace(-4, 4, 81)
        at = x[:, None]
        return Sweep(subject(1), "x", {}, x, at, bowl(at), slope(at), slope(at)[:, 0]), None
    x, y = np.linspace(-5, 5, 41), np.linspace(-3, 3, 31)
    flat = np.stack(np.meshgrid(x, y), axis=-1)
    at, about = flat, subject(2)
    if d == 3:
        directions = np.array([[0.6, 0.0, 0.8], [0.0, 1.0, 0.0]])
        plane = Plane(START[3], directions, (0.7, 0.25), ("along: there", "across: largest rest of all paths"))
        at = plane.origin + flat @ directions
        about = Subject("bowl_plane", "bowl on a plane", "", "", ("along", "across"))
    slopes = slope(at) if plane is None else slope(at) @ plane.directions.T
    return Surface(about, about.variables, {}, x, y, flat, bowl(at), slopes), plane


def make_race(d=2, racers=RACERS, known=True, landscape=True):
    """A race of these racers, the last of the usual ones diverging."""
    descents = tuple(descent(d, k, racers, known) for k in range(len(racers)))
    ground, plane = grid(d) if landscape else (None, None)
    return Race(descents, 1e-6, "1e-06 above the known minimum", ground, plane)
