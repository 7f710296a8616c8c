"""FiftyOne: a dataset on disk that `fiftyone.Dataset.from_dir` loads, with pictures, prompts, seeds and scores.

Source: voxel51/fiftyone, `utils/data/importers.py::FiftyOneDatasetImporter` and `LegacyFiftyOneDatasetImporter`: `samples.json`
(a list of samples, whose paths are relative to the folder) beside `metadata.json`; one without a `version` is of no release of
FiftyOne, needs no migration, and has its fields inferred.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path

from seedscope.analysis.exports.gallery import Gallery, Picture, Score, write_picture
from seedscope.analysis.exports.source import Source
from seedscope.analysis.exports.written import Writer, write_json
from seedscope.pipeline.study.schema import Json

LOAD = 'fiftyone.Dataset.from_dir("{folder}", dataset_type=fiftyone.types.FiftyOneDataset, name="{name}")'


def fiftyone(source: Source) -> Writer:
    """See `Tool`.

    Raises:
        UserError: as for `Gallery.of`.
    """
    gallery, name = Gallery.of(source), source.name

    def write(folder: Path) -> list[str]:
        (folder / "data").mkdir()
        write_json(folder / "metadata.json", {"media_type": "image", "info": {"run": name}})
        count = _write_samples(gallery, folder)
        load = LOAD.format(folder="fiftyone", name=name)
        return [
            f"{count:,} pictures with {len(gallery.scores.names)} measurements; those of golden seeds have the tag golden. "
            f"Load them in Python, where this folder lies: {load}",
        ]

    return write


def _write_samples(gallery: Gallery, folder: Path) -> int:
    """Write pictures and `samples.json`, one sample in memory at a time; return how many."""
    count = 0
    with (folder / "samples.json").open("w", encoding="utf-8") as file:
        file.write('{"samples": [')
        for picture in gallery.pictures():
            path = write_picture(picture, folder / "data").relative_to(folder).as_posix()
            sample = json.dumps(_sample(picture, path, gallery.scores.of_picture(picture)), ensure_ascii=False)
            file.write(f"{',' if count else ''}\n{sample}")
            count += 1
        file.write("\n]}\n")
    return count


def _sample(picture: Picture, path: str, scores: Mapping[str, Score]) -> dict[str, Json]:
    return {
        "filepath": path,
        "tags": ["golden"] if picture.golden else [],
        "prompt": picture.prompt.text,
        "prompt_id": picture.prompt.id,
        "group": picture.prompt.group,
        "seed": picture.seed,
        **{name: _finite(value) for name, value in scores.items()},
    }


def _finite(value: Score) -> Score:
    """NaN and infinities are no JSON."""
    return None if isinstance(value, float) and not isfinite(value) else value
