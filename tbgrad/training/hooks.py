"""Methods of somebody's object that are wrapped for a while, and given back exactly as they were."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any

_ABSENT = object()


class Hooks:
    """Wraps methods on single objects; their classes stay as they are.

    It keeps neither the objects alive nor is it kept alive by them: what wraps a method is gone when its own object is.
    Several may wrap the same method, and leave it in any order.
    """

    def __init__(self):
        self._wrapped: list[tuple[weakref.ref, str, tuple]] = []

    def wrap(self, owner: Any, name: str, around: Callable[..., Any], *bound: Any) -> None:
        """Calls `around(*bound, original, *args, **kwargs)` instead of the owner's method.

        Args:
          owner: has the method.
          name: of the method.
          around: a bound method.
          bound: what it is given first.
        """
        entry = (weakref.WeakMethod(around), bound)
        present = vars(owner).get(name, _ABSENT)
        chain = getattr(present, "tbgrad_chain", None)
        if chain is None:
            chain = [entry]
            # Into the object's own dictionary: what frameworks do when an attribute is set would track and save it.
            vars(owner)[name] = _wrapper(getattr(owner, name), present, chain)
        else:
            chain.append(entry)
        self._wrapped.append((weakref.ref(owner), name, entry))

    def undo(self) -> None:
        """Takes itself out of all methods; those that nobody else wraps are what they were."""
        while self._wrapped:
            reference, name, entry = self._wrapped.pop()
            owner = reference()
            present = None if owner is None else vars(owner).get(name)
            chain = getattr(present, "tbgrad_chain", None)
            if chain is None:
                continue
            chain[:] = [each for each in chain if each is not entry and each[0]() is not None]
            if chain:
                continue
            if present.tbgrad_before is _ABSENT:
                del vars(owner)[name]
            else:
                vars(owner)[name] = present.tbgrad_before


def is_wrapped(owner: Any, name: str) -> bool:
    """Whether somebody wraps this method now."""
    chain = getattr(vars(owner).get(name), "tbgrad_chain", ())
    return any(around() is not None for around, _ in chain)


def _wrapper(original: Callable[..., Any], before: Any, chain: list) -> Callable[..., Any]:
    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        call = original
        for reference, bound in chain:
            around = reference()
            if around is not None:
                call = functools.partial(around, *bound, call)
        return call(*args, **kwargs)

    wrapped.tbgrad_chain, wrapped.tbgrad_before = chain, before
    return wrapped
