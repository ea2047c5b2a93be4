"""Custom Scalars: TensorBoard merges what the runs ask for, and loses no chart of any of them."""

import pytest
from boards import served

import tbgrad
from tbgrad.records import Layout, Scalars

# In the order of their names. TensorBoard 2.21 keeps what the first layout asks for; of a category that comes later it
# keeps the charts of the run that brought it, and loses those that further runs add to it.
RUNS = ("a_sweep", "b_unknown_minimum", "c_below_zero", "d_known_minimum", "e_many_starts")


@pytest.fixture(scope="module")
def layouts():
    def descend(name, *starts):
        return tbgrad.descend(tbgrad.resolve(name), tbgrad.Optimizer("sgd", 0.001), starts, 5)

    results = (
        tbgrad.sweep(tbgrad.resolve("x**2"), ("x", -1.0, 1.0), points=3),
        descend("tilted_waves", (2.0, 1.0)),
        descend("sin(x) - 2", (2.0,)),
        descend("rosenbrock", (-1.2, 1.0)),
        descend("himmelblau", (1.0, 1.0), (0.0, 0.0)),
    )
    found = [[r for r in tbgrad.summarize(result) if isinstance(r, Layout)] for result in results]
    return dict(zip(RUNS, (layout for (layout,) in found), strict=True))


def titles(layouts):
    return {title: [chart.title for chart in charts] for of in layouts for title, charts in of.categories.items()}


def test_a_category_has_the_same_charts_in_every_run(layouts):
    together = titles(layouts.values())
    for layout in layouts.values():
        for title, charts in titles([layout]).items():
            assert together[title] == charts
    assert len(together) == 6


def test_no_chart_is_lost(layouts, logdir):
    for name, layout in layouts.items():
        with tbgrad.open_run(logdir / name) as run:
            run.write([layout, Scalars("loaded", 0, 1.0)])
    with served(logdir, lambda board: set(board("scalars/tags")) == set(RUNS)) as board:
        merged = board("custom_scalars/layout")["category"]
    shown = {category["title"]: [chart["title"] for chart in category["chart"]] for category in merged}
    assert shown == titles(layouts.values())
