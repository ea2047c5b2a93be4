"""`tbgrad compare --log`: what a comparison found, back into TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tbgrad import naming
from tbgrad.comparison.aggregates import Aggregate, aggregates, band_records, ranking_records
from tbgrad.comparison.comparing import COMMAND, Comparison
from tbgrad.comparison.documents import document
from tbgrad.comparison.tables import text_table
from tbgrad.experiments.launching import Outcome, Place, Product, check_writable, launch
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
    names = {f"{name}_{aggregate.slug}": aggregate for aggregate in found}
    _delete_others(place.logdir, name, asked, names)
    for group, aggregate in names.items():
        _launch(place, group, {**asked, "group": group.removeprefix(name)}, _product(aggregate))
    product = Product(ranking_records(comparison, found), {}, document(comparison), text_table(comparison))
    return _launch(place, name, asked, product)


def _launch(place: Place, name: str, asked: Mapping[str, Any], product: Product) -> Outcome:
    info = read_info(place.logdir / name)
    again = info is not None and info.get("asked") == asked
    place = Place(place.logdir, name, place.overwrite or again)
    return launch(place, name, asked, lambda: product)


def _product(aggregate: Aggregate) -> Product:
    arrays: dict[str, np.ndarray] = {}
    for band in aggregate.bands:
        arrays |= {f"{band.tag}/{part}": getattr(band, part) for part in ("step", "median", "lower", "upper")}
    report = {"function": aggregate.function, "group": aggregate.name, "tags": [band.tag for band in aggregate.bands]}
    return Product(band_records(aggregate), arrays, report, [])


def _delete_others(logdir: Path, name: str, asked: Mapping[str, Any], kept: Sequence[str]) -> None:
    """Deletes the groups that an earlier launch of this request wrote and that are no more."""
    for directory in sorted((logdir / name).parent.glob(f"{Path(name).name}_*")):
        info = read_info(directory) or {}
        of = {key: value for key, value in (info.get("asked") or {}).items() if key != "group"}
        run = directory.relative_to(logdir).as_posix()
        if of == asked and run not in kept and info.get("asked") != asked:
            delete_run(directory)
