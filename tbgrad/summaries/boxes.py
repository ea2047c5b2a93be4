"""The box in which a mesh stands: variables and value, each scaled, in front of TensorBoard's camera.

Everything goes through one `Box`, so that a path, a plane and the minima lie on their surface, and the surface over its
base. Three.js has x to the right, y upward and z to the front.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from tbgrad.figures.contours import on_equal_axes, sides
from tbgrad.figures.reliefs import height_limits
from tbgrad.results import Surface
from tbgrad.summaries.solids import Mesh, arrow, tube

_HEIGHT = 0.7
# How far the base lies below the lowest value, as thick as its lines are.
_BELOW, _LINE_RADIUS, _AXIS_RADIUS, _ARROW = 0.12, 0.003, 0.007, 0.07
_LINES = 6
_GREY, _BLUE, _PURPLE = (150, 150, 150), (0, 114, 178), (204, 121, 167)
# What is a little beyond the limits is still on the surface.
_MARGIN = 0.02

# Where the relief's first view is from, a little higher; from afar with a narrow angle, so that near corners are not
# much larger than far ones.
_FROM, _ANGLE, _FILLED = (0.42, 0.62, 0.72), 30, 0.94
# Both sides of the surface are drawn; light falls from above and from the left, so that slopes have shades.
_LIGHTS = [
    {"cls": "AmbientLight", "color": "#ffffff", "intensity": 1.25},
    {"cls": "DirectionalLight", "color": "#ffffff", "intensity": 0.5, "position": [-2, 3, 1]},
]
_MATERIAL = {"cls": "MeshStandardMaterial", "side": 2, "roughness": 1, "metalness": 0}


@dataclass(frozen=True, eq=False)
class Box:
    """Maps (x, y, value) linearly into a box around the origin: x to the right, the value upward, y to the back.

    Attributes:
      middle: `[3]` of x, y and value; goes to the origin.
      scale: `[3]`, the mesh's length for a unit of x, y and value.
      low: `[3]`, where the box begins.
      high: `[3]`, where it ends.
    """

    middle: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def around(cls, surface: Surface) -> Box:
        """The box of a surface: the longer side goes from -1 to 1, heights beyond their limits are outside."""
        low, high, _ = height_limits(surface.value)
        side = sides(surface)
        span = side.max() if on_equal_axes(surface) else side
        first = np.array([surface.x[0], surface.y[0], low], dtype=np.float64)
        last = np.array([surface.x[-1], surface.y[-1], high], dtype=np.float64)
        extent = np.array([*side, high - low])
        return cls(first + extent / 2, np.array([*np.broadcast_to(2 / span, 2), _HEIGHT / extent[2]]), first, last)

    def place(self, points: np.ndarray) -> np.ndarray:
        """Points `[n, 3]` of (x, y, value) to vertices `[n, 3]`."""
        x, y, value = ((points - self.middle) * self.scale).T
        return np.stack([x, value, -y], axis=-1)

    def is_inside(self, points: np.ndarray) -> np.ndarray:
        """Bool `[n]`: points of (x, y, value) are within the region, with a finite value."""
        with np.errstate(invalid="ignore"):
            across = (points[:, :2] >= self.low[:2]) & (points[:, :2] <= self.high[:2])
        return across.all(axis=1) & np.isfinite(points[:, 2])

    def place_near(self, points: np.ndarray) -> np.ndarray:
        """As `place`, with heights within the limits or hardly beyond: between points of the grid f goes farther."""
        margin = _MARGIN * (self.high[2] - self.low[2])
        value = points[:, 2].clip(self.low[2] - margin, self.high[2] + margin)
        return self.place(np.column_stack([points[:, :2], value]))


def base(surface: Surface) -> list[Mesh]:
    """A grid of lines at round numbers below the surface; blue along x and purple along y, toward what is greater."""
    box, meshes = Box.around(surface), []
    down = np.array([0, _BELOW, 0])

    def placed(*points: tuple[float, float]) -> np.ndarray:
        return box.place(np.array([(*point, box.low[2]) for point in points])) - down

    (left, front), (right, back) = box.low[:2], box.high[:2]
    for x in round_numbers(left, right):
        meshes.append(tube(placed((x, front), (x, back)), _LINE_RADIUS, _GREY))
    for y in round_numbers(front, back):
        meshes.append(tube(placed((left, y), (right, y)), _LINE_RADIUS, _GREY))
    meshes.append(tube(placed((left, front), (left, back), (right, back)), _LINE_RADIUS, _GREY))
    for start, end, colour in (((left, front), (right, front), _BLUE), ((right, front), (right, back), _PURPLE)):
        meshes.append(arrow(*placed(start, end), _AXIS_RADIUS, _ARROW, colour))
    return meshes


def box_words(surface: Surface) -> str:
    """Where the axes go, and the base, in words, since TensorBoard's meshes have no text."""
    told = []
    for name, colour, line in zip(surface.axes, ("blue", "purple"), (surface.x, surface.y), strict=True):
        numbers = round_numbers(float(line[0]), float(line[-1]))
        every = f", a line every {numbers[1] - numbers[0]:.6g}" if len(numbers) > 1 else ""
        told.append(f"{colour}: {name} from {line[0]:g} to {line[-1]:g}{every}")
    first, second = surface.axes
    ways = f"{first} to the right, {second} to the back, the value upward, each scaled to the box"
    return f"{ways}. Base below it: {'; '.join(told)}."


def round_numbers(low: float, high: float) -> np.ndarray:
    """Some round numbers between two."""
    ticks = MaxNLocator(_LINES, steps=[1, 2, 5, 10]).tick_values(low, high)
    return ticks[(ticks >= low) & (ticks <= high)]


def view(mesh: Mesh) -> dict[str, Any]:
    """TensorBoard's camera, lights and material: the mesh fills its card, which is about as wide as high.

    TensorBoard moves the middle of a mesh to the origin.
    """
    vertices = mesh.vertices - (mesh.vertices.min(axis=0) + mesh.vertices.max(axis=0)) / 2
    back = np.array(_FROM) / np.linalg.norm(_FROM)
    right = np.cross([0, 1, 0], back)
    right /= np.linalg.norm(right)
    up = np.cross(back, right)
    toward = vertices @ back
    tangent = _FILLED * np.tan(np.radians(_ANGLE) / 2)
    # A vertex at distance d is seen where its coordinate is at most d × tangent from that of the line of sight.
    seen = [(way, vertices @ way + tangent * toward, vertices @ way - tangent * toward) for way in (right, up)]
    distance = max((most.max() - least.min()) / (2 * tangent) for _, most, least in seen)
    aim = sum((most.max() + least.min()) / 2 * way for way, most, least in seen)
    camera = {"cls": "PerspectiveCamera", "fov": _ANGLE, "near": 0.1, "far": 100}
    camera |= {"position": (aim + distance * back).tolist(), "lookAt": aim.tolist()}
    return {"camera": camera, "lights": _LIGHTS, "material": _MATERIAL}
