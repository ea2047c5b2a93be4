"""Tables in a notebook: heads, numbers to the right, a caption, and no more than one can look at."""

import numpy as np
import pytest
from html_tables import read_table

import tbgrad
from tbgrad.results.graphs import counted
from tbgrad.results.tabular import Tabular, html_table


class Made(Tabular):
    def __init__(self, heads, rows, caption="of <this>"):
        self.heads, self.rows, self.caption = heads, rows, caption

    def _rows(self):
        return [self.heads, *self.rows]

    def _caption(self):
        return self.caption


def test_numbers_stand_to_the_right_and_text_to_the_left():
    rows = [[1, 0.5, "59.4%", "-", "a", "1"], [2, np.float32(1e-9), "3 %", "1e-05", "b", "x"]]
    table = read_table(Made(list("nmspab"), rows))
    assert table.sides == [["right"] * 4 + ["left"] * 2] * 3
    assert table.rows[1:] == [["1", "0.5", "59.4%", "-", "a", "1"], ["2", "1e-09", "3 %", "1e-05", "b", "x"]]


def test_text_is_escaped_and_there_is_a_caption():
    table = read_table(Made(["<a>"], [["<b>&"]]))
    assert (table.caption, table.rows) == ("of <this>", [["<a>"], ["<b>&"]])


def test_of_very_many_rows_and_columns_some_are_shown():
    table = read_table(Made([f"x{i}" for i in range(100)], np.arange(6000).reshape(60, 100)))
    assert len(table.rows) == 51 and table.caption == "of <this> – and 10 more rows"
    assert table.rows[0] == [*(f"x{i}" for i in range(8)), "…", *(f"x{i}" for i in range(93, 100))]
    assert len(read_table(Made(list("abcdefghijklmnop"), [])).rows[0]) == 16


def test_without_rows_there_are_heads():
    assert html_table(["a"], [], "") == html_table(["a"], iter([]), "")
    assert read_table(Made(["a"], [])).rows == [["a"]]


def test_as_text_the_columns_are_aligned_the_same():
    made = Made(["name", "x"], [["a", 1.0], ["bcdef", 100.25]])
    assert repr(made).splitlines() == ["of <this>", "name        x", "a           1", "bcdef  100.25"]


@pytest.fixture(scope="module")
def results():
    f = tbgrad.resolve("rosenbrock")
    adam = tbgrad.Optimizer("adam", 0.05)
    points = [[-1.2, 1.0], [1.0, 1.0]]
    return (
        tbgrad.evaluate(f, points),
        tbgrad.sweep(f, ("x", -2.0, 2.0)),
        tbgrad.surface(f, points=30),
        tbgrad.descend(f, adam, points, 20),
        tbgrad.trace_graph(f),
        tbgrad.backward(f, points[0]),
        tbgrad.curvature(f, points),
        tbgrad.check_gradient(f, points),
        tbgrad.sweep_rates(f, adam, points[0], rates=[0.01, 0.1], steps=20),
        tbgrad.find_basins(f, adam, points=4, steps=20),
        tbgrad.race(f, ["sgd", adam], points[0], steps=5),
    )


def test_every_result_says_what_it_is_of(results):
    assert len({type(result) for result in results}) == 11
    for result in results:
        table = read_table(result)
        assert result.subject.equation in table.caption, type(result)
        assert repr(result).splitlines()[0] == table.caption and len(repr(result).splitlines()) == 1 + len(table.rows)
        assert len(table.rows) <= 51 and all(len(row) == len(table.rows[0]) for row in table.rows)


def test_captions(results):
    captions = [read_table(result).caption.replace(results[0].subject.equation, "f") for result in results]
    assert captions[:5] == [
        "f, 2 points",
        "f along x from -2 to 2, y = 0, 20 of 201 points",
        "f, x from -2.048 to 2.048, y from -2.048 to 2.048, 20 of 900 points",
        "adam, learning rate 0.05 on f, at most 20 steps; where each start ends",
        f"f, {counted(results[4].counts)}",
    ]
    assert captions[5] == "f at x = -1.2, y = 1: forward pass downward, backward pass upward"
    assert captions[6] == "Hessian of f: eigenvalues λ, eigenvectors v, 2 points"
    assert captions[7] == "The gradient of f: agrees at 2 of 2 points"
