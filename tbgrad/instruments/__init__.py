"""What is measured at each step of a descent. A new instrument is one file and one line here.

Importing this room imports no TensorFlow: names are listed and completed without it.
"""

from __future__ import annotations

from collections.abc import Iterable

from tbgrad.errors import OptionError, nearest
from tbgrad.instruments.curvature import CURVATURE
from tbgrad.instruments.decrease_ratio import DECREASE_RATIO
from tbgrad.instruments.distance import DISTANCE
from tbgrad.instruments.effective_step import EFFECTIVE_STEP
from tbgrad.instruments.gradient_cosine import GRADIENT_COSINE
from tbgrad.instruments.gradient_norm import GRADIENT_NORM
from tbgrad.instruments.instrument import Instrument
from tbgrad.instruments.sharpness import SHARPNESS
from tbgrad.instruments.sharpness_over_edge import SHARPNESS_OVER_EDGE
from tbgrad.instruments.update_cosine import UPDATE_COSINE
from tbgrad.instruments.update_norm import UPDATE_NORM

ALL_INSTRUMENTS = (
    GRADIENT_NORM,
    UPDATE_NORM,
    DECREASE_RATIO,
    GRADIENT_COSINE,
    UPDATE_COSINE,
    EFFECTIVE_STEP,
    DISTANCE,
    CURVATURE,
    SHARPNESS,
    SHARPNESS_OVER_EDGE,
)

# What costs next to nothing.
INSTRUMENTS = tuple(i for i in ALL_INSTRUMENTS if not i.needs_second_derivatives)


def as_instruments(given: Iterable[Instrument | str] | str) -> tuple[Instrument, ...]:
    """Accepts instruments, or their names.

    Raises:
      OptionError: it is neither.
    """
    listed = [given] if isinstance(given, str) else list(given)
    for each in listed:
        if not isinstance(each, Instrument | str):
            raise OptionError(f"{each!r} is no instrument; expected one, or its name.")
    return tuple(i for each in listed for i in (named(each) if isinstance(each, str) else (each,)))


def named(names: str | Iterable[str]) -> tuple[Instrument, ...]:
    """Finds instruments by their names, each once, in the order asked for; `all` stands for all.

    Raises:
      OptionError: there is none of this name; the message gives the nearest.
    """
    known = {i.name: (i,) for i in ALL_INSTRUMENTS} | {"all": ALL_INSTRUMENTS}
    found = {}
    for name in [names] if isinstance(names, str) else names:
        if name not in known:
            raise OptionError(f"no instrument named '{name[:40]}'.{nearest(name, known)} There are {', '.join(known)}.")
        found |= {i.name: i for i in known[name]}
    return tuple(found.values())
