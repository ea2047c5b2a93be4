"""The picture of a training: the cells' colours are the lengths, what is special has its own, faults are marked."""

import dataclasses
import io
import itertools

import numpy as np
import pytest
from figure_texts import above
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from PIL import Image
from training_samples import make_layers, make_training

import tbgrad
from tbgrad.errors import OptionError
from tbgrad.figures.canvas import encode
from tbgrad.figures.training import MARKS, MISSING, MOST_COLUMNS, NOT_FINITE, ZERO, Columns, layers_figure
from tbgrad.results import Fault, Layer


def cells(figure):
    """`[layers, columns, 3]`, the first layer at the bottom; and the mesh's coordinates."""
    (mesh,) = [c for c in figure.axes[0].collections if isinstance(c, QuadMesh)]
    coordinates = mesh.get_coordinates()
    rows, columns = (n - 1 for n in coordinates.shape[:2])
    return np.asarray(mesh.get_array()).reshape(rows, columns, -1)[..., :3], coordinates


def fading(rows=30, layers=6, factor=0.1):
    return np.ones((rows, 1)) * factor ** np.arange(layers - 1, -1, -1)


def test_the_gradient_that_dies_goes_dark_towards_the_bottom():
    colours, coordinates = cells(layers_figure(make_training(fading())))
    light = colours.mean(axis=-1)
    assert (np.diff(light, axis=0) > 0).all() and light[0].max() < 0.1 < 0.7 < light[-1].min()
    np.testing.assert_array_equal(coordinates[:, 0, 1], np.arange(7) - 0.5)


def test_a_sound_network_is_not_made_dramatic():
    rms = 10 ** np.random.default_rng(0).uniform(-0.3, 0.3, (30, 6))
    colours, _ = cells(layers_figure(make_training(rms)))
    assert np.ptp(colours.mean(axis=-1)) < 0.3
    # In the middle of the map, neither all dark nor all bright: the bar goes on to both sides.
    assert 0.2 < np.median(colours.mean(axis=-1)) < 0.5


def test_columns_lie_where_their_steps_are():
    step = np.concatenate([np.arange(100), np.arange(100, 300, 10)])
    training = make_training(fading(len(step)), step=step)
    figure = layers_figure(training)
    _, coordinates = cells(figure)
    assert set(coordinates[0, :-1, 0]) <= set(step) and coordinates[0, -1, 0] == 300
    assert coordinates[0, :20, 0].tolist() == list(range(20))
    assert figure.axes[1].get_xlim() == figure.axes[0].get_xlim() == (0, 300)


def test_zero_and_not_finite_and_missing_have_colours_of_their_own():
    rms = fading()
    rms[10:, 1], rms[20:, 3], rms[25:, 4] = 0.0, np.nan, np.inf
    layers = (*make_layers(6), Layer("drop", "Dropout"))
    training = make_training(np.hstack([rms, np.full((30, 1), np.nan)]), layers=layers)
    figure = layers_figure(training)
    colours, _ = cells(figure)
    for layer, since, colour in ((1, 10, ZERO), (3, 20, NOT_FINITE), (4, 25, NOT_FINITE), (6, 0, MISSING)):
        is_special = np.isclose(colours[layer], to_rgb(colour)).all(axis=-1)
        assert is_special.tolist() == [False] * since + [True] * (30 - since), layer
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert told == ["exactly zero", "NaN or infinite", "no weights, or no gradient"]
    assert not layers_figure(make_training(fading())).legends


def test_of_very_many_rows_a_column_is_the_median_and_nothing_lost_is_hidden():
    step = np.concatenate([np.arange(100), np.arange(100, 50_000, 10)])
    rms = 10 ** np.random.default_rng(0).uniform(-1, 1, (len(step), 3))
    rms[4321, 1] = np.nan
    loss = np.random.default_rng(1).uniform(1, 2, len(step))
    columns = Columns.of(make_training(rms, loss, step=step))
    count = len(columns.step)
    assert 200 < count <= MOST_COLUMNS and columns.end == 50_000
    assert columns.is_lost.sum() == 1
    (lost,) = np.flatnonzero(columns.is_lost[:, 1])
    assert columns.step[lost] <= step[4321] < columns.step[lost + 1]
    for at in (0, 50, count - 3):
        rows = (step >= columns.step[at]) & (step < columns.step[at + 1])
        np.testing.assert_allclose(columns.rms[at], np.median(rms[rows], axis=0))
        np.testing.assert_allclose(columns.loss[at], np.median(loss[rows]))


def fault(kind, layer="", step=0, shared=()):
    return Fault(kind, layer, "", step, "It is so.", "Mend it.", shared)


def test_faults_are_marked_where_they_begin():
    faults = (
        fault("diverging", step=20),
        fault("vanishing", "net/dense_2", 7, ("net/dense_0", "net/dense_1")),
        fault("dead", "net/dense_4", 12),
    )
    figure = layers_figure(dataclasses.replace(make_training(fading()), faults=faults))
    axes, below = figure.axes[:2]
    marks = {line.get_marker(): line.get_xydata().tolist() for line in axes.get_lines() if line.get_marker() != "None"}
    assert marks == {MARKS["vanishing"][0]: [[7, 2]], MARKS["dead"][0]: [[12, 4]]}
    spans = [line.get_xydata().tolist() for line in axes.get_lines() if line.get_color() == MARKS["vanishing"][1]]
    assert [[7, -0.5], [7, 2.5]] in spans
    assert [line.get_xdata()[0] for line in below.get_lines() if line.get_marker() == MARKS["diverging"][0]] == [20]
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert told == ["begins to diverge", "begins to vanish", "dies"]
    assert "diverging from step 20; 2 more" in above(figure)


def test_the_loss_is_drawn_below_on_the_same_steps():
    loss = np.geomspace(10, 1e-3, 30)
    figure = layers_figure(make_training(fading(), loss))
    line = figure.axes[1].get_lines()[0]
    np.testing.assert_array_equal(line.get_xydata(), np.stack([np.arange(30), loss], axis=1))
    assert figure.axes[1].get_yscale() == "log"
    assert layers_figure(make_training(fading(), -loss)).axes[1].get_yscale() == "linear"


@pytest.mark.parametrize("layers", [1, 3, 26, 27, 200])
def test_names_stand_beside_their_rows(layers):
    figure = layers_figure(make_training(fading(5, layers, 0.9)))
    named = {int(text.get_position()[1]): text.get_text() for text in figure.axes[0].get_yticklabels()}
    assert {0, layers - 1} <= set(named) and 1 <= len(named) <= 27
    assert all(name == f"net/dense_{k}" for k, name in named.items())


STEPS = [np.array([0]), np.array([5_000]), np.arange(2), np.arange(30), 10 * np.arange(30), 10**6 + np.arange(9)]


@pytest.mark.parametrize("rms", [1.0, 0.0, np.nan, 1e-300, 1e300], ids=str)
@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step[0]}-{step[-1]}")
def test_every_training_can_be_drawn_on_the_page(step, rms):
    training = make_training(rms * np.ones((len(step), 3)), np.full(len(step), rms), step=step)
    training = dataclasses.replace(training, faults=(fault("not finite", "net/dense_1", int(step[-1])),))
    figure = layers_figure(training)
    picture = encode(figure)
    assert np.asarray(Image.open(io.BytesIO(picture.image))).std() > 5
    page = figure.bbox
    texts = [text for text in figure.findobj(Text) if text.get_text()]
    for box in (figure.legends[0].get_window_extent(), *(text.get_window_extent() for text in texts)):
        assert page.x0 - 1 <= box.x0 <= box.x1 <= page.x1 + 1 and page.y0 - 1 <= box.y0 and box.y1 <= page.y1 + 1, box


@pytest.mark.parametrize("last", [25, 130, 999, 5_000, 77_777, 10**6])
def test_the_steps_on_the_axis_do_not_overlap(last):
    figure = layers_figure(make_training(fading(40), step=np.linspace(0, last, 40).astype(int)))
    figure.canvas.draw()
    axis = figure.axes[1].get_xaxis()
    boxes = [label.get_window_extent() for label in axis.get_ticklabels() if label.get_text()]
    assert len(boxes) >= 4
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


def test_show_draws_a_training_that_has_begun():
    training = make_training(fading())
    assert len(tbgrad.show(training).axes) == 3
    with pytest.raises(OptionError):
        tbgrad.show(training.rows(slice(0, 0)))
