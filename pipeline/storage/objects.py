"""A run folder in an object store, through fsspec."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from seedscope.pipeline.errors import AccessDenied, ReadOnly, StorageError
from seedscope.pipeline.storage.base import READ_ONLY, Entry, Held, together
from seedscope.pipeline.storage.lease import NAME, PARTS, Lease, holders
from seedscope.pipeline.storage.local import refusals
from seedscope.pipeline.storage.ranges import Ranges
from seedscope.pipeline.storage.retries import CHECKSUM_TRIES, RETRY_SECONDS, lacks_conditions, with_retries

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

T = TypeVar("T")

S3, GOOGLE = ("s3", "s3a"), ("gs", "gcs")
EXTRAS = dict.fromkeys(S3, "s3") | dict.fromkeys(GOOGLE, "gs")
PROBE = ".conditional"
DELIVERIES = 5
"""Times that a file is put under a condition, while another one keeps coming first."""
_STAMPS = ("ETag", "etag", "md5Hash", "generation", "LastModified", "last_modified", "mtime", "updated", "created")


@dataclass(frozen=True)
class ObjectStorage:
    """A prefix of an object store. Every request is tried again, for up to `retry_seconds`, while the trouble may pass.

    Attributes:
        retry_seconds: how long one request is tried again.
        beat: seconds between two renewals of the lease on a run.
        stale: seconds after which a lease that nobody renews is taken over.
    """

    url: str
    retry_seconds: float = RETRY_SECONDS
    beat: float = 20.0
    stale: float = 90.0

    @classmethod
    def at(cls, url: str) -> "ObjectStorage":
        """The storage of a URL.

        Raises:
            StorageError: nobody knows such URLs, or the package that does is not installed.
        """
        _opened(url)
        return cls(url.rstrip("/"))

    @property
    def local(self) -> Path | None:
        return None

    @property
    def conditional(self) -> bool:
        """Found out by writing a small object twice, once in each process: some stores refuse conditional puts, and others
        take them and overlook the condition."""
        return self._speaks([*S3, *GOOGLE]) and _conditional(self)

    def inside(self, folder: str) -> "ObjectStorage":
        return replace(self, url=f"{self.url}/{folder}")

    def beside(self, folder: str) -> "ObjectStorage":
        return replace(self, url=f"{self.url.rpartition('/')[0]}/{folder}")

    def folders(self) -> set[str]:
        try:
            found = self._ask(lambda fs, path: fs.ls(path, detail=True), "")
        except FileNotFoundError:
            return set()
        return {item["name"].rstrip("/").rsplit("/", 1)[-1] for item in found if item["type"] == "directory"}

    def retrying(self, seconds: float) -> "ObjectStorage":
        return replace(self, retry_seconds=seconds)

    def entries(self, folder: str = "") -> Mapping[str, Entry]:
        try:
            found = self._ask(lambda fs, path: fs.ls(path, detail=True), folder)
        except FileNotFoundError:
            return {}
        return {
            item["name"].rsplit("/", 1)[-1]: Entry(item["size"], _stamp(item))
            for item in found
            if item["type"] == "file"
        }

    def names(self, folder: str = "") -> set[str]:
        return set(self.entries(folder))

    def size(self, name: str) -> int | None:
        try:
            found = self._ask(lambda fs, path: fs.info(path), name)
        except FileNotFoundError:
            return None
        return int(found["size"]) if found["type"] == "file" else None

    def read(self, name: str) -> bytes:
        # s3fs would ask for the size first, to read large files by parts.
        options = {"max_concurrency": 1} if self._speaks(S3) else {}
        return self._ask(lambda fs, path: bytes(fs.cat_file(path, **options)), name)

    def open(self, name: str) -> pa.NativeFile:
        size = self.size(name)
        if size is None:
            raise FileNotFoundError(f"{self.url}/{name}")
        return pa.PythonFile(Ranges(partial(self.range, name), size), mode="r")

    def range(self, name: str, start: int, end: int) -> bytes:
        """Bytes `start` to `end`, the latter not among them; fewer where the object ends before, or is cut time and again: a
        part has no checksum that would tell."""
        found = b""
        for _ in range(CHECKSUM_TRIES):
            found = self._ask(lambda fs, path: bytes(fs.cat_file(path, start=start, end=end)), name)
            if len(found) == end - start:
                break
        return found

    def create(self, name: str, content: bytes) -> None:
        self._put_new(name, lambda fs, path, mode: fs.pipe_file(path, content, **mode), lambda: content)

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        folder = Path(tempfile.gettempdir())
        with refusals(folder), tempfile.TemporaryDirectory(prefix="seedscope-", dir=folder) as own:
            yield Path(own) / name

    def publish(self, scratch: Path, name: str) -> None:
        self._put_new(name, lambda fs, path, mode: fs.put_file(str(scratch), path, **mode), scratch.read_bytes)

    def replace(self, name: str, content: bytes) -> None:
        self._put(name, lambda fs, path: fs.pipe_file(path, content))

    def swap(self, name: str, old: bytes, new: bytes) -> bool:
        """Replace a small file if it still has its old content; whether it did.

        Atomic on S3. Elsewhere two processes that swap within the same moment may both be told that they did.
        """
        try:
            etag = self._etag(name) if self._compares else None
            if (found := self.read(name)) != old:
                return found == new
            if etag is not None:
                return self._put_over(name, new, etag)
        except FileNotFoundError:
            return False
        self.replace(name, new)
        return True

    def deliver(self, contents: Mapping[str, Callable[[], bytes]], held: Held) -> None:
        """As in `Storage`, by conditional puts on S3: who takes the place over puts other objects than those listed before the
        lease was looked at. Elsewhere the lease is looked at before each put."""
        if not self._compares:
            for name, content in contents.items():
                held()
                self.replace(name, content())
            return
        etags = self._etags(contents)
        held()
        for name, content in contents.items():
            self._deliver(name, content(), etags.get(name), held)

    def _deliver(self, name: str, content: bytes, etag: str | None, held: Held) -> None:
        for _ in range(DELIVERIES):
            with suppress(FileNotFoundError):
                if self._put_over(name, content, etag):
                    return
            etag = self._etag_if_any(name)
            held()
        raise StorageError(
            f"{self.url}/{name}: another process keeps writing it. Stop that one, and run the same command again."
        )

    @property
    def _compares(self) -> bool:
        """Whether a put can be made to fail where an object is not the one that was seen."""
        return self._speaks(S3) and self.conditional

    def _etag(self, name: str) -> str:
        return self._ask(lambda fs, path: str(fs.info(path)["ETag"]), name)

    def _etag_if_any(self, name: str) -> str | None:
        with suppress(FileNotFoundError):
            return self._etag(name)
        return None

    def _etags(self, names: Iterable[str]) -> dict[str, str]:
        """The ETags of those objects that there are, by a listing a folder."""
        folders = {name.rpartition("/")[0] for name in names}
        return {
            f"{folder}/{name}" if folder else name: entry.stamp
            for folder in folders
            for name, entry in self.entries(folder).items()
        }

    def _put_over(self, name: str, content: bytes, etag: str | None) -> bool:
        """Put an object in the place of the one with that ETag, or, without, of none; whether it is there now.

        Raises:
            FileNotFoundError: there is none with any ETag.
        """
        options: dict[str, Any] = {"mode": "create"} if etag is None else {"IfMatch": etag}
        # In one request: s3fs cannot make one of parts conditional.
        options["chunksize"] = max(len(content), 1)
        try:
            self._put(name, lambda fs, path: fs.pipe_file(path, content, **options), known=etag is not None)
        except FileExistsError:
            # The answer to an earlier try of this very put may have been lost on the way.
            return self.read(name) == content
        except StorageError as error:
            if not lacks_conditions(error):
                raise
            self.replace(name, content)
        return True

    def delete(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._ask(lambda fs, path: fs.rm_file(path), name)

    def holder(self) -> str | None:
        """As in `Storage`. One that died is still named until its lease is taken over."""
        return together(holders(self))

    @contextmanager
    def hold(self, part: str | None = None) -> Iterator[Held]:
        """As in `Storage`: see `Lease`."""
        with ExitStack() as stack:
            try:
                lease = Lease(self, self.beat, self.stale, NAME if part is None else f"{PARTS}/{part}")
                held = stack.enter_context(lease.held())
            except AccessDenied as error:
                raise ReadOnly(f"{error} {READ_ONLY}") from error
            yield held

    def _speaks(self, schemes: Sequence[str]) -> bool:
        return self.url.partition("://")[0] in schemes

    def _put_new(
        self,
        name: str,
        put: "Callable[[AbstractFileSystem, str, Mapping[str, str]], object]",
        content: Callable[[], bytes],
    ) -> None:
        mode = {"mode": "create"} if self.conditional else {}
        if not mode and self.size(name) is not None:
            raise FileExistsError(f"{self.url}/{name}")
        try:
            self._put(name, lambda fs, path: put(fs, path, mode))
        except FileExistsError:
            # The answer to an earlier try of this very put may have been lost on the way.
            if self.read(name) != content():
                raise

    def _put(self, name: str, put: "Callable[[AbstractFileSystem, str], object]", *, known: bool = False) -> None:
        """Put an object; `known`: in the place of one that was there, so that a missing one is no missing bucket."""

        def tried(fs: "AbstractFileSystem", path: str) -> None:
            try:
                put(fs, path)
            except OSError as error:
                # s3fs calls only the refusal of one of the two conditions by its name.
                if "PreconditionFailed" in repr(error.__cause__):
                    raise FileExistsError(path) from error
                raise

        try:
            self._ask(tried, name)
        except FileNotFoundError as error:
            if known:
                raise
            raise StorageError(f"{self.url}: there is no such bucket. Create it, or choose another --out.") from error

    def _ask(self, request: Callable[["AbstractFileSystem", str], T], name: str) -> T:
        url = f"{self.url}/{name}" if name else self.url
        return with_retries(partial(request, *_opened(url)), url, seconds=self.retry_seconds)


def _opened(url: str) -> "tuple[AbstractFileSystem, str]":
    """The file system of a URL, of which fsspec itself keeps one for each process, and the path in it."""
    import fsspec

    scheme = url.partition("://")[0]
    try:
        fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        remedy = f'pip install "seedscope[{EXTRAS[scheme]}]"' if scheme in EXTRAS else str(error)
        raise StorageError(f"{url}: a package is missing that reads and writes {scheme}://. {remedy}") from error
    except ValueError as error:
        raise StorageError(
            f"{url}: nobody here knows {scheme}://. Take a folder, s3://, gs://, or what fsspec has."
        ) from error
    # Listings are asked for anew: other processes write. Retries are ours, so that their time can be bounded.
    options: dict[str, Any] = {"use_listings_cache": False}
    if scheme in S3:
        configured = fsspec.config.conf.get("s3", {}).get("config_kwargs", {})
        options["config_kwargs"] = {"retries": {"max_attempts": 0}} | configured
    fs, path = fsspec.url_to_fs(url, **options)
    return fs, str(path)


def _stamp(item: Mapping[str, Any]) -> str:
    return next((f"{item[key]}" for key in _STAMPS if item.get(key)), "")


_KNOWN: dict[str, bool] = {}


def _conditional(storage: ObjectStorage) -> bool:
    """Whether a store keeps to the condition of a put, asked once in each process and for each bucket."""
    bucket = "/".join(storage.url.split("/")[:3])
    if bucket not in _KNOWN:
        _KNOWN[bucket] = _probe(storage)
    return _KNOWN[bucket]


def _probe(storage: ObjectStorage) -> bool:
    try:
        for _ in range(2):
            storage._put(PROBE, lambda fs, path: fs.pipe_file(path, b"", mode="create"))
    except FileExistsError:
        return True
    except StorageError as error:
        if lacks_conditions(error):
            return False
        raise
    return False
