"""How the layers of a network are spelled in tags, and which of them were asked for."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

from tbgrad import naming
from tbgrad.errors import OptionError, nearest
from tbgrad.results import Layer

_LONGEST = 80


def layer_tags(layers: Sequence[Layer]) -> list[str]:
    """A name for each layer: its place in the network in front, so that sorted names are in network order.

    The third of twelve, `encoder/dense_2`, is `03_encoder.dense_2`: one level below the quantity's tag.
    """
    digits = len(str(len(layers)))
    names = (naming.slug(layer.name.replace("/", "."), _LONGEST) or naming.word(layer.name) for layer in layers)
    return [f"{place:0{digits}d}_{name}" for place, name in enumerate(names, start=1)]


def chosen_layers(layers: Sequence[Layer], asked: str | Sequence[str] | None) -> list[int]:
    """Indices of the layers that were asked for.

    Args:
      layers: of the network.
      asked: names, or patterns such as `encoder/*`; None for all.

    Raises:
      OptionError: a name or pattern fits no layer.
    """
    if asked is None:
        return list(range(len(layers)))
    names, chosen = [layer.name for layer in layers], set()
    for pattern in [asked] if isinstance(asked, str) else asked:
        fitting = [k for k, name in enumerate(names) if name == pattern or fnmatch.fnmatchcase(name, pattern)]
        if not fitting:
            raise OptionError(
                f"no layer fits '{pattern}'.{nearest(pattern, names)} The layers are {naming.listed(names)}; a pattern "
                "such as 'encoder/*' fits several."
            )
        chosen.update(fitting)
    return sorted(chosen)
