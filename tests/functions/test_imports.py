import functools
import importlib
import json
import re
import sys
import textwrap

import keras
import pytest
import tensorflow as tf

from tbgrad.errors import FunctionImportError, InputError, ShapeError
from tbgrad.functions.function import Function
from tbgrad.functions.imports import from_callable, import_function


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes files into a current directory of the test's own; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)

    def to_file(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        importlib.invalidate_caches()
        return path

    yield to_file
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def at(f, *point):
    return float(f(tf.constant(point, tf.float64)))


def refused(path):
    with pytest.raises(FunctionImportError) as caught:
        import_function(path)
    assert isinstance(caught.value, ImportError) and isinstance(caught.value, InputError)
    return str(caught.value)


HILL = '''
    def hill(x, y, a=2.0, label="no number", flag=True):
        """A hill.

        More about it.
        """
        return a * x + y
'''


def test_a_module_in_the_current_directory(write):
    write("hills_here.py", HILL)
    path = list(sys.path)
    f = import_function("hills_here:hill")
    assert (f.variables, f.parameters, f.source) == (("x", "y"), {"a": 2.0}, "A hill.")
    assert at(f, 3, 5) == 11
    assert at(f.with_parameters(a=4), 3, 5) == 17
    assert sys.path == path


def test_a_name_inside_a_package(write):
    write("ranges_here/__init__.py", "")
    write("ranges_here/alps.py", "class Peaks:\n    @staticmethod\n    def high(x):\n        return 3 * x\n")
    f = import_function("ranges_here.alps:Peaks.high")
    assert at(f, 2) == 6
    assert f.name.startswith("ranges_here.alps.Peaks.high_")


@pytest.mark.parametrize("absolute", [False, True])
def test_a_file(write, absolute):
    path = write("some folder/hill file.py", HILL)
    f = import_function(f"{path if absolute else 'some folder/hill file.py'}:hill")
    assert at(f, 3, 5) == 11
    assert f.label == "hill"
    assert re.fullmatch(r"hill_file\.hill_[0-9a-f]{8}", f.name)


def test_a_file_may_import_its_neighbour(write):
    write("deep/neighbour_here.py", "FACTOR = 7.0\n")
    write("deep/user.py", "import neighbour_here\n\n\ndef f(x):\n    return neighbour_here.FACTOR * x\n")
    assert at(import_function("deep/user.py:f"), 2) == 14


def test_files_of_one_name_in_two_folders_do_not_mix(write):
    write("one/same.py", "def f(x):\n    return 1.0 * x\n")
    write("two/same.py", "def f(x):\n    return 2.0 * x\n")
    one, two = import_function("one/same.py:f"), import_function("two/same.py:f")
    assert (at(one, 1), at(two, 1)) == (1, 2)
    assert one.name != two.name


def test_a_function_of_the_project_gets_a_name_of_its_own(write):
    write("ready.py", "import tbgrad\nBOWL = tbgrad.Function.of_formula('x**2', name='bowl')\n")
    f = import_function("ready.py:BOWL")
    assert re.fullmatch(r"ready\.BOWL_[0-9a-f]{8}", f.name) and f.fingerprint
    assert isinstance(f, Function) and f.label == "bowl" and f.formula is not None


def test_a_changed_file_changes_the_fingerprint(write):
    write("changing.py", "def f(x):\n    return x\n")
    before, again = import_function("changing.py:f"), import_function("changing.py:f")
    assert before.fingerprint and before.request() == again.request()
    write("changing.py", "def f(x):\n    return 2.0 * x  # changed\n")
    after = import_function("changing.py:f")
    assert after.fingerprint != before.fingerprint
    assert after.request() != before.request()
    assert after.name == before.name
    assert at(after, 3) == 6


def test_a_missing_module():
    assert "no module named 'no_such_module_here'; looked in" in refused("no_such_module_here:f")
    assert "no module named 'os.pathh'" in refused("os.pathh:join")


def test_a_missing_file():
    assert refused("no/such/file.py:f") == "no file 'no/such/file.py'."


def test_a_folder_is_no_file(write):
    write("folder.py/inside.txt", "")
    assert "no file" in refused("folder.py:f")


@pytest.mark.parametrize("path", ["hills_missing:hil", "hills_missing.py:hil"])
def test_a_missing_name_gets_the_nearest(write, path):
    write("hills_missing.py", HILL)
    assert refused(path) == f"'{path[:-4]}' has no 'hil'. Did you mean 'hill'?"


@pytest.mark.parametrize("path", ["broken_here:f", "broken_here.py:f"])
def test_a_module_that_raises_shows_its_own_last_lines(write, path):
    write("broken_here.py", "import math\n\nvalue = math.sqrt(-1)  # the culprit\n\n\ndef f(x):\n    return x\n")
    message = refused(path)
    assert "raised an error while it was imported" in message
    assert "line 3" in message and "the culprit" in message
    assert message.splitlines()[-1] == "ValueError: math domain error"
    assert "importlib" not in message
    assert "broken_here" not in sys.modules


def test_a_module_that_does_not_parse_shows_where(write):
    write("unparsable_here.py", "def f(x:\n    return x\n")
    message = refused("unparsable_here:f")
    assert "def f(x:" in message and "SyntaxError" in message


def test_a_module_whose_own_import_is_missing_is_broken_and_not_missing(write):
    write("importing_here.py", "import no_such_dependency\n")
    message = refused("importing_here:f")
    assert "'importing_here' raised an error" in message
    assert "No module named 'no_such_dependency'" in message


@pytest.mark.parametrize("path", ["leaving_here:f", "leaving_here.py:f"])
def test_a_script_that_leaves_at_import_is_an_error_of_ours(write, path):
    write("leaving_here.py", "import sys\n\n\ndef f(x):\n    return x\n\n\nsys.exit(3)\n")
    assert "raised an error while it was imported" in refused(path)


@pytest.mark.parametrize(
    ("path", "what"),
    [("math:pi", "is a float"), ("os:path", "is a module"), ("sys:path", "is a list"), ("string:digits", "is a str")],
)
def test_what_cannot_be_called(path, what):
    assert f"'{path}' {what}; expected a function such as f(x, y)." == refused(path)


@pytest.mark.parametrize("call", [lambda: 0.0, lambda a=1.0: a, lambda **x: x])
def test_a_call_without_variables(call):
    with pytest.raises(FunctionImportError, match="takes no variables; expected arguments without defaults"):
        from_callable(call)


@pytest.mark.parametrize("dimensions", [None, 2])
def test_a_keyword_without_a_default(dimensions):
    with pytest.raises(FunctionImportError, match=r"lambda takes a, c by keyword only; expected a default, as in a=1"):
        from_callable(lambda x, *, a, b=2.0, c: x, dimensions=dimensions)
    assert from_callable(functools.partial(lambda x, *, a: a * x, a=2.0), dimensions=dimensions).parameters == {"a": 2}


def test_a_call_whose_arguments_cannot_be_told():
    with pytest.raises(FunctionImportError, match="cannot be told; wrap it in a function"):
        from_callable(max)


def test_arguments_with_numbers_as_defaults_are_parameters():
    def f(x, /, y, a=1, b=2.5, *rest, flag=False, text="", c=3, **more):
        return x

    made = from_callable(f)
    assert made.variables == ("x", "y")
    assert made.parameters == {"a": 1.0, "b": 2.5, "c": 3.0}
    assert made.name == made.label == "f"


def test_whole_numbers_stay_whole():
    def series(x, n=3, first=0):
        return sum([x**i for i in range(9)][first:n])

    f = from_callable(series)
    assert repr(f.parameters) == "{'n': 3, 'first': 0}"
    assert at(f, 2) == 7
    assert at(f.with_parameters(n=4.0), 2) == 15
    assert at(f.with_parameters(n=2.5).with_parameters(n=4, first=1.0), 2) == 14
    assert json.dumps(f.with_parameters(n=4.0).request()) == json.dumps(f.with_parameters(n=4).request())
    assert f.with_parameters(n=3.0).request() == f.request()
    assert repr(f.with_parameters(n=2.5).parameters) == "{'n': 2.5, 'first': 0}"


def test_a_whole_number_beyond_the_floats_is_the_functions_own():
    assert from_callable(lambda x, most=10**400, a=1: a * x).parameters == {"a": 1}


def test_a_tensorflow_function_keeps_its_arguments(write):
    write("compiled_here.py", "import tensorflow as tf\n\n\n@tf.function\ndef f(x, y, a=2.0):\n    return a * x * y\n")
    f = import_function("compiled_here:f")
    assert (f.variables, f.parameters, f.label) == (("x", "y"), {"a": 2.0}, "f")
    assert f.fingerprint
    assert at(f, 3, 5) == 30


def test_wrapped_and_callable_objects_keep_their_arguments():
    class Plane:
        def __call__(self, x, y, slope=2.0):
            return slope * x + y

    def plain(x, y):
        return x + y

    @functools.wraps(plain)
    def wrapper(*arguments):
        return plain(*arguments)

    assert from_callable(wrapper).variables == ("x", "y")
    assert from_callable(Plane()).variables == ("x", "y")
    assert from_callable(Plane()).parameters == {"slope": 2.0}
    assert at(from_callable(functools.partial(Plane(), slope=3.0)), 2, 1) == 7
    assert at(from_callable(Plane().__call__), 2, 1) == 5


def test_names_without_letters_are_still_fit_for_directories(write):
    write("größe.py", "def höhe(x):\n    return x\n")
    f = import_function("größe.py:höhe")
    assert re.fullmatch(r"[A-Za-z0-9._-]+", f.name)
    assert f.label == "höhe"


def test_one_argument_and_dimensions_are_a_vector():
    def bowl(p, a=2.0):
        """A bowl."""
        return a * tf.reduce_sum(p**2, axis=-1)

    f = from_callable(bowl, dimensions=3)
    assert f.takes_vector and f.variables == ("x0", "x1", "x2")
    assert (f.name, f.label, f.parameters, f.source) == ("bowl", "bowl", {"a": 2.0}, "A bowl.")
    assert at(f, 1, 2, 3) == 28
    assert at(f.with_parameters(a=1.0), 1, 2, 3) == 14
    assert not from_callable(bowl).takes_vector


def test_any_number_of_arguments_and_dimensions():
    f = from_callable(lambda *x: x[0] * x[1] + x[2], dimensions=3)
    assert not f.takes_vector and f.variables == ("x0", "x1", "x2")
    assert at(f, 2, 3, 4) == 10
    with pytest.raises(FunctionImportError, match="takes any number of variables; say how many, by --dimensions"):
        from_callable(lambda *x: x[0])


@pytest.mark.parametrize("dimensions", [1, 3])
def test_another_number_of_arguments_than_dimensions(dimensions):
    with pytest.raises(ShapeError, match=rf"'lambda' has 2 variables \(x, y\); expected {dimensions}\."):
        from_callable(lambda x, y: x * y, dimensions=dimensions)
    assert from_callable(lambda x, y: x * y, dimensions=2).variables == ("x", "y")


@pytest.mark.parametrize("dimensions", [0, -1])
def test_no_dimensions(dimensions):
    with pytest.raises(ShapeError, match=f"dimensions is {dimensions}; expected 1 to 10,000"):
        from_callable(lambda p: p, dimensions=dimensions)


@pytest.mark.parametrize("path", ["vectors_here:f", "vectors_here.py:f"])
def test_a_function_of_a_vector_in_a_file(write, path):
    write("vectors_here.py", "def f(p):\n    return p[0] * p[1]\n")
    f = import_function(path, dimensions=2)
    assert f.takes_vector and f.dimensions == 2 and f.fingerprint
    with pytest.raises(ShapeError, match="has 2 variables"):
        write("ready_here.py", "import tbgrad\nf = tbgrad.Function.of_formula('x*y')\n")
        import_function("ready_here.py:f", dimensions=3)


def test_keras_layers_and_models_keep_the_argument_of_their_call():
    model = keras.Sequential([keras.layers.Dense(1, kernel_initializer="ones", dtype="float64")], name="net")
    f = from_callable(model, dimensions=3)
    assert (f.label, f.name, f.takes_vector) == ("net", "net", True)
    assert f(tf.constant([[1.0, 2.0, 4.0]], tf.float64)).numpy().tolist() == [[7.0]]
    layer = keras.layers.Dense(1, name="own")
    assert from_callable(layer, dimensions=2).label == "own"


def test_labels_of_what_has_no_name():
    class Plane:
        def __call__(self, x, y, slope=2.0):
            return slope * x + y

    assert from_callable(Plane()).label == "Plane"
    assert from_callable(functools.partial(Plane.__call__, Plane())).label == "__call__"
    assert from_callable(functools.partial(Plane(), slope=1.0)).label == "Plane"
