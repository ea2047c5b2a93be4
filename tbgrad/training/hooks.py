"""Methods of somebody's object that are wrapped for a while, and given back exactly as they were."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any

_ABSENT = object()


class Hooks:
    """Wraps methods on single objects. It does not keep the objects alive, and their classes stay as they are."""

    def __init__(self):
        self._undo: list[tuple[weakref.ref, str, Any]] = []

    def wrap(self, owner: Any, name: str, around: Callable[..., Any]) -> None:
        """Calls `around(original, *args, **kwargs)` instead of the owner's method.

        It goes into the object's own dictionary: what frameworks do when an attribute is set would track it, and save it.
        """
        original = getattr(owner, name)

        @functools.wraps(original)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            return around(original, *args, **kwargs)

        self._undo.append((weakref.ref(owner), name, vars(owner).get(name, _ABSENT)))
        vars(owner)[name] = wrapped

    def undo(self) -> None:
        """Gives all methods back, the last one first."""
        while self._undo:
            reference, name, before = self._undo.pop()
            owner = reference()
            if owner is None:
                continue
            if before is _ABSENT:
                vars(owner).pop(name, None)
            else:
                vars(owner)[name] = before
