"""Each operation of formulas in a formula of its own, and where its derivatives are smooth."""

from tbgrad.functions.operations import OPERATIONS

RANGES = {
    **dict.fromkeys(["sqrt", "rsqrt", "log", "log2", "log10"], (0.1, 5.0)),
    **dict.fromkeys(["asin", "acos", "atanh"], (-0.9, 0.9)),
    **dict.fromkeys(["lgamma", "digamma", "polygamma"], (0.1, 4.0)),
    "power": (0.1, 3.0),
    "divide": (0.3, 4.0),
    "mod": (0.3, 4.0),
    "floordiv": (0.3, 4.0),
    "tan": (-1.4, 1.4),
    "acosh": (1.1, 5.0),
    "log1p": (-0.9, 5.0),
}
_INSTEAD = {
    "where": "where({0} < 1, sin({1}), {0}*{1})",
    "polygamma": "polygamma(2, {0})",
    "logical_not": "where(not {0} < 1, {0}, 2*{0})",
    "logical_and": "where({0} < 1 and {1} > 0, {0}, {1})",
    "logical_or": "where({0} < 1 or {1} > 0, {0}, 2*{1})",
}


def sample(name, letters="xy"):
    """(formula, its variables, (low, high) of them) in which this operation stands, with derivatives that exist."""
    operation = OPERATIONS[name]
    names = letters[: 1 if name in ("polygamma", "logical_not") else min(2, operation.arity)]
    if name in _INSTEAD:
        text = _INSTEAD[name].format(*names)
    elif operation.is_condition:
        text = f"where({operation.infix.join(names)}, {names[0]}, 2*{names[1]})"
    elif operation.infix:
        text = operation.infix.join(names) if operation.arity == 2 else operation.infix + names
    else:
        text = f"{name}({', '.join(names)})"
    return text, names, RANGES.get(name, (-3.0, 3.0))
