"""The gallery: every kind of picture is in it, and the page is what its script makes."""

import importlib.util
import re
import shlex
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from tbgrad.cli.main import main

TOP = Path(__file__).parents[1]
LARGEST = 3 * 2**20


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_gallery", TOP / "docs" / "make_gallery.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def page():
    return (TOP / "docs" / "gallery.md").read_text(encoding="utf-8")


def test_the_page_is_what_the_script_makes(script):
    done = CliRunner().invoke(script.main, ["--check"])
    assert done.exit_code == 0, done.output


def test_the_script_says_what_is_not_up_to_date(script, monkeypatch):
    first, *rest = script.GALLERY
    more = script.Shown("sweep/curve", "More.", "another")
    monkeypatch.setattr(script, "GALLERY", (script.Part(first.title, first.command, (*first.shown, more)), *rest))
    done = CliRunner().invoke(script.main, ["--check"])
    assert done.exit_code == 1 and "another.png" in done.output


def test_every_kind_of_picture_is_there(script):
    """Named by CONTRIBUTING.md: complains when the README's table has a picture that the gallery lacks."""
    rows = re.findall(r"^\| (`.*?`.*?) \| (.*?) \|.*$", (TOP / "README.md").read_text(encoding="utf-8"), re.M)
    pictures = [re.findall(r"`(.*?)`", tags) for tags, said in rows if re.search(r"\bpicture\b", said.split(";")[0])]
    tags = {tag for of in pictures for tag in of if "/" in tag and "tbgrad" not in tag}
    assert len(tags) > 12
    shown = {shown.tag for part in script.GALLERY for shown in part.shown}
    kinds = {tag: re.sub(r"<\w+>", "[^/]+", tag) for tag in tags}
    assert {tag for tag, kind in kinds.items() if not any(re.fullmatch(kind, name) for name in shown)} == set()


def test_every_linked_picture_opens_and_all_are_small(page):
    linked = re.findall(r"!\[.*?\]\((.*?)\)", page)
    pictures = {path.name: path for path in (TOP / "docs" / "gallery").iterdir()}
    assert len(linked) == len(set(linked)) and {f"gallery/{name}" for name in pictures} == set(linked)
    for name, path in pictures.items():
        with Image.open(path) as image:
            assert getattr(image, "n_frames", 1) > 1 if name.endswith(".gif") else image.format == "PNG", name
    assert sum(path.stat().st_size for path in pictures.values()) < LARGEST


def test_every_command_is_one(script):
    for part in script.GALLERY:
        program, command, *words = shlex.split(part.command)
        if program == "python":
            assert (TOP / command).exists() and not words and all(shown.run for shown in part.shown if shown.tag)
            continue
        assert program == "tbgrad" and command in main.list_commands(None)
        known = {name for option in main.get_command(None, command).params for name in option.opts}
        assert {word for word in words if word.startswith("--")} <= known


def test_readme_shows_pictures_of_the_gallery():
    linked = re.findall(r"!\[.*?\]\((docs/gallery/.*?)\)", (TOP / "README.md").read_text(encoding="utf-8"))
    assert len(linked) == 4 and all((TOP / path).exists() for path in linked)
