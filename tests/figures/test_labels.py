"""Labels are written where they hide nothing, as far as there is room."""

import numpy as np
import pytest

from tbgrad.figures.canvas import new_figure
from tbgrad.figures.labels import Label, add_labels


def boxes(figure, axes):
    figure.canvas.draw()
    return [text.get_window_extent() for text in axes.texts]


def test_a_label_stands_beside_its_point_and_off_the_curve():
    figure, axes = new_figure()
    x = np.linspace(0, 6, 200)
    axes.plot(x, np.sin(x))
    add_labels(figure, axes, [Label("the top", [(np.pi / 2, 1.0)]), Label("the bottom", [(3 * np.pi / 2, -1.0)])])
    curve = axes.transData.transform(np.column_stack([x, np.sin(x)]))
    for box, point in zip(boxes(figure, axes), [(np.pi / 2, 1.0), (3 * np.pi / 2, -1.0)], strict=True):
        assert not ((curve > box.min) & (curve < box.max)).all(axis=1).any()
        to = axes.transData.transform(point)
        assert np.linalg.norm(to - to.clip(box.min, box.max)) < 40


def test_labels_of_one_place_do_not_cover_each_other():
    figure, axes = new_figure()
    axes.plot([0, 1], [0, 1])
    add_labels(figure, axes, [Label(f"word {i}", [(0.5, 0.5)]) for i in range(6)], color="red")
    found = boxes(figure, axes)
    assert not any(a.overlaps(b) for i, a in enumerate(found) for b in found[:i])
    assert all(text.get_color() == "red" for text in axes.texts)


def test_marks_are_not_hidden():
    figure, axes = new_figure()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    marks = np.array([(0.55, 0.55), (0.45, 0.45), (0.55, 0.45)])
    axes.plot(*marks.T, "o", markersize=10)
    add_labels(figure, axes, [Label("word", [(0.5, 0.5)])])
    (box,) = boxes(figure, axes)
    centres, radius = axes.transData.transform(marks), 5 * figure.dpi / 72
    assert (np.linalg.norm(centres - centres.clip(box.min, box.max), axis=1) >= radius).all()


@pytest.mark.parametrize("corner", [(0, 0), (1, 0), (0, 1), (1, 1), (5, -3)])
def test_labels_stay_on_the_axes(corner):
    figure, axes = new_figure()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    add_labels(figure, axes, [Label("a rather long label", [corner])])
    (box,) = boxes(figure, axes)
    assert axes.bbox.x0 <= box.x0 < box.x1 <= axes.bbox.x1 and axes.bbox.y0 <= box.y0 < box.y1 <= axes.bbox.y1


def test_of_several_points_the_first_with_room_is_taken():
    figure, axes = new_figure()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    add_labels(figure, axes, [Label("here", [(0.2, 0.5), (0.8, 0.5)])])
    (box,) = boxes(figure, axes)
    assert axes.transData.inverted().transform(box.min)[0] < 0.4


def test_curves_that_leave_the_floats_do_not_matter():
    figure, axes = new_figure()
    axes.plot([0, 1, 2, 3], [0, np.nan, 1e100, 1])
    axes.set_ylim(0, 1)
    add_labels(figure, axes, [Label("here", [(1.5, 0.5)])])
    assert len(boxes(figure, axes)) == 1
    add_labels(figure, axes, [])


def test_a_million_samples_hide_no_more_than_the_pixels_that_they_cover():
    """Where a label stands does not depend on the number of samples, and neither does what that takes."""
    places = []
    for samples in (2_000, 1_000_000):
        figure, axes = new_figure()
        x = np.linspace(0, 6, samples)
        axes.plot(x, np.sin(x))
        axes.set(xlim=(0, 6), ylim=(-1.1, 1.1))
        add_labels(figure, axes, [Label("the top", [(np.pi / 2, 1.0), (1.0, np.sin(1))])])
        places.append(axes.texts[0].get_position())
    assert places[0] == pytest.approx(places[1], abs=0.02)
