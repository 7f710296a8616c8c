"""Pictures with masks are read from folders and Parquet files, in every mode, and each mistake is a sentence."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from given_pictures import mask, picture, save
from PIL import Image

from seedscope.pipeline.drawing.tasks.inpainting import Inpainting
from seedscope.pipeline.drawing.tasks.masked_pictures import masked_pictures
from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.study.schema import Inpaint

SIZE = (64, 64)
HOLE = mask(10, 12, 50, 40)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def named(pictures: Path, template: str = "a {object}", **changes: Any) -> Inpainting:
    wanted = {"pictures": str(pictures), "tasks": {"completion": template}} | changes
    return Inpainting.named(Inpaint.model_validate(wanted), SIZE)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16", "CMYK"])
def test_a_mask_may_be_of_any_mode(tmp_path: Path, mode: str) -> None:
    hole = HOLE
    if mode == "I;16":
        hole = Image.fromarray(np.asarray(HOLE).astype(np.uint16) * 257)
    elif mode in ("RGBA", "LA"):
        hole = HOLE.convert(mode)  # wholly opaque
    elif mode != "L":
        hole = HOLE.convert(mode)
    picture(1).save(tmp_path / "a.png")
    hole.save(tmp_path / ("a.mask.tif" if mode == "CMYK" else "a.mask.png"))
    (found,) = masked_pictures(tmp_path, None)
    assert np.array_equal(found.read(SIZE)[1], np.asarray(HOLE) > 0)


def transparent(colour: Image.Image, alpha: Image.Image) -> Image.Image:
    found = colour.convert("RGBA")
    found.putalpha(alpha)
    return found


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
@pytest.mark.parametrize("ground", ["white", "black"])
def test_white_on_a_transparent_ground_is_a_mask(tmp_path: Path, mode: str, ground: str) -> None:
    """Whatever colour a program has left where nothing is seen."""
    under = Image.new("L", SIZE, 255) if ground == "white" else HOLE
    picture(1).save(tmp_path / "a.png")
    painted = transparent(under, HOLE)
    if mode == "P":
        painted = HOLE.convert("P")
        painted.info["transparency"] = 0
    (painted if mode == "P" else painted.convert(mode)).save(tmp_path / "a.mask.png")
    (found,) = masked_pictures(tmp_path, None)
    assert np.array_equal(found.read(SIZE)[1], np.asarray(HOLE) > 0)


@pytest.mark.parametrize(
    "hole",
    [
        transparent(picture(1), HOLE),
        transparent(Image.new("L", SIZE, 0), HOLE),
        transparent(HOLE, mask(0, 0, 64, 32)),
        transparent(HOLE, Image.new("L", SIZE, 0)),
    ],
    ids=["a picture with holes", "black on nothing", "black and white in part", "nothing"],
)
def test_transparency_that_may_mean_either_is_refused(tmp_path: Path, hole: Image.Image) -> None:
    save(tmp_path, "a", picture(1), hole)
    (found,) = masked_pictures(tmp_path, None)
    with pytest.raises(
        StudyError, match=r"a.mask.png: it is partly transparent, .* Save it without transparency, white"
    ):
        found.read(SIZE)


def test_a_mask_is_cut_at_half(tmp_path: Path) -> None:
    greys = np.zeros(SIZE, np.uint8)
    greys[:, :20], greys[:, 20:40], greys[:, 40:] = 127, 128, 200
    save(tmp_path, "a", picture(1), Image.fromarray(greys))
    (found,) = masked_pictures(tmp_path, None)
    hole = found.read(SIZE)[1]
    assert not hole[:, :20].any() and hole[:, 20:].all()


def test_a_mask_may_cover_everything(tmp_path: Path) -> None:
    save(tmp_path, "a", picture(1), mask(0, 0, 64, 64), "cat")
    source = named(tmp_path)
    assert source.given(source.prompts()[0].id)[1].all()


def test_every_source_gives_the_same_prompts_and_pictures(tmp_path: Path) -> None:
    beside, apart = tmp_path / "beside", tmp_path / "apart"
    names = {"in/a": ("cat", picture(1)), "b": ("red apple", picture(2))}
    for name, (word, image) in names.items():
        for file, content in (
            (beside / f"{name}.png", image),
            (beside / f"{name}.mask.png", HOLE),
            (apart / "images" / f"{name}.webp", image),
            (apart / "masks" / f"{name}.bmp", HOLE),
        ):
            file.parent.mkdir(parents=True, exist_ok=True)
            content.save(file, **({"lossless": True} if file.suffix == ".webp" else {}))
        for folder, ending in ((beside, "png"), (apart, "webp")):
            table = folder / "objects.csv"
            table.write_text((table.read_text() if table.exists() else "file,object\n") + f"{name}.{ending},{word}\n")
    rows = {
        "name": sorted(names),
        "object": [names[name][0] for name in sorted(names)],
        "image": [png(names[name][1]) for name in sorted(names)],
        "mask": [png(HOLE)] * 2,
    }
    pq.write_table(pa.table(rows), tmp_path / "plain.parquet", row_group_size=1)
    structs = {key: [{"bytes": data, "path": None} for data in rows[key]] for key in ("image", "mask")}
    pq.write_table(pa.table(rows | structs), tmp_path / "structs.parquet")
    sources = [named(path) for path in (beside, apart, tmp_path / "plain.parquet", tmp_path / "structs.parquet")]
    first = sources[0]
    assert {(item.group, item.text) for item in first.prompts()} == {("in/a", "a cat"), ("b", "a red apple")}
    for source in sources[1:]:
        assert set(source.prompts()) == set(first.prompts())
        for item in source.prompts():
            pairs = zip(source.given(item.id), first.given(item.id), strict=True)
            assert all(np.array_equal(*pair) for pair in pairs)


def test_what_is_no_picture_may_lie_beside_them(tmp_path: Path) -> None:
    save(tmp_path, "a", picture(1), HOLE, "cat")
    (tmp_path / "notes.pdf").write_bytes(b"%PDF-1.4")  # Pillow writes PDF and reads none
    (tmp_path / "kept.png").mkdir()
    assert [found.name for found in masked_pictures(tmp_path, None)] == ["a"]


def test_a_picture_without_a_name_is_a_group_of_its_own(tmp_path: Path) -> None:
    rows = {"image": [png(picture(seed)) for seed in (1, 2)], "mask": [png(HOLE)] * 2}
    pq.write_table(pa.table(rows), tmp_path / "p.parquet")
    pq.write_table(pa.table(rows).take([1, 0]), tmp_path / "turned.parquet")
    one, other = (named(tmp_path / file, "sky").prompts() for file in ("p.parquet", "turned.parquet"))
    assert one == other[::-1] and len({item.group for item in one}) == 2


def test_objects_in_other_spellings(tmp_path: Path) -> None:
    save(tmp_path / "in", "a", picture(1), HOLE)
    save(tmp_path, "b", picture(2), HOLE)
    (tmp_path / "objects.csv").write_text("File, Object \nin\\a.png,cat\n ./b.png , dog \n")
    assert [item.object for item in masked_pictures(tmp_path, None)] == ["dog", "cat"]


def test_objects_of_pictures_in_other_capitals(tmp_path: Path) -> None:
    """As written where a disk does not tell capitals apart; a picture that has the name itself is the one that is meant."""
    for number, name in enumerate(("caf\u00e9", "b", "B")):
        save(tmp_path, name, picture(number), HOLE)
    (tmp_path / "objects.csv").write_text("file,object\nCAFE\u0301.PNG,cup\nB.png,dog\n")
    assert {item.name: item.object for item in masked_pictures(tmp_path, None)} == {
        "caf\u00e9": "cup",
        "b": None,
        "B": "dog",
    }


def broken(spoil: Callable[[Path], object]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        save(folder, "a", picture(1), HOLE, "cat")
        save(folder, "b", picture(2), HOLE, "dog")
        spoil(folder)
        return folder

    return make


def parquet(**columns: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        folder.mkdir()
        rows = {"image": [png(picture(1))], "mask": [png(HOLE)], "object": ["cat"]} | columns
        pq.write_table(
            pa.table({name: value for name, value in rows.items() if value is not None}), folder / "p.parquet"
        )
        return folder / "p.parquet"

    return make


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda folder: folder / "none", "inpaint.pictures: there is no '{root}/none'. Give a folder of pictures"),
        (broken(lambda folder: [file.unlink() for file in folder.iterdir()]), "given: has no pictures."),
        (broken(lambda folder: (folder / "b.mask.png").unlink()), "b.png: has no mask. Put it into {root}/b.mask.png,"),
        (
            broken(lambda folder: mask(0, 0, 0, 0).save(folder / "a.mask.png")),
            "a.mask.png: the mask is empty at 64 x 64",
        ),
        (
            broken(lambda folder: mask(0, 0, 9, 9, 60, 64).save(folder / "a.mask.png")),
            "a.mask.png: the mask is 60 x 64, but its picture {root}/a.png is 64 x 64. Bring both to one size.",
        ),
        (broken(lambda folder: (folder / "b.png").write_bytes(b"no")), "b.png: not a readable picture"),
        (broken(lambda folder: (folder / "b.mask.png").write_bytes(b"no")), "b.mask.png: not a readable picture"),
        (
            broken(lambda folder: (folder / "b.png").write_bytes((folder / "b.png").read_bytes()[:500])),
            "b.png: not a readable picture",
        ),
        (
            broken(lambda folder: picture(1).save(folder / "b.png")),
            "b.png: the same picture with the same mask stands twice (first at {root}/a.png). Remove one of them",
        ),
        (broken(lambda folder: picture(1).save(folder / "a.webp")), "a.webp: a.png has the same name, and so the same"),
        (
            broken(lambda folder: save(folder, "c", picture(3), HOLE)),
            "c.png: the task 'completion' needs the picture's",
        ),
        (
            broken(lambda folder: (folder / "objects.csv").write_text("file\na.png\n")),
            "objects.csv: has no column 'object'",
        ),
        (
            broken(lambda folder: (folder / "objects.csv").write_text("file,object\na.png,a cat, red\n")),
            "objects.csv:2: has 3 values for 2 columns (file, object)",
        ),
        (
            broken(lambda folder: (folder / "objects.csv").write_text("file,object\na.png,cat\na.png,dog\n")),
            "objects.csv:3: names the file 'a.png' twice",
        ),
        (
            broken(lambda folder: (folder / "objects.csv").write_text("file,object\na.png,cat\n./a.png ,dog\n")),
            "objects.csv:3: names the file 'a.png' twice",
        ),
        (
            broken(lambda folder: HOLE.save(folder / "b.mask.bmp")),
            "b.mask.png: b.mask.bmp is a mask of the same picture. Remove one of them.",
        ),
        (
            broken(
                lambda folder: Image.new("F", SIZE, 1.0).save(folder / "b.mask.tif") or (folder / "b.mask.png").unlink()
            ),
            "b.mask.tif: it holds floating-point",
        ),
        (
            broken(lambda folder: HOLE.save(folder / "b.mask.png", save_all=True, append_images=[mask(0, 0, 5, 5)])),
            "b.mask.png: it is animated",
        ),
        (parquet(mask=None), "p.parquet: has no column 'mask'; it has image, object."),
        (parquet(object=[None]), "p.parquet, row 1, column 'image': the task 'completion' needs the picture's object"),
        (parquet(object=[7]), "p.parquet, row 1: column 'object' holds 7, which is not text."),
        (parquet(mask=[None]), "p.parquet, row 1, column 'mask': holds no bytes of a picture."),
        (parquet(image=[b"no"]), "p.parquet, row 1, column 'image': not a readable picture"),
        (parquet(mask=[png(mask(0, 0, 0, 0))]), "p.parquet, row 1, column 'mask': the mask is empty"),
        (parquet(image=["a.png"]), "p.parquet, row 1, column 'image': holds no bytes of a picture."),
    ],
)
def test_each_mistake_is_a_sentence(tmp_path: Path, make: Callable[[Path], Path], sentence: str) -> None:
    folder = tmp_path / "given"
    with pytest.raises(StudyError, match=re.escape(sentence.replace("{root}", str(folder)))) as error:
        named(make(folder))
    assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)


def test_a_mask_that_vanishes_at_the_studys_size(tmp_path: Path) -> None:
    save(tmp_path, "a", picture(1, 640, 640), mask(100, 100, 102, 102, 640, 640), "cat")
    with pytest.raises(StudyError, match="the mask is empty at 64 x 64 pixels, so there is nothing to draw anew"):
        named(tmp_path)


def test_a_file_that_is_no_parquet(tmp_path: Path) -> None:
    (tmp_path / "p.parquet").write_bytes(b"PAR0")
    with pytest.raises(StudyError, match="p.parquet: cannot be read as Parquet"):
        named(tmp_path / "p.parquet")


def test_notes_of_macos_are_no_pictures(tmp_path: Path) -> None:
    save(tmp_path, "a", picture(1), HOLE, "cat")
    (tmp_path / "._a.png").write_bytes(bytes(64))
    (tmp_path / "._a.mask.png").write_bytes(bytes(64))
    assert [found.name for found in masked_pictures(tmp_path, None)] == ["a"]
