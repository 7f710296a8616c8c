"""GenEval: a folder a prompt, with what to look for, and the pictures in `samples`.

Source: djghosh13/geneval, README and `evaluation/evaluate_images.py`: `<5 digits>/metadata.jsonl` (one JSON object with `tag`,
`include` and `prompt`) and `<5 digits>/samples/<digits>.png`; `evaluation/object_names.txt` (what its detector knows).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from PIL import Image

from seedscope.analysis.exports.gallery import Gallery
from seedscope.analysis.exports.source import Source
from seedscope.analysis.exports.written import Writer, write_lines
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.images import decode, png
from seedscope.pipeline.study.schema import FileSource, Json, Study
from seedscope.pipeline.study.untrusted_parquet import UNREADABLE
from seedscope.pipeline.tables.parquet import in_memory, read_whole

OBJECTS = frozenset(
    """person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign,
    parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella, handbag, tie,
    suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket,
    bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot dog, pizza, donut,
    cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop, computer mouse, tv remote, computer keyboard,
    cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors, teddy bear, hair drier,
    toothbrush""".replace("\n    ", " ").split(", ")
)
"""Classes of COCO as GenEval calls them; of others it finds none."""


def geneval(source: Source) -> Writer:
    """See `Tool`.

    Raises:
        UserError: as for `Gallery.of`; or no prompt says what to look for.
    """
    gallery = Gallery.of(source)
    wanted = _wanted(source, gallery)
    if not wanted:
        raise UserError(
            f"{source.place}: none of its prompts says what GenEval is to look for: give the prompts of GenEval's own "
            "evaluation_metadata.jsonl, or a grid of objects that it knows, such as cat or bus."
        )
    left_out = len(gallery.prompts) - len(wanted)

    def write(folder: Path) -> list[str]:
        numbers = {prompt: f"{place:05}" for place, prompt in enumerate(wanted)}
        for prompt, number in numbers.items():
            (folder / number / "samples").mkdir(parents=True)
            write_lines(folder / number / "metadata.jsonl", [wanted[prompt]])
        drawn = dict.fromkeys(wanted, 0)
        count = write_lines(folder / "seeds.jsonl", _samples(gallery, folder, numbers, drawn))
        return [
            f"{count:,} pictures of {len(wanted):,} prompts: python evaluation/evaluate_images.py FOLDER --outfile "
            "results.jsonl, in a clone of GenEval; seeds.jsonl says which picture is of which seed.",
            *([f"{left_out:,} prompts are left out: they say nothing that GenEval looks for."] if left_out else []),
        ]

    return write


def _samples(
    gallery: Gallery, folder: Path, numbers: Mapping[str, str], drawn: dict[str, int]
) -> Iterator[dict[str, Json]]:
    """Write the pictures; yield which is of which seed."""
    for picture in gallery.pictures():
        if (number := numbers.get(picture.prompt.id)) is None:
            continue
        name = f"{number}/samples/{drawn[picture.prompt.id]:05}.png"
        drawn[picture.prompt.id] += 1
        (folder / name).write_bytes(png(Image.fromarray(decode(picture.data))))
        yield {"file": name, "prompt": picture.prompt.text, "seed": picture.seed, "golden": picture.golden}


def _wanted(source: Source, gallery: Gallery) -> dict[str, dict[str, Json]]:
    """Prompt id -> what GenEval looks for, of prompts that say it."""
    given, objects = _given(source), _objects(source)
    found: dict[str, dict[str, Json]] = {}
    for prompt in gallery.prompts.values():
        if prompt.text in given:
            found[prompt.id] = given[prompt.text]
        elif objects.get(prompt.id) in OBJECTS:
            include: list[Json] = [{"class": objects[prompt.id], "count": 1}]
            found[prompt.id] = {"tag": "single_object", "include": include, "prompt": prompt.text}
    return found


def _given(source: Source) -> dict[str, dict[str, Json]]:
    """Text of a prompt -> its line in a file of GenEval's, if the study's prompts come from one that is still there."""
    study, found = source.run.study, dict[str, dict[str, Json]]()
    for named in study.prompts or [] if isinstance(study, Study) else []:
        if isinstance(named, FileSource) and named.file.suffix == ".jsonl" and named.file.is_file():
            for record in map(_record, named.file.read_text(encoding="utf-8").splitlines()):
                if {"prompt", "tag", "include"} <= record.keys():
                    found[str(record["prompt"]).strip()] = record
    return found


def _record(line: str) -> dict[str, Json]:
    try:
        record = json.loads(line)
    except ValueError:  # the file has changed since the study was read
        return {}
    return record if isinstance(record, dict) else {}


def _objects(source: Source) -> Mapping[str, str]:
    """Prompt id -> the object that it was made of, of grids."""
    try:
        table = read_whole(in_memory(source.run.folder.storage.read("prompts.parquet")))
    except FileNotFoundError:
        return {}
    except UNREADABLE:
        raise UserError(
            f"{source.place}/prompts.parquet: cannot be read. `seedscope export` writes it again."
        ) from None
    rows = zip(table["prompt_id"].to_pylist(), table["facts"].to_pylist(), strict=True)
    return {prompt: str(json.loads(facts).get("object", "")) for prompt, facts in rows if facts}
