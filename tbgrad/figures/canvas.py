"""A Matplotlib figure to the bytes of a picture, without pyplot and its global state.

Figures are drawn from results and must not know functions, TensorFlow or TensorBoard.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from tbgrad.results import Descent, Subject

# Dashboards show pictures at less than half of their pixels: a small page makes letters that can be read there.
SIZE, DPI = (4.8, 3.8), 160
_LEGEND_LETTERS = 66
_TITLE_LETTERS, _LONGEST_FORMULA = 60, 90
LARGEST = 1e100

_STYLE = {
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}


@dataclass(frozen=True)
class Picture:
    """An encoded picture: its bytes and its (width, height) in pixels."""

    image: bytes
    size: tuple[int, int]


@contextmanager
def new_figure(**subplot: Any) -> Iterator[tuple[Figure, Axes]]:
    """A figure with one axes, in the house's style; keyword arguments go to Matplotlib's `add_subplot`."""
    # Artists read the style when they are made; the caller's own settings come back afterwards.
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=SIZE, dpi=DPI, layout="compressed")
        FigureCanvasAgg(figure)
        yield figure, figure.add_subplot(**subplot)


def encode(figure: Figure) -> Picture:
    """Draws a figure once and encodes it as PNG."""
    draw(figure)
    return encode_image(drawn_image(figure))


def draw(figure: Figure) -> None:
    """Draws a figure in the house's style."""
    with matplotlib.rc_context(_STYLE):
        figure.canvas.draw()


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


def add_legend(figure: Figure) -> None:
    """Puts one legend below everything, where it hides no data."""
    entries = dict(zip(*reversed(figure.axes[0].get_legend_handles_labels()), strict=True))
    columns = max((c for c in range(1, 5) if _legend_letters([*entries], c) <= _LEGEND_LETTERS), default=1)
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=columns)


def _legend_letters(labels: list[str], columns: int) -> int:
    """How many letters wide a legend is; the marks in front of its entries are about six."""
    parts = np.array_split(np.array([len(label) + 6 for label in labels]), columns)
    return sum(part.max() for part in parts) if len(labels) >= columns else 2 * _LEGEND_LETTERS


def set_title(
    axes: Axes, heading: str, *conditions: str, width: float = 0.84, room: float | None = None, side: str = "center"
) -> None:
    """Writes a heading and lines of conditions above the axes, in letters that fit into a share of the page's width.

    The title is centred on the axes, and these stand aside where the page has a colour bar: 0.84 is what is left to
    it then; or it begins on the axes' left side, where something tall stands beside them. Room is left below the
    title in points, by default Matplotlib's own.
    """
    lines = [line for said in conditions for line in textwrap.wrap(said, int(_TITLE_LETTERS * width))]
    text = axes.set_title("\n".join([heading, *lines]), pad=room, loc=side)
    overlong = text.get_window_extent().width / (width * axes.figure.bbox.width)
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
    best = descent.best_start
    return (
        f"{descent.optimizer}{rate}{settings}: {descent.steps_made[best]} steps, {descent.verdicts[best].status.words}"
    )
