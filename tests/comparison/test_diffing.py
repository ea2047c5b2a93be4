"""Runs that part at a known step, made on purpose: by us, by TensorFlow, by tensorboardX."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from tensorboardX import SummaryWriter

import tbgrad
from tbgrad.comparison.differences.diff_tables import document, text_lines
from tbgrad.comparison.differences.partings import part_arrays, part_scalars
from tbgrad.errors import NotARunError, OptionError
from tbgrad.events.writer import EventWriter
from tbgrad.experiments.descents import log_descent
from tbgrad.experiments.launching import Place
from tbgrad.naming import plain
from tbgrad.records import GraphNode, GraphRecord, Histograms, HParams, Images, Layout, Meshes, Scalars, Texts

NAN, INF = np.nan, np.inf


def series(value, step=None):
    return Scalars("loss", range(len(value)) if step is None else step, value, 0.0)


def log(directory, *records, about=None, arrays=None):
    """A run of ours, at a time of its own."""
    with tbgrad.open_run(directory, about=about or {}) as run:
        run.write(records)
        if arrays:
            run.save(arrays)
    return directory


def shown(difference):
    lines = text_lines(difference)
    # The first two lines are the directories, whole.
    assert max(map(len, lines[2:])) <= 100 and "\n".join(lines) == repr(difference)
    json.dumps(plain(document(difference)), allow_nan=False)
    return "\n".join(lines)


def first_apart(one, other):
    """The oracle, step by step: two dictionaries by step, the last entry of each counts."""
    for step in sorted(one.keys() | other.keys()):
        a, b = (None if step not in values else np.float32(values[step]) for values in (one, other))
        if a is None or b is None or (a.tobytes() != b.tobytes() and not (np.isnan(a) and np.isnan(b))):
            return step, a, b
    return None


@pytest.mark.parametrize("seed", range(40))
def test_random_series_part_where_the_oracle_says(seed):
    random = np.random.default_rng(seed)
    steps = [np.sort(random.choice(30, random.integers(1, 25), replace=False)) - 5 for _ in range(2)]
    if seed % 2:
        steps[1] = steps[0]
    pool = random.normal(size=40).astype(np.float32) * (random.random(40) > 0.1)
    pool[random.integers(0, 40, 4)] = [NAN, INF, -INF, -0.0]
    values = [pool[s + 5].copy() for s in steps]
    if seed % 3:
        values[1][random.integers(0, len(values[1]))] = random.choice([2.5, NAN, INF, 0.0])
    found = part_scalars(*(series(v, s) for v, s in zip(values, steps, strict=True)))
    by_step = [dict(zip(s.tolist(), v, strict=True)) for s, v in zip(steps, values, strict=True)]
    expected = first_apart(*by_step)
    assert (found is None) == (expected is None)
    if found is None:
        return
    step, a, b = expected
    assert found.step == step
    for mine, yours in ((found.one, a), (found.other, b)):
        assert (mine is None) == (yours is None)
        assert mine is None or np.float32(mine).tobytes() == yours.tobytes() or (np.isnan(mine) and np.isnan(yours))
    common = sorted(by_step[0].keys() & by_step[1].keys())
    if not common:
        assert found.largest is None and found.largest_step is None
        return
    largest = {}
    for at in common:
        x, y = float(by_step[0][at]), float(by_step[1][at])
        same = x == y or (x != x and y != y)
        largest[at] = 0.0 if same else abs(x - y) if np.isfinite([x, y]).all() else INF
    assert found.largest == max(largest.values())
    assert found.largest_step == min(at for at in common if largest[at] == found.largest)


@pytest.mark.parametrize(
    ("one", "other", "step"),
    [
        ([1, NAN, 2], [1, NAN, 2], None),
        ([1, -NAN], [1, NAN], None),
        ([INF, -INF], [INF, -INF], None),
        ([1, 0.0], [1, -0.0], 1),
        ([1, 1e-45], [1, 0.0], 1),
        ([1, NAN, 3], [1, 2, 3], 1),
        ([1, 2, 3], [1, 2], 2),
        ([1, 2], [1, 2, NAN], 2),
        ([], [1], 0),
        ([], [], None),
    ],
)
def test_bit_for_bit(one, other, step):
    found = part_scalars(series(one), series(other))
    assert (found.step if found else None) == step
    mirrored = part_scalars(series(other), series(one))
    assert (mirrored.step if mirrored else None) == step


@pytest.mark.parametrize(
    ("one", "other", "step"),
    [
        # (step, value) of each entry: the last entry of a step counts.
        ([(0, 1), (1, 9), (1, 2)], [(0, 1), (1, 2)], 1),
        ([(0, 1), (1, 2), (0, 1), (1, 2)], [(0, 1), (1, 2)], 0),
        ([(0, 1), (1, 8), (2, 3), (1, 2)], [(0, 1), (1, 7), (2, 3), (1, 2)], 1),
        ([(0, 1), (1, 8), (1, 2), (2, 4)], [(0, 1), (1, 8), (1, 2), (2, 5)], 2),
    ],
)
def test_steps_that_repeat_or_go_back(one, other, step):
    records = [series([v for _, v in entries], [s for s, _ in entries]) for entries in (one, other)]
    assert part_scalars(*records).step == step
    assert part_scalars(records[0], records[0]) is None


def test_what_a_parting_tells(logdir):
    a = log(logdir / "a", Scalars("late", range(5), [0, 0, 0, 1, 0]), Scalars("loss", range(5), [5, 4, 3, 2, 1]))
    b = log(logdir / "b", Scalars("late", range(5), [0, 0, 0, 3, 0]), Scalars("loss", range(4), [5, 4, 3.5, -2]))
    difference = tbgrad.diff_runs(a, b)
    loss, late = difference.scalars
    assert (loss.tag, loss.step, loss.one, loss.other) == ("loss", 2, 3, 3.5)
    assert (loss.largest, loss.largest_step, loss.last, loss.entries) == (4, 3, (1, -2), (5, 4))
    assert (late.tag, late.step, late.largest, late.last) == ("late", 3, 2, (0, 0))
    assert difference.first_step == 2 and not difference.is_empty
    assert "They part at step 2: loss." in shown(difference) and "neither tells what was asked" in shown(difference)
    assert difference.came_out == ()


def test_one_that_ends_earlier(logdir):
    a = log(logdir / "a", Scalars("loss", range(5), range(5)))
    b = log(logdir / "b", Scalars("loss", range(3), range(3)))
    difference = tbgrad.diff_runs(a, b)
    (loss,) = difference.scalars
    assert (loss.step, loss.one, loss.other, loss.largest) == (3, 3, None, 0)
    assert "They part at step 3, which other lacks: loss." in shown(difference)
    assert [(d.name, d.one, d.other) for d in difference.came_out] == [("last step", 4, 2)]


def test_what_was_asked(logdir):
    asked = {"command": "descend", "function": "f", "steps": 50, "seed": 0, "settings": {}, "parameters": {"b": 10}}
    hparams = {"optimizer": "adam", "steps": 50.0, "parameter_b": 10.0}
    versions = {"numpy": "2.4.6", "keras": "3.15.1"}
    a = log(logdir / "a", series([1]), HParams(hparams), about={"asked": asked, "versions": versions})
    asked |= {"steps": 80, "seed": 7, "settings": {"momentum": 0.9}, "parameters": {"b": 11}, "noise": 0.1}
    hparams |= {"steps": 80.0, "parameter_b": 11.0, "momentum": 0.9, "layers": "two", "optimizer": "sgd"}
    versions = {"numpy": "1.26.0", "keras": "3.15.1", "jax": "1"}
    b = log(logdir / "b", series([1]), HParams(hparams), about={"asked": asked, "versions": versions})
    difference = tbgrad.diff_runs(a, b)
    found = {d.name: (d.one, d.other, d.alone) for d in difference.asked}
    assert len(found) == len(difference.asked)
    assert found == {
        "optimizer": ("adam", "sgd", ""),
        "steps": (50, 80, ""),
        "parameter_b": (10, 11, ""),
        "seed": (0, 7, ""),
        "momentum": (None, 0.9, "other"),
        "layers": (None, "two", "other"),
        "noise": (None, 0.1, "other"),
    }
    assert type(difference.asked[1].one) is int
    versions = {d.name: (d.one, d.other, d.alone) for d in difference.versions}
    assert versions == {"numpy": ("2.4.6", "1.26.0", ""), "jax": (None, "1", "other")}
    text = shown(difference)
    assert "numpy version  2.4.6  1.26.0" in text and "They part at no step" in text
    backwards = tbgrad.diff_runs(b, a)
    assert {d.name: (d.other, d.one) for d in backwards.asked} == {n: v[:2] for n, v in found.items()}
    assert {d.alone for d in backwards.asked} == {"", "one"}


def test_true_is_no_one(logdir):
    a = log(logdir / "a", series([1]), HParams({"nesterov": True, "same": True}))
    b = log(logdir / "b", series([1]), HParams({"nesterov": 1.0, "same": True}))
    assert [d.name for d in tbgrad.diff_runs(a, b).asked] == ["nesterov"]


def test_two_descents(logdir):
    """Against what the arrays hold: x is multiplied by 1 - 2 rate at each step."""
    f = tbgrad.resolve("sphere")
    where = {}
    for rate in (0.25, 0.125):
        optimizer = tbgrad.Optimizer("sgd", learning_rate=rate)
        outcome = log_descent(f, optimizer, Place(logdir), points=[(1.0, 1.0)], steps=20)
        where[rate] = logdir / outcome.report["run"]
    difference = tbgrad.diff_runs(*where.values())
    assert {d.name: (d.one, d.other) for d in difference.asked} == {"learning_rate": (0.25, 0.125)}
    assert difference.versions == () and difference.tags == ()
    value = next(p for p in difference.scalars if p.tag == "descent/value")
    assert (value.step, value.one, value.other) == (1, 0.5, 1.125)
    gaps = [abs(2 * 0.5 ** (2 * k) - 2 * 0.75 ** (2 * k)) for k in range(21)]
    assert value.largest_step == int(np.argmax(gaps)) and value.largest == pytest.approx(max(gaps), rel=1e-6)
    assert (difference.exact.step, difference.exact.array) == (1, "value")
    assert (difference.exact.one, difference.exact.other) == (0.5, 1.125)
    metrics = {d.name: (d.one, d.other) for d in difference.came_out}
    assert metrics["best_value"] == (2 * 0.5**40, pytest.approx(2 * 0.75**40, rel=1e-12))
    assert not any(p.tag.startswith("metrics/") for p in difference.scalars)
    assert "learning_rate  0.25" in shown(difference)


def test_full_precision_parts_earlier(logdir):
    value = np.array([[1.0], [0.5], [0.25], [0.2]])
    steps = np.array([0, 1, 5, 9])
    almost = value + np.array([[0], [0], [1e-12], [0.1]])
    a = log(logdir / "a", Scalars("loss", steps, value[:, 0]), arrays={"step": steps, "value": value})
    b = log(logdir / "b", Scalars("loss", steps, almost[:, 0]), arrays={"step": steps, "value": almost})
    difference = tbgrad.diff_runs(a, b)
    assert difference.scalars[0].step == 9 and difference.first_step == 5
    assert vars(difference.exact) == {"step": 5, "array": "value", "one": 0.25, "other": 0.25 + 1e-12}
    text = shown(difference)
    assert "They part at step 9: loss. At full precision (arrays.npz) they part at step 5, in value" in text
    c = log(logdir / "c", Scalars("loss", steps, value[:, 0]), arrays={"step": steps, "value": value + 1e-13})
    only_exact = tbgrad.diff_runs(a, c)
    assert only_exact.scalars == () and only_exact.first_step == 0 and not only_exact.is_empty
    assert "All scalars that both have are equal as float32." in shown(only_exact)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, None),
        ({"value": np.array([1.0, NAN, 3.0])}, None),
        ({"value": np.array([1.0, 2.0, 3.0], np.float32)}, (1, "value")),
        ({"value": np.array([1.0, NAN, 3.0, 4.0]), "step": np.array([0, 1, 2, 3])}, (3, "step")),
        ({"position": np.array([[0.0, 1], [2, 3], [4, 6]])}, (2, "position")),
        ({"value": np.array([[1.0, 1], [NAN, 2], [3, 3]])}, None),
        ({"value": np.ones((4, 2)), "step": np.array([0, 1, 2, 3])}, None),
        ({"value": np.array(["a", "b", "c"])}, None),
        ({"value": np.array([1.0])}, None),
        ({"step": np.zeros((3, 2))}, None),
        ({"step": np.array([0, 0, 1])}, None),
        ({"step": None}, None),
    ],
)
def test_arrays_that_part_or_cannot_be_compared(changed, expected):
    one = {"step": np.array([0, 1, 2]), "value": np.array([1.0, NAN, 3.0])}
    one["position"] = np.array([[0.0, 1], [2, 3], [4, 5]])
    other = one | changed
    other = {name: array for name, array in other.items() if array is not None}
    if "position" not in changed:
        one.pop("position"), other.pop("position")
    found = part_arrays(one, other)
    assert (found and (found.step, found.array)) == expected


def everything(variant=0):
    mesh = np.eye(3) + variant
    return [
        Images("picture", [0, 3], [b"png", b"gif" if variant else b"png"], (2, 2)),
        Texts("story", 0, f"text {variant}"),
        Histograms("weights", [0, 1], [[[0, 1, 2]], [[0, 1, 2 + variant]]]),
        Meshes("mesh", 4, [mesh], [[[0, 1, 2]]]),
        GraphRecord([GraphNode("a", f"op{variant}")]),
        Layout({f"charts {variant}": ()}),
    ]


def test_pictures_texts_and_the_rest(logdir):
    a = log(logdir / "a", series([1]), *everything(), Texts("mine", 0, "only here"))
    b = log(logdir / "b", series([1]), *everything(1), Scalars("yours", 0, 1))
    c = log(logdir / "c", series([1]), *everything(), Texts("mine", 0, "only here"))
    difference = tbgrad.diff_runs(a, b)
    found = {(kind, tag): step for kind, tag, step in difference.contents}
    assert found == {
        ("images", "picture"): 3,
        ("texts", "story"): 0,
        ("histograms", "weights"): 1,
        ("meshes", "mesh"): 4,
        ("graphs", "graph"): None,
        ("layouts", "layout of custom scalars"): None,
    }
    assert [(d.name, d.one, d.other, d.alone) for d in difference.tags] == [
        ("mine", "text", None, "one"),
        ("yours", None, "scalar", "other"),
    ]
    text = shown(difference)
    assert "picture: the images differ, first at step 3" in text and "only in one: mine (text)" in text
    assert tbgrad.diff_runs(a, c).is_empty


def test_a_picture_more(logdir):
    a = log(logdir / "a", Images("picture", [0, 3], [b"png"] * 2, (2, 2)))
    b = log(logdir / "b", Images("picture", [0, 3, 8], [b"png"] * 3, (2, 2)))
    for pair in ((a, b), (b, a)):
        assert tbgrad.diff_runs(*pair).contents == (("images", "picture", 8),)


def test_no_difference(logdir):
    about = {"asked": {"function": "f", "seed": 0}, "versions": {"numpy": "2"}}
    records = [Scalars("loss", range(3), [1, NAN, INF]), Scalars("metrics/best", 0, NAN), *everything()]
    arrays = {"step": np.arange(3), "value": np.array([1, NAN, INF])}
    a = log(logdir / "a", *records, HParams({"rate": 0.1}, trial="1"), about=about, arrays=arrays)
    b = log(logdir / "b", *records, HParams({"rate": 0.1}, trial="2"), about=about, arrays=arrays)
    difference = tbgrad.diff_runs(a, b)
    assert difference.is_empty and difference.first_step is None and document(difference)["equal"]
    text = " ".join(shown(difference).split())
    assert text.count("No difference found in 3 settings, 1 version, ") == 1
    assert "1 scalar, 1 image, 1 text, 1 histogram, 1 mesh, 1 graph and 1 layout." in text


def test_runs_of_others(logdir):
    values = np.random.default_rng(2).normal(size=20).astype(np.float32)
    for name, change in (("a", 0), ("b", 1)):
        with tf.summary.create_file_writer(str(logdir / name)).as_default():
            for step, value in enumerate(values):
                tf.summary.scalar("loss", value + (change if step == 13 else 0), step=2 * step)
            tf.summary.text("story", "the same", step=0)
    difference = tbgrad.diff_runs(logdir / "a", logdir / "b")
    (loss,) = difference.scalars
    assert (loss.step, loss.one, loss.other) == (26, values[13], values[13] + np.float32(1))
    assert difference.asked == difference.versions == difference.came_out == difference.contents == ()
    with SummaryWriter(str(logdir / "x")) as writer:
        for step, value in enumerate(values):
            writer.add_scalar("loss", value, 2 * step)
        writer.add_text("story", "the same")
        writer.add_pr_curve("curve", np.array([0, 1]), np.array([0.2, 0.8]))
    difference = tbgrad.diff_runs(logdir / "a", logdir / "x")
    assert difference.scalars == () and difference.contents == ()
    assert [(d.name, d.alone) for d in difference.tags if "curve" in d.name] == [("curve", "other")]
    assert "curve" in shown(difference)


def test_what_nobody_can_compare_is_told(logdir):
    for name in "ab":
        with SummaryWriter(str(logdir / name)) as writer:
            writer.add_pr_curve("curve", np.array([0, 1]), np.array([0.2, 0.8]))
    difference = tbgrad.diff_runs(logdir / "a", logdir / "b")
    assert difference.unread == ("curve",)


def test_a_run_beside_its_copy_without_run_json(logdir):
    about = {"asked": {"seed": 0}, "versions": {"numpy": "2"}}
    metrics = {"outcome": {"report": {"metrics": {"best": 1 / 3}}}}
    records = [series([1]), Scalars("metrics/best", 0, 1 / 3), HParams({"rate": 0.1}, succeeded=True)]
    a = log(logdir / "a", *records, about=about | metrics)
    shutil.copytree(a, logdir / "b")
    (logdir / "b/run.json").unlink()
    difference = tbgrad.diff_runs(a, logdir / "b")
    assert [(d.name, d.alone) for d in difference.asked] == [("run.json", "one")]
    assert difference.came_out == () and difference.scalars == ()


def test_strange_notes_in_run_json(logdir):
    a = log(logdir / "a", series([1]), about={"asked": [1], "versions": "2", "outcome": None})
    b = log(logdir / "b", series([1]), about={"asked": {"start": list(range(2000)), "x": {"y": {"z": 1}}}})
    difference = tbgrad.diff_runs(a, b)
    assert {d.name for d in difference.asked} == {"start", "x.y.z"}
    shown(difference)


def test_many_and_long_tags_fit(logdir):
    tags = [f"{'layer/' * 20}{k}/gradient" for k in range(60)]
    a = log(logdir / "a", *(Scalars(tag, [0, 10**15], [1.0, -1.2345e-30]) for tag in tags))
    b = log(logdir / "b", *(Scalars(tag, [0, 10**15], [1.0, -1.2346e-30]) for tag in tags))
    text = shown(tbgrad.diff_runs(a, b))
    assert "and 20 more" in text and "They part at step 1000000000000000: " in text and "-1.2345e-30" in text


def test_numbers_that_are_close_are_told_apart(logdir):
    a = log(logdir / "a", series([1.0, 0.12345678]))
    b = log(logdir / "b", series([1.0, 0.12345679]))
    (loss,) = tbgrad.diff_runs(a, b).scalars
    one, other = (f"{v:.8g}" for v in (loss.one, loss.other))
    row = next(line for line in shown(tbgrad.diff_runs(a, b)).splitlines() if line.startswith("  loss"))
    assert one != other and row.split()[2:4] == [one, other]


def test_damage_is_told(logdir):
    a = log(logdir / "a", series(range(100)))
    b = log(logdir / "b", series(range(100)))
    (file,) = b.glob("*tfevents*")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)
    difference = tbgrad.diff_runs(a, b)
    assert len(difference.damage) == 1 and str(file) in difference.damage[0]
    assert difference.scalars and "1 damaged event was passed over" in shown(difference)


def test_places_that_are_no_two_runs(logdir):
    a = log(logdir / "f/a", series([1]))
    for name in "bcdef":
        log(logdir / "f" / name, series([1]))
    (logdir / "empty").mkdir()
    (logdir / "file").write_text("")
    for place, message in {
        logdir: "is no run itself, but holds 6 runs: '.*f/a', '.*f/b', '.*f/c', ….",
        logdir / "empty": "holds no event file",
        logdir / "file": "holds no event file",
        logdir / "nowhere": "there is no directory",
    }.items():
        for pair in ((a, place), (place, a)):
            with pytest.raises(NotARunError, match=message):
                tbgrad.diff_runs(*pair)
    with pytest.raises(OptionError, match="the same run"):
        tbgrad.diff_runs(a, logdir / "f/../f/a")


def test_a_run_that_holds_another_is_one(logdir):
    for directory in (logdir, logdir / "below"):
        directory.mkdir()
        writer = EventWriter(directory)
        writer.write(series([1, 2]))
        writer.close()
    assert tbgrad.diff_runs(logdir, logdir / "below").is_empty
