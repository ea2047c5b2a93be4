"""`tbgrad compare --log`: what a comparison found, back into TensorBoard."""

from __future__ import annotations

import functools
import glob
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tbgrad import naming
from tbgrad.comparison.aggregates import Aggregate, aggregates, band_records, ranking_records, slugs
from tbgrad.comparison.comparing import COMMAND, Comparison
from tbgrad.comparison.documents import document
from tbgrad.comparison.tables import text_table
from tbgrad.experiments.launching import Outcome, Place, Product, check_writable, find, launch
from tbgrad.runs.opening import delete_run, read_info


def log_comparison(comparison: Comparison, place: Place, request: Mapping[str, Any]) -> Outcome:
    """Writes a run with the ranking, and beside it one for each group with the bands of its runs.

    The same request is made anew, since its runs may have changed; groups that it had before and has no more are
    deleted.

    Args:
      comparison: of runs.
      place: where to log.
      request: what was asked, as JSON can hold it; it also names the run, `compare/<score>_by_<settings>_<hash>`.

    Returns:
      The `Outcome` of the run with the ranking.

    Raises:
      RunExistsError: another request has one of these names already.
      NotARunError, WriteError and others: see `tbgrad.open_run`.
    """
    asked = naming.plain({"command": COMMAND, **request})
    by = [comparison.by or "runs", *comparison.group_by]
    fixed = "_by_".join(map(naming.slug, by))
    # Places and conditions are too long for a name: their hash stands for them.
    name = naming.run_name(COMMAND, fixed, [("of", "")], asked, hashed=True) if place.run is None else place.run
    check_writable(place.logdir)
    found = aggregates(comparison)
    names = {f"{name}_{slug}": aggregate for slug, aggregate in zip(slugs(found), found, strict=True)}
    asked_of = {group: {**asked, "group": group.removeprefix(name)} for group in names} | {name: asked}
    # Whatever forbids a run is said before another is touched.
    places = {run: _checked(place, run, request) for run, request in asked_of.items()}
    before = (read_info(place.logdir / name) or {}).get("asked") if place.overwrite else asked
    _delete_others(place.logdir, name, (asked, before), names)
    for group, aggregate in names.items():
        launch(places[group], group, asked_of[group], functools.partial(_product, aggregate))
    product = Product(ranking_records(comparison, found), {}, document(comparison), text_table(comparison))
    return launch(places[name], name, asked, lambda: product)


def _checked(place: Place, name: str, asked: Mapping[str, Any]) -> Place:
    """Where a run goes: over an earlier one of the same request, since what is compared may have changed."""
    again = (read_info(place.logdir / name) or {}).get("asked") == asked
    found = Place(place.logdir, name, place.overwrite or again)
    find(found, name, asked)
    return found


def _product(aggregate: Aggregate) -> Product:
    arrays: dict[str, np.ndarray] = {}
    for band in aggregate.bands:
        arrays |= {f"{band.tag}/{part}": getattr(band, part) for part in ("step", "median", "lower", "upper")}
    report = {"function": aggregate.function, "group": aggregate.name, "tags": [band.tag for band in aggregate.bands]}
    return Product(band_records(aggregate), arrays, report, [])


def _delete_others(logdir: Path, name: str, requests: Sequence[Any], kept: Collection[str]) -> None:
    """Deletes the groups that an earlier launch of one of these requests wrote and that are no more."""
    for directory in sorted((logdir / name).parent.glob(f"{glob.escape(Path(name).name)}_*")):
        asked = (read_info(directory) or {}).get("asked") or {}
        of = {key: value for key, value in asked.items() if key != "group"}
        run = directory.relative_to(logdir).as_posix()
        if "group" in asked and of in requests and run not in kept:
            delete_run(directory)
