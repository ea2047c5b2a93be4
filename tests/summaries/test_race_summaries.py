"""The records of a race: tags, the slider's steps, frames, and the story in order of arrival."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from race_samples import RACERS, STEPS, make_race

import tbgrad
from tbgrad.records import Images, Texts
from tbgrad.summaries.races import spaced_steps


def by_tag(result):
    return {record.tag: record for record in tbgrad.summarize(result)}


@pytest.fixture(scope="module")
def race():
    return make_race(2)


@pytest.fixture(scope="module")
def records(race):
    return by_tag(race)


def test_the_tags_of_a_race(records):
    kinds = {tag: type(record) for tag, record in records.items()}
    assert kinds == {"race/story": Texts, "race/paths": Images, "race/animation": Images, "race/value": Images}
    assert next(iter(kinds)) == "race/story" and all(record.description for record in records.values())


def test_without_a_landscape_there_are_values_and_a_story():
    assert set(by_tag(make_race(2, landscape=False))) == {"race/story", "race/value"}


def test_the_slider_goes_through_ten_steps(records):
    steps = records["race/paths"].step.tolist()
    assert len(steps) == 10 and steps[:2] == [0, 1] and steps[-1] == STEPS
    # Logarithmically: each is about as many times the one before.
    assert max(np.diff(np.log(steps[3:]))) < 1.5 * min(np.diff(np.log(steps[3:])))
    sizes = {Image.open(io.BytesIO(image)).size for image in records["race/paths"].image}
    assert sizes == {records["race/paths"].size}


def test_the_animation_has_sixty_frames(records):
    (image,) = records["race/animation"].image
    gif = Image.open(io.BytesIO(image))
    assert gif.n_frames == 60 and len(image) < 2**20 and gif.info["loop"] == 0
    assert records["race/animation"].step.tolist() == [STEPS]


@pytest.mark.parametrize("last", [1, 2, 8, 9, 10, 58, 59, 60, 500, 2000, 10**6])
def test_spaced_steps(last):
    steps = spaced_steps(last, 60)
    assert len(steps) == min(60, last + 1) or (len(steps), last) == (60, 59)
    assert steps[0] == 0 and steps[-1] == last and (np.diff(steps) > 0).all()
    # Gaps never get smaller by more than rounding.
    assert (np.diff(steps, 2) >= -1).all()


def test_the_story_tells_who_arrived_in_order(race, records):
    (story,) = records["race/story"].text
    rows = re.findall(r"^\| (sgd|adam)([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|$", story, re.MULTILINE)
    assert [(row[0] + row[1]).strip() for row in rows] == [race.names[k] for k in race.order]
    arrival = race.steps_to_target
    for row, k in zip(rows, race.order, strict=True):
        assert row[3].strip() == (f"{arrival[k]:.0f}" if np.isfinite(arrival[k]) else "not reached")
        assert float(row[4]) == pytest.approx(race.value[-1, k], rel=1e-5)
        assert row[5].strip() == race.verdicts[k].status.words
    first = race.order[0]
    assert f"**{race.names[first]} arrives first, after {arrival[first]:.0f} steps; 1 of 4 racers arrive" in story
    assert "untuned" in story and "(4, 1.5)" in story and "sgd 0.3: Diverged" in story
    # The racers' own runs are beside this one.
    assert "runFilter=%28%5E%7C/%29bowl/descent/&tagFilter=%5Edescent/log10_gap%24" in story
    for tag in ("race/paths", "race/animation", "race/value", "descent/log10_gap"):
        assert f"`{tag}`" in story


def test_the_story_of_a_race_that_nobody_wins():
    lost = by_tag(make_race(2, (RACERS[3], ("sgd", 0.31, {})), landscape=False))["race/story"]
    assert "Every racer failed." in str(lost.text)
    slow = by_tag(make_race(2, (("sgd", 0.001, {}), ("sgd", 0.002, {})), landscape=False))["race/story"]
    assert "No racer arrives; sgd 0.002 ends lowest" in str(slow.text)
    unknown = by_tag(make_race(2, known=False, landscape=False))["race/story"]
    assert "descent/value" in str(unknown.text) and "log10_gap" not in str(unknown.text)
