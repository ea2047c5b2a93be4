"""The path of a descent on its surface, as a mesh for each step of the slider."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tbgrad.results import Descent
from tbgrad.summaries.boxes import Box
from tbgrad.summaries.meshes import minima, on_skin
from tbgrad.summaries.solids import Mesh, joined
from tbgrad.summaries.trails import along, path_so_far, start_ball

# A descent's mesh is sent once for each step of the slider.
_MOST_PER_AXIS = 61


def path_meshes(descent: Descent, rows: Sequence[int]) -> list[Mesh]:
    """The surface with the path up to each row; the number of vertices is the same for all of them.

    Positions outside the surface's region are left out; heights beyond their limits are set to the limit.
    """
    surface, start = descent.landscape, descent.best_start
    still = on_skin(surface, minima(surface), _MOST_PER_AXIS)
    points = np.column_stack([descent.on_landscape(descent.position[:, start]), descent.value[:, start]])
    points = points.astype(np.float64)
    box = Box.around(surface)
    inside = np.flatnonzero(box.is_inside(points))
    if not inside.size:
        return [still for _ in rows]
    placed = box.place_near(points[inside])
    knots = along(placed)
    marks = [start_ball(placed[:1])] if inside[0] == 0 else []
    meshes = []
    for row in rows:
        last = int(np.searchsorted(inside, row, side="right")) - 1
        # Behind the present row the path's points pile up where it is; what is outside as yet has no size.
        path, is_seen, is_here = placed[np.minimum(knots, max(0, last))], last >= 0, row in inside
        meshes.append(joined([still, *marks, *path_so_far(path, is_seen, is_here)]))
    return meshes
