"""Pictures of runs, small enough for a page: which ones, and how they are made smaller."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from tbgrad.records import Images

# What shows best what a run is, best first; of other runs the first tags.
_TELLING = (
    "descent/path",
    "race/paths",
    "surface/contour",
    "sweep/curve",
    "rates/steps",
    "basins/minimum",
    "check/v_curve",
    "descent/line",
    "descent/partials",
    "race/value",
    "surface/contour3d",
    "basins/steps",
    "surface/gradient_norm",
    "sweep/tangent",
)
# Pixels of the longer side at most, and what is too small to see anything. A plot takes a byte for so many square
# pixels of its longer side.
_LONGEST, _SHORTEST = 768, 100
_PIXELS_A_BYTE, _QUALITY = 11, 70
# A picture with more pixels than these is not worth the memory that it takes to open it.
_MOST_PIXELS = 64_000_000


@dataclass(frozen=True)
class Thumbnail:
    """A picture made smaller.

    Attributes:
      tag: of the picture in its run.
      step: of its series; the last one.
      size: (width, height) in pixels.
      original: (width, height) of the picture that was logged.
      data: WebP bytes.
    """

    tag: str
    step: int
    size: tuple[int, int]
    original: tuple[int, int]
    data: bytes

    @property
    def address(self) -> str:
        """All of it, as the source of an `<img>`."""
        return f"data:image/webp;base64,{base64.b64encode(self.data).decode()}"


def thumbnails(images: Mapping[str, Images], most: int, budget: int) -> list[Thumbnail]:
    """The most telling pictures of a run, each at its last step.

    Args:
      images: of the run, by tag.
      most: how many.
      budget: bytes that each may take. One that cannot be made so small, or cannot be read, is left out.
    """
    telling = [tag for tag in _TELLING if tag in images]
    # An animation shows what its still picture shows, and would be as still here.
    others = [tag for tag in images if tag not in _TELLING and not (tag.endswith("/animation") and telling)]
    found: list[Thumbnail] = []
    for tag in [*telling, *others]:
        if len(found) == most:
            break
        if not len(images[tag].step):
            continue
        small = _smaller(images[tag].image[-1], budget)
        if small is not None:
            found.append(Thumbnail(tag, int(images[tag].step[-1]), *small))
    return found


def _smaller(image: bytes, budget: int) -> tuple[tuple[int, int], tuple[int, int], bytes] | None:
    """(new size, old size, WebP bytes) of the last frame, or None where it cannot be done."""
    try:
        with Image.open(io.BytesIO(image)) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                return None
            opened.seek(getattr(opened, "n_frames", 1) - 1)
            picture = opened.convert("RGBA" if opened.has_transparency_data else "RGB")
    # Whoever wrote it, Pillow has an error of its own for each way in which a picture can be broken.
    except (UnidentifiedImageError, OSError, ValueError, EOFError, SyntaxError, Image.DecompressionBombError):
        return None
    original = picture.size
    longest = min(_LONGEST, int(math.sqrt(_PIXELS_A_BYTE * budget)))
    while longest >= _SHORTEST:
        # Small pictures stay as they are: their pixels may be what is to be seen.
        picture.thumbnail((longest, longest), Image.Resampling.HAMMING, reducing_gap=2.0)
        target = io.BytesIO()
        picture.save(target, "WEBP", quality=_QUALITY, method=2)
        if target.tell() <= budget:
            return picture.size, original, target.getvalue()
        longest = int(0.7 * min(longest, max(picture.size)))
    return None
