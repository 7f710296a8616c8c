"""A run folder: which study it belongs to, how it grew, and who works on it."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedscope.pipeline.errors import RunBusy, RunChanged, StorageError
from seedscope.pipeline.storage import storage
from seedscope.pipeline.storage.base import Storage
from seedscope.pipeline.storage.leftovers import sweep_run
from seedscope.pipeline.study.plan import Edition, as_named
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import Json, fingerprint

EDITIONS = "editions"


@dataclass(frozen=True, init=False)
class RunFolder:
    """Where one run lies. `editions/0001.json` and so on say what it was asked for; a run only grows.

    Attributes:
        storage: where its shards, receipts and editions lie.
        path: a folder on this machine for what is made from them (seeds.parquet, golden.json, maps, the report): the run
            folder itself, or `runs/bucket-run` of `s3://bucket/run`.

    Raises:
        StorageError: nobody knows such URLs.
    """

    storage: Storage
    path: Path

    def __init__(self, location: Storage | Path | str) -> None:
        place = storage(location)
        object.__setattr__(self, "storage", place)
        object.__setattr__(self, "path", place.local or Path("runs") / _one_name(place.url))

    def editions(self) -> list[tuple[Json, Edition]]:
        """(cause of the images, prompts and seeds) of each edition, oldest first.

        Raises:
            StorageError: a file of the run cannot be read.
        """
        names = sorted(
            name for name in self.storage.entries(EDITIONS) if name.endswith(".json") and name[:-5].isdecimal()
        )
        return [_edition(f"{self.storage.url}/{EDITIONS}/{name}", self.record(int(name[:-5]))) for name in names]

    def record(self, number: int) -> dict[str, Any]:
        """What `editions/<number>.json` says, from 1.

        Raises:
            StorageError: it cannot be read.
        """
        name = f"{EDITIONS}/{number:04d}.json"
        try:
            found: dict[str, Any] = json.loads(self.storage.read(name))
        except (OSError, ValueError, RecursionError) as error:
            raise _unreadable(f"{self.storage.url}/{name}", error) from error
        return found

    def add(self, number: int, record: dict[str, Any]) -> None:
        """Write `editions/<number>.json`.

        Raises:
            FileExistsError: another process has done so.
            StorageError: the folder cannot be written.
        """
        # ASCII: the name of a file in a record need not be valid UTF-8.
        self.storage.create(f"{EDITIONS}/{number:04d}.json", json.dumps(record, indent=0).encode())

    def grow(self, cause: Json, wanted: Edition) -> list[Edition]:
        """Record what a study wants of this run, unless it is known; return all editions.

        Prompts that have come into other groups are recorded too, as an edition that asks for no further pictures.

        Raises:
            RunChanged: the run was made with other settings, or has prompts or seeds that the study no longer names.
        """
        known = self.editions()
        editions = [edition for _, edition in known]
        if known:
            self._refuse_other_settings(known[0][0], cause)
            self._refuse_shrinking(editions[-1], wanted)
            if same_wish(editions[-1], wanted):
                return editions
            wanted = _known_first(editions[-1], wanted)
        record = {
            "cause": cause,
            "prompts": [prompt.record() for prompt in wanted.prompts],
            "seeds": list(wanted.seeds),
        }
        try:
            self.add(len(known) + 1, record)
        except FileExistsError:
            # Another part of the run was first to record the same.
            found = [edition for _, edition in self.editions()]
            if fingerprint(self.record(1)["cause"]) == fingerprint(cause) and same_wish(found[-1], wanted):
                return found
            raise RunBusy(
                f"{self.storage.url}: another process has just started on this run. Try again when it is done."
            ) from None
        return [*editions, wanted]

    def refuse_other_study(self, cause: Json) -> None:
        """Refuse settings with which this run was not made; a run that has not begun takes any.

        Raises:
            RunChanged: it was made with others.
        """
        if known := self.editions():
            self._refuse_other_settings(known[0][0], cause)

    def _refuse_other_settings(self, old: Json, new: Json) -> None:
        if fingerprint(old) == fingerprint(new):
            return
        changes = "; ".join(_changes(old, new))
        raise RunChanged(
            f"{self.storage.url}: was made by another study ({changes}). Pictures of both must not mix: choose another folder "
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
            f"{self.storage.url}: has pictures of {' and '.join(lost)}{f' ({count} in all)' if count > len(lost) else ''} that "
            "the study no longer names. A run only grows: put them back, or choose another folder with --out."
        )

    @contextmanager
    def locked(self, part: str | None = None) -> Iterator[None]:
        """Hold the run for this process, until it ends, however it ends; then deliver what it has made in `path`.

        Who holds all of it sweeps away what those that were killed before left in `path`.

        Args:
            part: name of a part of the run, which is held beside the holders of other parts; None: all of it.

        Raises:
            RunBusy: another process holds it, or, in an object store, has taken it over meanwhile.
            StorageError: the folder cannot be written.
        """
        with self.storage.hold(part):
            self.path.mkdir(parents=True, exist_ok=True)
            if part is None:
                sweep_run(self.path)
            before = self._products()
            yield
            self.deliver(file for file, state in self._products().items() if before.get(file) != state)

    def _products(self) -> dict[Path, tuple[int, int]]:
        """The files in `path` with their time and size, of a run that lies elsewhere; not those that are hidden."""
        if self.storage.local is not None:
            return {}
        visible = (file for file in self.path.rglob("*") if "/." not in f"/{file.relative_to(self.path).as_posix()}")
        states = {file: file.stat() for file in visible if file.is_file()}
        return {file: (state.st_mtime_ns, state.st_size) for file, state in states.items()}

    def deliver(self, paths: Iterable[Path]) -> None:
        """Copy files that were made in `path` to where the run lies; nothing to do where that is the same.

        Raises:
            StorageError: it cannot be written there.
        """
        if self.storage.local is not None:
            return
        for path in paths:
            self.storage.replace(path.relative_to(self.path).as_posix(), path.read_bytes())


def _one_name(url: str) -> str:
    """A URL as the name of a folder, which no run on this machine has by default."""
    return re.sub(r"[^\w.-]+", "-", url.partition("://")[2]).strip("-")


def same_wish(one: Edition, other: Edition) -> bool:
    """Whether two editions name the same prompts, in the same groups, and the same seeds, in any order."""
    return set(one.prompts) == set(other.prompts) and set(one.seeds) == set(other.seeds)


def _known_first(old: Edition, new: Edition) -> Edition:
    known_prompts, known_seeds = {prompt.id for prompt in old.prompts}, set(old.seeds)
    (known,) = as_named([old], new.prompts)
    return Edition(
        known.prompts + tuple(prompt for prompt in new.prompts if prompt.id not in known_prompts),
        old.seeds + tuple(seed for seed in new.seeds if seed not in known_seeds),
    )


def _edition(place: str, record: dict[str, Any]) -> tuple[Json, Edition]:
    try:
        prompts = tuple(Prompt(**prompt) for prompt in record["prompts"])
        if not all(isinstance(text, str) for prompt in prompts for text in (prompt.id, prompt.text, prompt.group)):
            raise ValueError("a prompt in it is no text")
        if not all(isinstance(seed, int) for seed in record["seeds"]):
            raise ValueError("a seed in it is no whole number")
        return record["cause"], Edition(prompts, tuple(record["seeds"]))
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(place, error) from error


def _unreadable(place: str, error: Exception) -> StorageError:
    return StorageError(f"{place}: the run's record cannot be read: {error}. Restore it, or use a new folder.")


def _changes(old: Json, new: Json, place: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _changes(old.get(key), new.get(key), f"{place}.{key}" if place else key)
    elif old != new:
        yield f"{place} was {_short(old)} and is now {_short(new)}"


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "..."
