"""A run folder: which study it belongs to, how it grew, and who works on it."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from seedscope.pipeline.errors import RunBusy, RunChanged, StorageError
from seedscope.pipeline.plan import Edition
from seedscope.pipeline.prompts import Prompt
from seedscope.pipeline.store import create
from seedscope.pipeline.study import Json, fingerprint


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run. `editions/0001.json` and so on say what it was asked for; a run only grows."""

    path: Path

    def editions(self) -> list[tuple[Json, Edition]]:
        """(cause of the images, prompts and seeds) of each edition, oldest first.

        Raises:
            StorageError: a file of the run cannot be read.
        """
        return [_read(file) for file in sorted((self.path / "editions").glob("[0-9]*.json"))]

    def grow(self, cause: Json, wanted: Edition) -> list[Edition]:
        """Record what a study wants of this run, unless it is known; return all editions.

        Raises:
            RunChanged: the run was made with other settings, or has prompts or seeds that the study no longer names.
        """
        known = self.editions()
        editions = [edition for _, edition in known]
        if known:
            self._refuse_other_settings(known[0][0], cause)
            self._refuse_shrinking(editions[-1], wanted)
            if same_cells(editions[-1], wanted):
                return editions
            wanted = _known_first(editions[-1], wanted)
        record = {
            "cause": cause,
            "prompts": [asdict(prompt) for prompt in wanted.prompts],
            "seeds": list(wanted.seeds),
        }
        try:
            create(
                self.path / "editions" / f"{len(known) + 1:04d}.json",
                json.dumps(record, ensure_ascii=False, indent=0).encode(),
            )
        except FileExistsError:
            raise RunBusy(
                f"{self.path}: another process has just started on this run. Try again when it is done."
            ) from None
        return [*editions, wanted]

    def _refuse_other_settings(self, old: Json, new: Json) -> None:
        if fingerprint(old) == fingerprint(new):
            return
        changes = "; ".join(_changes(old, new))
        raise RunChanged(
            f"{self.path}: was made by another study ({changes}). Pictures of both must not mix: choose another folder "
            "with --out, or another name in the study."
        )

    def _refuse_shrinking(self, old: Edition, new: Edition) -> None:
        prompts = {prompt.id for prompt in new.prompts}
        lost_prompts = [prompt.text for prompt in old.prompts if prompt.id not in prompts]
        lost_seeds = set(old.seeds) - set(new.seeds)
        if not lost_prompts and not lost_seeds:
            return
        lost = [f"the prompt {lost_prompts[0]!r}"] if lost_prompts else []
        lost += [f"the seed {min(lost_seeds)}"] if lost_seeds else []
        count = len(lost_prompts) + len(lost_seeds)
        raise RunChanged(
            f"{self.path}: has pictures of {' and '.join(lost)}{f' ({count} in all)' if count > len(lost) else ''} that the "
            "study no longer names. A run only grows: put them back, or choose another folder with --out."
        )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for this process; the system releases it when the process ends, however it ends.

        Raises:
            RunBusy: another process holds it.
            StorageError: the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StorageError(
                f"{self.path}: cannot be used as a run folder: {error.strerror}. Choose another one with --out."
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 100).decode(errors="replace").strip() or "unknown"
            os.close(handle)
            raise RunBusy(
                f"{self.path}: another seedscope (process {holder}) works on this run. Wait for it, or stop it first."
            ) from None
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(handle)


def same_cells(one: Edition, other: Edition) -> bool:
    """Whether two editions name the same prompts and seeds, in any order."""
    ids = [{prompt.id for prompt in edition.prompts} for edition in (one, other)]
    return ids[0] == ids[1] and set(one.seeds) == set(other.seeds)


def _known_first(old: Edition, new: Edition) -> Edition:
    known_prompts, known_seeds = {prompt.id for prompt in old.prompts}, set(old.seeds)
    return Edition(
        old.prompts + tuple(prompt for prompt in new.prompts if prompt.id not in known_prompts),
        old.seeds + tuple(seed for seed in new.seeds if seed not in known_seeds),
    )


def _read(file: Path) -> tuple[Json, Edition]:
    try:
        record = json.loads(file.read_bytes())
        prompts = tuple(Prompt(**prompt) for prompt in record["prompts"])
        return record["cause"], Edition(prompts, tuple(record["seeds"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"{file}: the run's record cannot be read: {error}. Restore it, or use a new folder."
        ) from error


def _changes(old: Json, new: Json, place: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _changes(old.get(key), new.get(key), f"{place}.{key}" if place else key)
    elif old != new:
        yield f"{place} was {_short(old)} and is now {_short(new)}"


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "..."
