"""What a descent gives the dashboards beside its numbers: pictures, charts, and the page that says where to look."""

import dataclasses
import io
import re

import numpy as np
import pytest
from PIL import Image

import tbgrad
from tbgrad.records import Layout
from tbgrad.summaries.descents import shown_rows


def descend(name, optimizer, starts, steps, **options):
    f = tbgrad.resolve(name)
    return tbgrad.with_landscape(f, tbgrad.descend(f, optimizer, starts, steps, **options))


def by_tag(descent):
    return {getattr(record, "tag", type(record).__name__): record for record in tbgrad.summarize(descent)}


@pytest.fixture(scope="module")
def descent():
    return descend("rosenbrock", tbgrad.Optimizer("adam", 0.05), [[-1.2, 1.0]], 40)


@pytest.fixture(scope="module")
def records(descent):
    return by_tag(descent)


def test_the_slider_goes_through_ten_steps_that_grow_ever_wider(records):
    # round(40^(k/8)), k = 0 to 8, by hand: 1, 1.59, 2.51, 3.99, 6.32, 10.03, 15.91, 25.22, 40.
    steps = [0, 1, 2, 3, 4, 6, 10, 16, 25, 40]
    for tag in ("descent/path", "descent/mesh"):
        assert records[tag].step.tolist() == steps
    assert all(image.startswith(b"\x89PNG") for image in records["descent/path"].image)
    assert len(set(records["descent/path"].image)) == 10
    assert records["descent/animation"].step.tolist() == [40]
    assert records["descent/animation"].image[0].startswith(b"GIF89a")


@pytest.mark.parametrize("steps", [1, 2, 5, 9, 10, 11, 36, 100, 2000, 10**6])
@pytest.mark.parametrize("most", [10, 36])
def test_shown_rows_begin_with_the_start_and_end_with_the_last(steps, most):
    shown = shown_rows(steps, most)
    assert shown[0] == 0 and shown[-1] == steps and (np.diff(shown) > 0).all() and len(shown) <= most
    assert len(shown) >= 0.6 * min(most, steps + 1)
    # Logarithmically: no gap between steps is more than a whole number shorter than the one before it.
    assert (np.diff(shown, 2) >= -1).all()


def test_pictures_have_the_stated_size(records):
    for tag in ("descent/path", "descent/animation"):
        for image in records[tag].image:
            assert Image.open(io.BytesIO(image)).size == records[tag].size


def test_pictures_only_with_a_landscape(descent):
    tags = set(by_tag(dataclasses.replace(descent, landscape=None)))
    assert not tags & {"descent/path", "descent/animation", "descent/mesh"} and "Layout" in tags


def test_one_variable_has_pictures_but_no_mesh():
    records = by_tag(descend("fading_wave", tbgrad.Optimizer("sgd", 0.5), [[4.1]], 1))
    assert records["descent/path"].step.tolist() == [0, 1]
    assert "descent/animation" in records and "descent/mesh" not in records


CASES = {
    "two": ("rosenbrock", 0.001, [[-1.2, 1.0]], 5),
    "reached": ("sphere", 0.4, [[1.0, 1.0]], 30),
    "one": ("fading_wave", 0.5, [[4.1]], 5),
    "three": ("x**2 + y**2 + z**2", 0.1, [[1.0, 1.0, 1.0]], 5),
    "unknown": ("tilted_waves", 0.1, [[2.0, 1.0]], 5),
    "many": ("himmelblau", 0.01, [[0.0, 0.0], [1.0, 1.0], [2.0, -1.0]], 5),
    "diverging": ("rosenbrock", 0.01, [[-1.2, 1.0]], 30),
}
# Whose value is never zero or below, nor beyond the floats.
POSITIVE = ("two", "reached", "three", "unknown", "many")


@pytest.fixture(scope="module")
def summaries():
    """(records, records without the landscape) of every case."""
    found = {}
    for case, (name, rate, starts, steps) in CASES.items():
        result = descend(name, tbgrad.Optimizer("sgd", rate), starts, steps)
        found[case] = by_tag(result), by_tag(dataclasses.replace(result, landscape=None))
    return found


def charts(records):
    """(chart, the tags that TensorBoard draws in it) of a layout."""
    (layout,) = (record for record in records.values() if isinstance(record, Layout))
    all_charts = [chart for category in layout.categories.values() for chart in category]
    # The Custom Scalars dashboard matches from the beginning of a tag, and takes a margin chart's tags as they are.
    return [
        (c, [t for t in records if any(t == p if c.is_margin else re.match(p, t) for p in c.tags)]) for c in all_charts
    ]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("landscape", [True, False])
def test_the_charts_draw_the_gap_and_value_with_gradient(summaries, case, landscape):
    records = summaries[case][not landscape]
    lines = [tags for chart, tags in charts(records) if not chart.is_margin]
    known, positive = case not in ("three", "unknown"), case in POSITIVE
    expected = [["descent/log10_gap"]] * known + [["descent/log10_value"]] * positive
    assert lines == [*expected, ["descent/value", "descent/gradient_norm"]]


@pytest.mark.parametrize("case", CASES)
def test_only_many_starts_have_a_chart_with_a_band(summaries, case):
    bands = [chart.tags for chart, _ in charts(summaries[case][0]) if chart.is_margin]
    expected = [
        tuple(f"descent/{what}/{end}" for end in ("median", *ends))
        for what in ("log10_gap", "value")
        for ends in (("lower", "upper"), ("best", "worst"))
    ]
    assert bands == (expected if case == "many" else [])
    assert all(tag in summaries[case][0] for tags in bands for tag in tags)


def test_charts_have_the_same_titles_in_all_runs(summaries):
    # TensorBoard merges the layouts of the runs by title, which makes the race.
    titles = {chart.tags: set() for records, _ in summaries.values() for chart, _ in charts(records)}
    for records, _ in summaries.values():
        for chart, _ in charts(records):
            titles[chart.tags].add(chart.title)
    assert len(titles) == 7 and all(len(same) == 1 for same in titles.values())


def asked(records):
    """(question, tag) of the story's table of where to look."""
    (story,) = records["descent/story"].text
    rows = [line.strip("| ").split(" | ") for line in story.split("**Where to look**")[1].splitlines() if " | " in line]
    return [(row[0], row[2].strip("`")) for row in rows[1:] if len(row) == 3]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("landscape", [True, False])
def test_the_story_names_only_tags_that_the_run_has(summaries, case, landscape):
    records = summaries[case][not landscape]
    named = [tag for _, tag in asked(records)]
    assert len(named) > 3 and set(named) <= set(records)


@pytest.mark.parametrize("case", ["two", "unknown"])
def test_the_story_names_steps_to_gap_only_where_it_was_met(summaries, case):
    assert "metrics/steps_to_gap" in summaries["reached"][0]
    assert "metrics/steps_to_gap" not in [tag for _, tag in asked(summaries[case][0])]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("landscape", [True, False])
def test_the_story_names_every_picture_of_the_run(summaries, case, landscape):
    records = summaries[case][not landscape]
    named = {tag for _, tag in asked(records)}
    logs = {"descent/log10_gap", "descent/log10_value"}
    known = {f"descent/{name}" for name in ("path", "animation", "mesh", "line", "partials")} | logs
    shown = known & set(records)
    assert named & known == shown
    pictures = {"one": 2}.get(case, 3) if landscape else 0
    pictures += 2 if case == "three" else 0
    assert len(shown - logs) == pictures
    assert {"descent/gradient_norm", "descent/update_norm", "descent/decrease_ratio"} <= named
