"""Pictures of steps to an animated GIF, which plays in TensorBoard's Images dashboard."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from PIL import Image

from tbgrad.figures.canvas import Picture
from tbgrad.figures.style import MINIMUM

MOST_BYTES = 2**20
_COLOURS, _NEARLY_WHITE = 128, 248
_MILLISECONDS, _MILLISECONDS_AT_END = 120, 2000
# Colours are looked up by so many bits of red, green and blue each.
_BITS = 6


def encode_gif(images: Sequence[Image.Image], keep: Sequence[Any] = (), pause: int = _MILLISECONDS) -> Picture:
    """Encodes pictures of one size as a GIF that repeats.

    It is below 1 MiB: every other picture is left out until it is, down to the first and the last.

    Args:
      images: in order, of one size.
      keep: at most 100 colours, as Matplotlib reads them, that stay as they are, besides white, black and the known
        minimum's: those of lines and markers, too few pixels for a palette that is chosen by their number.
      pause: milliseconds between two pictures.
    """
    # One palette for all, of the last picture, which has everything in it.
    palette = _palette(images[-1], [*keep, "black", "white", MINIMUM["color"]])
    cells = [_cells(np.asarray(image)) for image in images]
    nearest = _nearest(palette, cells)
    shown = [Image.fromarray(nearest[of_image]) for of_image in cells]
    for image in shown:
        image.putpalette(palette.ravel().tolist())
    while True:
        target = io.BytesIO()
        pauses = [pause] * (len(shown) - 1) + [_MILLISECONDS_AT_END]
        shown[0].save(target, "GIF", save_all=True, append_images=shown[1:], duration=pauses, loop=0)
        if target.tell() < MOST_BYTES or len(shown) < 3:
            return Picture(target.getvalue(), images[-1].size)
        shown = [*shown[:-1:2], shown[-1]]


def _palette(image: Image.Image, kept: Sequence[Any]) -> np.ndarray:
    """uint8 `[n, 3]`: colours that are to be kept, and those of the image's areas."""
    areas = np.array(image.quantize(_COLOURS, dither=Image.Dither.NONE).getpalette(), np.uint8).reshape(-1, 3)
    # What is nearly white is white.
    areas = areas[areas.min(axis=1) < _NEARLY_WHITE]
    return np.vstack([np.array([[round(255 * part) for part in to_rgb(colour)] for colour in kept], np.uint8), areas])


def _cells(image: np.ndarray) -> np.ndarray:
    """The number `[height, width]` of each pixel's cell in the cube of colours."""
    red, green, blue = (image[..., part].astype(np.int32) >> (8 - _BITS) for part in range(3))
    return (red << 2 * _BITS) | (green << _BITS) | blue


def _nearest(palette: np.ndarray, cells: Sequence[np.ndarray]) -> np.ndarray:
    """uint8, for each cell that occurs: which colour of the palette is nearest to its middle.

    Pillow's own search finds nearly the nearest only. A cell that holds a colour of the palette has the first such.
    """
    occurs = np.zeros(8**_BITS, bool)
    for of_image in cells:
        occurs[of_image] = True
    (used,) = np.nonzero(occurs)
    parts = [(used >> shift) & (2**_BITS - 1) for shift in (2 * _BITS, _BITS, 0)]
    middles = (np.stack(parts, axis=-1) + np.float32(0.5)) * 2 ** (8 - _BITS)
    distance = sum((middles[:, part, None] - palette[:, part].astype(np.float32)) ** 2 for part in range(3))
    nearest = np.zeros(occurs.size, np.uint8)
    nearest[used] = distance.argmin(axis=-1)
    nearest[_cells(palette)[::-1]] = np.arange(len(palette), dtype=np.uint8)[::-1]
    return nearest
