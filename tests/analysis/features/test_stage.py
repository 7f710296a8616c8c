"""The feature stage: every cell keeps its row, values are those of the feature alone, reference pictures come from anywhere."""

import gc
import io
import pickle
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import offline_features
import pyarrow as pa
import pytest
import torch
from PIL import Image

from seedscope.analysis.features import NAMES, FeatureError, batches, feature, feature_stage
from seedscope.analysis.features.base import Feature, Measurer
from seedscope.analysis.features.batches import Cells
from seedscope.analysis.features.feature_stage import Features, Generated, Measure, Source, feature_table
from seedscope.pipeline import images
from seedscope.pipeline.running.stage import make
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.prompts import Prompt, prompt
from seedscope.pipeline.tables.image_column import IMAGE
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table


class Brightness(Feature, Measurer):
    """Mean of all pixels, and the length of the prompt; no network, so it measures by itself."""

    name = "brightness"

    def fields(self) -> list[pa.Field]:
        return [pa.field("brightness", pa.float64()), pa.field("letters", pa.int64())]

    def fingerprint(self) -> str:
        return "1"

    def load(self, device: str) -> Measurer:
        return self

    def compute(self, pixels: npt.NDArray[np.uint8], prompts: Sequence[str]) -> dict[str, pa.Array]:
        assert len(pixels) <= 16
        return {
            "brightness": pa.array(pixels.mean(axis=(1, 2, 3))),
            "letters": pa.array([len(text) for text in prompts]),
        }


UNIT = Unit.crossed("u", tuple(prompt("x" * i) for i in range(1, 12)), (5, 6, 7))


def picture(index: int) -> npt.NDArray[np.uint8]:
    side = 16 if index % 5 else 24
    return np.full((side, side, 3), index, np.uint8)


def png(pixels: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def image_table(folder: Path) -> Table:
    """33 cells: number 3 failed, number 20 is cut off, number 30 has bytes that are no picture; two sizes among the rest."""
    table, rows = Table(folder / "images-0", IMAGE_SCHEMA), []
    for index, (item, seed) in enumerate(UNIT.cells):
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
    stage = Features(Generated(image_table(tmp_path)), [measure], "cpu").open()
    (receipt,) = make(stage, UNIT)
    rows = measure.table.read("u").to_pylist()
    assert receipt.failed == 3 and [(row["prompt_id"], row["seed"]) for row in rows] == [
        (p.id, s) for p, s in UNIT.cells
    ]
    for index, (row, (item, _)) in enumerate(zip(rows, UNIT.cells, strict=True)):
        if index in (3, 20, 30):
            assert (row["status"], row["brightness"], row["letters"]) == ("failed", None, None)
            assert row["error"] == "out of luck" if index == 3 else "not a readable picture" in row["error"]
        else:
            assert (row["status"], row["error"]) == ("ok", None)
            assert (row["brightness"], row["letters"]) == (index, len(item.text))
    assert make(stage, UNIT) == []


class Marks(Brightness):
    """Share of the mask, for inpainted pictures; the batches it was given."""

    name = "marks"

    def __init__(self) -> None:
        self.batches: list[tuple[int, ...]] = []

    def compute(self, pixels: npt.NDArray[np.uint8], prompts: Sequence[str]) -> dict[str, pa.Array]:
        self.batches.append(pixels.shape)
        return super().compute(pixels, prompts)

    def compute_inside(
        self, pixels: npt.NDArray[np.uint8], prompts: Sequence[str], masks: npt.NDArray[np.bool_]
    ) -> dict[str, pa.Array]:
        assert masks.dtype == bool and masks.shape == pixels.shape[:3]
        return self.compute(pixels, prompts) | {"brightness": pa.array(masks.mean(axis=(1, 2)))}


@dataclass
class Held:
    """Pictures in memory, as a source."""

    rows: pa.Table

    def read(self, unit: Unit) -> pa.Table:
        assert len(unit) == len(self.rows)
        return self.rows

    def mark(self, unit: Unit) -> str:
        return unit.name


def cells(pictures: Sequence[bytes | None]) -> tuple[Unit, pa.Table]:
    """A unit of one seed with these pictures."""
    unit = Unit.crossed("u", tuple(prompt(f"picture {i}") for i in range(len(pictures))), (0,))
    rows = [
        {"prompt_id": item.id, "prompt": item.text, "seed": 0, "image": data and {"bytes": data, "path": None}}
        for item, data in zip(unit.prompts, pictures, strict=True)
    ]
    return unit, pa.Table.from_pylist(rows, schema=IMAGE_SCHEMA)


def measured(folder: Path, source: Source, unit: Unit, *features: Feature) -> list[dict[str, Any]]:
    """The rows of the first of some features."""
    measures = [Measure(item, feature_table(folder, item.name, item, "")) for item in features]
    make(Features(source, measures, "cpu").open(), unit)
    rows: list[dict[str, Any]] = measures[0].table.read(unit.name).to_pylist()
    return rows


def test_the_mask_of_an_inpainted_picture_goes_with_it_or_says_what_is_wrong(tmp_path: Path) -> None:
    masks: list[bytes | None] = [png(np.arange(576).reshape(24, 24) < 24 * i) for i in range(12)]
    masks[3:7] = [None, (masks[4] or b"")[:50], png(picture(1)[..., 0] > 0), png(picture(5))]
    unit, rows = cells([png(picture(5))] * 12)
    rows = rows.append_column("task", pa.array(["removal"] * 12))
    column = pa.array([mask and {"bytes": mask, "path": None} for mask in masks], IMAGE)
    found = measured(tmp_path, Held(rows.append_column("mask", column)), unit, Marks())
    for i, row in enumerate(found):
        if i in (3, 4, 5, 6):
            assert (row["status"], row["brightness"], row["letters"]) == ("failed", None, None)
        else:
            assert (row["status"], row["error"], row["brightness"]) == ("ok", None, i / 24)
    assert found[3]["error"] == "there is no mask" and "not a readable picture" in found[4]["error"]
    assert found[5]["error"] == "its mask is 16 x 16, the picture 24 x 24" and "has other colours" in found[6]["error"]


def test_pictures_of_many_sizes_are_measured_in_full_batches(tmp_path: Path) -> None:
    unit, rows = cells([images.encode(np.full((8 + i % 3, 8, 3), i, np.uint8)) for i in range(96)])
    marks = Marks()
    found = measured(tmp_path, Held(rows), unit, marks)
    assert [row["brightness"] for row in found] == list(range(96))
    assert sum(shape[0] for shape in marks.batches) == 96 and len(marks.batches) <= 8
    unit, rows = cells([images.encode(np.full((8 + i, 8, 3), i, np.uint8)) for i in range(96)])
    assert [row["brightness"] for row in measured(tmp_path / "all", Held(rows), unit, Marks())] == list(range(96))


def test_pictures_are_decoded_once_for_all_features_and_not_long_before_they_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    monkeypatch.setattr(batches, "decode", lambda data: decoded.append(1) or images.decode(data))

    class Watching(Marks):
        def compute(self, pixels: npt.NDArray[np.uint8], prompts: Sequence[str]) -> dict[str, pa.Array]:
            done = sum(shape[0] for shape in self.batches)
            assert len(decoded) <= done + len(pixels) + batches.AHEAD + 1
            return super().compute(pixels, prompts)

    unit, rows = cells([images.encode(picture(1))] * 200)
    measured(tmp_path, Held(rows), unit, Watching(), Brightness())
    assert len(decoded) == 200


def test_each_receipt_has_the_seconds_of_its_feature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(feature_stage.time, "perf_counter", lambda: clock[0])

    class Slow(Marks):
        def compute(self, pixels: npt.NDArray[np.uint8], prompts: Sequence[str]) -> dict[str, pa.Array]:
            clock[0] += 0.1
            return super().compute(pixels, prompts)

    unit, rows = cells([images.encode(picture(1))] * 20)
    measures = [Measure(item, feature_table(tmp_path, item.name, item, "")) for item in (Slow(), Brightness())]
    slow, quick = (receipt.made for receipt in make(Features(Held(rows), measures, "cpu").open(), unit))
    assert (slow["compute_seconds"], quick["compute_seconds"]) == (0.2, 0.0)


def test_a_feature_that_fails_does_not_cost_the_others_their_work(tmp_path: Path) -> None:
    class Broken(Marks):
        def compute(self, pixels: npt.NDArray[np.uint8], prompts: Sequence[str]) -> dict[str, pa.Array]:
            raise FeatureError(f"out of ink for {len(pixels)} of {prompts[0]}")

    unit, rows = cells([images.encode(picture(1))] * 20)
    measures = [Measure(item, feature_table(tmp_path, item.name, item, "")) for item in (Broken(), Brightness())]
    with pytest.raises(FeatureError, match="out of ink"):
        make(Features(Held(rows), measures, "cpu").open(), unit)
    assert [measure.table.has(unit.name) for measure in measures] == [False, True]


def test_where_a_gpu_has_no_memory_for_a_batch_half_of_it_is_measured_and_recorded(tmp_path: Path) -> None:
    class Tight(Marks):
        def compute(self, pixels: npt.NDArray[np.uint8], prompts: Sequence[str]) -> dict[str, pa.Array]:
            found = super().compute(pixels, prompts)
            if len(pixels) > 5:
                raise torch.cuda.OutOfMemoryError("no memory")
            return found

    unit, rows = cells([images.encode(picture(i)) for i in range(20)])
    measures = [Measure(item, feature_table(tmp_path, item.name, item, "")) for item in (Tight(), Brightness())]
    tight, whole = (receipt.made["batch"] for receipt in make(Features(Held(rows), measures, "cpu").open(), unit))
    assert (tight, whole) == (4, batches.BATCH)
    assert measures[0].table.read("u")["brightness"].to_pylist() == list(range(20))


def test_stages_that_measure_by_one_feature_share_its_network_while_they_are_open(tmp_path: Path) -> None:
    lite, other = (feature("fd_efficientnet_lite0") for _ in range(2))
    first, second, third = (
        Features(Generated(image_table(tmp_path)), [Measure(item, feature_table(tmp_path, kind, item, ""))], "cpu")
        for kind, item in (("own", lite), ("real", lite), ("other", other))
    )
    opened = first.open()
    assert second.open().measurers[0] is opened.measurers[0]
    assert third.open().measurers[0] is not opened.measurers[0]
    network = weakref.ref(opened.measurers[0])
    del opened
    gc.collect()
    assert network() is None


@pytest.mark.parametrize("name", NAMES)
def test_a_feature_is_pickled_without_its_network_and_has_columns_of_its_own(name: str, tmp_path: Path) -> None:
    if name not in offline_features.LARGE:
        one, measurer = offline_features.made(name, tmp_path)
        measurer.compute(np.zeros((1, 64, 64, 3), np.uint8), ["a cat"])
    else:
        one = feature(name)
    assert len(pickle.dumps(one)) < 100_000  # EasyOCR's lists of letters are the largest
    assert pickle.loads(pickle.dumps(one)).fields() == one.fields()  # noqa: S301  (its own bytes)
    names = feature_table(tmp_path, name, one, "pictures").schema.names
    assert len(set(names)) == len(names)


def test_tables_hang_on_the_feature_and_on_the_pictures(tmp_path: Path) -> None:
    lite = feature("fd_efficientnet_lite0")
    names = {feature_table(tmp_path, lite.name, item, cause).name for item in (lite, Brightness()) for cause in "ab"}
    assert len(names) == 4


class Known(Measurer):
    """Says what is known of each prompt beside its text."""

    def compute(self, pixels: images.Pixels, prompts: Sequence[str]) -> dict[str, pa.Array]:
        raise AssertionError("by the texts alone it cannot say")

    def measure(
        self, pixels: images.Pixels, prompts: Sequence[Prompt], masks: np.ndarray | None = None
    ) -> dict[str, pa.Array]:
        return {"colour": pa.array([str(prompt.facts.get("colour")) for prompt in prompts])}


def test_a_feature_sees_what_is_known_of_a_prompt() -> None:
    known = [prompt("a cat", facts={"colour": "red"}), prompt("a dog")]
    unit = Unit("u", [(known[0], 1), (known[1], 1), (known[0], 2)])
    pixels = images.encode(np.zeros((8, 8, 3), np.uint8))
    rows = pa.Table.from_pylist(
        [
            {"prompt_id": item.id, "prompt": item.text, "seed": seed, "image": {"bytes": pixels, "path": None}}
            for item, seed in unit.cells
        ],
        schema=IMAGE_SCHEMA,
    )
    (batch,) = Cells(rows, unit.prompts).batches()
    assert Known().measure(batch.pixels, batch.prompts)["colour"].to_pylist() == ["red", "None", "red"]
