"""Makes docs/gallery.md: every kind of picture, with the command that logs it and how to read it.

Run: python docs/make_gallery.py
"""

from __future__ import annotations

import io
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import click
from gallery_parts import GALLERY, SLIDER, Part, Shown
from PIL import Image

import tbgrad
from tbgrad.figures.animations import encode_gif
from tbgrad.figures.paths import thin_colours
from tbgrad.records import Images

DOCS = Path(__file__).resolve().parent
PAGE, PICTURES = DOCS / "gallery.md", DOCS / "gallery"
_COLOURS, _MILLISECONDS = 256, 800


@click.command()
@click.option("--check", is_flag=True, help="Say whether the page is up to date in its text, and all pictures there.")
@click.option("--only", metavar="TEXT", help="Make only the pictures of the commands that contain this text.")
def main(check: bool, only: str | None) -> None:
    """Run each command, write its pictures to docs/gallery/ and the page to docs/gallery.md."""
    links = {part: [_file(shown) for shown in part.shown] for part in GALLERY}
    if check:
        written = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
        lost = [path.name for paths in links.values() for path in paths if path is not None and not path.exists()]
        if lost or written != page():
            raise click.ClickException(f"docs/gallery.md is not up to date; pictures that lack: {', '.join(lost)}.")
        click.echo("docs/gallery.md is up to date.")
        return
    PICTURES.mkdir(exist_ok=True)
    for part in GALLERY:
        if only is None or only in part.command:
            for name in _make(part):
                click.echo(f"docs/gallery/{name.name}: {name.stat().st_size:,} bytes")
    PAGE.write_text(page(), encoding="utf-8")
    click.echo(f"{sum(path.stat().st_size for path in PICTURES.iterdir()):,} bytes in all")


def page() -> str:
    """The page, in markdown."""
    head = (
        "# What tbgrad shows\n\nEvery kind of picture, the command that logs it, and how to read it. "
        "`docs/make_gallery.py` makes this page: what stands here is what the commands log.\n"
    )
    return "\n".join([head, *(_section(part) for part in GALLERY)])


def _section(part: Part) -> str:
    lines = [f"## {part.title}", "", "```sh", *part.before, part.command, "```", ""]
    for shown in part.shown:
        path = _file(shown)
        if path is not None:
            lines += [f"### `{shown.tag}`", "", f"![{shown.tag}: {_plain(part)}]({path.relative_to(DOCS)})", ""]
        lines += [shown.words, ""]
    return "\n".join(lines)


def _plain(part: Part) -> str:
    return part.title[0].lower() + part.title[1:].rstrip("?")


def _file(shown: Shown) -> Path | None:
    """Where its picture is, or None where it has none."""
    if not shown.tag:
        return None
    moves = SLIDER in shown.words or shown.tag.endswith("/animation")
    return PICTURES / f"{shown.stem}.{'gif' if moves else 'png'}"


def _make(part: Part) -> Iterable[Path]:
    """Runs the command as a user would, and writes its pictures."""
    wanted = [shown for shown in part.shown if shown.tag]
    if not wanted:
        return
    with tempfile.TemporaryDirectory() as logdir:
        for line in (*part.before, part.command):
            program, *words = shlex.split(line)
            command = [sys.executable, *([] if program == "python" else ["-m", program]), *words, "--logdir", logdir]
            done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=DOCS.parent)
            if done.returncode not in (0, 3):
                raise click.ClickException(f"{line}: {done.stderr}")
        last = Path(done.stdout.splitlines()[-1])
        runs = {name: tbgrad.read_run(Path(logdir, name) if name else last) for name in {shown.run for shown in wanted}}
    for shown in wanted:
        target = _file(shown)
        target.write_bytes(_encoded(runs[shown.run].images[shown.tag], target.suffix))
        yield target


def _encoded(images: Images, suffix: str) -> bytes:
    """A small file of the last picture, or of all steps of a slider; an animation is as it was logged."""
    if images.image[-1].startswith(b"GIF"):
        return images.image[-1]
    frames = [Image.open(io.BytesIO(image)).convert("RGB") for image in images.image]
    if suffix == ".gif":
        return encode_gif(frames, thin_colours(), _MILLISECONDS).image
    target = io.BytesIO()
    frames[-1].quantize(_COLOURS, dither=Image.Dither.NONE).save(target, "PNG", optimize=True)
    return target.getvalue()


if __name__ == "__main__":
    main()
