"""The records of basins: tags, histograms, the table of ends, and a run that reads back."""

import dataclasses

import numpy as np
import pytest
from plane_samples import make_basins

import tbgrad
from tbgrad.records import Histograms, HParams, Images, Scalars, Texts
from tbgrad.results import End, KnownMinimum
from tbgrad.summaries.basins import buckets, metrics


def by_tag(result):
    return {getattr(record, "tag", type(record).__name__): record for record in tbgrad.summarize(result)}


@pytest.fixture(scope="module")
def records():
    return by_tag(make_basins())


def test_the_tags_are_those_of_the_interface(records):
    assert {tag: type(record) for tag, record in records.items()} == {
        "basins/minimum": Images,
        "basins/steps": Images,
        "basins/story": Texts,
        "basins/final_value": Histograms,
        "basins/steps_made": Histograms,
        "metrics/share_of_global_minimum": Scalars,
        "metrics/median_steps": Scalars,
        "metrics/share_converged": Scalars,
        "HParams": HParams,
    }


def test_metrics_and_settings(records):
    assert metrics(make_basins()) == {"share_of_global_minimum": 0.95, "median_steps": 21, "share_converged": 0.95}
    assert records["metrics/median_steps"].value.tolist() == [21]
    assert records["HParams"].values == {
        "function": "wells", "optimizer": "adam", "learning_rate": 0.05, "start": "80 x 40 starts", "steps": 200,
        "dtype": "float64",
    }  # fmt: skip
    assert records["HParams"].succeeded


def test_the_histogram_counts_the_converged_starts(records):
    (counted,) = records["basins/steps_made"].buckets
    left, right, count = counted.T
    assert count.sum() == 38 * 80 and left[0] == 20 and right[-1] == 101 and np.allclose(left[1:], right[:-1])
    assert count[right < 30].sum() == 38 * 50 and count[left > 90].sum() == 38 * 30
    (counted,) = records["basins/final_value"].buckets
    # All ends have one value, but those that diverged.
    assert counted[:, 2].sum() == 39 * 80 and counted[0, 2] == 39 * 80


def test_a_histogram_is_not_flattened_by_few_large_values():
    values = np.append(np.linspace(0, 1, 1000), [1e9, 1e12, np.inf, np.nan])
    counted = buckets(values)
    assert counted[-1, 1] < 2 and counted[:, 2].sum() == 1002 and counted[-1, 2] > 2
    assert buckets(np.full(3, np.nan)).shape == (0, 3)


def test_the_story_tells_shares_kinds_and_what_became_of_the_others(records):
    (text,) = records["basins/story"].text
    assert (
        "**3,040 of 3,200 starts converged, in 21 updates in the median; 80 diverged, 80 were still going down." in text
    )
    assert "A known global minimum was found from 95 % of the starts." in text
    assert "| minimum (1, 0) | -1 | 59 % | 20 | yes |" in text.replace("| 20.5 |", "| 20 |")
    assert "at most 200 updates each. Learning rate: 0.05 (as given)." in text
    assert "No start reached" not in text and "`basins/minimum`" in text and "metrics/share_of_global_minimum" in text


def test_minima_that_no_start_reached_are_named():
    ring = KnownMinimum(((0.0, 0.5), (0.5, 0.0), (0.0, 0.5)), -2.0)
    basins = make_basins()
    minima = (*basins.subject.minima, KnownMinimum(((0.25, -0.5),), -2.0), ring)
    (text,) = by_tag(make_basins(minima=minima))["basins/story"].text
    assert "No start reached (0.25, -0.5), a ring through (0, 0.5), known to be minimal." in text


def test_of_many_ends_the_known_come_first_and_the_rest_is_counted():
    basins = make_basins()
    local = tuple(End((k / 100, 0.5), 0.0, 10, "minimum") for k in range(30))
    known = End((-1.0, 0.0), -1.0, 5, "minimum", 0.0, 0)
    (text,) = by_tag(dataclasses.replace(basins, ends=(*local, known)))["basins/story"].text
    rows = [line for line in text.splitlines() if line.startswith(("| minimum", "| 11 others"))]
    assert rows[0].startswith("| minimum (-1, 0)") and len(rows) == 21 and rows[-1].startswith("| 11 others |  | 3.4 %")


def test_without_known_minima_or_convergence_the_records_are_fewer():
    basins = make_basins(minima=())
    assert "metrics/share_of_global_minimum" not in by_tag(basins)
    assert "none is known" in by_tag(basins)["basins/story"].text[0]
    nothing = dataclasses.replace(
        basins, status=np.full_like(basins.status, 0), basin=np.full_like(basins.basin, -1), ends=()
    )
    records = by_tag(nothing)
    assert "metrics/median_steps" not in records and "basins/steps_made" not in records
    assert "0 of 3,200 starts converged; 3,200 diverged." in records["basins/story"].text[0]


def test_a_run_reads_back_what_was_written(tmp_path, records):
    with tbgrad.open_run(tmp_path / "basins") as run:
        run.write(tbgrad.summarize(make_basins()))
    read = tbgrad.read_run(tmp_path / "basins")
    assert set(read.images) == {"basins/minimum", "basins/steps"} and not read.damage
    for tag in ("basins/final_value", "basins/steps_made"):
        np.testing.assert_array_equal(read.histograms[tag].buckets[0], records[tag].buckets[0])
