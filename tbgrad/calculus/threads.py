"""Several threads at one piece of work: each takes whichever part is next."""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")

# A call of a compiled program holds Python's lock for a quarter of its time.
_THREADS = min(4, os.cpu_count() or 1)


def share_out(
    work: Callable[[Iterator[T]], None], parts: Iterable[T], give_up: Callable[[], None] = lambda: None
) -> None:
    """Calls `work` in several threads with one iterator of the parts, until there are none left.

    The first error, if any, is raised when all threads have stopped; an error in one ends the work of all. So does an
    interrupt of the caller, which `give_up` is called for, to tell the parts that are being worked on.
    """
    todo = iter(parts)

    def one() -> None:
        try:
            work(todo)
        except BaseException:
            _exhaust(todo)
            raise

    threads = [_pool().submit(one) for _ in range(_THREADS)]
    try:
        wait(threads)
    except BaseException:
        give_up()
        raise
    finally:
        _exhaust(todo)
        wait(threads)
    for thread in threads:
        thread.result()


@functools.cache
def _pool() -> ThreadPoolExecutor:
    """Kept, because memory that a new thread allocates is new to the processor and to the system."""
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="tbgrad")


def _exhaust(todo: Iterator) -> None:
    """Leaves nothing to do for the other threads."""
    deque(todo, maxlen=0)
