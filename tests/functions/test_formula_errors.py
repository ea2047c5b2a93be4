import pytest

from tbgrad.errors import FormulaError, InputError
from tbgrad.functions.expressions import constant, parse
from tbgrad.functions.function import Function


def failure(text):
    with pytest.raises(FormulaError) as caught:
        parse(text)
    return caught.value


def pointed_at(error):
    """The line that the error shows, and the index in it that the caret stands under."""
    line, caret = str(error).split("\n")[-2:]
    assert caret.strip() == "^"
    return line, len(caret) - 1


# Text, the column of the first wrong character, and a part of the message.
MISTAKES = [
    ("", 0, "expected a formula, such as"),
    ("x +", 3, "expected a number, a variable, a function or"),
    ("x**", 3, "expected a number, a variable, a function or"),
    ("sin(x)*", 7, "expected a number, a variable, a function or"),
    ("x, y -> x +", 11, "expected a number, a variable, a function or"),
    ("*x", 0, "expected a number, a variable, a function or"),
    ("x + * y", 4, "expected a number, a variable, a function or"),
    ("x^^y", 2, "expected a number, a variable, a function or"),
    ("x + $", 4, "expected a number, a variable, a function or"),
    ("2x", 1, "a product needs its *"),
    ("  x  +  2.5y", 11, "a product needs its *"),
    ("x y", 2, "expected an operator here"),
    ("sin x", 4, "expected an operator here"),
    ("x!", 1, "expected an operator here"),
    ("x = 1", 2, "expected an operator here"),
    ("x; y", 1, "expected an operator here"),
    ("(x", 0, "'(' was never closed"),
    ("2 + sin(x", 7, "'(' was never closed"),
    ("x)", 1, "unmatched ')'"),
    ("(x]", 2, "does not match"),
    ("x + √y", 4, "invalid character '√'"),
    ("x − y", 2, "invalid character '−'"),
    ("x²", 1, "invalid character '²'"),
    ("y*sin", 2, "sin is a function; write sin(...)"),
    ("y*sin()", 2, "sin takes 1 argument."),
    ("y*sin(x, y)", 2, "sin takes 1 argument."),
    ("1 + atan2(x)", 4, "atan2 takes 2 arguments."),
    ("sin(*x)", 0, "sin takes 1 argument."),
    ("sin(u=x)", 0, "sin takes 1 argument."),
    ("y + sinn(x)", 4, "Did you mean 'sin'"),
    ("y + SQRT(x)", 4, "Did you mean 'sqrt'"),
    ("y + qqq(x)", 4, "Known are abs, acos"),
    ("α + é*sinn(x)", 6, "Did you mean 'sin'"),
    ("x^2 + y^2 + sinn(x)", 12, "Did you mean 'sin'"),
    ("2*x(y)", 2, "For a product write x*(...)"),
    ("(x + y)(x)", 0, "a product needs its *"),
    ("x, y", 1, "a comma parts several"),
    ("x + y @ z", 6, "this operator is not part of formulas; expected +"),
    ("y + (x < 1)", 5, "this is true or false, no number; where(x < 1, a, b)"),
    ("x < 1", 0, "this is true or false, no value"),
    ("sin(x < 1)", 4, "this is true or false, no number"),
    ("where(x, 1, 2)", 6, "expected a comparison here, such as x < 1."),
    ("where(x < 1 and y, 1, 2)", 16, "expected a comparison here, such as x < 1."),
    ("where(x in y, 1, 2)", 8, "this comparison is not part of formulas"),
    ("where(x < 1, 2)", 0, "where takes 3 arguments."),
    ("1 + pow(x)", 4, "pow takes 2 arguments."),
    ("polygamma(x, y)", 10, "polygamma's order is a whole number from 0 to 30."),
    ("polygamma(1.5, y)", 10, "polygamma's order is a whole number from 0 to 30."),
    ("x if x > 0 else y", 0, "For a choice write where(condition, a, b)."),
    ("lambda*x", 0, "'lambda' is a word of Python's grammar and cannot name a variable here. The Greek letter λ can."),
    ("y + nan*x", 4, "'nan' is no number that a formula can hold."),
    ("sum(x)", 0, "expected sum(... for i in range(n))."),
    ("1 + prod(x, y)", 4, "expected prod(... for i in range(n))."),
    ("sum(x[i] for i in n)", 18, "expected sum(... for i in range(n)); range takes 1 to 3 whole numbers."),
    ("sum(x[i] for i in range())", 18, "range takes 1 to 3 whole numbers."),
    ("sum(x[i] for i, j in range(n))", 13, "the index is one name."),
    ("sum(x[i] for i in range(n) if i > 1)", 30, "where(condition, term, 0)"),
    ("sum(x[pi] for pi in range(n))", 14, "'pi' has a meaning already; choose another index."),
    ("sum(sum(x[i] for i in range(n)) for i in range(n))", 17, "'i' has a meaning already"),
    ("sum(x**2 for i in range(n)) + x[0]", 4, "'x' is a vector here; write x[i] for one of its elements."),
    ("x[0] + y", 7, "'y' stands beside the vector x; make it a parameter: 'x, y=1 -> ...'."),
    ("x[0] + y[1]", 7, "a formula has one vector; 'x' has an index already, so has 'y'."),
    ("x, y -> x[0]", 0, "beside the vector x stand only parameters; y has no default."),
    ("x, a=1 -> a[0]", 10, "'a' is no variable before the '->', and takes no index."),
    ("x[0:1]", 0, "expected one whole number as index, as in x[i + 1]."),
    ("x[0][1]", 0, "expected one variable with one index"),
    ("sin[0]", 0, "'sin' has a meaning already and takes no index."),
    ("y + sum", 4, "sum is a function; write sum(...)."),
    ("y + True", 4, "nothing else is a formula"),
    ("y + 2j", 4, "nothing else is a formula"),
    ("y*~x", 2, "this operator is not part of formulas"),
    ("not x", 4, "expected a comparison here"),
    ("x # y", 2, ""),
    ("y + 1e999", 4, "larger than any float64"),
    ("x, y -> x + z", 12, "'z' does not stand before the '->'"),
    ("width, y -> y + widht", 16, "Did you mean 'width'?"),
    ("x, a=1, y -> x", 8, "variables come first"),
    ("x, x -> x", 3, "'x' stands here twice"),
    ("x, sin -> x", 3, "'sin' has a meaning already"),
    ("pi -> pi", 0, "'pi' has a meaning already"),
    ("x, π=5 -> π*x", 3, "'π' has a meaning already"),
    ("ϖ, x -> ϖ*x", 0, "'π' has a meaning already"),
    ("2πx", 1, "a product needs its *"),
    ("x, 2 -> x", 3, "expected a variable's name"),
    ("x,,y -> x", 2, "expected a variable's name"),
    ("-> 2", 0, "expected a variable's name"),
    ("x, if -> x", 3, "expected a variable's name"),
    ("x, a=b -> a*x", 5, "'b' is not one"),
    ("x, a=1/0 -> a*x", 5, "'1/0' is inf; expected a finite number."),
    ("x, b=1, a= 0/0 -> a*x", 11, "'0/0' is nan; expected a finite number."),
    ("x, a=-9**9**9**9 -> a*x", 5, "is -inf; expected a finite number."),
    ("x, a=max(1, 2), y -> a*x", 16, "variables come first"),
    ("x, a=max(1, 2 -> a*x", 8, "'(' was never closed"),
    ("x), y -> x + y", 0, "expected a variable's name"),
    ("x, a=2y -> a*x", 6, "a product needs its *"),
    ("x -> ", 5, "expected a formula, such as"),
    ("x -> x -> y", 7, "expected"),
]


@pytest.mark.parametrize(("text", "column", "message"), MISTAKES, ids=[repr(text) for text, _, _ in MISTAKES])
def test_a_mistake_is_pointed_at(text, column, message):
    error = failure(text)
    assert message in str(error)
    assert error.text == text
    assert error.column == column
    assert pointed_at(error) == ("  " + text, column + 2)


LONG = "é" * 65


@pytest.mark.parametrize(
    ("text", "column"),
    [
        (f"2 + {LONG}*x", 4),
        (f"x, {LONG} -> x", 3),
        (f"x, a={LONG} -> a*x", 5),
        (f"x, {LONG[1:]}=1 -> {LONG}*x", 73),
        (f"sum(x[{LONG}] for {LONG} in range(n))", 6),
        (f"{LONG}(x)", 0),
    ],
    ids=["variable", "head", "default", "parameter", "index", "function"],
)
def test_a_name_has_at_most_64_characters(text, column):
    error = failure(text)
    assert str(error).startswith("this name has 65 characters; at most 64 are read.")
    assert error.column == column


def test_a_name_of_64_characters_is_read():
    assert parse(f"2 + {LONG[1:]}*x").variables == ("x", LONG[1:])


def test_a_long_number_is_no_name():
    assert constant("1" + "_0" * 3 + "e-" + "0" * 80 + "2") == 10.0
    assert constant("0x" + "0" * 80 + "a") == 10.0


@pytest.mark.parametrize("before", [0, 10, 35, 36, 37, 500])
@pytest.mark.parametrize("after", [0, 1, 28, 29, 30, 500])
def test_in_a_long_formula_the_caret_still_points(before, after):
    text = "1" * before + "+sinn(x)" + "+x" * after if before else "sinn(x)" + "+x" * after
    error = failure(text.replace("1" * 30, "x+" * 15))
    line, index = pointed_at(error)
    assert line[index:].startswith("sinn(")
    assert len(line) < 80


@pytest.mark.parametrize("space", ["\n", "\r\n", "\t", "\f"])
def test_the_caret_points_whatever_the_spaces(space):
    # A line break or a tab in the shown text would part the caret from its place.
    line, index = pointed_at(failure(f"x{space}+ sinn(y)"))
    assert line[index:].startswith("sinn(")
    assert not set("\n\r\t\f") & set(line)


@pytest.mark.parametrize("text", ["1e999", "-1e999", "9" * 400, "9" * 5000])
def test_a_number_beyond_the_floats_is_called_so(text):
    assert "larger than any float64" in str(failure(text))


def test_an_error_is_a_value_error_and_what_was_asked_is_wrong():
    error = failure("x +")
    assert isinstance(error, ValueError) and isinstance(error, InputError)
    assert error.exit_code == 2


HOSTILE = [
    "(" * 10_000 + "x" + ")" * 10_000,
    "(" * 4_999 + "x" + ")" * 4_999,
    "x" * 1_000_000,
    "x+" * 500_000 + "x",
    "+" * 200_000 + "x",
    "+" * 9_999 + "x",
    "-" * 9_999 + "x",
    "sin(" * 1_500 + "x" + ")" * 1_500,
    "**".join(["x"] * 3_000),
    "x" + "()" * 4_000,
    "x" + ".a" * 4_000,
    "x" + "[0]" * 3_000,
    "x<" * 4_000 + "x",
    "not " * 2_400 + "x",
    "lambda:" * 1_400 + "x",
    "9" * 9_999,
    "__import__('os').system('touch executed')",
    "__import__('os')",
    "open('executed', 'w')",
    "eval('1')",
    "exec(x)",
    "print(x)",
    "().__class__.__base__.__subclasses__()",
    "x.real",
    "x.__class__",
    "x[1:2]",
    "sum(9**9**9**9 for i in range(9**9**9**9))",
    "sum(x for i in range(10**9))",
    "sum(x[i] for i in range(10**9))",
    "sum(sum(sum(i*j*k*x for i in range(999)) for j in range(999)) for k in range(999))",
    "sum(sum(0 for j in range(i*0)) + (x[0]**2 + x[0]**3 + x[0]**4) for i in range(19000))",
    "sum(" * 60 + "x" + " for i in range(9))" * 60,
    "where(" * 3_000 + "x < 1" + ", 1, 2)" * 3_000,
    "sum(x[i] for i in (open('executed', 'w'),))",
    "sum(open('executed', 'w') for i in range(3))",
    "lambda: x",
    "lambda x: x",
    "(lambda: open('executed', 'w'))()",
    "[x for x in (1, 2)]",
    "[open('executed', 'w') for _ in (1,)]",
    "(x for x in y)",
    "{x: y for x in z}",
    "{x}",
    "{}",
    "[]",
    "...",
    "None",
    "'x'",
    '"x"',
    "b'x'",
    "f'{x}'",
    "f\"{open('executed', 'w')}\"",
    "(y := 2)",
    "sin(y := 2)",
    "x if y else z",
    "x and y",
    "x or y",
    "x in y",
    "x is y",
    "await x",
    "(yield x)",
    "*x",
    "**x",
    "sin(**x)",
    "import os",
    "x; import os",
    "x\nimport os",
    "del x",
    "x\x00",
    "\x00",
    "\ud800",
    "x\\",
    "'",
    '"""',
    "#",
    "x -> __import__('os')",
    "x, a=__import__('os') -> x",
    "x, a=open('executed', 'w') -> x",
    "__class__ -> __class__()",
]


@pytest.mark.parametrize("text", HOSTILE, ids=[repr(text[:24]) for text in HOSTILE])
def test_hostile_text_is_refused_and_never_executed(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FormulaError):
        Function.of_formula(text)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sign", ["+", "-", "+-", "- +", "sin(", "("])
@pytest.mark.parametrize("depth", [90, 200, 900, 1_000, 1_500, 1_900])
def test_deep_nesting_is_read_or_refused(sign, depth):
    # Depths between Python's recursion limit and its parser's own must not slip through.
    text = sign * depth + "x" + ")" * (depth * sign.count("("))
    try:
        assert parse(text).variables == ("x",)
    except FormulaError as error:
        assert "nested too deeply" in str(error) or "more than 2,000" in str(error)


def test_a_tower_of_powers_is_infinite():
    assert constant("9**9**9**9") == float("inf")
    with pytest.raises(InputError, match="no variables"):
        Function.of_formula("9**9**9**9")


# Text that reads well but cannot be written for so many variables; the column and a part of the message.
UNFIT = [
    ("x[x[0]]", 2, 2, "expected a whole number of n, indices and parameters here."),
    ("sum(x[i + 1] for i in range(n))", 2, 4, "x[2] is outside: with n = 2 the last element is x[1]."),
    ("sum(x[i - 1] for i in range(n))", 2, 4, "x[-1] is outside: the first element is x[0]."),
    ("n*x[2]", 2, 2, "x[2] is outside"),
    ("sum(x[i/2] for i in range(n))", 2, 6, "expected a whole number here; got 0.5."),
    ("sum(x[i] for i in range(n/3))", 2, 24, "expected a whole number here; got 0.666667."),
    ("sum(x[i] for i in range(0, n, 0))", 2, 0, "the step of a range must not be 0."),
    ("x, a=1.5 -> x[a]", 2, 14, "expected a whole number here; got 1.5."),
    ("x, a=1.5 -> sum(x[0] for i in range(a))", 2, 36, "expected a whole number here; got 1.5."),
    ("sum(x[0]*i for i in range(1000001))", 1, 0, "more than 1,000,000 terms."),
]


@pytest.mark.parametrize(("text", "dimensions", "column", "message"), UNFIT, ids=[text for text, *_ in UNFIT])
def test_what_does_not_fit_the_number_of_variables_is_pointed_at(text, dimensions, column, message):
    with pytest.raises(FormulaError) as caught:
        Function.of_formula(text, dimensions)
    assert message in str(caught.value)
    assert caught.value.column == column
    assert pointed_at(caught.value) == ("  " + text, column + 2)
