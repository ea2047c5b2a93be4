"""How runs, numbers and JSON documents are spelled.

A tag says what is measured, a run says under which conditions: `<function>/<experiment>/<conditions>`. This
module knows strings and numbers only.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence

from tbgrad.errors import OptionError

LONGEST_CONDITIONS = 80
LONGEST_SLUG = 40
_MOST_LISTED = 12


def slug(text: str, longest: int = LONGEST_SLUG) -> str:
    """Makes any text fit for a run name: characters but letters, digits and dots become single underscores."""
    return re.sub(r"[^A-Za-z0-9.]+", "_", text).strip("_.")[:longest].strip("_.")


def word(text: str) -> str:
    """A slug that is never empty: of a text without Latin letters or digits it is a hash."""
    return slug(text) or short_hash(text)


def short_hash(asked: object) -> str:
    """8 hexadecimal digits that depend on the content of `asked` (anything JSON can hold), not on its order."""
    text = json.dumps(asked, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def number(value: float) -> str:
    """The shortest spelling that reads back as the same float: 2.0 is `2`, 1e-05 is `1e-05`."""
    return repr(float(value)).removesuffix(".0").replace("e+", "e")


def point(position: Sequence[float]) -> str:
    """Spells a point: (2.0, -1.5) is `2_-1.5`."""
    return "_".join(number(x) for x in position)


def listed(items: Sequence[object]) -> str:
    """Names or numbers in a sentence: all of a few, the first and the last of many."""
    words = [str(item) for item in items]
    return ", ".join(words if len(words) <= _MOST_LISTED else [*words[: _MOST_LISTED - 2], "…", words[-1]])


def run_name(
    function: str, fixed: str, conditions: Sequence[tuple[str, str]], asked: object, *, hashed: bool = False
) -> str:
    """Names a run: `rosenbrock/descent/adam_lr0.05_start2_1`.

    Args:
      function: the function's name, fit for a directory.
      fixed: experiment and fixed conditions, such as `descent/adam_lr0.05`.
      conditions: (name, value) of each setting that differs from its default, in the order of the options.
      asked: the whole request, hashed where the conditions would be too long.
      hashed: whether to hash the conditions whatever their length.

    Returns:
      The name, relative to the log directory.
    """
    settings = "".join(f"_{name}{value}" for name, value in conditions)
    settings = re.sub(r"[^A-Za-z0-9._-]+", "_", settings)
    if conditions and (hashed or len(fixed.rpartition("/")[2] + settings) > LONGEST_CONDITIONS):
        settings = "_" + short_hash(asked)
    return f"{function}/{fixed}{settings}"


def check_run_name(name: str) -> str:
    """Returns the name of a run if it is one.

    Raises:
      OptionError: it is empty, leaves the log directory, or holds characters that TensorBoard's filters trip over.
    """
    parts = name.split("/")
    if not re.fullmatch(r"[A-Za-z0-9._/-]+", name) or any(p in ("", ".", "..") or len(p) > 200 for p in parts):
        raise OptionError(
            f"'{name[:60]}' cannot name a run; expected letters, digits, '.', '_', '-' and '/', at most 200 "
            "between two '/', below the log directory."
        )
    return name


def plain(data: object) -> object:
    """Turns data into what JSON can hold exactly: arrays into lists, NaN and infinities into strings.

    Args:
      data: mappings, sequences, arrays, numbers, strings, None.

    Returns:
      The same, with "NaN", "Infinity" and "-Infinity" for the numbers that JSON lacks.
    """
    if isinstance(data, Mapping):
        return {str(key): plain(value) for key, value in data.items()}
    if isinstance(data, str | bool) or data is None:
        return str(data) if isinstance(data, str) else data
    if hasattr(data, "tolist"):
        return plain(data.tolist())
    if isinstance(data, Sequence):
        return [plain(item) for item in data]
    if isinstance(data, int):
        return data
    if isinstance(data, float):
        # Adding zero turns -0.0 into 0.0, which is the same number and reads better.
        return data + 0.0 if math.isfinite(data) else _NOT_FINITE[str(data)]
    return str(data)


_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
