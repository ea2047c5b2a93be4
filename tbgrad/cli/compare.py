"""`tbgrad compare`: ranks runs."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from tbgrad.cli.base import Command, echo_json, echo_lines, echo_notes
from tbgrad.cli.options import logging_options, output_options
from tbgrad.cli.types import LogdirType
from tbgrad.errors import LogdirError, OptionError

_FILE = click.Path(path_type=Path, allow_dash=True)


@click.command(cls=Command)
@click.argument("places", nargs=-1, type=LogdirType(path_type=Path))
@click.option(
    "--by",
    metavar="TAG[:HOW]",
    help="Rank by the last value of this scalar, or, behind a colon, by its min, max, auc (the area over the steps) or "
    "steps-to=VALUE.",
)
@click.option(
    "--highest/--lowest",
    default=None,
    help="Whether high or low values are good; by default low ones, but of :max high ones.",
)
@click.option(
    "--group-by", "group_by", metavar="HPARAM", multiple=True, help="Compare groups that share it. Repeatable."
)
@click.option("--where", metavar="CONDITION", multiple=True, help="Only runs with 'learning_rate<0.1'. Repeatable.")
@click.option("--csv", "csv_file", type=_FILE, help="Write the table as CSV; - is stdout.")
@click.option("--markdown", "markdown_file", type=_FILE, help="Write the tables as markdown; - is stdout.")
@click.option(
    "--html",
    "html_file",
    type=_FILE,
    help="Write one page with curves and pictures, which needs no network; - is stdout.",
)
@click.option("--log", is_flag=True, help="Write the ranking, and a run with the bands of each group, for TensorBoard.")
@logging_options
@output_options
def compare(
    places: tuple[Path, ...],
    by: str | None,
    highest: bool | None,
    group_by: tuple[str, ...],
    where: tuple[str, ...],
    csv_file: Path | None,
    markdown_file: Path | None,
    html_file: Path | None,
    log: bool,
    logdir: Path,
    run: str | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> None:
    """Rank the runs below PLACES (log directories, runs or patterns; by default LOGDIR), best first.

    Runs are grouped by function and ranked by the steps to 1e-6 above the known minimum, then by the smallest gap, or
    by the lowest value where no minimum is known; runs of other programs by the last value of their loss.

    \b
    tbgrad compare logs --by descent/value:min --where 'learning_rate<0.1'
    tbgrad compare 'logs/*/descent' --group-by optimizer --log
    """
    files = (("--csv -", csv_file), ("--markdown -", markdown_file), ("--html -", html_file))
    to_stdout = [name for name, file in files if str(file) == "-"]
    to_stdout += ["--json"] * as_json
    if len(to_stdout) > 1:
        raise OptionError(f"{' and '.join(to_stdout)} all want stdout; give all but one a file.")
    written = [file.resolve() for _, file in files if file is not None and str(file) != "-"]
    if len({*written}) < len(written):
        raise OptionError("--csv, --markdown and --html would overwrite each other; give each a file of its own.")
    if not log and (run is not None or overwrite):
        raise OptionError("--run and --overwrite say where --log writes; add --log.")
    from tbgrad.comparison.comparing import compare as compared
    from tbgrad.comparison.documents import csv_text, document
    from tbgrad.comparison.tables import markdown_text, text_table

    places, group_by = places or (logdir,), tuple(dict.fromkeys(group_by))
    comparison = compared(places, by, group_by=group_by, where=where, highest=highest)
    for file, write in ((csv_file, csv_text), (markdown_file, markdown_text)):
        if file is not None:
            _write(file, write(comparison))
    if html_file is not None:
        from tbgrad.comparison.page.report import html_report

        _write(html_file, html_report(comparison))
    report, lines = document(comparison), text_table(comparison, _width())
    if log:
        from tbgrad.experiments.comparisons import log_comparison
        from tbgrad.experiments.launching import Place

        # The same places from elsewhere are the same request.
        request = {"places": [str(place.absolute()) for place in places], "by": by, "highest": highest}
        request |= {"group_by": group_by, "where": where}
        outcome = log_comparison(comparison, Place(logdir, run, overwrite), request)
        report, lines = outcome.report, [*lines, outcome.lines[-1]]
    if as_json:
        echo_json(report)
    elif not to_stdout:
        echo_lines(lines)
    elif log and not quiet:
        echo_notes([f"logged '{lines[-1]}'"])


def _width() -> int | None:
    """The terminal's width; none where the table goes somewhere else and nobody says how wide that is."""
    if os.environ.get("COLUMNS") or sys.stdout.isatty():
        return shutil.get_terminal_size().columns
    return None


def _write(path: Path, text: str) -> None:
    if str(path) == "-":
        click.echo(text, nl=False)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise LogdirError(f"cannot write '{path}': {error.strerror}.") from None
