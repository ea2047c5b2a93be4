"""Images and Mesh: everything is loaded and drawn, animations move, and paths have a slider."""

import io
import urllib.request

import pytest
from PIL import Image
from seen_cards import PICTURES

LARGEST_GIF = 2**20

MESHES = "all('tf-mesh-loader').filter(card => card.tag == arguments[0])"
CANVASES = f"return {MESHES}.flatMap(card => all('canvas', card.shadowRoot)).filter(shown)"
SLIDERS = f"""return {MESHES}.flatMap(card => all('paper-slider', card.shadowRoot)).filter(shown).map(
    slider => slider.max - slider.min + 1)"""


@pytest.fixture(scope="module")
def pictures(runs):
    """{(run, tag): steps} of all pictures that the runs' files hold."""
    return {(name, tag): len(series.step) for name, run in runs.items() for tag, series in run.images.items()}


@pytest.fixture(scope="module")
def images(page, pictures):
    """{(run, tag): (address, steps)} of the dashboard Images, when all that the files hold is loaded."""
    page.open("images")

    def missing():
        return sorted(set(pictures) - {(run, tag) for run, tag, source, _ in page.ask(PICTURES) if source})

    page.wait("missing pictures", missing, expected=[])
    return {(run, tag): (source, steps) for run, tag, source, steps in page.ask(PICTURES)}


def of_tag(images, wanted):
    return {run: found for (run, tag), found in images.items() if tag == wanted}


def test_images_shows_all_pictures_and_their_sliders(images, pictures):
    assert {key: steps for key, (_, steps) in images.items()} == pictures
    kinds = {"descent/animation", "descent/path", "sweep/curve", "surface/contour", "surface/contour3d", "race/paths"}
    assert kinds < {tag for _, tag in pictures}


def test_the_first_pictures_are_sorted_by_tag_and_run(page, pictures):
    # Groups stand in the order of the alphabet, and so do the pictures in them, whatever was logged first.
    page.open("images")
    first = page.wait("pictures", "return all('tf-image-loader').map(card => [card.tag, card.run]).slice(0, 5)")
    assert [tuple(card) for card in first] == sorted((tag, run) for run, tag in pictures)[: len(first)]


def test_the_animations_move(images):
    for run, (source, _) in (of_tag(images, "descent/animation") | of_tag(images, "race/animation")).items():
        with urllib.request.urlopen(source, timeout=30) as answer:
            found = answer.read()
        assert found.startswith(b"GIF8") and len(found) < LARGEST_GIF, run
        with Image.open(io.BytesIO(found)) as gif:
            assert gif.n_frames > 10, run


def test_the_paths_have_a_slider_of_ten_steps(images):
    paths = of_tag(images, "descent/path") | of_tag(images, "race/paths")
    assert {run: steps for run, (_, steps) in paths.items() if steps != 10} == {}


@pytest.mark.parametrize(
    ("run", "tag"),
    [
        ("ripple/surface/x-y", "surface/mesh"),
        ("tilted_waves/surface/x-y", "surface/mesh"),
        ("rosenbrock/descent/adam_lr0.05", "descent/mesh"),
    ],
)
def test_the_meshes_are_drawn(page, runs, run, tag):
    steps = len(runs[run].meshes[tag].step)
    # One run at a time, since nothing but the processor draws here. Mesh shows each one twice, in two groups.
    page.open(f"mesh&regexInput={run}$")
    page.wait("both canvases", f"{CANVASES}.length", tag, expected=2)
    page.wait("sliders", SLIDERS, tag, expected=[steps] * 2 if steps > 1 else [])
    # A blank canvas has one colour; the shades of a surface are many.
    page.wait("how many colours", lambda: len(page.colours(f"{CANVASES}[0]", tag)), until=lambda n: n > 1000)
