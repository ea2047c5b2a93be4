"""Gathers the families of functions. A function is in the catalogue because a family's `FUNCTIONS` lists it."""

from __future__ import annotations

from tbgrad.errors import UnknownFunctionError, nearest
from tbgrad.functions import bowls, curves, many_dimensions, multimodal, saddles, tutorial, valleys, waves
from tbgrad.functions.function import Function

FAMILIES = (tutorial, curves, bowls, valleys, saddles, multimodal, waves, many_dimensions)


def catalogue() -> dict[str, Function]:
    """Every function of the catalogue by its name, family by family."""
    return {f.name: f for family in FAMILIES for f in family.FUNCTIONS}


def lookup(name: str) -> Function:
    """Finds a function of the catalogue.

    Raises:
      UnknownFunctionError: there is none of this name; the message gives the nearest.
    """
    known = catalogue()
    if name not in known:
        raise UnknownFunctionError(
            f"no function named '{name[:40]}'.{nearest(name, known)} 'tbgrad functions' lists all {len(known)}."
        )
    return known[name]
