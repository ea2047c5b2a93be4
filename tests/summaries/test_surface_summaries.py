"""A surface's records: tags, pictures, mesh, and the page that tells what they show."""

import io
import re

import numpy as np
import pytest
from PIL import Image

import tbgrad
from tbgrad.records import Images, Meshes, Texts
from tbgrad.summaries.surfaces import surface_records


def by_tag(records):
    found = {record.tag: record for record in records}
    assert len(found) == len(records)
    return found


@pytest.fixture(scope="module")
def ripple():
    return by_tag(tbgrad.summarize(tbgrad.surface(tbgrad.resolve("ripple"), points=41)))


@pytest.fixture(scope="module")
def waves():
    return by_tag(tbgrad.summarize(tbgrad.surface(tbgrad.resolve("tilted_waves"))))


def test_the_tags_are_those_of_the_interface(ripple):
    assert {tag: type(record) for tag, record in ripple.items()} == {
        "surface/contour": Images,
        "surface/contour3d": Images,
        "surface/gradient_norm": Images,
        "surface/gradient/x": Images,
        "surface/gradient/y": Images,
        "surface/relief/30_-60": Images,
        "surface/relief/60_90": Images,
        "surface/relief/90_90": Images,
        "surface/mesh": Meshes,
        "surface/story": Texts,
    }
    assert all(record.step.tolist() == [0] for record in ripple.values())


def test_pictures_are_pngs_of_the_stated_size_and_all_different(ripple):
    pictures = [record for record in ripple.values() if isinstance(record, Images)]
    for record in pictures:
        (image,) = record.image
        opened = Image.open(io.BytesIO(image))
        assert opened.format == "PNG" and opened.size == record.size
        assert len(np.unique(np.asarray(opened).reshape(-1, 3), axis=0)) > 20
    assert len({record.image for record in pictures}) == 8


def test_the_contours_in_3d_are_grey_and_the_reliefs_coloured(ripple):
    def coloured(tag):
        pixels = np.asarray(Image.open(io.BytesIO(ripple[tag].image[0]))).astype(int)
        return (np.ptp(pixels, axis=-1) > 60).mean()

    assert coloured("surface/contour3d") < 0.001
    assert min(coloured(f"surface/relief/{view}") for view in ("30_-60", "60_90", "90_90")) > 0.1


def test_other_views_have_tags_of_their_own():
    surface = tbgrad.surface(tbgrad.resolve("ripple"), points=11)
    records = by_tag(surface_records(surface, [(12.5, 200.0), (90.0, 0.0)]))
    assert [tag for tag in records if "relief" in tag] == ["surface/relief/12.5_200", "surface/relief/90_0"]
    assert "`surface/relief/12.5_200`" in records["surface/story"].text[0]
    # The contours in three dimensions are seen from the first of them.
    others = by_tag(surface_records(surface, [(90.0, 0.0), (12.5, 200.0)]))
    assert others["surface/contour3d"].image != records["surface/contour3d"].image
    assert others["surface/relief/90_0"].image == records["surface/relief/90_0"].image


@pytest.mark.parametrize("which", ["ripple", "waves"])
def test_the_story_names_only_tags_that_the_run_has(request, which):
    records = request.getfixturevalue(which)
    (story,) = records["surface/story"].text
    named = re.findall(r"`(surface/[^`]*)`", story.split("**Where to look**")[1])
    assert len(named) == 8 and set(named) <= set(records)


def test_the_story_tells_extremes_and_minima(ripple):
    (story,) = ripple["surface/story"].text
    assert "41 × 41 points, x from 0 to 6, y from -6 to 6." in story
    x, y = np.meshgrid(np.linspace(0, 6, 41), np.linspace(-6, 6, 41))
    value = np.sin(np.hypot(x, y))
    for word, extreme in (("lowest", value.min()), ("highest", value.max())):
        (told, where) = re.search(rf"\| {word} \| (\S+) \| (.*) \|", story).groups()
        assert float(told) == pytest.approx(extreme, rel=1e-8)
        at = [float(number) for number in re.fullmatch(r"x = (\S+), y = (\S+)", where).groups()]
        assert np.sin(np.hypot(*at)) == pytest.approx(extreme, rel=1e-5)
    # 3π/2 = 4.71239 to six digits.
    assert "| known minimum | -1 | a ring through (4.71239, 0) |" in story
    assert "ndefined" not in story.replace("where undefined?", "") and "are cut" not in story


def test_the_story_of_a_pole_tells_the_hole_and_the_cut(waves):
    (story,) = waves["surface/story"].text
    assert "**It is undefined at y = 0**: a hole in every picture." in story and "Its heights are cut" in story
    low, high = (float(number) for number in re.search(r"cut below (\S+) and above (\S+);", story).groups())
    x, y = np.meshgrid(np.linspace(-6, 6, 101), np.linspace(-6, 6, 101))
    with np.errstate(all="ignore"):
        value = np.cos(x) * np.sin(y) + x / y
    np.testing.assert_allclose([low, high], np.percentile(value[np.isfinite(value)], [5, 95]), rtol=5e-3)
    assert "About the function: Undefined on the line y = 0" in story


def test_the_mesh_and_the_pictures_say_what_they_show(ripple, waves):
    mesh = ripple["surface/mesh"]
    assert len(mesh.vertices) == len(mesh.faces) == len(mesh.colors) == 1
    assert {"camera", "lights", "material"} == set(mesh.config)
    for text in ("x from 0 to 6", "y from -6 to 6", "x to the right, y to the back", "Gold", "blue: x", "purple: y"):
        assert text in mesh.description
    for tag, record in waves.items():
        if isinstance(record, Images):
            assert "tilted_waves" in record.description and "x from -6 to 6" in record.description, tag


def test_descriptions_say_quantity_and_unit(ripple):
    told = {tag: record.description for tag, record in ripple.items()}
    where = "of ripple, x from 0 to 6, y from -6 to 6"
    assert told["surface/gradient_norm"].startswith(f"Length of the gradient {where}")
    assert told["surface/gradient/y"].startswith(f"Partial derivative by y {where}")
    assert told["surface/gradient/y"].endswith("Axes: position; colours: value per y.")
    assert f"Contours {where}, with arrows of the gradient" in told["surface/contour"]
    assert "from 60° above and 90° around" in told["surface/relief/60_90"]


def test_streamlines_are_said_and_drawn():
    surface = tbgrad.surface(tbgrad.resolve("ripple"), points=41)
    lines, arrows = (by_tag(surface_records(surface, [(30.0, -60.0)], streamlines)) for streamlines in (True, False))
    assert "lines along the gradient" in lines["surface/contour"].description
    assert lines["surface/contour"].image != arrows["surface/contour"].image
    same = lines.keys() - {"surface/contour", "surface/mesh", "surface/story"}
    assert all(lines[tag].image == arrows[tag].image for tag in same)


def test_tangent_planes_are_told_with_their_numbers():
    f = tbgrad.resolve("tilted_waves")
    surface = tbgrad.surface(f, points=21, tangents=[(2.0, 2.0), (2.0, 0.0)])
    (story,) = by_tag(tbgrad.summarize(surface))["surface/story"].text
    assert "**Tangent planes**" in story and "| 2 | 0 | undefined |" in story
    value, by_x, by_y = re.search(r"\| 2 \| 2 \| (\S+) \| (\S+) \| (\S+) \|", story).groups()
    assert float(value) == pytest.approx(np.cos(2) * np.sin(2) + 1, rel=1e-8)
    assert float(by_x) == pytest.approx(-(np.sin(2) ** 2) + 0.5, rel=1e-8)
    assert float(by_y) == pytest.approx(np.cos(2) ** 2 - 0.5, rel=1e-8)
    (without,) = by_tag(tbgrad.summarize(tbgrad.surface(f, points=21)))["surface/story"].text
    assert "angent" not in without


def test_a_plane_through_more_variables_says_what_is_fixed():
    f = tbgrad.resolve("x**2 + y**2 + z**2")
    surface = tbgrad.surface(f, [("z", -1.0, 1.0), ("x", -2.0, 2.0)], {"y": 0.5}, points=11)
    records = by_tag(tbgrad.summarize(surface))
    assert "z to the right, x to the back" in records["surface/mesh"].description
    for record in records.values():
        text = record.text[0] if isinstance(record, Texts) else record.description
        assert "z from -1 to 1, x from -2 to 2, y = 0.5" in text


@pytest.mark.parametrize("text", ["log(x - 100) + y", "0*x + 0*y + 3", "1/(x*y)"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_flat_undefined_and_poled_surfaces_have_all_records(text, dtype):
    ranges = [("x", -1.0, 1.0), ("y", -1.0, 1.0)]
    records = by_tag(tbgrad.summarize(tbgrad.surface(tbgrad.resolve(text), ranges, points=11, dtype=dtype)))
    assert len(records) == 10
    assert ("ndefined at" in records["surface/story"].text[0]) == ("x" in text and not text.startswith("0"))
