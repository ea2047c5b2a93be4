"""A Matplotlib figure to the bytes of a picture, without pyplot and its global state.

Figures are drawn from results and must not know functions, TensorFlow or TensorBoard.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import blended_transform_factory
from PIL import Image

from tbgrad.figures.style import DPI, HEADING, LEGEND, SIZE, SMALL, SMALL_PRINT, TEXT, dress
from tbgrad.results import Descent, Subject

_MOST_COLUMNS, _BAR_LETTERS = 4, 36
_TITLE_LETTERS, _LONGEST_FORMULA, _SMALL_LETTERS = 60, 90, 100
# In points.
_TITLE_ROOM, _BELOW_HEADING = 5, 2
_LINES = 1.25
_FIRST_PANEL = 1.5
LARGEST = 1e100


@dataclass(frozen=True)
class Picture:
    """An encoded picture: its bytes and its (width, height) in pixels."""

    image: bytes
    size: tuple[int, int]


class NotebookFigure(Figure):
    """A figure that a notebook displays where a cell ends with it.

    Of a bare figure IPython shows its name only, until somebody has switched pyplot's backend on.
    """

    def _repr_png_(self) -> bytes:
        return encode(self).image


def new_figure(**subplot: Any) -> tuple[Figure, Axes]:
    """A figure with one axes, in the house's style; keyword arguments go to Matplotlib's `add_subplot`."""
    figure = _new_page()
    axes = figure.add_subplot(**subplot)
    dress(axes)
    return figure, axes


def new_panels(count: int, first: float = _FIRST_PANEL) -> tuple[Figure, list[Axes]]:
    """A figure with so many axes above each other, the first one higher, which share what they are drawn over."""
    figure = _new_page()
    heights = [first, *[1.0] * (count - 1)]
    panels = list(figure.subplots(count, 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0])
    for axes in panels:
        dress(axes)
    return figure, panels


def _new_page() -> Figure:
    figure = NotebookFigure(figsize=SIZE, dpi=DPI, layout="compressed")
    FigureCanvasAgg(figure)
    return figure


def encode(figure: Figure) -> Picture:
    """Draws a figure once and encodes it as PNG."""
    figure.canvas.draw()
    return encode_image(drawn_image(figure))


def drawn_image(figure: Figure) -> Image.Image:
    """What the figure's canvas shows now."""
    return Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")


def encode_image(image: Image.Image) -> Picture:
    """Encodes an image as PNG, quickly rather than small."""
    target = io.BytesIO()
    image.save(target, "PNG", compress_level=1)
    return Picture(target.getvalue(), image.size)


def drawable(values: np.ndarray) -> np.ndarray:
    """The values as float64, those at which Matplotlib's own arithmetic overflows made smaller; NaN for infinities."""
    values = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(values), values.clip(-LARGEST, LARGEST), np.nan)


def add_legend(figure: Figure, first: Sequence[str] = (), **placed: Any) -> None:
    """Puts one legend below everything, where it hides no data.

    Args:
      figure: with labels in any of its axes.
      first: labels that stand before the others.
      placed: keyword arguments for Matplotlib's `legend`.
    """
    entries: dict[str, Any] = {}
    for axes in figure.axes:
        entries |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    entries = {label: entries[label] for label in (*first, *entries)}
    placed = {"loc": "outside lower center", "frameon": False, "fontsize": LEGEND} | placed
    for columns in range(max(1, min(_MOST_COLUMNS, len(entries))), 0, -1):
        legend = figure.legend(entries.values(), entries.keys(), **{"ncols": columns} | placed)
        if columns == 1 or "ncols" in placed or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()


def add_bar(
    figure: Figure, axes: Axes | Sequence[Axes], colours: ScalarMappable, label: str, **placed: Any
) -> Colorbar:
    """Adds a bar that says what the colours mean; keyword arguments go to Matplotlib's `colorbar`."""
    bar = figure.colorbar(colours, ax=axes, **placed)
    dress(bar.ax)
    # A label that is much longer than the bar would take the picture's room.
    bar.set_label("\n".join(textwrap.wrap(label, _BAR_LETTERS)), size=TEXT)
    return bar


def set_title(
    axes: Axes, heading: str, *conditions: str, width: float = 0.84, room: float | None = None, side: str = "center"
) -> None:
    """Writes a heading and, in small print, lines of conditions above the axes.

    Both fit into a share of the page's width. The title is centred on the axes, and these stand aside where the page
    has a colour bar: 0.84 is what is left to it then; or it begins on the axes' left side, where something tall stands
    beside them; or it is centred on the page, where there are several bars. Room is left below the title in points, by
    default Matplotlib's own.
    """
    room = _TITLE_ROOM if room is None else room
    lines = [line for said in conditions for line in textwrap.wrap(said, int(_SMALL_LETTERS * width))]
    where = ("figure fraction", "axes fraction") if side == "page" else "axes fraction"
    at, aligned = (0.0, "left") if side == "left" else (0.5, "center")
    if lines:
        # Matplotlib makes room for a heading, whatever its width, and so for what is below it.
        small = axes.annotate("\n".join(lines), (at, 1), (0, room), where, "offset points",
                              ha=aligned, va="bottom", fontsize=SMALL, color=SMALL_PRINT, linespacing=_LINES,
                              in_layout=False)  # fmt: skip
        _fit(small, width)
        room += len(lines) * SMALL * _LINES + _BELOW_HEADING
    in_space = axes.name == "3d"
    # Matplotlib would move it where labels of flat axes would be.
    y = 1.0 if in_space else None
    text = axes.set_title(heading, y=y, pad=room, loc=aligned, va="bottom", fontsize=HEADING)
    if in_space:
        text.set_y(1.0)
    _fit(text, width)
    if side == "page":
        across = blended_transform_factory(axes.figure.transFigure, axes.transAxes)
        text.set_transform(across + axes.titleOffsetTrans)


def _fit(text: Text, width: float) -> None:
    """Makes a text's letters smaller, if it is longer than a share of the page's width."""
    overlong = text.get_window_extent().width / (width * text.figure.bbox.width)
    text.set_fontsize(text.get_fontsize() / max(1.0, overlong))


def title(subject: Subject) -> str:
    """The function's name and formula, as far as they fit on a line."""
    if not subject.mathtext or len(subject.formula) > _LONGEST_FORMULA:
        return subject.label if len(subject.label) <= _TITLE_LETTERS else f"{subject.label[: _TITLE_LETTERS - 1]}…"
    named = "" if subject.label == subject.formula else f"{subject.label}:  "
    return f"{named}${subject.mathtext}$"


def descent_caption(descent: Descent) -> str:
    """The run's conditions and outcome in one line."""
    rate = f" {descent.learning_rate:.6g}" if isinstance(descent.learning_rate, float) else ""
    settings = "".join(f", {name} {value}" for name, value in descent.settings.items())
    steps, outcome = descent.steps_made[descent.best_start], descent.verdicts[descent.best_start].status.words
    return f"{descent.optimizer}{rate}{settings}: {steps} {'step' if steps == 1 else 'steps'}, {outcome}"
