"""Surface to records: contours in three dimensions and flat, the surface from points of view, and a mesh to turn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tbgrad import naming
from tbgrad.figures.canvas import encode
from tbgrad.figures.contours import surface_figure
from tbgrad.figures.reliefs import VIEWS, contour3d_figure, height_limits, relief_figure
from tbgrad.records import Meshes, Record, Texts
from tbgrad.results import Surface
from tbgrad.summaries.meshes import CONFIG, surface_mesh
from tbgrad.summaries.pages import page, table
from tbgrad.summaries.summarizing import picture, summarize


@summarize.register
def _(surface: Surface) -> tuple[Record, ...]:
    return surface_records(surface)


def surface_records(surface: Surface, views: Sequence[tuple[float, float]] = VIEWS) -> tuple[Record, ...]:
    """The records of a surface, seen from (elevation, azimuth) in degrees; the contours in 3-D from the first."""
    where = f"{surface.subject.label}, {surface.where}."
    flat = picture("surface/contour", 0, encode(surface_figure(surface)), f"Contours and gradient of {where}")
    contours = encode(contour3d_figure(surface, views[0]))
    reliefs = [
        picture(f"surface/relief/{_angles(view)}", 0, encode(relief_figure(surface, view)), f"The surface of {where}")
        for view in views
    ]
    mesh = surface_mesh(surface)
    return (
        flat,
        picture("surface/contour3d", 0, contours, f"50 contours at their heights: {where}"),
        *reliefs,
        Meshes(
            "surface/mesh", 0, [mesh.vertices], [mesh.faces], [mesh.colors], CONFIG, description=_mesh_legend(surface)
        ),
        Texts("surface/story", 0, _story(surface, views), description="What the surface shows."),
    )


def _angles(view: tuple[float, float]) -> str:
    return naming.point(view)


def _mesh_legend(surface: Surface) -> str:
    first, second = surface.axes
    return (
        f"{surface.where}; {first} to the right, {second} to the back, the value upward, each scaled to the box. "
        "Gold: a known minimum."
    )


def _story(surface: Surface, views: Sequence[tuple[float, float]]) -> str:
    *_, cut = height_limits(surface.value)
    parts = [f"{surface.value.shape[1]} × {surface.value.shape[0]} points, {surface.where}."]
    if surface.undefined:
        parts.append(f"**It is {surface.undefined}**: a hole in every picture.")
    if surface.kinks:
        parts.append(f"**It has {surface.kinks}**: a kink, or an edge of what it is defined on.")
    if cut:
        parts.append(f"Its heights are {cut}; the flat contours show all of them.")
    rows = [(word, f"{value:.9g}", where) for word, value, where in extremes(surface)]
    parts.append(table(("", "value", "where"), rows))
    if surface.subject.remark:
        parts.append(f"About the function: {surface.subject.remark}")
    asked = [
        ("Where is it low, where high, where undefined?", "Images", "surface/contour"),
        ("Which way does the gradient point?", "Images", "surface/contour"),
        ("What is its shape?", "Mesh: drag to turn", "surface/mesh"),
        ("And from a fixed point of view?", "Images", f"surface/relief/{_angles(views[0])}"),
        ("How do the contours lie above each other?", "Images", "surface/contour3d"),
    ]
    return page(f"The surface of `{surface.subject.equation}`", parts, asked)


def extremes(surface: Surface) -> list[tuple[str, float, str]]:
    """(which, value, where) of the lowest and highest value on the grid, and of the known minima."""
    rows = []
    value = np.where(np.isfinite(surface.value), surface.value, np.nan)
    for word, extreme in (("lowest", np.nanargmin), ("highest", np.nanargmax)) if np.isfinite(value).any() else ():
        row, column = np.unravel_index(extreme(value), value.shape)
        place = zip(surface.axes, (surface.x[column], surface.y[row]), strict=True)
        rows.append((word, float(value[row, column]) + 0.0, ", ".join(f"{name} = {x:.6g}" for name, x in place)))
    for minimum in surface.subject.minima:
        point = "(" + ", ".join(f"{x:.6g}" for x in minimum.points[0]) + ")"
        rows.append(("known minimum", minimum.value, f"{'a ring through ' * minimum.is_curve}{point}"))
    return rows
