"""Arrows on a path: which rows have them, and where they point."""

import numpy as np
import pytest
from matplotlib.quiver import Quiver

import tbgrad
from tbgrad.figures.arrows import directions
from tbgrad.figures.paths import frames, path_figure


def descend(name, start, optimizer="sgd", rate=0.1, steps=60, record="every", **settings):
    f = tbgrad.resolve(name)
    found = tbgrad.descend(f, tbgrad.Optimizer(optimizer, rate, **settings), [start], steps, record=record)
    return tbgrad.with_landscape(f, found)


def quivers(figure):
    """White arrows and black ones, as they are drawn: places and directions of those that are seen."""
    found = []
    for artist in [a for a in figure.axes[0].collections if isinstance(a, Quiver)]:
        seen = ~np.ma.getmaskarray(artist.U) if np.ndim(artist.Umask) == 0 else ~np.asarray(artist.Umask)
        arrows = np.column_stack([artist.U, artist.V])
        found.append((np.asarray(artist.get_offsets())[seen], arrows[seen]))
    return found


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.fixture(scope="module")
def momentum():
    return descend("rosenbrock", [-1.2, 1.0], rate=0.001, steps=400, momentum=0.9)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def rosenbrock_downhill(p):
    x, y = p.T
    return unit(-np.stack([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)], axis=-1))


def test_momentum_shows_both_ways_where_they_differ(momentum):
    figure = path_figure(momentum).figure
    (at, downhill), (there, update) = quivers(figure)
    path = momentum.position[:, 0]
    assert 4 <= len(there) <= 11 and {"downhill (−gradient)", "update"} <= set(legend(figure))
    # All but the present position's stand at rows of the path, and both kinds at the same.
    np.testing.assert_array_equal(at[: len(there)], there)
    rows = [int(np.flatnonzero((path == place).all(axis=1))[0]) for place in there]
    np.testing.assert_allclose(unit(downhill[: len(there)]), rosenbrock_downhill(path[rows]), atol=1e-9)
    moved = unit(path[np.array(rows) + 1] - path[rows])
    np.testing.assert_allclose(unit(update), moved, atol=1e-9)
    assert ((unit(downhill[: len(there)]) * moved).sum(axis=1) < 0.95).all()


def test_arrows_are_as_long_as_each_other_and_do_not_lie_upon_each_other(momentum):
    (at, downhill), _ = quivers(path_figure(momentum).figure)
    side = momentum.landscape.x[-1] - momentum.landscape.x[0]
    lengths = np.linalg.norm(downhill, axis=1) / side
    np.testing.assert_allclose(lengths[:-1], lengths[0])
    apart = np.linalg.norm(at[:, None] - at[None], axis=-1)[~np.eye(len(at), dtype=bool)]
    assert np.sort(apart)[len(at)] > 0.1 * side


def test_plain_gradient_descent_has_one_arrow_at_its_position():
    path = path_figure(descend("himmelblau", [0.0, 0.0], rate=0.01))
    assert "downhill, and update" in legend(path.figure) and "update" not in legend(path.figure)
    path.move(2)
    ((at, arrows),) = quivers(path.figure)
    assert len(at) == 1
    np.testing.assert_allclose(unit(arrows), unit(np.diff(track(path), axis=0)[-1:]), atol=0.5)


def track(path):
    (line,) = [a for a in path.figure.axes[0].get_lines() if a.get_gid() == "path"]
    return np.transpose(line.get_data())


def test_each_frame_has_both_arrows_at_its_position(momentum):
    path = path_figure(momentum)
    for row in (0, 3, 50):
        path.move(row)
        for at, arrows in quivers(path.figure):
            np.testing.assert_array_equal(at[-1], momentum.position[row, 0])
            # None of a later row.
            rows = [int(np.flatnonzero((momentum.position[:, 0] == place).all(axis=1))[0]) for place in at]
            assert max(rows) == row and np.isfinite(arrows).all()
    path.move(momentum.last_row)
    # There is no update that leaves the last row.
    assert not (quivers(path.figure)[1][0] == momentum.position[-1, 0]).all(axis=1).any()


def test_directions_that_say_nothing_are_none():
    descent = descend("x**2 + 4*y**2", [1.0, 1.0], steps=300)
    downhill, update, differs = directions(descent)
    assert np.isfinite(downhill[0]).all() and np.isnan(downhill[-1]).all() and np.isnan(update[-1]).all()
    assert not differs.any()
    np.testing.assert_allclose(downhill[0], -np.array([2, 8]) / np.hypot(2, 8))
    np.testing.assert_allclose(update[0], downhill[0], atol=1e-12)
    # Where the next step was not recorded, nobody knows the update.
    rare = descend("x**2 + 4*y**2", [1.0, 1.0], steps=100, record=10)
    assert np.isnan(directions(rare)[1]).all() and np.isfinite(directions(rare)[0][0]).all()


def test_uphill_is_seen_too():
    _, _, differs = directions(descend("x**2", [3.0], rate=0.1, steps=30, momentum=0.9))
    assert differs.any() and not differs[0]
    path = path_figure(descend("x**2", [3.0], rate=0.1, steps=30, momentum=0.9))
    path.move(int(np.flatnonzero(differs)[0]))
    (_, downhill), (_, update) = quivers(path.figure)
    assert len(update) == 1 and np.sign(downhill[-1, 0]) == -np.sign(update[-1, 0])


def test_on_a_curve_arrows_follow_it():
    descent = descend("x**2", [3.0], steps=5)
    path = path_figure(descent)
    path.move(1)
    ((at, arrows),) = quivers(path.figure)
    x = 3.0 * 0.8
    np.testing.assert_allclose(at, [[x, x**2]])
    assert arrows[0, 1] / arrows[0, 0] == pytest.approx(2 * x) and arrows[0, 0] < 0


def test_on_a_plane_what_points_out_of_it_is_short():
    descent = descend("x**2 + 3*y**2 + 6*z**2", [4.0, 2.0, 1.0], steps=40, momentum=0.8)
    path = path_figure(descent)
    path.move(2)
    (_, downhill), _ = quivers(path.figure)
    gradient = descent.position[2, 0] * [2, 6, 12]
    inside = -(gradient / np.linalg.norm(gradient)) @ descent.plane.directions.T
    surface = descent.landscape
    side = max(surface.x[-1] - surface.x[0], surface.y[-1] - surface.y[0])
    np.testing.assert_allclose(downhill[-1], 0.15 * side * inside, rtol=1e-9)


def test_unequal_axes_show_the_direction_as_it_is_seen():
    f = tbgrad.resolve("x**2/1e4 + y**2")
    found = tbgrad.descend(f, tbgrad.Optimizer("sgd", 0.1), [[300.0, 1.0]], 5)
    path = path_figure(tbgrad.with_landscape(f, found))
    path.move(0)
    ((_, arrows),) = quivers(path.figure)
    np.testing.assert_allclose(arrows[0, 1] / arrows[0, 0], 2 / (600 / 1e4), rtol=1e-9)


def test_nothing_is_drawn_where_nothing_moves():
    figure = path_figure(descend("x**2 + y**2", [0.0, 0.0], steps=3)).figure
    assert not [text for text in legend(figure) if "downhill" in text] and quivers(figure) == []


def test_arrows_beyond_the_picture_are_not_drawn():
    descent = descend("rosenbrock", [-1.2, 1.0], rate=0.01, steps=30)
    path = path_figure(descent)
    assert len(frames(path, range(31))) == 31
    for at, _ in quivers(path.figure):
        assert len(at) == 0 or np.abs(at).max() < 10
