"""Pictures of steps to an animated GIF, which plays in TensorBoard's Images dashboard."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from matplotlib.colors import to_rgb
from PIL import Image

from tbgrad.figures.canvas import Picture

MOST_BYTES = 2**20
_COLOURS, _NEARLY_WHITE = 128, 248
_MILLISECONDS, _MILLISECONDS_AT_END = 120, 2000


def encode_gif(images: Sequence[Image.Image], keep: Sequence[Any] = ()) -> Picture:
    """Encodes pictures of one size as a GIF that repeats.

    It is below 1 MiB: every other picture is left out until it is, down to the first and the last.

    Args:
      images: of one size.
      keep: at most 100 colours, as Matplotlib reads them, that stay as they are: those of thin lines, say.
    """
    # One palette for all, of the last picture, which has everything in it.
    palette = _palette(images[-1], keep)
    shown = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    while True:
        target = io.BytesIO()
        pauses = [_MILLISECONDS] * (len(shown) - 1) + [_MILLISECONDS_AT_END]
        shown[0].save(target, "GIF", save_all=True, append_images=shown[1:], duration=pauses, loop=0)
        if target.tell() < MOST_BYTES or len(shown) < 3:
            return Picture(target.getvalue(), images[-1].size)
        shown = [*shown[:-1:2], shown[-1]]


def _palette(image: Image.Image, keep: Sequence[Any]) -> Image.Image:
    """The image's colours, few enough for a GIF, with pure white and those to keep among them.

    Pillow mixes a colour of few pixels with its neighbours, and finds nearly the nearest colour, not the nearest.
    """
    palette = image.quantize(_COLOURS, dither=Image.Dither.NONE)
    colours = palette.getpalette()
    for i in range(0, len(colours), 3):
        if min(colours[i : i + 3]) >= _NEARLY_WHITE:
            colours[i : i + 3] = [255, 255, 255]
    palette.putpalette([*colours, *(round(255 * part) for colour in keep for part in to_rgb(colour))])
    return palette
