"""Every error that tbgrad raises for a reason of its own.

    TbgradError
    ├── InputError                   what was asked is wrong             exit code 2
    │   ├── FormulaError             ValueError
    │   ├── UnknownFunctionError     LookupError
    │   ├── UnknownOptimizerError    LookupError
    │   ├── UnknownTagError          LookupError
    │   ├── FunctionImportError      ImportError
    │   ├── OptionError              ValueError
    │   ├── ShapeError               ValueError
    │   ├── RangeError               ValueError
    │   ├── UndefinedError           ValueError
    │   ├── NoFormulaError           TypeError
    │   ├── NotARunError             FileNotFoundError
    │   ├── LogdirError              OSError
    │   └── RunExistsError           FileExistsError
    └── RunError                     the work failed                     exit code 1
        ├── BackendError             RuntimeError
        ├── FunctionCallError        RuntimeError
        ├── GradientError            AssertionError
        ├── NoGradientError          RuntimeError
        ├── RunLockedError           RuntimeError
        └── WriteError               OSError

Each also derives from the Python error that a caller would expect. A message says what was asked, what was
expected, and what to do. This module must not know Click: `exit_code` is plain data that `tbgrad.cli` reads.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


class TbgradError(Exception):
    """Root of all errors of tbgrad."""

    exit_code = 1

    def __str__(self) -> str:
        # LookupError's KeyError relatives would quote the message, OSError's would print a tuple.
        return str(self.args[0]) if self.args else ""


class InputError(TbgradError):
    """What was asked is wrong; nothing was done."""

    exit_code = 2


class RunError(TbgradError):
    """What was asked is right, but the work failed."""


class FormulaError(InputError, ValueError):
    """A formula does not parse.

    Args:
      message: what is wrong, and what was expected.
      text: the formula as it was given.
      column: index into `text` of the first character that is wrong.
    """

    # A terminal line shows this much of a long formula on either side of the mistake.
    WINDOW = 36

    def __init__(self, message: str, text: str = "", column: int | None = None):
        self.reason, self.text, self.column = message, text, column
        super().__init__(f"{message}\n{self._pointer()}" if column is not None else message)

    def _pointer(self) -> str:
        low, high = max(0, self.column - self.WINDOW), self.column + self.WINDOW
        head, tail = "…" if low else "", "…" if high < len(self.text) else ""
        # Tabs and line breaks would part the line from its caret.
        line = head + re.sub(r"\s", " ", self.text[low:high]) + tail
        return f"  {line}\n  {' ' * (self.column - low + len(head))}^"


class UnknownFunctionError(InputError, LookupError):
    """No function has this name."""


class UnknownOptimizerError(InputError, LookupError):
    """No Keras optimizer has this name."""


class UnknownTagError(InputError, LookupError):
    """No run holds this tag."""


class FunctionImportError(InputError, ImportError):
    """An import path or a file does not lead to a function."""


class OptionError(InputError, ValueError):
    """A setting has an unknown name or an unusable value."""


class ShapeError(InputError, ValueError):
    """An array or a point has the wrong dimension."""


class RangeError(InputError, ValueError):
    """A range is empty, upside down or not finite, or a count is too small."""


class UndefinedError(InputError, ValueError):
    """The function is defined nowhere in what was asked."""


class NoFormulaError(InputError, TypeError):
    """Only a formula can do this, and the function is a Python function."""


class NotARunError(InputError, FileNotFoundError):
    """There is no run where one was expected."""


class LogdirError(InputError, OSError):
    """The log directory cannot be used."""


class RunExistsError(InputError, FileExistsError):
    """Another run has this name already."""


class BackendError(RunError, RuntimeError):
    """Keras runs on another backend than TensorFlow."""


class FunctionCallError(RunError, RuntimeError):
    """The user's own function raised an error."""


class GradientError(RunError, AssertionError):
    """A gradient disagrees with differences."""


class NoGradientError(RunError, RuntimeError):
    """TensorFlow found no path from the value back to a variable."""


class RunLockedError(RunError, RuntimeError):
    """Another process is writing this run."""


class WriteError(RunError, OSError):
    """A run could not be written to the end."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Says which of the known names come closest: " Did you mean 'sphere'?", or nothing where none is near."""
    by_lower = {k.lower(): k for k in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)
    if not close:
        return ""
    *others, last = [f"'{by_lower[c]}'" for c in close]
    return f" Did you mean {', '.join(others) + ' or ' + last if others else last}?"
