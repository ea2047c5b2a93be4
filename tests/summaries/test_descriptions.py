"""Every tag of every kind of result says what it shows, in which unit; every page what came out, and where to look."""

import re

import numpy as np
import pytest
from training_samples import make_training

import tbgrad
from tbgrad.records import Histograms, Images, Meshes, Scalars, Texts


def made():
    """One result of each kind, and descents of one, two and more variables and of many starts."""
    adam, f = tbgrad.Optimizer("adam", 0.05), tbgrad.resolve("rosenbrock")

    def descend(text, *starts):
        g = tbgrad.resolve(text)
        return tbgrad.with_landscape(g, tbgrad.descend(g, adam, starts, 8))

    return {
        "sweep": tbgrad.sweep(f, ("x", -2.0, 2.0), points=31, tangents=[1.0]),
        "surface": tbgrad.surface(f, points=9),
        "descent": descend("rosenbrock", (-1.2, 1.0)),
        "descent in 1 variable": descend("fading_wave", (4.1,)),
        "descent in 3 variables": descend("x**2 + y**2 + z**2 - 1", (1.0, 1.0, 1.0)),
        "descent of many starts": descend("himmelblau", (1.0, 1.0), (0.0, 0.0)),
        "graph": tbgrad.trace_graph(f),
        "backward": tbgrad.backward(f, [1.0, 2.0]),
        "check": tbgrad.check_gradient(f, [[1.0, 2.0]]),
        "rates": tbgrad.sweep_rates(f, adam, (-1.2, 1.0), rates=[0.01, 0.1, 1.0], steps=50),
        "rates and momenta": tbgrad.sweep_rates(f, adam, (-1.2, 1.0), rates=[0.01, 0.1], momenta=[0.0, 0.9], steps=5),
        "race": tbgrad.race(f, ["sgd", adam], (-1.2, 1.0), steps=5),
        "training": make_training(np.ones((9, 4)), dead=np.full((9, 4), 0.5)),
        "basins": tbgrad.find_basins(tbgrad.resolve("himmelblau"), adam, points=5, steps=300),
    }


@pytest.fixture(scope="module")
def records():
    """{(result, tag): record}"""
    found = {(name, record.tag): record for name, result in made().items() for record in tagged(result)}
    assert len(found) > 100
    return found


def tagged(result):
    return [r for r in tbgrad.summarize(result) if isinstance(r, Scalars | Histograms | Images | Meshes | Texts)]


def lacking(records, pattern, *kinds):
    said = {key: record.description for key, record in records.items() if isinstance(record, kinds)}
    return {key: words for key, words in said.items() if not re.search(pattern, words)}


def test_each_tag_says_what_it_shows(records):
    # Sentences: from a capital, a number or a formula to a full stop.
    assert lacking(records, r"^([A-Z0-9|]|log10|f,).*\.$", Scalars, Histograms, Images, Meshes, Texts) == {}


def test_each_series_names_its_unit(records):
    assert lacking(records, r"(Unit: [^.:]+|It is a pure number)\.$", Scalars, Histograms) == {}


def test_each_picture_names_its_axes(records):
    assert lacking(records, r"Axes: .*\.", Images) == {}


def test_each_mesh_says_where_its_axes_go(records):
    assert (
        lacking(records, r"\w+ to the right, \w+ to the back, the value upward, each scaled to the box", Meshes) == {}
    )


def test_a_tag_has_the_same_unit_whatever_the_result(records):
    units = {}
    for (_, tag), record in records.items():
        if isinstance(record, Scalars | Histograms):
            units.setdefault(tag, set()).add(record.description.rpartition(". ")[2])
    assert {tag: of for tag, of in units.items() if len(of) > 1} == {}


PICTURES, SERIES = ("Images",), ("Time Series", "Custom Scalars", "HParams")
WHERE = {Images: PICTURES, Scalars: SERIES, Histograms: ("Histograms",), Meshes: ("Mesh",), Texts: ("Text",)}


def test_each_page_begins_with_what_came_out_and_the_links_to_its_run(records):
    texts = {key: record.text[0] for key, record in records.items() if isinstance(record, Texts)}
    assert len(texts) > 10
    for key, text in texts.items():
        heading, outcome, look, *_ = text.split("\n\n")
        assert heading.startswith("## ") and outcome.startswith("**") and look.startswith("["), key


def test_each_page_names_tags_of_its_run_and_the_dashboard_that_shows_them(records):
    for (name, _), record in records.items():
        if isinstance(record, Texts):
            where = record.text[0].split("**Where to look**")[1]
            for dashboard, tag in re.findall(r"\| \[([\w ]+)\]\([^|]* \| `(.*?)` \|", where):
                assert (name, tag) in records, (name, tag)
                assert dashboard in WHERE[type(records[name, tag])], (name, tag)
