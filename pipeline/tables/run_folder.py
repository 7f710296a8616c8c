"""A run folder: which study it belongs to, how it grew, and who works on it."""

import hashlib
import json
import logging
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedscope.pipeline.errors import ReadOnly, RunBusy, RunChanged
from seedscope.pipeline.storage import storage
from seedscope.pipeline.storage.base import Held, Storage
from seedscope.pipeline.storage.leftovers import sweep_run
from seedscope.pipeline.storage.local import make_folder, refusals
from seedscope.pipeline.study.plan import Edition, as_named
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import Json, fingerprint
from seedscope.pipeline.tables.in_step import InStep
from seedscope.pipeline.tables.records import Records

EDITIONS = "editions"
READABLE = 100
"""Letters of a URL in the name of a folder."""
_log = logging.getLogger(__name__)


def changes(old: Json, new: Json, place: str = "") -> Iterator[str]:
    """Each value that differs: `place was this and is now that`."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from changes(old.get(key), new.get(key), f"{place}.{key}" if place else key)
    elif old != new:
        yield f"{place} was {_short(old)} and is now {_short(new)}"


@dataclass(frozen=True)
class Agreement:
    """Whether the pictures of two causes may lie in one run.

    differences: recorded cause, and that of now -> in what their pictures differ; nothing: both may.
    naming: a cause -> the part of it that names tables.
    """

    differences: Callable[[Json, Json], Iterable[str]] = changes
    naming: Callable[[Json], Json] = lambda cause: cause


TO_THE_LETTER = Agreement()


@dataclass(frozen=True, init=False)
class RunFolder:
    """Where one run lies. `editions/0001.json` and so on say what it was asked for; a run only grows.

    Attributes:
        storage: where its shards, receipts and editions lie.
        path: a folder on this machine for what is made from them (seeds.parquet, golden.json, maps, the report): the run
            folder itself, or `runs/bucket-run-<hash of the URL>` of `s3://bucket/run`.

    Raises:
        StorageError: nobody knows such URLs.
    """

    storage: Storage
    path: Path

    def __init__(self, location: Storage | Path | str) -> None:
        place = storage(location)
        object.__setattr__(self, "storage", place)
        object.__setattr__(self, "path", place.local or Path("runs") / _own_name(place.url))

    def editions(self) -> list[tuple[Json, Edition]]:
        """(cause of the images, prompts and seeds) of each edition, oldest first.

        Raises:
            StorageError: a file of the run cannot be read.
        """
        records = self._editions
        return [_edition(records, number) for number in records.numbers()]

    @property
    def _editions(self) -> Records:
        return Records(self.storage, EDITIONS)

    def record(self, number: int) -> dict[str, Any]:
        """What `editions/<number>.json` says, from 1.

        Raises:
            StorageError: it cannot be read.
        """
        return self._editions.read(number)

    def add(self, number: int, record: dict[str, Any]) -> None:
        """Write `editions/<number>.json`.

        Raises:
            FileExistsError: another process has done so.
            StorageError: the folder cannot be written.
        """
        self._editions.add(number, record)

    def grow(self, cause: Json, wanted: Edition, agreement: Agreement = TO_THE_LETTER) -> list[Edition]:
        """Record what a study wants of this run, unless it is known; return all editions.

        Prompts that have come into other groups are recorded too, as an edition that asks for no further pictures, and so is a
        cause that says the same in other words, as in more of them than an older version had.

        Raises:
            RunChanged: the run was made with other settings, or has prompts or seeds that the study no longer names.
        """
        known = self.editions()
        editions = [edition for _, edition in known]
        if known:
            self._refuse_other_settings(known[-1][0], cause, agreement)
            self._refuse_shrinking(editions[-1], wanted)
            if same_wish(editions[-1], wanted) and fingerprint(known[-1][0]) == fingerprint(cause):
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
            found = self.editions()
            if fingerprint(found[-1][0]) == fingerprint(cause) and same_wish(found[-1][1], wanted):
                return [edition for _, edition in found]
            raise RunBusy(
                f"{self.storage.url}: another process has just started on this run. Try again when it is done."
            ) from None
        return [*editions, wanted]

    def refuse_other_study(self, cause: Json, agreement: Agreement = TO_THE_LETTER) -> None:
        """Refuse settings with which this run was not made; a run that has not begun takes any.

        Raises:
            RunChanged: it was made with others.
        """
        if known := self.editions():
            self._refuse_other_settings(known[-1][0], cause, agreement)

    def _refuse_other_settings(self, old: Json, new: Json, agreement: Agreement) -> None:
        if fingerprint(old) == fingerprint(new):
            return
        found = list(agreement.differences(old, new))
        if not found:
            return
        tables = self.storage.names()
        was, now = (f"images-{fingerprint(agreement.naming(each))[:8]}" for each in (old, new))
        if now in tables and was not in tables:  # as where a bit of a record without checksum has flipped
            raise self._editions.damaged(1, ValueError(f"its settings are not those of {now}, which it has"))
        raise RunChanged(
            f"{self.storage.url}: was made by another study ({'; '.join(found)}). Pictures of both must not mix: choose "
            "another folder with --out, or another name in the study."
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
    def locked(self, part: str | None = None) -> Iterator[Held]:
        """Hold the run for this process, until it ends, however it ends; then deliver what it has made in `path`.

        Who holds all of it sweeps away what those that were killed before left in `path`.

        Args:
            part: name of a part of the run, which is held beside the holders of other parts; None: all of it.

        Yields:
            What looks whether the run is still held.

        Raises:
            RunBusy: another process holds it, or, in an object store, has taken it over meanwhile.
            StorageError: the folder cannot be written.
        """
        with self.storage.hold(part) as held:
            self._make_path()
            if part is None:
                sweep_run(self.path)
            before = self._products()
            yield held
            self.deliver((file for file, state in self._products().items() if before.get(file) != state), held)

    @contextmanager
    def read(self) -> Iterator["RunFolder"]:
        """Hold the run, or look at it where it cannot be written.

        Yields:
            The run folder; of one that cannot be written, results are made in a folder elsewhere that is gone at the end, and
            those that there are seem to be there.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(self.locked())
            except ReadOnly:
                elsewhere = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seedscope-")))
                if self.storage.local is not None:
                    _link_files(self.path, elsewhere)
                yield self._with_path(elsewhere)
                return
            yield self

    def _with_path(self, path: Path) -> "RunFolder":
        """The same run with its results in another folder."""
        found = RunFolder(self.storage)
        object.__setattr__(found, "path", path)
        return found

    def _make_path(self) -> None:
        former = None if self.storage.local else self.path.parent / _readable(self.storage.url)
        if former and former != self.path.parent and former.is_dir() and not self.path.is_dir():
            _log.warning(
                "%s: tables and pages of %s are written here from now on. %s stays as it is: earlier versions wrote there what "
                "they made of any URL that reads like this one. Move what you edited, such as study.yaml, and delete the rest.",
                *(self.path, self.storage.url, former),
            )
        with refusals(self.path):
            make_folder(self.path)

    def _products(self) -> dict[Path, tuple[int, int]]:
        """The files in `path` with their time and size, of a run that lies elsewhere; not those that are hidden."""
        if self.storage.local is not None:
            return {}
        visible = (file for file in self.path.rglob("*") if "/." not in f"/{file.relative_to(self.path).as_posix()}")
        states = {file: file.stat() for file in visible if file.is_file()}
        return {file: (state.st_mtime_ns, state.st_size) for file, state in states.items()}

    def fetch(self, names: Iterable[str]) -> None:
        """Copy files of the run, such as another machine has delivered, to `path`; nothing to do where that is the same.

        Files that are the same already stay as they are, and so do those that were made here and not delivered, as by a
        command that was killed: these are named.

        Raises:
            StorageError: one cannot be read, or `path` cannot be written.
        """
        step = InStep(self.path)
        names = names if self.storage.local is None else ()
        kept = [name for name in names if not step.bring(name, self.storage.read(name))]
        if kept:
            _log.warning(
                "%s: is not what %s has under this name, and was not delivered, or was changed since; the one here stays%s. Do "
                "the experiment again to deliver it, or delete the one here to take the other.",
                *(self.path / kept[0], self.storage.url, f" (and {len(kept) - 1} more)" if len(kept) > 1 else ""),
            )

    def deliver(self, paths: Iterable[Path], held: Held = lambda: None) -> None:
        """Copy files that were made in `path` to where the run lies; nothing to do where that is the same.

        Raises:
            StorageError: it cannot be written there.
            RunBusy: another process has taken the run over.
        """
        if self.storage.local is None:
            made = {path.relative_to(self.path).as_posix(): path.read_bytes for path in paths}
            self.storage.deliver(made, held)
            InStep(self.path).note(made)


def _own_name(url: str) -> str:
    """The name of a folder that is this URL's alone, and that no run on this machine has by default."""
    return f"{_readable(url)[:READABLE]}-{hashlib.sha256(url.encode(errors='surrogateescape')).hexdigest()[:8]}"


def _readable(url: str) -> str:
    """A URL without its scheme as a name: `s3://b/c/x` and `gs://b/c-x` have the same."""
    return re.sub(r"[^\w.-]+", "-", url.partition("://")[2]).strip("-")


def _link_files(folder: Path, to: Path) -> None:
    """Links to the files of a folder, of what experiments found, and of its hidden folders, such as rankings that are kept;
    shards are in others."""
    for place in (folder, *(item for item in (*folder.glob(".*"), folder / "experiments") if item.is_dir())):
        there = to / place.relative_to(folder)
        there.mkdir(exist_ok=True)
        for item in place.iterdir():
            if item.is_file():
                (there / item.name).symlink_to(item.resolve())


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


def _edition(records: Records, number: int) -> tuple[Json, Edition]:
    record: dict[str, Any] = records.read(number)
    try:
        prompts = tuple(Prompt(**prompt) for prompt in record["prompts"])
        if not all(isinstance(text, str) for prompt in prompts for text in (prompt.id, prompt.text, prompt.group)):
            raise ValueError("a prompt in it is no text")
        if not all(isinstance(seed, int) for seed in record["seeds"]):
            raise ValueError("a seed in it is no whole number")
        return record["cause"], Edition(prompts, tuple(record["seeds"]))
    except (ValueError, KeyError, TypeError) as error:
        raise records.unreadable(number, error) from error


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "..."
