"""Basins and rate sweeps made by hand: a known partition of the plane, and heavy ball on a quadratic."""

import numpy as np

from tbgrad.results import Basins, End, KnownMinimum, RateSweep, Status, Subject, Surface

CODES = list(Status)
PLANE = Subject(
    "wells",
    "wells",
    "x**4 - 2*x**2 + y**2",
    "x^4 - 2\\,x^2 + y^2",
    ("x", "y"),
    domain=((-2.0, 2.0), (-1.0, 1.0)),
    minima=(KnownMinimum(((-1.0, 0.0),), -1.0), KnownMinimum(((1.0, 0.0),), -1.0)),
)


def make_basins(rows=40, columns=80, minima=PLANE.minima, landscape=True):
    """Left of -0.5 starts go to (-1, 0), right of it to (1, 0); the top row diverges, the bottom row is not done."""
    x, y = np.linspace(-2, 2, columns), np.linspace(-1, 1, rows)
    left = np.broadcast_to(x < -0.5, (rows, columns))
    basin = np.where(left, 1, 0).astype(np.int32)
    status = np.full((rows, columns), CODES.index(Status.CONVERGED), np.int8)
    status[-1], status[0] = CODES.index(Status.DIVERGED), CODES.index(Status.STEPS_USED)
    basin[[0, -1]] = -1
    steps = np.where(left, 100, 20) + np.arange(columns) % 2
    position = np.stack([np.where(left, -1.0, 1.0), np.zeros((rows, columns))], axis=-1)
    value = np.full((rows, columns), -1.0)
    value[-1] = np.inf
    right, wrong = int((basin == 0).sum()), int((basin == 1).sum())
    known = (1, 0) if minima else (None, None)
    ends = (
        End((1.0, 0.0), -1.0, right, "minimum", 0.0, known[0]),
        End((-1.0, 0.0), -1.0, wrong, "minimum", 0.0, known[1]),
    )
    subject = Subject(**{**vars(PLANE), "minima": minima})
    on_plane = np.stack(np.meshgrid(x, y), axis=-1)
    heights = on_plane[..., 0] ** 4 - 2 * on_plane[..., 0] ** 2 + on_plane[..., 1] ** 2
    surface = Surface(subject, ("x", "y"), {}, x, y, on_plane, heights, np.zeros_like(on_plane))
    return Basins(subject, "adam", {}, 0.05, "as given", 200, ("x", "y"), x, y, {}, position, value, steps, status,
                  basin, ends, surface if landscape else None)  # fmt: skip


QUADRATIC = Subject(
    "ellipse", "ellipse", "x**2 + 10*y**2", "x^2 + 10\\,y^2", ("x", "y"),
    minima=(KnownMinimum(((0.0, 0.0),), 0.0),),
)  # fmt: skip
CURVATURES = np.array([2.0, 20.0])


def heavy_ball_steps(rate, momentum, start, target, steps):
    """Steps until Σ λ p² / 2 ≤ target, each coordinate in closed form: powers of its companion matrix.

    Source: Goh (2017), Why Momentum Really Works, Distill.
    """
    power = [np.array([[1 + momentum - rate * c, -momentum], [1.0, 0.0]]) for c in CURVATURES]
    state = [np.array([p, p]) for p in start]
    for t in range(steps + 1):
        value = sum(c * s[0] ** 2 / 2 for c, s in zip(CURVATURES, state, strict=True))
        if value <= target:
            return float(t), value
        state = [m @ s for m, s in zip(power, state, strict=True)]
    return float("nan"), value


def make_sweep(rates, momenta=None, steps=300, target=1e-6, start=(5.0, 1.0)):
    """Heavy ball on x² + 10y²; it diverges where the rate is above (2 + 2β)/λ."""
    rows = np.zeros(1) if momenta is None else np.asarray(momenta, float)
    made = np.full((len(rows), len(rates)), np.nan)
    value, status = made.copy(), np.full(made.shape, CODES.index(Status.STEPS_USED), np.int8)
    edge = (2 + 2 * rows) / CURVATURES.max()
    for i, j in np.ndindex(made.shape):
        if rates[j] >= edge[i]:
            status[i, j], value[i, j] = CODES.index(Status.DIVERGED), np.inf
            continue
        made[i, j], value[i, j] = heavy_ball_steps(rates[j], rows[i], start, target, steps)
        if np.isfinite(made[i, j]):
            status[i, j] = CODES.index(Status.CONVERGED)
    rule = f"{'2/λ' if momenta is None else '(2 + 2β)/λ'}, λ = 20 the largest eigenvalue at the minimum"
    given = None if momenta is None else rows
    return RateSweep(QUADRATIC, "sgd", {}, np.array(start), steps, target, "1e-06 above the known minimum",
                     np.asarray(rates, float), given, "momentum", made, status, value, edge, rule)  # fmt: skip
