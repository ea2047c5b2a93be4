"""Surface to records: contours in three dimensions and flat, the surface from points of view, and a mesh to turn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from tbgrad import naming
from tbgrad.figures.canvas import encode
from tbgrad.figures.derivatives import magnitude_figure, partial_figure
from tbgrad.figures.reliefs import contour3d_figure, height_limits, relief_figure
from tbgrad.figures.surfaces import surface_figure
from tbgrad.figures.views import VIEWS
from tbgrad.records import Images, Meshes, Record, Texts
from tbgrad.results import Surface
from tbgrad.results.tabular import markdown_table
from tbgrad.summaries.boxes import box_words, view
from tbgrad.summaries.meshes import MARKS, surface_mesh
from tbgrad.summaries.pages import about, page
from tbgrad.summaries.summarizing import picture, summarize
from tbgrad.summaries.trails import TRAIL_MARKS, trail_story

_ENDS = ("lowest", "highest")


@summarize.register
def _(surface: Surface) -> tuple[Record, ...]:
    return surface_records(surface)


def surface_records(
    surface: Surface, views: Sequence[tuple[float, float]] = VIEWS, streamlines: bool = False
) -> tuple[Record, ...]:
    """The records of a surface.

    Args:
      surface: what is shown.
      views: (elevation, azimuth) in degrees, a relief from each; the contours in 3-D from the first.
      streamlines: whether the gradient field is drawn as lines instead of arrows.
    """
    where = f"of {surface.subject.label}, {surface.where}"
    field = "lines along the gradient, uphill" if streamlines else "arrows of the gradient: uphill, longer is steeper"
    drawn = [field] * surface.has_gradients + ["the path, coloured by its step"] * (surface.trail is not None)
    mesh = surface_mesh(surface)

    def image(tag: str, figure: Figure, what: str, axes: str) -> Images:
        return picture(f"surface/{tag}", 0, encode(figure), f"{what}. Axes: {axes}.")

    def partial(axis: int, name: str) -> Images:
        what = f"Partial derivative by {name} {where}: red rises, blue falls, and it is zero on the thick line"
        colours = f"position; colours: value per {name}"
        return image(f"gradient/{name}", partial_figure(surface, axis), what, colours)

    def relief(view: tuple[float, float]) -> Images:
        what = f"The surface {where}, from {view[0]:g}° above and {view[1]:g}° around"
        return image(
            f"relief/{_angles(view)}", relief_figure(surface, view), what, "position; height and colours: value"
        )

    steepness = ()
    if surface.has_gradients:
        what = f"Length of the gradient {where}: dark is flat"
        norm = image("gradient_norm", magnitude_figure(surface), what, "position; colours: value per position")
        steepness = (norm, *(partial(axis, name) for axis, name in enumerate(surface.axes)))
    return (
        image(
            "contour",
            surface_figure(surface, streamlines),
            f"Contours {where}{', with ' * bool(drawn)}{', and '.join(drawn)}",
            "position; colours: value",
        ),
        *steepness,
        image(
            "contour3d",
            contour3d_figure(surface, views[0]),
            f"50 contours {where}, at their heights",
            "position; height: value",
        ),
        *(relief(view) for view in views),
        Meshes(
            "surface/mesh",
            0,
            [mesh.vertices],
            [mesh.faces],
            [mesh.colors],
            view(mesh),
            description=mesh_legend(surface),
        ),
        Texts("surface/story", 0, _story(surface, views), description="What the surface shows."),
    )


def _angles(view: tuple[float, float]) -> str:
    return naming.point(view)


def mesh_legend(surface: Surface) -> str:
    """What a mesh shows, in words; it has none of its own."""
    legend = f"The surface of {surface.subject.label}, {surface.where}: {box_words(surface)} {MARKS}"
    path = [f"{TRAIL_MARKS} It is {surface.trail.words}."] if surface.trail is not None else []
    return " ".join([legend, *path, *([f"Shown: {surface.subject.caption}."] if surface.subject.caption else [])])


def _story(surface: Surface, views: Sequence[tuple[float, float]]) -> str:
    *_, cut = height_limits(surface.value)
    found = [f"{word} value {value:.6g} at {where}" for word, value, where in extremes(surface) if word in _ENDS]
    outcome = f"The {', the '.join(found)}." if found else "It is undefined everywhere here."
    parts = [f"**{outcome}** {surface.value.shape[1]} × {surface.value.shape[0]} points, {surface.where}."]
    if surface.undefined:
        parts.append(f"**It is {surface.undefined}**: a hole in every picture.")
    if surface.kinks:
        parts.append(f"**It has {surface.kinks}**: a kink, or an edge of what it is defined on.")
    if cut:
        parts.append(f"Its heights are {cut}; the flat contours show all of them.")
    rows = [(word, f"{value:.9g}", where) for word, value, where in extremes(surface)]
    parts.append(markdown_table(("", "value", "where"), rows))
    if surface.tangents:
        parts += ["**Tangent planes** (value, and slopes in value per unit of the variable)", _tangents_table(surface)]
    parts += [*trail_story(surface, surface.axes), *about(surface.subject)]
    first, second = surface.axes
    slopes = [
        ("Which way does the gradient point?", "Images", "surface/contour"),
        ("Where is it steep, where flat?", "Images", "surface/gradient_norm"),
        (f"Where does it rise with {first}, where fall?", "Images", f"surface/gradient/{first}"),
        (f"And with {second}?", "Images", f"surface/gradient/{second}"),
    ]
    asked = [
        ("Where is it low, where high, where undefined?", "Images", "surface/contour"),
        *([("Where does the path pass?", "Images", "surface/contour")] if surface.trail is not None else []),
        *(slopes if surface.has_gradients else []),
        ("What is its shape?", "Mesh: drag to turn", "surface/mesh"),
        ("And from a fixed point of view?", "Images", f"surface/relief/{_angles(views[0])}"),
        ("How do the contours lie above each other?", "Images", "surface/contour3d"),
    ]
    return page(f"The surface of `{surface.subject.equation}`", parts, asked)


def _tangents_table(surface: Surface) -> str:
    """Each tangent plane, or why there is none."""
    heads = (*surface.axes, "value", *(f"∂f/∂{name}" for name in surface.axes))
    rows = []
    for plane in surface.tangents:
        numbers = [f"{x + 0.0:.9g}" for x in (plane.value, *plane.slope)]
        rows.append([*(f"{x:.9g}" for x in plane.point), *(numbers if plane.is_defined else ["undefined", "", ""])])
    return markdown_table(heads, rows)


def extremes(surface: Surface) -> list[tuple[str, float, str]]:
    """(which, value, where) of the lowest and highest value on the grid, and of the known minima."""
    rows = []
    value = np.where(np.isfinite(surface.value), surface.value, np.nan)
    for word, extreme in zip(_ENDS, (np.nanargmin, np.nanargmax), strict=True) if np.isfinite(value).any() else ():
        row, column = np.unravel_index(extreme(value), value.shape)
        place = zip(surface.axes, (surface.x[column], surface.y[row]), strict=True)
        rows.append((word, float(value[row, column]) + 0.0, ", ".join(f"{name} = {x:.6g}" for name, x in place)))
    for minimum in surface.subject.minima:
        point = "(" + ", ".join(f"{x:.6g}" for x in minimum.points[0]) + ")"
        rows.append(("known minimum", minimum.value, f"{'a ring through ' * minimum.is_curve}{point}"))
    return rows
