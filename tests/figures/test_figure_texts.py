"""The texts of every figure: on the page, and not over each other."""

import pytest
from figure_texts import above

import tbgrad
from tbgrad.figures.curves import curve_figure
from tbgrad.figures.paths import path_figure
from tbgrad.figures.reliefs import relief_figure
from tbgrad.figures.surfaces import surface_figure

LONG = "x**4*sin(y)**2 + 0.001*exp(-x*y) + sqrt(1 + x**2*y**2) + cos(3*x + 2*y) - 0.25*x*y"
FORMULAS = ("ripple", "tilted_waves", LONG)


def surface(text):
    f = tbgrad.resolve(text)
    return tbgrad.surface(f, () if f.domain else [("x", -1.0, 1.0), ("y", 0.0, 5.0)], points=31)


def descent(text, **settings):
    f = tbgrad.resolve(text)
    optimizer = tbgrad.Optimizer("sgd", 0.5, **settings)
    return tbgrad.with_landscape(f, tbgrad.descend(f, optimizer, [f.start or [1.0, 2.0]], steps=30))


def box(artist):
    return artist.get_window_extent()


@pytest.fixture(
    params=[
        *((figure, text) for figure in (surface_figure, relief_figure) for text in FORMULAS),
        *((path_figure, text) for text in (*FORMULAS, "rosenbrock", "fading_wave")),
        (curve_figure, LONG),
    ],
    ids=lambda case: f"{case[0].__name__}-{case[1][:12]}",
)
def figure(request):
    make, text = request.param
    if make is path_figure:
        drawn = make(descent(text, momentum=0.95, nesterov=True)).figure
    elif make is curve_figure:
        drawn = make(tbgrad.sweep(tbgrad.resolve(text), ("x", -1.0, 1.0), {"y": 0.5}))
    else:
        drawn = make(surface(text))
    drawn.canvas.draw()
    return drawn


def test_the_title_is_on_the_page(figure):
    page, title = figure.bbox, box(figure.axes[0].title)
    assert page.x0 <= title.x0 < title.x1 <= page.x1 and page.y0 < title.y0 < title.y1 <= page.y1 + 1


@pytest.mark.parametrize("text", ["ripple", "fading_wave", LONG])
def test_the_conditions_are_in_the_title_whole(text):
    title = above(path_figure(descent(text, momentum=0.95, nesterov=True)).figure)
    assert "momentum 0.95, nesterov True: 30 steps" in " ".join(title.split())


def test_a_formula_too_long_for_a_title_is_cut_not_lost():
    text = "*".join(f"sin({k}*x)*cos({k}*y)" for k in range(1, 9))
    title = surface_figure(surface(text)).axes[0].get_title()
    assert title.startswith("sin(1*x)*cos(1*y)*sin(2*x)") and title.endswith("…") and len(title) <= 60


@pytest.mark.parametrize("text", ["ripple", "tilted_waves", "fading_wave", "rosenbrock"])
def test_the_step_is_told_between_title_and_axes(text):
    path = path_figure(descent(text))
    path.figure.canvas.draw()
    axes = path.figure.axes[0]
    (told,) = [text for text in axes.texts if text.get_text().startswith("step ")]
    (small,) = [text for text in axes.texts if "sgd" in text.get_text()]
    assert axes.bbox.y1 < box(told).y0 < box(told).y1 <= box(small).y0 + 1 < box(small).y1 < box(axes.title).y0 + 2
    assert path.figure.bbox.x0 < box(told).x0 < box(told).x1 < path.figure.bbox.x1
