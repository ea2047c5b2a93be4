"""The foot of a race's pictures: each racer's line, marker and name, and beside it a number that may change.

It has a strip of the page to itself, so that a moving picture stands still but for its numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from tbgrad.figures.style import LEGEND, RACERS, SMALL, SMALL_PRINT

_POINTS = 72
# In points: a row, what is beside it and below, a racer's line, its number, the space between, and between columns.
_ROW, _SIDE, _BELOW, _LINE, _NUMBER, _SPACE, _GAP = 11.5, 8.0, 3.0, 24.0, 53.0, 4.0, 10.0
_BESIDE = _LINE + _SPACE + _NUMBER
# So many racers are below each other; so many if their names are long.
_FEW, _MANY, _SQUEEZED = 3, 5, 1.15
# Letters get smaller down to this; then names are cut.
_SMALLEST = 6.5


class Standings:
    """Rows of racers below everything else on a figure that has a layout engine; more than three are in two columns.

    Args:
      figure: gets the strip.
      names: of the racers, in order.
      marks: what else the legend explains, in a last row.
      remark: in small print at its end.
      styles: of the racers, as in `style.RACERS`.
    """

    def __init__(
        self,
        figure: Figure,
        names: Sequence[str],
        marks: Sequence[Line2D] = (),
        remark: str = "",
        styles: Sequence[dict] = RACERS,
    ):
        self._figure = figure
        self._width, self._height = (inches * _POINTS for inches in figure.get_size_inches())
        words = [self._write(name, LEGEND, "left") for name in names]
        rows = self._rows([*map(self._length, words)])
        strip = _BELOW + _ROW * (rows + bool(marks)) + _SPACE
        figure.get_layout_engine().set(rect=(0, strip / self._height, 1, 1 - strip / self._height))
        columns = [words[k : k + rows] for k in range(0, len(words), rows)]
        self._fit(columns)
        widths = [_BESIDE + max(map(self._length, column)) for column in columns]
        # The second column begins in the middle if it has the room.
        begins = [_SIDE, max(_SIDE + widths[0] + _GAP, min(self._width / 2, self._width - _SIDE - widths[-1]))]
        self.numbers: list[Text] = []
        for first, x, column, width in zip((0, rows), begins, columns, widths, strict=False):
            for row, text in enumerate(column):
                y = strip - _SPACE - _ROW * (row + 0.5)
                self._line(x, y, styles[first + row])
                self._put(text, x + _LINE + _SPACE, y)
                self.numbers.append(self._put(self._write("", LEGEND - 0.5, "right"), x + width, y))
        if marks:
            self._explain(marks, remark)

    def _rows(self, lengths: Sequence[float]) -> int:
        """All racers below each other where they are few, or where their names are too long for two columns."""
        half = -(-len(lengths) // 2)
        room = self._width - 2 * (_SIDE + _BESIDE) - _GAP
        crowded = max(lengths[:half]) + max(lengths[half:], default=0) > _SQUEEZED * room
        return len(lengths) if len(lengths) <= (_MANY if crowded else _FEW) else half

    def _write(self, text: str, size: float, side: str) -> Text:
        return self._figure.text(0, 0, text, ha=side, va="center_baseline", fontsize=size, in_layout=False)

    def _put(self, text: Text, x: float, y: float) -> Text:
        text.set_position((x / self._width, y / self._height))
        return text

    def _fit(self, columns: Sequence[Sequence[Text]]) -> None:
        """Makes all names as much smaller as it takes, and cuts those that still take more than their share."""
        room = self._width - 2 * _SIDE - (len(columns) - 1) * _GAP - len(columns) * _BESIDE
        longest = sum(max(map(self._length, column)) for column in columns)
        for text in (text for column in columns for text in column):
            text.set_fontsize(max(_SMALLEST, LEGEND * min(1.0, room / longest)))
        widths = [max(map(self._length, column)) for column in columns]
        for k, column in enumerate(columns):
            # A column may have what the other one leaves.
            most = _SPACE + max(room / len(columns), room - sum(widths) + widths[k])
            for text in column:
                while self._length(text) > most:
                    text.set_text(text.get_text().removesuffix("…")[:-1] + "…")

    def _length(self, text: Text) -> float:
        return text.get_window_extent().width * _POINTS / self._figure.dpi

    def _line(self, x: float, y: float, racer: dict) -> None:
        """A piece of a racer's line with its marker in the middle."""
        at = [(x + part * _LINE) / self._width for part in (0, 0.5, 1)]
        line = Line2D(at, [y / self._height] * 3, linewidth=1.6, markersize=5.5, markevery=[1], **racer)
        line.set(markeredgecolor="white", markeredgewidth=0.6)
        self._figure.add_artist(line)

    def _explain(self, marks: Sequence[Line2D], remark: str) -> None:
        """The last row: markers and lines of the axes and what they are called, and the remark if there is room."""
        words = [self._write(mark.get_label(), LEGEND, "left") for mark in marks]
        last = self._write(remark, SMALL, "right")
        taken = 2 * _SIDE + len(marks) * (_LINE + 3 * _SPACE) + self._length(last)
        if taken + sum(map(self._length, words)) > self._width:
            for text in words:
                text.set_fontsize(SMALL)
        last.set(color=SMALL_PRINT, visible=taken + sum(map(self._length, words)) <= self._width)
        x, y = _SIDE + _LINE / 2, _BELOW + _ROW / 2
        for mark, text in zip(marks, words, strict=True):
            reach = 0.4 * _LINE if mark.get_linestyle() != "None" else 0.0
            at = [(x + part * reach) / self._width for part in (-1, 0, 1)]
            shown = Line2D(at, [y / self._height] * 3)
            shown.update_from(mark)
            shown.set(markersize=7, markevery=[1], transform=self._figure.transFigure, clip_on=False)
            self._figure.add_artist(shown)
            self._put(text, x + _LINE / 2 + _SPACE, y)
            x += _LINE + 3 * _SPACE + self._length(text)
        self._put(last, self._width - _SIDE, y)
