"""Names of runs by the interface's rule."""

import json
import math

import numpy as np
import pytest

from tbgrad import naming


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.0, "2"), (0.05, "0.05"), (1e-05, "1e-05"), (-1.2, "-1.2"), (0.1 + 0.2, "0.30000000000000004")],
)
def test_number(value, text):
    assert naming.number(value) == text
    assert float(text) == value


def test_conditions_follow_in_order():
    name = naming.run_name("rosenbrock", "descent/adam_lr0.05", [("start", "2_1"), ("steps", "500")], {})
    assert name == "rosenbrock/descent/adam_lr0.05_start2_1_steps500"


def test_no_conditions():
    assert naming.run_name("ripple", "sweep/x", [], {"any": 1}) == "ripple/sweep/x"


@pytest.mark.parametrize("settings", [{"hashed": True, "conditions": [("a", "1")]}, {"conditions": [("a", "1" * 90)]}])
def test_long_conditions_become_a_hash(settings):
    names = {naming.run_name("f", "sweep/x", asked={"a": a}, **settings) for a in (1, 2)}
    assert len(names) == 2
    assert all(len(name) == len("f/sweep/x_") + 8 for name in names)


def test_odd_characters_become_underscores():
    assert naming.check_run_name(naming.run_name("f", "sweep/x", [("word", "a b/ü")], {})) == "f/sweep/x_worda_b_"


def test_hash_ignores_order_only():
    assert naming.short_hash({"a": 1, "b": 2}) == naming.short_hash({"b": 2, "a": 1})
    assert naming.short_hash({"a": 1}) != naming.short_hash({"a": 2})


@pytest.mark.parametrize(
    ("text", "slug"), [("cos(x)*sin(y) + x/y", "cos_x_sin_y_x_y"), ("θ", ""), ("x" * 99, "x" * 40)]
)
def test_slug(text, slug):
    assert naming.slug(text) == slug


def test_plain_is_json_without_loss():
    data = {"a": np.array([1.5, math.nan, math.inf, -math.inf]), "b": (True, None, -0.0, np.int64(3)), 4: "x"}
    assert json.loads(json.dumps(naming.plain(data), allow_nan=False)) == {
        "a": [1.5, "NaN", "Infinity", "-Infinity"],
        "b": [True, None, 0.0, 3],
        "4": "x",
    }
