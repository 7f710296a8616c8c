"""The pictures of a run one after the other, from its shards, with what was measured of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from seedscope.analysis.exports.source import Source
from seedscope.pipeline.errors import CorruptShard, UserError
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.untrusted_parquet import UNREADABLE, validated
from seedscope.pipeline.tables.parquet import in_memory, read_whole
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA

_COLUMNS = pa.schema([IMAGE_SCHEMA.field(name) for name in ("prompt_id", "seed", "image")])
_ENDINGS = {b"RIFF": ".webp", b"\x89PNG": ".png"}
Score = float | int | bool | str | None


@dataclass(frozen=True)
class Picture:
    """A picture of a run.

    Attributes:
        prompt: with its place among those of the run, from 0.
        data: the file as the run keeps it, lossless WebP or PNG.
        golden: whether its seed is golden.
    """

    prompt: Prompt
    place: int
    seed: int
    data: bytes
    golden: bool

    @property
    def name(self) -> str:
        """A file name that no other picture of the run has."""
        return f"{self.prompt.id}_{self.seed}{_ENDINGS.get(self.data[:4], '.png')}"


@dataclass(frozen=True)
class Gallery:
    """The pictures of a run that are to be looked at; opening it looks that there are any.

    Attributes:
        seeds: whose pictures.
        prompts: id -> the prompt, in the order of the run.
        golden: the golden seeds, as far as the run has a list.
    """

    source: Source
    seeds: frozenset[int]
    prompts: Mapping[str, Prompt]
    golden: frozenset[int]

    @classmethod
    def of(cls, source: Source) -> Gallery:
        """The pictures of a run.

        Raises:
            UserError: it has none of these seeds.
        """
        run = source.run
        seeds, committed = source.shown_seeds(), run.images.committed()
        if not any(unit.name in committed and seeds & set(unit.seeds) for unit in run.units):
            raise UserError(f"{source.place}: has no pictures to export yet. `seedscope run` draws them.")
        golden = frozenset(() if "imported" in run.cause or run.golden is None else run.golden.seeds)
        return cls(source, seeds, {prompt.id: prompt for prompt in run.edition.prompts}, golden)

    def pictures(self) -> Iterator[Picture]:
        """Each picture, in the order of the shards, a row group of which is in memory at a time.

        Raises:
            CorruptShard: a shard is damaged.
        """
        images = self.source.run.images
        committed, places = images.committed(), {prompt: place for place, prompt in enumerate(self.prompts)}
        for unit in self.source.run.units:
            if unit.name not in committed or not self.seeds & set(unit.seeds):
                continue
            with images.opened(unit.name) as shard:
                for group in range(shard.num_row_groups):
                    rows = validated(shard.read_row_group(group, _COLUMNS.names))
                    if rows.schema != _COLUMNS:
                        raise CorruptShard(f"{images.shard(unit.name)}: has other columns than its table")
                    for row in rows.to_pylist():
                        if row["seed"] in self.seeds and row["image"] is not None:
                            prompt, seed = self.prompts[row["prompt_id"]], row["seed"]
                            yield Picture(prompt, places[prompt.id], seed, row["image"]["bytes"], seed in self.golden)

    @cached_property
    def scores(self) -> Scores:
        """What was measured of the pictures."""
        return Scores.of(self.source)


@dataclass(frozen=True)
class Scores:
    """What `scores.parquet` says of single pictures; nothing where the run has none."""

    table: pa.Table
    rows: Mapping[tuple[str, int], int]

    @classmethod
    def of(cls, source: Source) -> Scores:
        """The scores of a run.

        Raises:
            UserError: its table cannot be read.
        """
        try:
            table = read_whole(in_memory(source.run.folder.storage.read("scores.parquet")))
        except FileNotFoundError:
            return cls(pa.table({}), {})
        except UNREADABLE:
            raise UserError(
                f"{source.place}/scores.parquet: cannot be read. `seedscope export` writes it again."
            ) from None
        keys = zip(table["prompt_id"].to_pylist(), table["seed"].to_pylist(), strict=True)
        others = [name for name in table.column_names if name not in ("prompt_id", "seed", "status", "error")]
        return cls(table.select(others), {key: row for row, key in enumerate(keys)})

    @property
    def names(self) -> list[str]:
        """The measurements."""
        return list(self.table.column_names)

    def of_picture(self, picture: Picture) -> Mapping[str, Score]:
        """What was measured of a picture; None where that failed, nothing where it was not measured."""
        row = self.rows.get((picture.prompt.id, picture.seed))
        return {} if row is None else self.table.slice(row, 1).to_pylist()[0]


def write_picture(picture: Picture, folder: Path) -> Path:
    """Write a picture under its name; return its path."""
    path = folder / picture.name
    path.write_bytes(picture.data)
    return path
