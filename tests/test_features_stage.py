"""The feature stage: every cell keeps its row, values are those of the feature alone, real pictures come from anywhere."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from seedscope.analysis.features import feature
from seedscope.analysis.features.base import Feature
from seedscope.analysis.features.real_images import RealImages
from seedscope.analysis.features.stage import Features, Generated, Measure, feature_table
from seedscope.pipeline import images
from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.plan import Unit
from seedscope.pipeline.prompts import prompt
from seedscope.pipeline.stage import make
from seedscope.pipeline.store import IMAGE_SCHEMA, Table


class Brightness(Feature):
    """Mean of all pixels, and the length of the prompt."""

    name = "brightness"

    def fields(self) -> list[pa.Field]:
        return [pa.field("brightness", pa.float64()), pa.field("letters", pa.int64())]

    def fingerprint(self) -> str:
        return "1"

    def load(self, device: str) -> None: ...

    def compute(self, pixels: npt.NDArray[np.uint8], prompts: Sequence[str]) -> dict[str, pa.Array]:
        assert len(pixels) <= 16
        return {
            "brightness": pa.array(pixels.mean(axis=(1, 2, 3))),
            "letters": pa.array([len(text) for text in prompts]),
        }


UNIT = Unit("u", tuple(prompt("x" * i) for i in range(1, 12)), (5, 6, 7))


def picture(index: int) -> npt.NDArray[np.uint8]:
    side = 16 if index % 5 else 24
    return np.full((side, side, 3), index, np.uint8)


def image_table(folder: Path) -> Table:
    """33 cells: number 3 failed, number 20 is cut off, number 30 has bytes that are no picture; two sizes among the rest."""
    table, rows = Table(folder / "images-0", IMAGE_SCHEMA), []
    for index, (item, seed) in enumerate(UNIT.cells()):
        data: bytes | None = images.encode(picture(index))
        data = {3: None, 20: (data or b"")[:30], 30: b"no picture"}.get(index, data)
        rows.append(
            {
                "prompt_id": item.id,
                "prompt": item.text,
                "seed": seed,
                "image": None if data is None else {"bytes": data, "path": None},
                "status": "failed" if data is None else "ok",
                "error": "out of luck" if data is None else None,
            }
        )
    table.publish(UNIT, pa.Table.from_pylist(rows, schema=IMAGE_SCHEMA), {})
    return table


def test_every_cell_keeps_its_row_in_order_with_the_reason(tmp_path: Path) -> None:
    measure = Measure(Brightness(), feature_table(tmp_path, "brightness", Brightness(), "cause"))
    stage = Features(Generated(image_table(tmp_path)), [measure], "cpu")
    stage.open()
    (receipt,) = make(stage, UNIT)
    rows = measure.table.read("u").to_pylist()
    assert receipt.failed == 3 and [(row["prompt_id"], row["seed"]) for row in rows] == [
        (p.id, s) for p, s in UNIT.cells()
    ]
    for index, (row, (item, _)) in enumerate(zip(rows, UNIT.cells(), strict=True)):
        if index in (3, 20, 30):
            assert (row["status"], row["brightness"], row["letters"]) == ("failed", None, None)
            assert row["error"] == "out of luck" if index == 3 else "not a readable picture" in row["error"]
        else:
            assert (row["status"], row["error"]) == ("ok", None)
            assert (row["brightness"], row["letters"]) == (index, len(item.text))
    assert make(stage, UNIT) == []


def test_tables_hang_on_the_feature_and_on_the_pictures(tmp_path: Path) -> None:
    lite = feature("fd_efficientnet_lite0")
    names = {
        feature_table(tmp_path, lite.name, item, cause).folder.name for item in (lite, Brightness()) for cause in "ab"
    }
    assert len(names) == 4


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_real_pictures_from_a_folder_and_from_parquet(tmp_path: Path) -> None:
    folder = tmp_path / "real"
    (folder / "deep").mkdir(parents=True)
    for index in range(300):
        (folder / ("deep" if index % 2 else "") / f"{index:03d}.png").write_bytes(png(picture(index % 250)))
    (folder / "notes.txt").write_text("not a picture")
    pq.write_table(
        pa.table(
            {"image": pa.array([{"bytes": png(picture(i % 250)), "path": None} for i in range(300)], images.IMAGE)}
        ),
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


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "there is no"),
        (b"PAR1 not", "cannot be read as Parquet"),
        (pa.table({"picture": [b"x"]}), "has no column `image`; it has picture"),
        (pa.table({"image": [b"x"]}), "has 1 pictures; a distance to real pictures needs at least two"),
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
