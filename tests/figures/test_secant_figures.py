"""The sliders of a sweep: a tangent that moves, and a secant that becomes a tangent; the artists' data."""

import numpy as np
import pytest

import tbgrad
from tbgrad.figures.paths import frames
from tbgrad.figures.secants import secant_figure, tangent_figure, tangent_rows
from tbgrad.figures.style import DPI, SIZE


def along(text, low, high, points=201, **more):
    f = tbgrad.resolve(text)
    return tbgrad.sweep(f, (f.variables[0], low, high), points=points, **more)


def line(path, label):
    (found,) = [a for axes in path.figure.axes for a in axes.get_lines() if str(a.get_label()).startswith(label)]
    return found


def told(path):
    (text,) = [a for a in path.moving if hasattr(a, "get_text")]
    return text.get_text()


@pytest.fixture(scope="module")
def wave():
    return along("fading_wave", 0, 2 * np.pi, 100, tangents=[4.1])


def test_ten_evenly_spaced_samples_with_a_value(wave):
    rows = tangent_rows(wave, 10)
    assert rows.tolist() == [1, 12, 23, 34, 45, 55, 66, 77, 88, 99]
    assert tangent_rows(along("log(x)", -1, 1, 11), 10).tolist() == [6, 7, 8, 9, 10]
    assert tangent_rows(along("sin(x)", 0, 1, 1), 10).tolist() == [0]


def test_the_height_of_the_derivative_is_the_tangents_slope(wave):
    path = tangent_figure(wave)
    top, bottom = path.figure.axes
    for row in tangent_rows(wave, 10):
        path.move(int(row))
        x, value, slope = wave.coordinate[row], wave.value[row], wave.slope[row]
        tangent, height = line(path, "tangent"), line(path, "slope as height")
        (x0, x1), (y0, y1) = tangent.get_data()
        assert x0 < x < x1 and (y1 - y0) / (x1 - x0) == pytest.approx(slope, rel=1e-12)
        assert y0 + slope * (x - x0) == pytest.approx(value, rel=1e-9)
        np.testing.assert_allclose(height.get_data(), [[x, x], [0, slope]])
        assert tangent.axes is top and height.axes is bottom
        assert told(path) == f"at {x:.4g}: value {value:.4g}, slope {slope:.4g}"
    # The derivative itself goes through the end of that height.
    curve = line(path, "df/dx")
    assert curve.axes is bottom
    np.testing.assert_allclose(np.interp(x, *curve.get_data()), slope)


def test_zero_is_seen_where_heights_are(wave):
    low, high = tangent_figure(along("exp(x)", 1, 2)).figure.axes[1].get_ylim()
    assert low <= 0 < np.e < high
    low, high = tangent_figure(along("exp(-x)", 1, 2)).figure.axes[1].get_ylim()
    assert low < -np.exp(-1) < 0 <= high


def test_the_secant_goes_through_both_points(wave):
    (tangent,) = wave.tangents
    path = secant_figure(wave, tangent)
    for row, chord in enumerate(tangent.secants):
        path.move(row)
        secant = line(path, "secant")
        y = np.interp([4.1, 4.1 + chord.h], *secant.get_data())
        np.testing.assert_allclose(y, [tangent.value, chord.value], rtol=1e-9)
        assert told(path).startswith(f"h = {chord.h:.4g}, slope: secant {chord.slope:.4g}, tangent -0.1958")
        corners = next(a for a in path.moving if hasattr(a, "get_data") and len(a.get_xdata()) == 3)
        np.testing.assert_allclose(
            np.transpose(corners.get_data())[[0, -1]], [[4.1, tangent.value], [4.1 + chord.h, chord.value]]
        )
    assert line(path, "tangent").get_slope() == pytest.approx(tangent.slope)


def test_a_secant_where_there_is_no_tangent():
    sweep = along("sqrt(x)", -1, 1, tangents=[0])
    path = secant_figure(sweep, sweep.tangents[0])
    assert told(path) == "h = 0.5, slope: secant 1.414, no tangent"
    assert not any(a.get_label() == "tangent" for a in path.figure.axes[0].get_lines())


def test_the_pictures_differ_and_do_not_depend_on_those_before(wave):
    for path, rows in (
        (tangent_figure(wave), tangent_rows(wave, 10).tolist()),
        (secant_figure(wave, wave.tangents[0]), list(range(8))),
    ):
        images = frames(path, rows)
        assert {i.size for i in images} == {tuple(round(inches * DPI) for inches in SIZE)}
        pixels = [i.tobytes() for i in images]
        assert len(set(pixels)) == len(rows)
        (again,) = frames(path, [rows[2]])
        assert again.tobytes() == pixels[2]


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("1/x", -1, 1), ("abs(x)", -1, 1), ("0*x + 2", -1, 1), ("1e-300*sin(x)", 0, 6), ("1e200*sin(x)", 0, 6),
     ("exp(10*x)", 0, 1), ("sqrt(x)", -1, 1), ("x*1e300", -1e-300, 1e-300)],
)  # fmt: skip
def test_odd_functions_can_be_drawn(text, low, high):
    sweep = along(text, low, high, 41, tangents=[low + 0.6 * (high - low)])
    path = tangent_figure(sweep)
    for row in tangent_rows(sweep, 3):
        path.move(int(row))
        x0, x1 = line(path, "tangent").get_xdata()
        assert np.isfinite([x0, x1]).all()
    assert "slope" in told(path)
    for tangent in sweep.tangents:
        if tangent.secants:
            assert len(frames(secant_figure(sweep, tangent), [0])) == 1


@pytest.mark.parametrize("make", [tangent_figure, lambda sweep: secant_figure(sweep, sweep.tangents[0])])
@pytest.mark.parametrize("text", ["fading_wave", "1e200*sin(x)", "1000000*sin(x)/7"])
def test_what_is_told_is_on_the_page(make, text):
    sweep = along(text, 0, 2 * np.pi, tangents=[4.1])
    path = make(sweep)
    for row in (0, 5, 9) if make is not tangent_figure else (1, 77, 200):
        path.move(row)
        path.figure.canvas.draw()
        (text,) = [a for a in path.moving if hasattr(a, "get_text")]
        box = text.get_window_extent()
        axes = path.figure.axes[0]
        assert path.figure.bbox.x0 < box.x0 < box.x1 < path.figure.bbox.x1
        assert axes.bbox.y1 < box.y0 < box.y1 < axes.title.get_window_extent().y0 + 2
