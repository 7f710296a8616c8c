"""A run folder to look at, without its study file: what was drawn and measured, what is known of the seeds, and pictures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from PIL import Image
from pydantic import ValidationError

from seedscope.analysis.features import feature
from seedscope.analysis.run.pictures import RunPictures
from seedscope.analysis.run.recorded_study import recorded_study
from seedscope.analysis.run.sampled_pictures import evenly
from seedscope.analysis.select.golden import GoldenSeeds
from seedscope.analysis.sheets.picture_grid import picture_grid
from seedscope.pipeline.drawing.cause import naming
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.imported.imported_run import ImportedRun
from seedscope.pipeline.study.likely_groups import grouped
from seedscope.pipeline.study.plan import Edition, Unit, as_named, cut, plan
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import ImportedStudy, Json, Study, UnitShape, fingerprint
from seedscope.pipeline.study.untrusted_parquet import UNREADABLE, reason
from seedscope.pipeline.tables.parquet import in_memory, read_whole
from seedscope.pipeline.tables.rounds import drawn_by, rounds, trial
from seedscope.pipeline.tables.run_folder import RunFolder
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table

MEASURED = "seedscope_measured"
"""Key of the metadata of `seeds.parquet` that say how the pictures were measured."""
_KEYS = ("prompt_id", "seed")


class NotInRun(UserError, LookupError):
    """A picture, a feature or a result that a run does not have; the message says which, and what makes it."""


@dataclass(frozen=True)
class RunView:
    """A run as it lies in its folder. Reads, and writes nothing; of a run that goes on, open it again to see what came.

    `cause` names its tables; `made_from` is all that its pictures were made from, as it was last recorded. `judged` is what
    `seeds.parquet` is of: all prompts and seeds, of a sweep those of its confirmation.
    """

    folder: RunFolder
    cause: Mapping[str, Json]
    made_from: Mapping[str, Json]
    edition: Edition
    units: Sequence[Unit]
    judged: Edition

    def __repr__(self) -> str:
        return f"<RunView {self._place}: {len(self.edition.prompts):,} prompts x {len(self.edition.seeds):,} seeds>"

    @property
    def study(self) -> Study | ImportedStudy:
        """The study as it was when a command last worked on the run.

        Raises:
            NotInRun: the run was made before studies were kept in run folders.
        """
        found = recorded_study(self.folder)
        if found is None:
            raise NotInRun(
                f"{self._place}: its study is not kept in it: an older seedscope made it. `seedscope seeds STUDY --out "
                f"{self._place}` keeps it."
            )
        return found

    def seeds(self) -> pa.Table:
        """One row a seed, the best first: `seeds.parquet`.

        Raises:
            NotInRun: the seeds have not been judged yet.
        """
        return self._result("seeds.parquet")

    def measures(self) -> pa.Table:
        """One row a scalar measurement, with what is known of it: `measures.parquet`.

        Raises:
            NotInRun: the seeds have not been judged yet.
        """
        return self._result("measures.parquet")

    def scores(self, feature: str) -> pa.Table:
        """One row a cell that was measured: `prompt_id`, `prompt` (its text), `group`, `seed`, and the feature's columns.

        Null where a picture is missing or could not be measured.

        Args:
            feature: its name, such as `clip_score`.

        Raises:
            NotInRun: the study does not measure it.
        """
        table = self._measured(feature)
        prompts = {prompt.id: prompt for prompt in self.edition.prompts}
        committed = table.committed()
        parts = [table.read(unit.name) for unit in self.units if unit.name in committed]
        cells = pa.concat_tables(parts) if parts else table.schema.empty_table()
        known = [prompts[name] for name in cells["prompt_id"].to_pylist()]
        columns = {
            "prompt_id": cells["prompt_id"],
            "prompt": pa.array([prompt.text for prompt in known], pa.string()),
            "group": pa.array([prompt.group for prompt in known], pa.string()),
            "seed": cells["seed"],
        }
        others = [name for name in cells.column_names if name not in (*_KEYS, "status", "error")]
        return pa.table(columns | {name: cells[name] for name in others})

    def picture(self, seed: int, prompt: str) -> Image.Image:
        """The picture of a cell, RGB.

        Args:
            prompt: its text, or its id.

        Raises:
            NotInRun: there is no such cell, or it has no picture (yet).
        """
        ids = [item.id for item in self.edition.prompts if prompt in (item.text, item.id)]
        if not ids or seed not in self.edition.seeds:
            what = f"prompt {prompt!r}" if not ids else f"seed {seed}"
            raise NotInRun(
                f"{self._place}: has no {what}; it has {len(self.edition.prompts):,} prompts and "
                f"{len(self.edition.seeds):,} seeds."
            )
        pixels = next((found for name in ids if (found := self._pictures(seed, name)) is not None), None)
        if pixels is None:
            raise NotInRun(f"{self._place}: seed {seed} of {prompt!r} has no picture: it failed, or is not drawn yet.")
        return Image.fromarray(pixels)

    def show(self, seeds: Iterable[int] | None = None, prompts: Iterable[str] | None = None) -> Image.Image:
        """Pictures as a grid, a row a seed and a column a prompt, RGB; a notebook shows it.

        Args:
            seeds: None: the golden ones, or where there are none the first of the run; four at most.
            prompts: their texts or ids; None: six at most, evenly.

        Raises:
            NotInRun: the run has no such seed or prompt.
        """
        some = list(self._first_seeds() if seeds is None else seeds)
        ids = [item.id for item in self.edition.prompts]
        shown = [self._prompt(each) for each in (evenly(ids, 6) if prompts is None else prompts)]
        if missing := set(some) - {*self.edition.seeds}:
            raise NotInRun(f"{self._place}: has no seed {min(missing)}; it has {len(self.edition.seeds):,} seeds.")
        rows = [(f"seed {seed}", [self._picture(seed, prompt.id) for prompt in shown]) for seed in some]
        return picture_grid(rows, [prompt.text for prompt in shown])

    def _first_seeds(self) -> Sequence[int]:
        golden = self.golden.seeds if self.golden is not None else []
        return [*(golden or self.edition.seeds)][:4]

    def _prompt(self, named: str) -> Prompt:
        found = next((item for item in self.edition.prompts if named in (item.text, item.id)), None)
        if found is None:
            raise NotInRun(f"{self._place}: has no prompt {named!r}; it has {len(self.edition.prompts):,} prompts.")
        return found

    def _picture(self, seed: int, prompt: str) -> Image.Image | None:
        pixels = self._pictures(seed, prompt)
        return None if pixels is None else Image.fromarray(pixels)

    @cached_property
    def golden(self) -> GoldenSeeds | None:
        """The golden list; None before it is written, and of imported pictures."""
        if self.folder.storage.size("golden.json") is None:
            return None
        with self.on_this_machine("golden.json") as folder:
            return GoldenSeeds.load(folder / "golden.json")

    @contextmanager
    def on_this_machine(self, *names: str) -> Iterator[Path]:
        """A folder on this machine with those files of the run."""
        if self.folder.storage.local is not None:
            yield self.folder.storage.local
            return
        with TemporaryDirectory(prefix="seedscope-") as folder:
            for name in names:
                (Path(folder) / name).write_bytes(self.folder.storage.read(name))
            yield Path(folder)

    def how_measured(self) -> dict[str, Any]:
        """What `seeds.parquet` says of how the pictures were measured; nothing where it does not."""
        found = (self.seeds().schema.metadata or {}).get(MEASURED.encode(), b"{}")
        try:
            measured = json.loads(found)
        except ValueError:
            measured = None
        if not isinstance(measured, dict):
            raise UserError(
                f"{self._place}/seeds.parquet: does not say how the pictures were measured. `seedscope seeds STUDY` writes it "
                "again."
            )
        return measured

    @property
    def images(self) -> Table:
        """The table of the pictures, of which the columns that all tasks have are read."""
        return Table.of(self.folder.storage, "images", fingerprint(dict(self.cause)), IMAGE_SCHEMA)

    @cached_property
    def _pictures(self) -> RunPictures:
        committed = self.images.committed()
        return RunPictures(self.images, [unit for unit in self.units if unit.name in committed])

    @property
    def _place(self) -> str:
        return self.folder.storage.url

    def _result(self, name: str) -> pa.Table:
        try:
            return read_whole(in_memory(self.folder.storage.read(name)))
        except FileNotFoundError:
            raise NotInRun(
                f"{self._place}: there is no {name} yet. `seedscope run STUDY --out {self._place}` writes it."
            ) from None
        except UNREADABLE as error:
            raise UserError(
                f"{self._place}/{name}: cannot be read: {reason(error)}. `seedscope seeds STUDY` writes it again."
            ) from None

    def _measured(self, name: str) -> Table:
        """The table of a feature, with the columns that its shards have."""
        measured = self._fingerprints()
        if name not in measured:
            raise NotInRun(f"{self._place}: {name!r} is not measured; the study measures {', '.join(measured)}.")
        made_from: Json = {"feature": measured[name], "images": fingerprint(dict(self.cause))}
        table = Table.of(self.folder.storage, name, fingerprint(made_from), pa.schema([]))
        committed = sorted(table.committed())
        if not committed:
            raise NotInRun(f"{self._place}: {name!r} is not measured yet. `seedscope features STUDY` does it.")
        with table.opened(committed[0]) as shard:
            return Table(table.storage, shard.schema_arrow)

    def _fingerprints(self) -> dict[str, str]:
        """Feature -> what identifies its measurements: as the seeds were judged, or as the recorded study has it."""
        if self.folder.storage.size("seeds.parquet") is not None and "features" in (found := self.how_measured()):
            return dict(found["features"])
        chosen = self.study.features
        return {choice.name: feature(choice.name, **choice.options).fingerprint() for choice in chosen}


def open_run(location: Path | str) -> RunView:
    """Open a run folder, on this machine or at a URL (s3://, gs://, ...), to look at.

    Raises:
        UserError: it is no run folder, or its record cannot be read.

    Examples:
        >>> run = open_run("runs/demo")
        >>> run.seeds().column_names[:2]
        ['seed', 'rank']
        >>> run.picture(seed=0, prompt="a cat").size
        (64, 64)
    """
    folder = RunFolder(location)
    editions = folder.editions()
    place = folder.storage.url
    if not editions:
        raise UserError(f"{place}: is not a run folder. Name folders that `seedscope run` made, such as runs/demo.")
    (first, _), (made_from, edition) = editions[0], editions[-1]
    if not isinstance(first, dict) or not isinstance(made_from, dict):
        raise UserError(f"{place}: its record does not say how the pictures were made.")
    cause = naming(first)
    if "imported" in cause:
        if (study := recorded_study(folder)) is not None:
            edition = replace(edition, prompts=tuple(grouped(study, edition.prompts)))
        return RunView(folder, cause, made_from, edition, ImportedRun(folder).units, edition)
    try:
        shape = UnitShape.model_validate(cause.get("unit"))
    except ValidationError:
        raise UserError(f"{place}: its record does not say how its cells fall into units.") from None
    told, tried = rounds(folder.storage), trial(folder.storage)
    if told or tried is not None:
        found = [each.block for each in drawn_by(told, edition.prompts, tried) if not each.early]
        named, judged = {prompt.id: prompt for prompt in edition.prompts}, edition
        if told and told[-1].golden is not None:
            judged = Edition(tuple(named[prompt] for prompt in told[-1].prompts), told[-1].seeds)
        return RunView(folder, cause, made_from, edition, cut(found, shape), judged)
    units = plan(as_named([found for _, found in editions], edition.prompts), shape)
    return RunView(folder, cause, made_from, edition, units, edition)
