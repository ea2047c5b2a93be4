"""Groups of runs over seeds, made on purpose: ranks, medians and verdicts by SciPy and by hand."""

import math

import numpy as np
import pytest
import scipy.stats

import tbgrad
from tbgrad.comparison.groups import Group, ranked
from tbgrad.records import HParams, Scalars


def group(name, *sample, **extra):
    return Group(name, {}, (), np.array(sample, float), **extra)


def normal(name, mean, n, seed, spread=1.0):
    return group(name, *np.random.default_rng(seed).normal(mean, spread, n))


def verdicts(*groups, prefers_high=False):
    return {g.name: g.difference.verdict for g in ranked(groups, prefers_high)}


def test_medians_and_quartiles_are_numpys():
    sample = np.random.default_rng(0).normal(size=23)
    (found,) = ranked([group("a", *sample)], False)
    assert found.median == pytest.approx(np.median(sample))
    assert found.quartiles == pytest.approx(tuple(np.quantile(sample, [0.25, 0.75])))


def test_a_difference_is_found_with_its_interval_and_p_value():
    low, high = normal("low", 0.0, 12, 1), normal("high", 3.0, 15, 2)
    first, second = ranked([high, low], False)
    assert (first.name, first.rank, first.difference.verdict) == ("low", 1, "first")
    assert (second.name, second.rank, second.difference.verdict) == ("high", 2, "worse")
    found = second.difference
    assert found.median == pytest.approx(np.median(high.sample) - np.median(low.sample))
    assert found.p_value == pytest.approx(scipy.stats.mannwhitneyu(high.sample, low.sample, method="exact").pvalue)

    def difference(a, b, axis):
        return np.median(a, axis=axis) - np.median(b, axis=axis)

    expected = scipy.stats.bootstrap((high.sample, low.sample), difference, method="percentile", rng=0)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval), abs=0.25 * expected.standard_error)


def test_no_difference_is_found_where_there_is_none():
    found = [verdicts(normal("a", 0.0, 10, seed), normal("b", 0.0, 10, 1000 + seed)) for seed in range(200)]
    wrong = sum("worse" in verdict.values() for verdict in found)
    # One in twenty at most, give or take what chance does to 200 tries.
    assert wrong <= 18
    assert found[0]["b" if found[0]["a"] == "first" else "a"] == "no difference found"


def test_many_groups_without_a_difference():
    wrong = 0
    for seed in range(200):
        groups = [normal(str(k), 0.0, 20, 100 * seed + k) for k in range(8)]
        wrong += "worse" in verdicts(*groups).values()
    # The best of eight is compared with seven others, chosen by the same numbers: not more than 5 % are to be wrong,
    # give or take what chance does to 200 tries.
    assert wrong <= 18


def test_three_against_three_tell_nothing():
    # No overlap at all, but one of ten such triples is so by chance.
    found = ranked([group("a", 1, 2, 3), group("b", 10, 11, 12)], False)
    assert found[1].difference.verdict == "no difference found"
    assert "too few to tell: 3 against 3" in found[1].difference.reason
    assert found[1].difference.p_value == pytest.approx(0.1)
    assert verdicts(group("a", 1, 2, 3, 4), group("b", 10, 11, 12, 13))["b"] == "worse"


def test_equal_medians_do_not_differ_however_the_rest_lies():
    low, high = group("low", *[0] * 11, *[-1] * 9), group("high", *[0] * 11, *[1] * 9)
    found = ranked([low, high], False)[1].difference
    # The ranks differ clearly, but what is typical does not.
    assert found.p_value < 0.001 and found.median == 0.0 and found.interval[0] <= 0 <= found.interval[1]
    assert found.verdict == "no difference found"


def test_the_correction_counts_groups():
    few = [group(str(k), *(10 * k + np.arange(5.0))) for k in range(9)]
    found = ranked(few, False)
    # 2 / C(10, 5) = 0.0079 for each pair, of which there are 36.
    assert {g.difference.verdict for g in found[1:]} == {"no difference found"}
    assert found[1].difference.p_value == pytest.approx(36 * 2 / math.comb(10, 5))
    assert "36 pairs of groups" in found[1].difference.reason


def test_single_runs_are_not_applicable():
    found = ranked([group("a", 1.0, deterministic=True), group("b", 2.0, deterministic=True)], False)
    assert found[1].difference.verdict == "not applicable" and "deterministic" in found[1].difference.reason
    found = ranked([group("a", 1.0), group("b", 2.0, 3.0)], False)
    assert found[1].difference.verdict == "not applicable" and "seeds" in found[1].difference.reason
    (alone,) = ranked([group("a", 1.0, 2.0)], False)
    assert alone.difference.verdict == "not applicable"


def test_ties_share_a_rank_and_high_may_be_good():
    groups = [group("a", 1, 2, 3), group("b", 2, 2, 2), group("c", 5, 5)]
    assert [(g.name, g.rank) for g in ranked(groups, False)] == [("a", 1), ("b", 1), ("c", 3)]
    assert [(g.name, g.rank) for g in ranked(groups, True)] == [("c", 1), ("a", 2), ("b", 2)]


def test_what_is_not_finite_is_worst_either_way():
    odd = group("odd", np.nan, np.nan, np.inf, -np.inf, 1.0)
    assert [g.name for g in ranked([odd, group("even", 7, 8, 9)], False)] == ["even", "odd"]
    assert [g.name for g in ranked([odd, group("even", -7, -8, -9)], True)] == ["even", "odd"]


@pytest.fixture
def seeds(logdir):
    """Two rates, eight seeds each, by whose loss the lower rate is better; their steps differ."""
    for rate, middle in ((0.1, 1.0), (0.01, 2.0)):
        for seed in range(8):
            noise = np.random.default_rng(seed + round(1000 * rate)).normal(0, 0.1, 20)
            with tbgrad.open_run(logdir / f"rate{rate}" / f"seed{seed}") as run:
                run.write(Scalars("loss", range(20), middle + noise))
                run.write(HParams({"learning_rate": rate, "seed": seed, "width": seed % 2}, succeeded=True))
    return logdir


def test_groups_of_logged_runs(seeds):
    (ranking,) = tbgrad.compare([seeds], "loss:min", group_by=["learning_rate"]).rankings
    first, second = ranking.groups
    assert [g.settings for g in ranking.groups] == [{"learning_rate": 0.1}, {"learning_rate": 0.01}]
    lows = [r.metrics["loss:min"] for r in ranking.runs if r.hparams["learning_rate"] == 0.01]
    assert second.median == pytest.approx(np.median(lows)) and second.difference.verdict == "worse"
    assert len(first.runs) == 8 and all(name.startswith("rate0.1/") for name in first.runs)
    # The seed is what runs of a group are to differ in; the width is not.
    assert first.varying == ("width",) and any("width" in remark for remark in ranking.remarks)


def test_several_settings_and_single_runs(seeds):
    (ranking,) = tbgrad.compare([seeds], group_by=["learning_rate", "width"]).rankings
    assert [len(g.sample) for g in ranking.groups] == [4] * 4
    (ranking,) = tbgrad.compare([seeds], group_by=["run"]).rankings
    assert len(ranking.groups) == 16
    assert {g.difference.verdict for g in ranking.groups} == {"first", "not applicable"}


def test_each_of_many_starts_counts(logdir):
    from tbgrad.experiments.descents import log_descent
    from tbgrad.experiments.launching import Place

    f, starts = tbgrad.resolve("sphere"), np.random.default_rng(0).uniform(-2, 2, (12, 2))
    for rate in (0.1, 0.3):
        points = [tuple(start) for start in starts.tolist()]
        log_descent(f, tbgrad.Optimizer("sgd", rate), Place(logdir), points=points, steps=80)
    (ranking,) = tbgrad.compare([logdir], group_by=["learning_rate"]).rankings
    assert ranking.compared_by == "steps_to_gap"
    for found in ranking.groups:
        # A step multiplies the value by (1 - 2 rate)².
        factor = 2 * math.log(abs(1 - 2 * found.settings["learning_rate"]))
        expected = np.ceil(np.log(1e-6 / (starts**2).sum(axis=1)) / factor)
        np.testing.assert_array_equal(np.sort(found.sample), np.sort(expected))
        assert found.of_starts
    assert [g.difference.verdict for g in ranking.groups] == ["first", "worse"]
    # At the minimum itself a gap is as small as rounding lets it be, as in what is logged of the best start.
    (ranking,) = tbgrad.compare([logdir], "descent/log10_gap", group_by=["run"]).rankings
    assert all(group.sample.min() == pytest.approx(math.log10(2.0**-52), abs=4) for group in ranking.groups)
    assert np.isfinite(np.concatenate([group.sample for group in ranking.groups])).all()
    # The same of any series: the step at which the gap is 1e-3.
    (ranking,) = tbgrad.compare([logdir], "descent/log10_gap:steps-to=-3", group_by=["run"]).rankings
    for found in ranking.groups:
        factor = 2 * math.log(abs(1 - 2 * float(found.settings["run"].split("lr")[1].split("_")[0])))
        expected = np.ceil(np.log(1e-3 / (starts**2).sum(axis=1)) / factor)
        np.testing.assert_array_equal(np.sort(found.sample), np.sort(expected))


def test_rates_that_were_not_tuned_are_told(logdir):
    def log(optimizer, rate, value):
        with tbgrad.open_run(logdir / f"{optimizer}{rate}") as run:
            run.write(Scalars("descent/value", [0, 1], [9.0, value]))
            run.write(HParams({"optimizer": optimizer, "learning_rate": rate, "function": "f"}, succeeded=True))

    for rate, value in ((0.1, 3.0), (0.2, 1.0), (0.3, 2.0)):
        log("sgd", rate, value)
    assert tbgrad.compare([logdir]).rankings[0].remarks == ()
    log("adam", 0.5, 0.5)
    (remark,) = tbgrad.compare([logdir]).rankings[0].remarks
    assert "not tuned: adam had 0.5 only." in remark and "sgd" not in remark
    log("sgd", 0.4, 0.25)
    (remark,) = tbgrad.compare([logdir]).rankings[0].remarks
    assert "sgd did best with 0.4, the highest" in remark


def test_where_no_median_arrives_the_next_metric_decides(logdir):
    """One of five reaches the gap; the others come as near as their gaps say."""
    gaps = {"sgd": (1e-7, 1e-2, 1e-2, 1e-2, 1e-2), "adam": (1e-3, 1e-3, 1e-3, 1e-3, 1e-3)}
    for optimizer, each in gaps.items():
        for seed, gap in enumerate(each):
            with tbgrad.open_run(logdir / f"{optimizer}{seed}") as run:
                run.write([Scalars("descent/value", [0, 1], [1, gap]), Scalars("metrics/best_value", 0, gap)])
                run.write(Scalars("descent/log10_gap", [0, 1], np.log10([1, gap])))
                if gap < 1e-6:
                    run.write(Scalars("metrics/steps_to_gap", 0, 1))
                run.write(HParams({"optimizer": optimizer, "function": "f", "seed": seed}, succeeded=True))
    (ranking,) = tbgrad.compare([logdir], group_by=["optimizer"]).rankings
    assert ranking.runs[0].run == "sgd0" and ranking.compared_by == "best_gap"
    assert [group.settings["optimizer"] for group in ranking.groups] == ["adam", "sgd"]
    assert [group.median for group in ranking.groups] == pytest.approx([1e-3, 1e-2], rel=1e-6)


def descents(logdir, *settings, f="sphere", rate=0.1, steps=60):
    from tbgrad.experiments.descents import log_descent
    from tbgrad.experiments.launching import Place

    for optimizer, more in settings:
        log_descent(tbgrad.resolve(f), tbgrad.Optimizer(optimizer, rate), Place(logdir), **{"steps": steps, **more})


def test_launches_in_which_nothing_is_random_count_once(logdir):
    descents(logdir, *((name, {"seed": seed}) for name in ("sgd", "rmsprop") for seed in range(3)))
    (ranking,) = tbgrad.compare([logdir], group_by=["optimizer"]).rankings
    assert [len(group.sample) for group in ranking.groups] == [1, 1] and len(ranking.runs) == 6
    assert ranking.groups[1].difference.verdict == "not applicable"
    assert "deterministic" in ranking.groups[1].difference.reason
    assert any("4 runs repeat" in remark for remark in ranking.remarks)


def test_drawn_starts_and_noise_are_random(logdir):
    descents(logdir, *(("sgd", {"seed": seed, "noise": 0.1}) for seed in range(3)))
    descents(logdir, *(("adam", {"seed": seed, "random_starts": 2, "points": ()}) for seed in range(3)))
    (ranking,) = tbgrad.compare([logdir], group_by=["optimizer"]).rankings
    assert sorted(len(group.sample) for group in ranking.groups) == [3, 6]
    # Between them there is more than the optimizer.
    assert any("also differ in" in r and "noise" in r and "start" in r for r in ranking.remarks)


def test_who_never_arrives_is_late_and_not_without_a_number(logdir):
    """Four of five seeds reach the gap, as most do: the medians are steps."""
    steps = {"a": (10, 11, 12, 13, None), "b": (100, 101, 102, 103, None)}
    for name, each in steps.items():
        for seed, step in enumerate(each):
            with tbgrad.open_run(logdir / f"{name}{seed}") as run:
                gap = 1e-7 if step else (1e-2 if name == "a" else 1e-3)
                run.write([Scalars("descent/value", [0, 1], [1, gap]), Scalars("metrics/best_value", 0, gap)])
                run.write(Scalars("descent/log10_gap", [0, 1], np.log10([1, gap])))
                if step:
                    run.write(Scalars("metrics/steps_to_gap", 0, step))
                run.write(HParams({"optimizer": name, "function": "f", "seed": seed}, succeeded=True))
    (ranking,) = tbgrad.compare([logdir], group_by=["optimizer"]).rankings
    assert ranking.compared_by == "steps_to_gap"
    assert [(g.settings["optimizer"], g.median) for g in ranking.groups] == [("a", 12), ("b", 102)]
    assert ranking.groups[0].quartiles == (11, 13) and ranking.groups[0].sample.max() == math.inf


def test_starts_whose_scores_were_not_kept_are_not_applicable(logdir):
    descents(logdir, *((name, {"random_starts": 3}) for name in ("sgd", "adam")))
    next(logdir.glob("sphere/descent/adam*/arrays.npz")).unlink()
    (ranking,) = tbgrad.compare([logdir], group_by=["optimizer"]).rankings
    assert ranking.groups[1].difference.verdict == "not applicable"
    assert "lacks the scores" in ranking.groups[1].difference.reason


def test_values_that_look_alike_are_told_apart(logdir):
    for k, value in enumerate((0.1, "0.1", 0.12345671, 0.12345672, 1.0, True, "none", "a\nb")):
        with tbgrad.open_run(logdir / str(k)) as run:
            run.write([Scalars("loss", [0, 1], [1.0, k]), HParams({"lr": value}, succeeded=True)])
    with tbgrad.open_run(logdir / "without") as run:
        run.write([Scalars("loss", [0, 1], [1.0, 9.0]), HParams({"other": 1.0}, succeeded=True)])
    (ranking,) = tbgrad.compare([logdir], group_by=["lr"]).rankings
    names = [group.name for group in ranking.groups]
    assert names == [
        "lr 0.1",
        "lr '0.1'",
        "lr 0.12345671",
        "lr 0.12345672",
        "lr 1",
        "lr true",
        "lr 'none'",
        "lr 'a b'",
        "lr none",
    ]


def test_rates_that_only_tie_at_an_end_are_tuned(logdir):
    for rate, value in ((0.1, 1.0), (0.2, 1.0), (0.3, 1.0), (0.4, 2.0)):
        with tbgrad.open_run(logdir / str(rate)) as run:
            run.write([Scalars("loss", [0, 1], [9.0, value]), HParams({"lr": rate}, succeeded=True)])
    assert tbgrad.compare([logdir]).rankings[0].remarks == ()


def test_areas_over_other_steps_and_single_points(logdir):
    for name, step, value in (("long", range(5), [1, 1, 1, 1, 1]), ("short", range(3), [5, 5, 5]), ("one", [0], [900])):
        with tbgrad.open_run(logdir / name) as run:
            run.write(Scalars("loss", step, value))
    (ranking,) = tbgrad.compare([logdir], "loss:auc").rankings
    assert [run.run for run in ranking.runs] == ["long", "short", "one"]
    assert any("Areas over different steps" in remark for remark in ranking.remarks)


def test_of_two_launches_in_one_directory_the_later_counts(logdir):
    """As in TensorBoard, where a step removes what was at or behind it."""
    with tbgrad.open_run(logdir / "a") as run:
        run.write(Scalars("loss", [0, 10, 20, 30], [9.0, 0.001, 0.002, 0.003]))
        run.write(Scalars("loss", [5, 6, 7], [3.0, 2.0, 1.0]))
    (ranking,) = tbgrad.compare([logdir], "loss:min").rankings
    assert ranking.runs[0].metrics["loss:min"] == 1.0
    (ranking,) = tbgrad.compare([logdir], "loss:auc").rankings
    assert ranking.runs[0].metrics["loss:auc"] == pytest.approx(5 * 6.0 + 2.5 + 1.5)
