"""evalscope: pictures with a table in JSON Lines, for its benchmark `general_t2i`.

Source: modelscope/evalscope, `benchmarks/general_t2i/general_t2i_adapter.py` (`prompt` and `image_path` of each; its name
is that of the subset), `api/benchmark/adapters/text2image_adapter.py` (`id`, `category`, `tags`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from seedscope.analysis.exports.gallery import Gallery, write_picture
from seedscope.analysis.exports.source import Source
from seedscope.analysis.exports.written import Writer, write_lines
from seedscope.pipeline.study.schema import Json


def evalscope(source: Source) -> Writer:
    """See `Tool`.

    Raises:
        UserError: as for `Gallery.of`.
    """
    gallery, name = Gallery.of(source), source.name

    def write(folder: Path) -> list[str]:
        (folder / "images").mkdir()
        count = write_lines(folder / f"{name}.jsonl", _records(gallery, folder))
        return [
            f"{name}.jsonl has {count:,} pictures: evaluate it by the benchmark general_t2i with `dataset_id` {name}.jsonl, "
            "`model_task` image_generation and no model, from this folder, to which its paths are relative.",
        ]

    return write


def _records(gallery: Gallery, folder: Path) -> Iterator[dict[str, Json]]:
    for picture in gallery.pictures():
        path = write_picture(picture, folder / "images").relative_to(folder)
        yield {
            "id": path.stem,
            "prompt": picture.prompt.text,
            "image_path": path.as_posix(),
            "tags": ["golden"] if picture.golden else [],
            "seed": picture.seed,
            "group": picture.prompt.group,
        }
