"""What a user's own function raised, told in the user's own lines under one sentence.

TensorFlow says where an error came from in three ways: by Python's traceback; by a traceback written into the
message, where AutoGraph had rewritten the code; and, at run time, by the place where the operation was made.
"""

from __future__ import annotations

import linecache
import re
import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf

import tbgrad
from tbgrad.errors import FunctionCallError
from tbgrad.functions.function import Function

_MOST_FRAMES = 3
_HOUSE = Path(tbgrad.__file__).parent
_LIBRARY = Path(sysconfig.get_path("stdlib"))
_FILE_LINE = re.compile(r'File "([^"]+)", line (\d+)')
_COLOUR = re.compile(r"\x1b\[\d*m")
_LONGEST = 200
_NOISE = re.compile(
    r'Graph execution error|Detected at node|in user code|Exception encountered when calling|File "|Traceback \('
)

# NumPy's and math's names of what TensorFlow calls otherwise; the rest is tf.<name>.
_TENSORFLOW_NAMES = {
    **{f"arc{name}": f"tf.a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{name: f"tf.reduce_{name}" for name in ("sum", "prod", "mean", "max", "min", "any", "all")},
    **{name: f"tf.math.{name}" for name in ("log", "log1p", "expm1", "ceil", "erf", "erfc", "lgamma")},
    "arctan2": "tf.atan2",
    "concatenate": "tf.concat",
    "power": "tf.pow",
    "pow": "tf.pow",
    "fabs": "tf.abs",
    "dot": "tf.tensordot(a, b, 1)",
    "linalg.norm": "tf.norm",
    "array": "tf.stack",
    "log2": "tf.math.log(x) / math.log(2.0)",
    "log10": "tf.math.log(x) / math.log(10.0)",
}
_ADVICE = (
    (
        r"as a Python `bool`",
        "Python's if, and, or, min and max need a number, and here is a tensor for any number of points: write "
        "tf.where(x > 0, a, b), tf.logical_and, tf.minimum or tf.maximum.",
    ),
    (
        r"Iterating over a symbolic|cannot unpack non-iterable",
        "Python cannot take a tensor apart: write x, y = tf.unstack(p, axis=-1), p[..., 0], or, for a sum, "
        "tf.reduce_sum(p, axis=-1).",
    ),
    (
        r"^(float|int|complex)\(\) argument|could not convert string to float",
        "float() and int() need a number, and here is a tensor: leave them out, or write tf.cast.",
    ),
    (
        r"Tensor' object cannot be interpreted as an integer",
        "Python's range needs a number, and here is a tensor: a variable cannot say how often something is done.",
    ),
    (
        r"no attribute '(numpy|item|tolist)'",
        "While it is differentiated a variable is a tensor without a number in it: leave .numpy() out, and write "
        "TensorFlow's operations.",
    ),
    (
        r"no attribute '(astype|sum|mean|dot|T|prod|max|min|reshape)'",
        "Tensors lack NumPy's methods: write TensorFlow's functions, such as tf.cast, tf.reduce_sum or tf.reshape.",
    ),
    (
        r"must be (at least )?rank 2 but is rank [01]",
        "@ and tf.matmul take matrices: for a vector write tf.linalg.matvec(A, p), and for a product of two "
        "tf.reduce_sum(p*q, axis=-1).",
    ),
    (
        r"that does not match type|was expected to be a \w+ tensor but is a|incompatible dtype|to have the same dtype",
        "It mixes dtypes: write plain numbers (2.0*x), give constants the dtype of the variables "
        "(tf.constant(2.0, x.dtype)), or compute in the other dtype, by dtype='float32' or --dtype float32.",
    ),
)
# What TensorFlow, Keras and Python say where a number is taken for a vector. Names in quotes and printed tensors
# (shape=...) say nothing of the kind.
_OF_SHAPES = re.compile(
    r"(?<!['\w])(shapes?|rank|(min_)?ndim|(split_)?dim|dimensions?|scalars?|size-incompatible|too many indices|"
    r"values to unpack|len is not well defined)\b(?!=)|NoneType' object cannot be interpreted as an integer",
    re.IGNORECASE,
)


class _Frame(NamedTuple):
    file: str
    line: int

    @property
    def code(self) -> str:
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        return f"  {self.file}, line {self.line}: {self.code}"


def failed(f: Function, error: BaseException, graph: tf.Graph | None = None) -> FunctionCallError:
    """The error for a function that raised one: a sentence, the user's last lines, the error, and what to write.

    Args:
      f: the `Function`.
      error: what was raised.
      graph: of the program that ran, or None where it was being traced.
    """
    frames, reason = _frames(error, graph), _reason(error)
    lines = [f"'{f.label}' raised an error when it was called:", *map(str, frames)]
    lines.append(f"  {type(error).__name__}{': ' if reason else ''}{reason}")
    advice = _advice(reason, frames[-1].code if frames else "")
    if not advice and not f.takes_vector and f.dimensions == 1 and _OF_SHAPES.search(reason):
        advice = of_vector_hint(f)
    return FunctionCallError("\n".join([*lines, *([advice] if advice else [])]))


def of_vector_hint(f: Function) -> str:
    """What to say of a function whose only argument may be meant as a vector."""
    return f"If {f.variables[0]} is a vector, say how long it is: --dimensions 2, or tbgrad.resolve(f, dimensions=2)."


def user_frame(stack: Any) -> str:
    """The user's last line in the stack of an operation, written as in a traceback; empty where there is none."""
    frames = _own([_Frame(frame.filename, frame.lineno) for frame in stack])
    return str(frames[-1]) if frames else ""


def _frames(error: Exception, graph: tf.Graph | None) -> list[_Frame]:
    """The user's last lines on the way to an error."""
    written = [_Frame(file, int(line)) for file, line in _FILE_LINE.findall(str(error))]
    called = [_Frame(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
    frames = _own(written) or _own(_made(error, graph)) or _own(called)
    return list(dict.fromkeys(frames))[-_MOST_FRAMES:]


def _made(error: Exception, graph: tf.Graph | None) -> list[_Frame]:
    """Where the operation was made that failed at run time."""
    named = re.search(r"\{\{node ([^}]+)\}\}", str(error))
    try:
        stack = graph.get_operation_by_name(named.group(1)).traceback if graph and named else []
    except KeyError:
        return []
    return [_Frame(frame.filename, frame.lineno) for frame in stack]


def _own(frames: Sequence[_Frame]) -> list[_Frame]:
    """Those in the user's own files, below our last one: what stands above it only called us."""
    ours = [i for i, frame in enumerate(frames) if Path(frame.file).is_relative_to(_HOUSE)]
    return [frame for frame in frames[ours[-1] + 1 if ours else 0 :] if not _is_library(frame.file)]


def _is_library(file: str) -> bool:
    path = Path(file)
    generated = file.startswith("<") or path.name.startswith("__autograph_generated_file")
    return generated or "site-packages" in path.parts or path.is_relative_to(_LIBRARY)


def _reason(error: Exception) -> str:
    """The first line of a message that says what is wrong, not where."""
    text = str(error)
    _, marked, told = text.rpartition(f"{type(error).__name__}: ")
    if marked and "in user code:" in text:
        text = told
    lines = [line.strip() for line in _COLOUR.sub("", text).splitlines()]
    reason = next((line for line in lines if line and not _NOISE.match(line)), "")
    reason = re.sub(r"^\{\{function_node [^}]*\}\} | for '\{\{node .*'(?= with)", "", reason)
    return reason if len(reason) <= _LONGEST else f"{reason[:_LONGEST].rpartition('. ')[0] or reason[:_LONGEST]} ..."


def _advice(reason: str, code: str) -> str:
    """What to write instead, where the error is one that many functions written for NumPy raise."""
    if re.search(r"Cannot convert a symbolic tf\.Tensor|must be real number, not SymbolicTensor", reason):
        return _instead_of_numpy(code)
    return next((advice for pattern, advice in _ADVICE if re.search(pattern, reason)), "")


def _instead_of_numpy(code: str) -> str:
    called = re.findall(r"\b((?:np|numpy|math)\.([\w.]+))\s*\(", code)
    instead = [f"{_TENSORFLOW_NAMES.get(name, f'tf.{name}')} in place of {whole}" for whole, name in called]
    what = " and ".join(dict.fromkeys(instead)) or "TensorFlow's own function in its place, such as tf.sin for np.sin"
    return f"NumPy and math compute on numbers, and here is a tensor: write {what}."
