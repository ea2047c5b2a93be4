"""The records of a rate sweep: tags, the series over the rate's number, metrics, the story."""

import numpy as np
import pytest
from plane_samples import make_sweep

import tbgrad
from tbgrad.records import HParams, Images, Scalars, Texts

RATES = np.geomspace(1e-3, 1.0, 61)


def by_tag(result):
    return {getattr(record, "tag", type(record).__name__): record for record in tbgrad.summarize(result)}


@pytest.fixture(scope="module")
def curve():
    return make_sweep(RATES)


@pytest.fixture(scope="module")
def plane():
    return make_sweep(RATES, np.linspace(0, 0.9, 19))


def test_the_tags_of_a_sweep_over_the_rate(curve):
    assert {tag: type(record) for tag, record in by_tag(curve).items()} == {
        "rates/steps": Images,
        "rates/story": Texts,
        "rates/steps_to_target": Scalars,
        "rates/rate": Scalars,
        "metrics/best_steps": Scalars,
        "metrics/best_rate": Scalars,
        "metrics/first_diverging_rate": Scalars,
        "HParams": HParams,
    }


def test_the_step_is_the_number_of_the_rate(curve):
    records = by_tag(curve)
    series = records["rates/steps_to_target"]
    np.testing.assert_array_equal(series.step, np.flatnonzero(curve.reached[0]))
    np.testing.assert_array_equal(series.value, curve.steps_to_target[0, series.step])
    np.testing.assert_array_equal(records["rates/rate"].value, RATES.astype(np.float32))
    assert "Step k is the number of the learning rate" in series.description


def test_the_tags_of_a_map(plane):
    records = by_tag(plane)
    assert {t for t in records if t.startswith(("rates", "metrics"))} == {
        "rates/steps", "rates/story", "metrics/best_steps", "metrics/best_rate", "metrics/best_momentum",
        "metrics/first_diverging_rate",
    }  # fmt: skip
    # The first rate above the edge of the best momentum.
    beyond = RATES[(2 + 2 * plane.best_momentum) / 20 <= RATES][0]
    assert records["metrics/first_diverging_rate"].value[0] == pytest.approx(beyond)
    assert (
        records["HParams"].values["momentum_range"] == "0 to 0.9" and "learning_rate" not in records["HParams"].values
    )


def test_the_story_tells_best_first_diverging_and_theory(curve, plane):
    (text,) = by_tag(curve)["rates/story"].text
    assert f"**Best: rate {curve.best_rate:.3g}, {curve.best_steps} steps.**" in text
    assert (
        f"The smallest rate that diverges is {curve.first_diverging[0]:.3g}. In theory it is stable below 0.1:" in text
    )
    reached, lost = int(curve.reached.sum()), int(curve.failed.sum())
    assert (
        f"Of 61 descents {reached} reached the target, {61 - reached - lost} did not in 300 steps, {lost} diverged."
        in text
    )
    assert "| 0.001 | not reached |" in text and "no quadratic" not in text
    (text,) = by_tag(plane)["rates/story"].text
    assert "| momentum | best rate | steps to the target | first diverging rate |" in text
    assert f"| 0 | {curve.best_rate:.3g} | {curve.best_steps} | {curve.first_diverging[0]:.3g} |" in text


def test_where_nothing_is_reached_the_metrics_are_missing():
    records = by_tag(make_sweep(np.array([1e-5, 2e-5]), steps=5))
    assert not [tag for tag in records if tag.startswith("metrics")]
    (text,) = records["rates/story"].text
    assert "Target not reached in 5 steps with any rate." in text and "No rate diverges." in text
    assert not len(records["rates/steps_to_target"].value)


def test_a_run_reads_back_what_was_written(tmp_path, curve):
    with tbgrad.open_run(tmp_path / "rates") as run:
        run.write(tbgrad.summarize(curve))
    read = tbgrad.read_run(tmp_path / "rates")
    assert set(read.images) == {"rates/steps"} and not read.damage
    assert read.scalars["metrics/best_rate"].value[0] == np.float32(curve.best_rate)


def test_an_empty_series_can_be_written(tmp_path):
    with tbgrad.open_run(tmp_path / "rates") as run:
        run.write(tbgrad.summarize(make_sweep(np.array([1e-5, 2e-5]), steps=5)))
    assert "rates/rate" in tbgrad.read_run(tmp_path / "rates").scalars
