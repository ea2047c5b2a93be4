"""The records of a training: series by layer in network order, the charts, and the verdict that machines read too."""

import dataclasses
import itertools
import re

import numpy as np
import pytest
from training_samples import make_layers, make_training

import tbgrad
from tbgrad.errors import OptionError
from tbgrad.naming import check_run_name
from tbgrad.records import Images, Layout, Scalars, Texts
from tbgrad.results import Fault, Layer
from tbgrad.summaries.training import training_layout, training_scalars
from tbgrad.summaries.training_pages import training_verdict
from tbgrad.summaries.training_tags import chosen_layers, layer_tags

ROWS = 12
LAYERS = (
    Layer("embed", "Embedding", ("embeddings",), (20,), is_sparse=True),
    Layer("block/dense", "Dense", ("kernel", "bias"), (12, 3), "relu"),
    Layer("block/re_lu", "ReLU"),
    Layer("dense_1", "Dense", ("kernel", "bias"), (12, 3)),
)
VANISHING = Fault("vanishing", "block/dense", "", 3, "It vanishes at 'block/dense'.", "Mend it.", ("embed",))
DEAD = Fault("dead", "block/dense", "", 1, "It is dead.", "Begin anew.")


@pytest.fixture
def training():
    rms = np.random.default_rng(0).uniform(0.5, 1.5, (ROWS, 4))
    rms[:, 2] = np.nan
    dead = np.full((ROWS, 4), np.nan)
    dead[:, 1:3] = 0.25
    return make_training(rms, np.geomspace(2, 1, ROWS), layers=LAYERS, dead=dead, step=10 * np.arange(ROWS))


def by_tag(records):
    return {record.tag: record for record in records}


def test_tags_are_in_network_order_and_one_level_deep():
    layers = [dataclasses.replace(LAYERS[1], name=name) for name in ("a/b/c", "z", "a", "ß×", "x y", "q:0")]
    tags = layer_tags([*layers, *make_layers(6)])
    assert tags[:3] == ["01_a.b.c", "02_z", "03_a"] and tags[4:7] == ["05_x_y", "06_q_0", "07_net.dense_0"]
    assert sorted(tags) == tags and len(set(tags)) == 12
    assert all(check_run_name(tag) == tag and "/" not in tag for tag in tags)


def test_each_quantity_has_a_series_in_total_and_of_each_layer(training):
    found = by_tag(training_scalars(training))
    of_layers = ["1_embed", "2_block.dense", "4_dense_1"]
    for name in ("gradient_norm", "largest", "update_ratio", "zeros", "cosine"):
        layered = [tag.rpartition("/")[2] for tag in found if re.match(rf"training/{name}/\d", tag)]
        assert layered == of_layers and f"training/{name}" in found, name
    assert [tag for tag in found if "/dead" in tag] == ["training/dead/2_block.dense", "training/dead/3_block.re_lu"]
    assert not [tag for tag in found if "clipped" in tag]
    np.testing.assert_array_equal(found["training/loss"].value, training.loss.astype(np.float32))
    np.testing.assert_array_equal(found["training/loss"].step, 10 * np.arange(ROWS))
    length = np.sqrt(15) * training.rms[:, 3]
    np.testing.assert_allclose(found["training/gradient_norm/4_dense_1"].value, length, rtol=1e-6)
    total = np.sqrt(20 * training.rms[:, 0] ** 2 + 15 * training.rms[:, 1] ** 2 + 15 * training.rms[:, 3] ** 2)
    np.testing.assert_allclose(found["training/gradient_norm"].value, total, rtol=1e-6)


def test_the_clipped_length_is_there_where_something_clips(training):
    found = by_tag(training_scalars(dataclasses.replace(training, clipped_norm=training.norm / 2)))
    for tag in ("", "/1_embed", "/2_block.dense", "/4_dense_1"):
        half = found[f"training/gradient_norm{tag}"].value / 2
        np.testing.assert_allclose(found[f"training/gradient_norm_clipped{tag}"].value, half)


def test_the_band_is_that_of_the_layers(training):
    found = by_tag(training_scalars(training))
    lengths = np.sort(training.gradient_norm[:, [0, 1, 3]], axis=1)
    np.testing.assert_allclose(found["training/gradient_norm/median"].value, lengths[:, 1], rtol=1e-6)
    assert (found["training/gradient_norm/lower"].value <= found["training/gradient_norm/upper"].value).all()
    assert "training/gradient_norm/median" not in by_tag(training_scalars(make_training(np.ones((3, 2)))))


def test_what_is_not_measured_is_not_written_and_what_is_lost_is(training):
    bad = training.norm.copy()
    bad[5:, 3] = np.nan
    training = dataclasses.replace(training, norm=bad, weight_norm=np.zeros_like(bad))
    found = by_tag(training_scalars(training))
    assert not [tag for tag in found if "update_ratio" in tag]
    # The last bad weight is the kernel of the last layer.
    assert np.isnan(found["training/gradient_norm/4_dense_1"].value).sum() == ROWS - 5
    assert np.isnan(found["training/gradient_norm"].value).sum() == ROWS - 5
    # A cosine needs a gradient before, and both finite.
    assert found["training/cosine/1_embed"].step.tolist() == (10 * np.arange(1, ROWS)).tolist()
    assert found["training/cosine/4_dense_1"].step.tolist() == [10, 20, 30, 40]
    lost = by_tag(training_scalars(training.rows(slice(8, 9))))
    assert np.isnan(lost["training/gradient_norm/4_dense_1"].value).all()


def test_weights_without_a_gradient_have_no_series(training):
    cut = dataclasses.replace(training, without_gradient=(("embed", "embeddings", "?"),))
    assert not [tag for tag in by_tag(training_scalars(cut)) if "embed" in tag]


def test_some_layers_can_be_asked_for(training):
    found = by_tag(training_scalars(training, ["block/*", "embed"]))
    assert {tag.rpartition("/")[2] for tag in found if re.search(r"/\d_", tag)} == {
        "1_embed", "2_block.dense", "3_block.re_lu",
    }  # fmt: skip
    assert "training/gradient_norm/median" in found and "training/loss" in found
    assert chosen_layers(LAYERS, None) == [0, 1, 2, 3] and chosen_layers(LAYERS, "dense_1") == [3]
    with pytest.raises(OptionError, match=r"no layer fits 'dense_2'. Did you mean 'dense_1'\? The layers are embed, "):
        training_scalars(training, "dense_2")


def test_series_of_the_same_steps_are_neighbours(training):
    steps = [tuple(record.step) for record in training_scalars(training)]
    changes = sum(a != b for a, b in itertools.pairwise(steps))
    # All rows; the cosine, which the first row lacks; and all rows again.
    assert changes == 2
    assert len({tuple(record.wall_time) for record in training_scalars(training, wall_time=3.0)}) == 2


def test_parts_write_what_the_whole_writes(training):
    whole = by_tag(training_scalars(training))
    parts = [by_tag(training_scalars(training.rows(slice(at, at + 5)))) for at in range(0, ROWS, 5)]
    for tag, record in whole.items():
        value = np.concatenate([part[tag].value for part in parts if tag in part])
        np.testing.assert_allclose(value, record.value, rtol=1e-6, err_msg=tag)


def first_line(text):
    return next(line.strip(" \t#*_>") for line in text.splitlines() if line.strip())


def test_the_verdict_of_a_healthy_training_begins_with_healthy(training):
    verdict = training_verdict(training)
    assert verdict.tag == "training/verdict" and verdict.step.tolist() == [110]
    assert first_line(verdict.text[0]) == "Healthy: no fault found in steps 0 to 110 (12 recorded)"


def test_the_verdict_begins_with_the_worst_fault(training):
    (text,) = training_verdict(training, (DEAD, VANISHING)).text
    assert first_line(text) == "It vanishes at `block/dense`."
    assert "**What to do: Mend it.**" in text and "- It is dead. Begin anew." in text
    rows = {row.split(" | ")[0].strip("| `"): row for row in text.splitlines() if row.startswith("| `")}
    assert list(rows)[:4] == ["dense_1", "block/re_lu", "block/dense", "embed"]
    assert "**vanishing, dead**" in rows["block/dense"] and "**vanishing**" in rows["embed"]
    assert rows["dense_1"].endswith("| healthy |")
    assert "geometric mean is at most 0.01, the first at most 0.1" in text and "in 20 recorded rows" in text


def test_the_table_of_a_very_deep_network_shows_what_matters():
    deep = make_training(np.ones((3, 300)))
    fault = Fault("vanishing", "net/dense_150", "", 0, "It vanishes.", "Mend it.")
    (text,) = training_verdict(deep, (fault,)).text
    assert "| dead |" not in text and "| zeros |" in text
    rows = re.findall(r"^\| `(net/\w+)`", text, re.MULTILINE)
    assert len(rows) == 31 and rows[0] == "net/dense_299" and rows[-1] == "net/dense_0" and "net/dense_150" in rows
    assert "269 more layers are not shown" in text


def test_the_doctor_reads_the_verdict(tmp_path, training):
    for name, faults in (("sound", ()), ("sick", (VANISHING,))):
        with tbgrad.open_run(tmp_path / name) as run:
            run.write(tbgrad.summarize(dataclasses.replace(training, faults=faults)))
    findings = [f for f in tbgrad.examine(tmp_path).findings if f.tag == "training/verdict"]
    assert [(f.run, f.what) for f in findings] == [("sick", "It vanishes at `block/dense`")]


def test_all_of_it_is_summarized_the_verdict_first(training):
    records = tbgrad.summarize(training)
    assert isinstance(records[0], Texts) and isinstance(records[1], Images) and isinstance(records[-1], Layout)
    assert records[1].tag == "training/layers" and records[1].step.tolist() == [110]
    empty = tbgrad.summarize(training.rows(slice(0, 0)))
    assert [type(record) for record in empty] == [Texts, Layout]


def test_the_charts_name_series_that_are_written(training):
    tags = [record.tag for record in training_scalars(training) if isinstance(record, Scalars)]
    layout = training_layout(training)
    assert list(layout.categories) == ["training", "training: across layers", "training: dead units"]
    for charts in layout.categories.values():
        for chart in charts:
            for tag in chart.tags:
                matched = [name for name in tags if (name == tag if chart.is_margin else re.search(tag, name))]
                assert matched, tag
    (norms,) = [c for c in layout.categories["training"] if c.title.startswith("gradient norm of each layer")]
    assert sum(bool(re.search(norms.tags[0], tag)) for tag in tags) == 3
    assert list(training_layout(make_training(np.ones((3, 2)))).categories) == ["training"]


def test_a_run_reads_back_what_was_written(tmp_path, training):
    with tbgrad.open_run(tmp_path / "run") as run:
        run.write(tbgrad.summarize(training))
    read = tbgrad.read_run(tmp_path / "run")
    assert not read.damage and "training/verdict" in read.texts and "training/layers" in read.images
    for record in training_scalars(training):
        np.testing.assert_array_equal(read.scalars[record.tag].value, record.value)
