"""The text of a formula as Python's grammar sees it, and the places of what is wrong in it.

This module must not know what the syntax means.
"""

from __future__ import annotations

import ast
import keyword
import re
import warnings

from tbgrad.errors import FormulaError

OPERATORS = "+, -, *, /, //, % and ** (or ^)"


class Source:
    """A piece of a formula's text, from `begin` on; errors point at places in the whole text."""

    def __init__(self, text: str, begin: int = 0):
        self.text = text
        body = text[begin:]
        begin += len(body) - len(body.lstrip())
        # Python's `^` binds looser than `+`; a formula's is the power. places[i] is where character i came from.
        self.python, self.places = "", []
        for i, character in enumerate(body.strip()):
            python = {"^": "**", "\n": " ", "\r": " ", "\f": " "}.get(character, character)
            self.python += python
            self.places += [begin + i] * len(python)
        self.places.append(begin + len(body.strip()))

    def syntax(self) -> ast.AST:
        """Python's syntax tree of the text; raises FormulaError."""
        if "#" in self.python:
            place = self.places[self.python.index("#")]
            raise FormulaError(f"a formula holds no comments; expected {OPERATORS}.", self.text, place)
        if not self.python:
            raise FormulaError("expected a formula, such as 'cos(x)*sin(y) + x/y'.", self.text, self.places[0])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                return ast.parse(self.python, mode="eval").body
        except SyntaxError as error:
            raise self._explained(error) from None
        except (MemoryError, RecursionError):
            raise FormulaError("the formula is nested too deeply to be read.") from None
        except ValueError as error:
            raise FormulaError(f"the formula cannot be read: {error}.") from None

    def wrong(self, syntax: ast.AST, message: str, place: int | None = None) -> FormulaError:
        """The error that points at a piece of syntax, or at a place in Python's text."""
        return FormulaError(message, self.text, self.column(syntax) if place is None else self._column(place))

    def column(self, syntax: ast.AST) -> int:
        """Where in the whole text a piece of syntax begins."""
        return self._column(self._characters(getattr(syntax, "col_offset", 0)))

    def between(self, left: ast.AST, right: ast.AST) -> int:
        """The place in Python's text of the operator or comma between two pieces of syntax."""
        place = self._characters(left.end_col_offset)
        between = self.python[place : self._characters(right.col_offset)]
        return place + len(between) - len(between.lstrip(" \t)"))

    def _column(self, place: int) -> int:
        return self.places[min(place, len(self.places) - 1)]

    def _characters(self, column: int) -> int:
        """Python counts columns in UTF-8 bytes."""
        return len(self.python.encode()[:column].decode(errors="ignore"))

    def _explained(self, error: SyntaxError) -> FormulaError:
        # Python gives no place where the text ends too early.
        offset = min(max((error.offset or len(self.python) + 1) - 1, 0), len(self.python))
        message = error.msg or ""
        if "parentheses" in message and "too many" in message:
            return FormulaError("the formula is nested too deeply to be read.")
        if "integer string conversion" in message:
            return FormulaError("this number is larger than any float64.", self.text, self.places[0])
        if "never closed" in message or "unmatched" in message or "does not match" in message:
            return FormulaError(f"{message}.", self.text, self.places[offset])
        if "invalid character" in message or "non-printable" in message:
            return FormulaError(f"{message}; expected names, numbers, {OPERATORS}.", self.text, self.places[offset])
        reserved = self._reserved_word()
        if reserved is not None:
            return reserved
        before = self.python[:offset].rstrip()
        # Python marks the beginning of a number that runs into a name, as in 2x; the mistake is behind its digits.
        digits = re.match(r"[\d.]+(?=[^\W\d])", self.python[offset:])
        if digits or re.match(r".*[\w.)\]]$", before, re.DOTALL):
            place = offset + (digits.end() if digits else 0)
            expected = f"expected an operator here, one of {OPERATORS}; a product needs its *, as in 2*x."
        else:
            # An operator at the very end lacks what should follow it.
            place = len(self.python) if not self.python[offset:].strip("+-*/ ") else offset
            expected = "expected a number, a variable, a function or '(' here."
        return FormulaError(expected, self.text, self.places[min(place, len(self.python))])

    def _reserved_word(self) -> FormulaError | None:
        """The error for a word of Python's that stands for a variable, as in lambda*x; None where there is none."""
        for found in re.finditer(r"[^\W\d]\w*", self.python):
            word = found.group()
            if keyword.iskeyword(word) and word not in ("for", "in", "and", "or", "not"):
                hint = " The Greek letter λ can." if word == "lambda" else ""
                message = f"'{word}' is a word of Python's grammar and cannot name a variable here.{hint}"
                return FormulaError(message, self.text, self.places[found.start()])
        return None
