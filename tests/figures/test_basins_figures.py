"""The maps of basins: pixels against a known partition, the scale of the steps, the legend."""

import dataclasses
import io

import numpy as np
import pytest
from matplotlib.colors import LogNorm, to_rgb
from PIL import Image
from plane_samples import make_basins

import tbgrad
from tbgrad.figures.basins import (
    COLOURS,
    FAILED,
    NOT_CONVERGED,
    basin_colours,
    colour_groups,
    minimum_figure,
    percent,
    steps_figure,
    steps_norm,
)
from tbgrad.figures.canvas import encode
from tbgrad.results import End


def byte(colour):
    return np.round(255 * np.array(to_rgb(colour))).astype(int).tolist()


def legend(figure):
    shown = figure.axes[0].get_legend() or figure.legends[0]
    return [text.get_text() for text in shown.get_texts()]


@pytest.fixture(scope="module")
def basins():
    return make_basins()


def lattice(sides):
    """Basins with an end for each of sides² squares; only the last one is known."""
    base = make_basins(rows=60, columns=60)
    square = np.arange(60) * sides // 60
    basin = (square[:, None] * sides + square).astype(np.int32)
    count = np.bincount(basin.ravel())
    places = [(4 * (k % sides) / sides - 2, 2 * (k // sides) / sides - 1) for k in range(sides**2)]
    ends = [End(place, -1.0, int(n), "minimum") for place, n in zip(places, count, strict=True)]
    ends[-1] = dataclasses.replace(ends[-1], known=0)
    return dataclasses.replace(base, basin=basin, ends=tuple(ends), status=np.full_like(base.status, base.status[1, 0]))


def test_a_pixel_has_the_colour_of_its_basin(basins):
    colours = basin_colours(basins)
    assert colours.dtype == np.uint8 and colours.shape == (40, 80, 3)
    assert (colours[1:-1, 30:] == byte(COLOURS[0])).all() and (colours[1:-1, :30] == byte(COLOURS[1])).all()
    assert (colours[0] == byte(NOT_CONVERGED)).all() and (colours[-1] == byte(FAILED)).all()


def test_pixels_lie_around_their_starts(basins):
    figure = minimum_figure(basins)
    (image,) = figure.axes[0].get_images()
    np.testing.assert_array_equal(np.asarray(image.get_array()), basin_colours(basins))
    assert image.origin == "lower"
    half = 4 / 79 / 2, 2 / 39 / 2
    assert image.get_extent() == pytest.approx([-2 - half[0], 2 + half[0], -1 - half[1], 1 + half[1]])
    assert figure.axes[0].get_aspect() == 1


def test_the_legend_tells_ends_shares_and_what_did_not_converge(basins):
    assert legend(minimum_figure(basins)) == [
        "★ (1, 0): 59 %",
        "★ (-1, 0): 36 %",
        "not converged: 2.5 %",
        "diverged: 2.5 %",
        "known minimum",
    ]


def test_ends_that_are_not_known_have_marks(basins):
    ends = (*basins.ends, End((0.0, 0.0), 0.0, 1, "saddle"), End((0.5, 0.5), 0.5, 1, "minimum"))
    figure = minimum_figure(dataclasses.replace(basins, ends=ends))
    marks = {line.get_label(): line.get_xydata().tolist() for line in figure.axes[0].get_lines()}
    assert marks["saddle or maximum"] == [[0, 0]] and marks["other minimum"] == [[0.5, 0.5]]
    assert "saddle (0, 0): < 0.1 %" in legend(figure) and "(0.5, 0.5): < 0.1 %" in legend(figure)


def test_of_many_ends_the_known_one_has_a_colour_of_its_own():
    many = lattice(8)
    ((name, ends),) = colour_groups(many)
    assert ends == [63] and name.startswith("★")
    colours = basin_colours(many)
    strong = (colours == byte(COLOURS[0])).all(axis=-1)
    np.testing.assert_array_equal(strong, many.basin == 63)
    assert any(text.startswith("63 others, pale: 98.") for text in legend(minimum_figure(many)))


def test_more_known_minima_than_colours_share_one():
    many = lattice(4)
    ends = tuple(dataclasses.replace(end, known=0) for end in many.ends[:12]) + many.ends[12:]
    groups = colour_groups(dataclasses.replace(many, ends=ends))
    assert groups[0] == ("★ 13 known minima", [*range(12), 15]) and [g[1] for g in groups[1:]] == [[12], [13], [14]]


def test_concentric_rings_are_named_by_their_value(basins):
    rings = tuple(End((r, 0.0), -r, 1500, "undecided", r, None, (0.0, 0.0)) for r in (0.5, 0.75))
    names = [name for name, _ in colour_groups(dataclasses.replace(basins, ends=rings))]
    assert names == ["set where f = -0.5", "set where f = -0.75"]


def test_steps_are_shown_where_they_converged(basins):
    figure = steps_figure(basins)
    (image,) = figure.axes[0].get_images()
    shown = image.get_array()
    np.testing.assert_array_equal(np.ma.getmaskarray(shown), ~basins.converged)
    np.testing.assert_array_equal(shown.compressed(), basins.steps_made[basins.converged])
    assert figure.axes[1].get_ylabel() == "updates until the gradient is small"
    assert "not converged: 5.0 %" in legend(figure)


def test_the_scale_is_logarithmic_where_steps_span_much():
    assert not isinstance(steps_norm(np.linspace(100.0, 300.0, 50)), LogNorm)
    wide = steps_norm(np.geomspace(1.0, 1000.0, 50))
    assert isinstance(wide, LogNorm) and wide.vmin == pytest.approx(1, rel=0.3) and wide.vmax > 500
    assert steps_norm(np.full(9, 5.0)).vmax > 5 and steps_norm(np.empty(0)).vmax == 1


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0.0 %"),
        (2e-5, "< 0.1 %"),
        (0.0123, "1.2 %"),
        (0.273, "27 %"),
        (0.991, "99.1 %"),
        (0.9999, "> 99.9 %"),
        (1, "100 %"),
    ],
)
def test_shares_are_told_from_none_and_from_all(share, said):
    assert percent(share) == said


@pytest.mark.parametrize("kind", ["plain", "bare", "one end", "none converged", "many", "fixed", "long"])
@pytest.mark.parametrize("figure_of", [minimum_figure, steps_figure])
def test_every_map_stays_on_the_page(kind, figure_of):
    basins = make_basins(
        landscape=kind != "bare", minima=() if kind in ("one end", "none converged") else make_basins().subject.minima
    )
    if kind == "one end":
        basins = dataclasses.replace(basins, basin=np.minimum(basins.basin, 0), ends=basins.ends[:1])
    elif kind == "none converged":
        basins = dataclasses.replace(
            basins, basin=np.full_like(basins.basin, -1), ends=(), status=np.full_like(basins.status, 5)
        )
    elif kind == "many":
        basins = lattice(10)
    elif kind == "fixed":
        basins = dataclasses.replace(basins, fixed={"z": 1.0}, settings={"beta_1": 0.5, "amsgrad": True})
    elif kind == "long":
        ends = tuple(End((-123.4567, 100.0 + k), 0.0, 2000 - k, "undecided") for k in range(9))
        basins = dataclasses.replace(basins, ends=ends)
    figure = figure_of(basins)
    picture = encode(figure)
    assert np.asarray(Image.open(io.BytesIO(picture.image))).std() > 5
    figure.canvas.draw()
    page = figure.bbox
    axes = figure.axes[0]
    boxes = [t.get_window_extent() for t in (axes.title, axes._left_title) if t.get_text()]
    shown = [axes.get_legend(), *figure.legends]
    boxes += [box.get_window_extent() for box in shown if box]
    for box in boxes:
        assert page.x0 - 1 <= box.x0 < box.x1 <= page.x1 + 1 and page.y0 - 1 <= box.y0 and box.y1 <= page.y1 + 1


def test_show_draws_the_map(basins):
    assert tbgrad.show(basins).axes[0].get_images()
