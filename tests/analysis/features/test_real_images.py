"""The reference pictures of a study: they come from a folder or a Parquet file, and those that cannot be read are named."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from seedscope.analysis.features import feature
from seedscope.analysis.features.feature_stage import Features, Measure, feature_table
from seedscope.analysis.features.real_images import RealImages
from seedscope.pipeline import images
from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.running.stage import make
from seedscope.pipeline.tables.image_column import IMAGE


def picture(index: int) -> npt.NDArray[np.uint8]:
    return np.full((16, 16, 3), index, np.uint8)


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def looks(folder: Path, source: RealImages) -> list[dict[str, Any]]:
    """The rows of all pictures of a set."""
    measure = Measure(feature("looks"), feature_table(folder, "looks", feature("looks"), source.fingerprint()))
    for unit in source.units():
        make(Features(source, [measure], "cpu").open(), unit)
    return [row for unit in source.units() for row in measure.table.read(unit.name).to_pylist()]


def test_real_pictures_from_a_folder_and_from_parquet(tmp_path: Path) -> None:
    folder = tmp_path / "real"
    (folder / "deep").mkdir(parents=True)
    for index in range(300):
        (folder / ("deep" if index % 2 else "") / f"{index:03d}.png").write_bytes(png(picture(index % 250)))
    (folder / "notes.txt").write_text("not a picture")
    pq.write_table(
        pa.table({"image": pa.array([{"bytes": png(picture(i % 250)), "path": None} for i in range(300)], IMAGE)}),
        tmp_path / "real.parquet",
        row_group_size=70,
    )
    pq.write_table(pa.table({"image": [png(picture(i % 250)) for i in range(300)]}), tmp_path / "plain.parquet")
    for name in ("real", "real.parquet", "plain.parquet"):
        found = RealImages.named(str(tmp_path / name))
        assert found.count() == 300 and [len(unit) for unit in found.units()] == [256, 44]
        read = [row for unit in found.units() for row in found.read(unit)["image"].to_pylist()]
        shades = [int(images.decode(image["bytes"])[0, 0, 0]) for image in read]
        assert sorted(shades) == sorted(i % 250 for i in range(300))
        if name != "real":
            assert shades == [i % 250 for i in range(300)]
    assert RealImages.named(str(folder)).fingerprint() != RealImages.named(str(tmp_path / "real.parquet")).fingerprint()


def test_the_bundled_reference_is_real() -> None:
    found = RealImages.named("sprout")
    assert found.count() >= 1000
    first = images.decode(found.read(found.units()[0])["image"].to_pylist()[0]["bytes"])
    assert first.shape == (64, 64, 3) and first.std() > 5


def test_a_folder_with_damaged_pictures_is_measured_without_them(tmp_path: Path) -> None:
    folder = tmp_path / "real"
    (folder / "deep").mkdir(parents=True)
    (folder / "folder.png").mkdir()
    for index in range(20):
        (folder / f"{index:02d}.png").write_bytes(png(picture(index)))
    frames = [Image.fromarray(picture(index)) for index in (1, 200)]
    frames[0].save(folder / "05.webp", save_all=True, append_images=frames[1:])
    frames[0].convert("CMYK").save(folder / "06.jpg")
    frames[0].quantize(4).save(folder / "07a.png", transparency=0)
    (folder / "deep" / "text.png").write_text("not a picture")
    (folder / "08.png").write_bytes(png(picture(8))[:60])
    (folder / "09.png").write_bytes(b"")
    rows = looks(tmp_path, RealImages.named(str(folder)))
    shades = np.stack([picture(index) for index in range(20) if index not in (8, 9)])
    wanted = feature("looks").load("cpu").compute(shades, [""] * 18)["brightness"].to_pylist()
    assert [row["brightness"] for row in rows if row["status"] == "ok"] == wanted
    failed = [row for row in rows if row["status"] == "failed"]
    assert all(row[item.name] is None for row in failed for item in feature("looks").fields())
    assert [row["error"].split(" (")[0] for row in failed[:3]] == [
        "05.webp: it is animated",
        "06.jpg: it is CMYK, and what colours its inks have is not known; save it as RGB",
        "07a.png: it is in part transparent, and what lies behind it is not known",
    ]
    for row, name in zip(failed[3:], ("08.png", "09.png", "deep/text.png"), strict=True):
        assert row["error"].startswith(f"{name}: not a readable picture")


def test_a_parquet_file_without_some_pictures(tmp_path: Path) -> None:
    pictures = [{"bytes": png(picture(1)), "path": None}, None, {"bytes": None, "path": "a.png"}]
    pq.write_table(pa.table({"image": pa.array(pictures, IMAGE)}), tmp_path / "real.parquet")
    rows = looks(tmp_path, RealImages.named(str(tmp_path / "real.parquet")))
    assert [row["brightness"] is None for row in rows] == [False, True, True]
    assert [row["error"] for row in rows] == [None, "there is no picture", "there is no picture"]


def test_files_that_cannot_be_read_stop_the_work(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(png(picture(1)))
    (tmp_path / os.fsdecode(b"\xff.png")).write_bytes(png(picture(1)))
    source = RealImages.named(str(tmp_path))
    assert len(source.read(source.units()[0])) == 4
    (tmp_path / "b.png").unlink()
    for use in (source.fingerprint, lambda: source.read(source.units()[0])):
        with pytest.raises(
            StudyError, match=r"b.png cannot be read \(No such file or directory\); repair it or take it away"
        ):
            use()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "there is no"),
        (b"PAR1 not", "cannot be read as Parquet"),
        (pa.table({"picture": [b"x"]}), "has no column `image`; it has picture"),
        (pa.table({"image": ["a.png", "b.png"]}), "the column `image` is string; bytes, or a struct with `bytes`"),
        (pa.table({"image": [b"x"]}), "has 1 pictures; a distance to reference pictures needs at least two"),
    ],
)
def test_references_that_are_none(tmp_path: Path, content: object, sentence: str) -> None:
    path = tmp_path / "real.parquet"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        pq.write_table(content, path)
    with pytest.raises(StudyError, match=sentence):
        RealImages.named(str(path))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "real.parquet")
    with pytest.raises(StudyError, match="cannot be read as Parquet: it is a pipe or a device, not a file"):
        RealImages.named(str(tmp_path / "real.parquet"))
