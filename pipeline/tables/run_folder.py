"""A run folder: where a run lies, who works on it, and what is made from it."""

import hashlib
import logging
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from seedscope.pipeline.errors import ReadOnly, StorageError
from seedscope.pipeline.storage import storage
from seedscope.pipeline.storage.base import Held, Storage
from seedscope.pipeline.storage.leftovers import sweep_run
from seedscope.pipeline.storage.local import make_folder, refusals
from seedscope.pipeline.tables.editions import Editions
from seedscope.pipeline.tables.in_step import InStep

READABLE = 100
"""Letters of a URL in the name of a folder."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, init=False)
class RunFolder(Editions):
    """Where one run lies, with its editions.

    Attributes:
        storage: where its shards, receipts and editions lie.
        path: a folder on this machine for what is made from them (seeds.parquet, golden.json, maps, the report): the run
            folder itself, or `runs/bucket-run-<hash of the URL>` of `s3://bucket/run`.

    Raises:
        StorageError: nobody knows such URLs, or a file is there.
    """

    path: Path

    def __init__(self, location: Storage | Path | str) -> None:
        place = storage(location)
        if place.local is not None and place.local.exists() and not place.local.is_dir():
            raise StorageError(
                f"{place.local}: cannot be used as a run folder: it is a file. Choose another one with --out."
            )
        object.__setattr__(self, "storage", place)
        object.__setattr__(self, "path", place.local or Path("runs") / _own_name(place.url))

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
