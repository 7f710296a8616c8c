"""Looks: closed forms on hand-made pictures, the truth of rendered scenes, and what must not change a value."""

import io

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from repository import SHARED
from scipy import ndimage

from seedscope.analysis.features.looks.border import borders
from seedscope.analysis.features.looks.colour import cielab, tristimulus
from seedscope.analysis.features.looks.looks import Looks, colourfulness, sharpness
from seedscope.jobs.sprout import world
from seedscope.pipeline import images
from seedscope.pipeline.models.locate import BUNDLED

PHOTOS = SHARED / "data" / "imagenet_sample_256"
REFERENCE = BUNDLED / "reference" / "reference.parquet"
Pixels = npt.NDArray[np.uint8]
needs_fonts = pytest.mark.skipif(
    not (world.EMOJI_FONT.exists() and world.WORD_FONT.exists()),
    reason="rendering needs Debian's fonts-noto-color-emoji and fonts-dejavu-core",
)


def looks(*pictures: Pixels) -> dict[str, npt.NDArray[np.float64]]:
    """Columns of pictures (H, W, 3) of one size; null is NaN."""
    columns = Looks().compute(np.stack(pictures), [""] * len(pictures))
    return {name: column.to_numpy(zero_copy_only=False).astype(np.float64) for name, column in columns.items()}


def flat(colour: tuple[int, int, int] | int, height: int = 64, width: int = 64) -> Pixels:
    return np.full((height, width, 3), colour, np.uint8)


def textures(count: int, side: int, seed: int = 0) -> Pixels:
    """Coloured waves with large and small detail, unlike each other: (count, side, side, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / side
    made = np.full((count, side, side, 3), 128.0)
    for scale, height in ((4, 60), (12, 40), (40, 25)):
        angle = rng.uniform(-scale, scale, (2, count, 1, 1, 3))
        made += height * np.sin(angle[0] * x[..., None] + angle[1] * y[..., None] + rng.uniform(0, 6, (count, 1, 1, 3)))
    return np.clip(made + rng.normal(0, 3, made.shape), 0, 255).astype(np.uint8)


def framed(pixels: Pixels, colour: object, widths: tuple[int, int, int, int]) -> Pixels:
    """A border of `widths` (top, bottom, left, right) painted over a picture."""
    top, bottom, left, right = widths
    made = np.empty_like(pixels)
    made[:] = colour
    inside = (slice(top, pixels.shape[0] - bottom), slice(left, pixels.shape[1] - right))
    made[inside] = pixels[inside]
    return made


def right_and_found(said: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """(precision, recall)."""
    return float(truth[said].mean()), float(said[truth].mean())


def test_columns_are_those_announced() -> None:
    columns = Looks().compute(textures(3, 64), ["", "", ""])
    assert list(columns) == [field.name for field in Looks().fields()]
    for field in Looks().fields():
        assert columns[field.name].type == field.type
        assert columns[field.name].null_count == (3 if field.name == "border_width" else 0)
    empty = Looks().compute(np.zeros((0, 64, 64, 3), np.uint8), [])
    assert all(len(empty[field.name]) == 0 and empty[field.name].type == field.type for field in Looks().fields())
    assert len(Looks().fingerprint()) == 64


def test_colours_have_their_published_cielab_values() -> None:
    known = {(255, 255, 255): (100, 0, 0), (255, 0, 0): (53.24, 80.09, 67.20), (0, 0, 255): (32.30, 79.19, -107.86)}
    known |= {(0, 0, 0): (0, 0, 0), (119, 119, 119): (50.03, 0, 0), (1, 2, 1): (0.47, -0.40, 0.29)}
    for colour, lab in known.items():
        assert cielab(tristimulus(np.array(colour, np.uint8))) == pytest.approx(lab, abs=0.03)
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    assert np.abs(cielab(tristimulus(greys))[:, 1:]).max() < 1e-3


def test_colourfulness_is_the_papers_formula() -> None:
    halves = np.concatenate([flat((255, 0, 0), 32), flat((0, 0, 255), 32)])
    # rg is 255 and 0, yb is 127.5 and -255: standard deviations 127.5 and 191.25, means 127.5 and -63.75.
    expected = np.hypot(127.5, 191.25) + 0.3 * np.hypot(127.5, 63.75)
    one_colour = 0.3 * np.hypot(200 - 100, 150 - 20)
    values = colourfulness(np.stack([halves, flat((200, 100, 20)), flat(90)]))
    assert values == pytest.approx([expected, one_colour, 0], abs=1e-9)


def test_light_and_saturation_have_closed_forms() -> None:
    halves = np.concatenate([flat(0, 32), flat(255, 32)])
    values = looks(halves, flat((255, 0, 0)), flat(119))
    assert values["brightness"] == pytest.approx([50, 53.24, 50.03], abs=0.01)
    assert values["contrast"] == pytest.approx([0.5, 0, 0], abs=1e-5)
    assert values["saturation"] == pytest.approx([0, np.hypot(80.09, 67.20), 0], abs=0.05)
    assert values["chroma"] == pytest.approx(values["saturation"], abs=1e-3)


def test_sharpness_is_the_variance_of_the_smoothed_laplacian() -> None:
    pictures = textures(3, 48)
    luma = pictures.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    smooth = [ndimage.convolve(plane, np.outer([1, 2, 1], [1, 2, 1]) / 16) for plane in luma]
    expected = [ndimage.laplace(plane)[2:-2, 2:-2].var() for plane in smooth]
    assert sharpness(pictures) == pytest.approx(expected, rel=1e-4)


def test_sharpness_falls_with_blur_and_hardly_rises_with_noise() -> None:
    rng = np.random.default_rng(0)
    edges = np.where((np.indices((96, 96)) // 12).sum(axis=0) % 2, 200, 50)
    blurred = [ndimage.gaussian_filter(edges.astype(float), sigma) for sigma in (0.0, 0.7, 1.5, 3.0)]
    grainy = np.repeat(blurred[2] + rng.normal(0, 5, edges.shape), 3).reshape(96, 96, 3).round().astype(np.uint8)
    sharp = sharpness(np.stack([np.repeat(plane, 3).reshape(96, 96, 3).astype(np.uint8) for plane in blurred]))
    assert (np.diff(sharp) < 0).all()
    assert sharp[2] < sharpness(grainy[None])[0] < sharp[1]
    noise = np.repeat(rng.normal(128, 5, (1, 256, 256, 1)), 3, axis=3).round().astype(np.uint8)
    assert sharpness(noise)[0] == pytest.approx(0.40625 * (25 + 1 / 12), rel=0.03)  # rounding adds 1 / 12


@pytest.mark.parametrize("side", [64, 150, 512])
def test_borders_of_any_colour_and_width_are_found(side: int) -> None:
    rng = np.random.default_rng(1)
    for picture in textures(24 if side < 512 else 3, side):
        width = max(1, round(rng.uniform(0.02, 0.15) * side))
        colour = rng.integers(0, 256, 3)
        values = looks(framed(picture, colour, (width,) * 4))
        assert values["border_strength"][0] > 0.6, (side, width, colour)
        assert values["border_width"][0] == pytest.approx(width / side, abs=0.0081)


def test_a_border_may_be_uneven_noisy_and_soft() -> None:
    rng = np.random.default_rng(2)
    for picture in textures(12, 64):
        uneven = framed(picture, (250, 250, 250), (3, 9, 4, 5))
        soft = ndimage.gaussian_filter(uneven.astype(float), (0.6, 0.6, 0)) + rng.normal(0, 2, uneven.shape)
        values = looks(uneven, soft.clip(0, 255).astype(np.uint8))
        assert values["border_strength"].min() > 0.6
        assert values["border_width"] == pytest.approx([21 / 4 / 64] * 2, abs=0.01)
    (border,) = borders(cielab(tristimulus(uneven[None])))
    assert border.inside == (slice(5, 53), slice(6, 57))  # the border's widths and two pixels for a soft edge


def test_what_is_no_border() -> None:
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    plain = textures(8, 64)
    gradient = np.repeat(np.linspace(60, 250, 64), 64 * 3).reshape(64, 64, 3).astype(np.uint8)
    sky = plain[0].copy()
    sky[:12] = (120, 170, 240)
    bars = framed(plain[1], 10, (9, 9, 0, 0))
    disc = np.where((np.hypot(x, y) < 0.8)[..., None], flat((200, 30, 30)), flat(235)).astype(np.uint8)
    round_shade, square_shade = (
        1 - 0.35 * (x**2 + y**2),
        0.4 + 0.6 * np.minimum(1, 2 * (1 - np.maximum(abs(x), abs(y)))),
    )
    shaded = [
        (picture * shade[..., None]).astype(np.uint8)
        for picture in (plain[2], flat((120, 170, 240)), flat(255))
        for shade in (round_shade, square_shade)
    ]
    values = looks(*plain, gradient, sky, bars, disc, flat(128), *shaded)
    assert values["border_strength"].max() < 0.4
    assert np.isnan(values["border_width"]).all()


def test_sky_is_the_bright_smooth_share_that_reaches_the_top() -> None:
    ground = textures(1, 64)[0] // 3
    day, night, lake = ground.copy(), ground.copy(), ground.copy()
    day[:24] = np.linspace((90, 160, 235), (210, 230, 250), 24)[:, None]
    night[:24] = (12, 14, 50)
    lake[30:50] = (150, 200, 240)
    tree = day.copy()
    tree[10:40, 20:30] = (40, 90, 30)
    values = looks(day, night, lake, tree, framed(day, (120, 80, 40), (5,) * 4), flat(250), flat((30, 30, 90)))["sky"]
    assert values[:3] == pytest.approx([24 / 64, 0, 0], abs=0.02)
    assert values[3] == pytest.approx(24 / 64 - 140 / 4096, abs=0.02)
    assert values[4] == pytest.approx((24 - 7) / (64 - 14), abs=0.02)
    assert values[5:] == pytest.approx([1, 0])


def test_greyscale_bears_noise_and_a_coloured_border_but_no_toy() -> None:
    rng = np.random.default_rng(3)
    grey = np.repeat(textures(1, 64)[0][..., :1], 3, axis=2)
    noisy = (grey + rng.normal(0, 2.5, grey.shape)).clip(0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "JPEG", quality=60)
    toy = grey.copy()
    toy[20:26, 20:26] = (200, 40, 40)
    sepia = (grey * np.array([1.0, 0.85, 0.6])).astype(np.uint8)
    brown = framed(grey, (120, 80, 40), (5,) * 4)
    pictures = (grey, noisy, np.asarray(Image.open(buffer)), brown, toy, sepia, textures(1, 64)[0])
    assert looks(*pictures)["greyscale"].tolist() == [1, 1, 1, 1, 0, 0, 0]


def test_borders_and_greyscale_of_the_bundled_reference() -> None:
    rows = pq.read_table(REFERENCE, columns=["image", "greyscale", "border"])
    values = looks(*(images.decode(image["bytes"]) for image in rows["image"].to_pylist()))
    found = ~np.isnan(values["border_width"])
    for said, name in ((values["greyscale"] == 1, "greyscale"), (found, "border")):
        assert min(right_and_found(said, rows[name].to_numpy())) >= 0.98
    assert (found == (values["border_strength"] >= 0.5)).all()


@needs_fonts
def test_borders_greyscale_and_sky_of_held_out_scenes() -> None:
    """Scenes beyond those of the bundled reference, on which the thresholds were chosen."""
    scenes = [world.render(world.REFERENCE_SEEDS + 100_000 + i) for i in range(1000)]
    values = looks(*(scene.pixels for scene in scenes))
    grey = np.array([scene.greyscale for scene in scenes])
    border = np.array([scene.border for scene in scenes])
    assert (grey & border).sum() >= 5  # greyscale scenes in a border, which may be brown, count as greyscale
    assert min(right_and_found(values["greyscale"] == 1, grey)) >= 0.98
    mistaken = {(scenes[i].object, scenes[i].place) for i in np.flatnonzero(values["greyscale"] != grey)}
    assert mistaken <= {("soccer ball", "studio")}  # nothing in such a scene has a colour
    assert min(right_and_found(~np.isnan(values["border_width"]), border)) >= 0.98
    assert values["border_width"][border] == pytest.approx([world.BORDER_WIDTH / world.SIDE] * border.sum(), abs=0.01)
    open_air = [i for i, scene in enumerate(scenes) if scene.place in (*world.GROUNDS, "sky") and not grey[i]]
    errors = np.array([values["sky"][i] - true_sky(scenes[i]) for i in open_air])
    assert np.mean(np.abs(errors) < 0.1) >= 0.95
    assert np.median(np.abs(errors)) < 0.03
    assert max(values["sky"][i] for i, scene in enumerate(scenes) if scene.place == "night") < 0.2


def true_sky(scene: world.Scene) -> float:
    """Share of the background above the horizon that reaches the top edge, inside the border."""
    rows = np.arange(world.SIDE)[:, None] < round(scene.horizon * world.SIDE)
    cut = world.BORDER_WIDTH if scene.border else 0
    open_to = (rows & (scene.layers == world.BACKGROUND))[cut : world.SIDE - cut, cut : world.SIDE - cut]
    top = np.zeros_like(open_to)
    top[0] = open_to[0]
    return float(ndimage.binary_propagation(top, mask=open_to).mean())


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="no real photos in ../shared/data/imagenet_sample_256")
def test_real_photos() -> None:
    files = sorted(PHOTOS.glob("*.jpg"))[2::10]
    photos = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
    values = looks(*photos)
    without_colour = np.array([np.ptp(photo, axis=2).max() == 0 for photo in photos])
    assert without_colour.sum() >= 3
    assert (values["greyscale"][without_colour] == 1).all()
    assert values["greyscale"][~without_colour].mean() < 0.02
    found = [file.stem for file, width in zip(files, values["border_width"], strict=True) if not np.isnan(width)]
    assert found == ["n03544143_hourglass"]  # a thin black line runs around it; no other has a border


def test_values_do_not_depend_on_what_else_is_measured() -> None:
    pictures = textures(40, 64)
    pictures[::3] = [framed(picture, (200, 30, 90), (4, 5, 6, 7)) for picture in pictures[::3]]
    whole, order = looks(*pictures), np.random.default_rng(0).permutation(40)
    alone = [looks(picture) for picture in pictures]
    shuffled = looks(*pictures[order])
    for name, column in whole.items():
        assert [one[name][0] for one in alone] == pytest.approx(column.tolist(), abs=1e-4, nan_ok=True)
        assert shuffled[name] == pytest.approx(column[order], abs=1e-4, nan_ok=True)


def test_most_values_do_not_depend_on_the_size() -> None:
    for picture in textures(4, 64):
        small = framed(picture, (250, 250, 240), (4,) * 4)
        small[4:30, 4:-4] = (150, 200, 240)
        large = small.repeat(4, axis=0).repeat(4, axis=1)
        one, other = looks(small), looks(large)
        for name in ("colourfulness", "saturation", "brightness", "contrast"):
            assert one[name] == pytest.approx(other[name], rel=1e-3)
        for name in ("border_width", "sky"):
            assert one[name] == pytest.approx(other[name], abs=0.03)


def test_what_a_small_picture_cannot_tell_is_null() -> None:
    for height, width in ((1, 1), (4, 300), (300, 4), (15, 15)):
        columns = Looks().compute(flat((200, 30, 30), height, width)[None], [""])
        nulls = {name for name, column in columns.items() if column.null_count}
        assert nulls == {"border_strength", "border_width"} | ({"sharpness"} if min(height, width) < 5 else set())
        assert columns["greyscale"].to_pylist() == [False]
    assert Looks().compute(flat(9, 16, 17)[None], [""])["border_strength"].to_pylist() == [0]


def test_wrong_pixels_are_errors() -> None:
    with pytest.raises(ValueError, match="uint8"):
        Looks().compute(np.zeros((1, 8, 8, 3), np.float32), [""])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"\(1, 8, 8, 4\)"):
        Looks().compute(np.zeros((1, 8, 8, 4), np.uint8), [""])
    with pytest.raises(ValueError, match="1 images, but 2 prompts"):
        Looks().compute(np.zeros((1, 8, 8, 3), np.uint8), ["", ""])


def test_columns_go_into_a_table() -> None:
    columns = Looks().compute(textures(2, 64), ["", ""])
    table = pa.table(columns, schema=pa.schema(Looks().fields()))
    assert table.num_rows == 2 and table.num_columns == 10
