"""A lease on a run in an object store, which has no locks: a small object that its holder keeps renewing."""

import json
import logging
import os
import signal
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread, get_ident, main_thread

from seedscope.pipeline.errors import RunBusy, StorageError
from seedscope.pipeline.storage.base import Held, Swap, together

NAME = ".lease"
PARTS = ".parts"
LOOKS = 8
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lease:
    """The right to work on a run, or on a part of it, for one process at a time; `name`: of its object.

    The holder writes the object anew every `beat` seconds. Who finds one watches it for `stale` seconds by its own clock, and
    takes it over if it does not change: no clock of another machine is trusted. A holder that was taken for dead finds
    another one's name at its next beat, and stops. Until then both may work: a shard is committed once all the same.
    """

    storage: Swap
    beat: float
    stale: float
    name: str = NAME

    @contextmanager
    def held(self) -> Iterator[Held]:
        """Take the lease, keep it, and give it back; yields what looks whether it is still kept.

        Of the whole and a part, the second to take its lease finds the other's: both may do so, and neither then works.

        Raises:
            RunBusy: another process keeps it, or works on what this one takes in or is taken in by; or it took this one over:
                then the main thread is interrupted, and this is raised here.
        """
        mine = _Renewed(self, self._take())
        mine.start()
        try:
            for name in self._stale(_parts(self.storage) if self.name == NAME else [NAME]):
                self.storage.delete(name)
            yield mine.check
        except BaseException:
            mine.stop()
            if mine.lost is None:
                raise
        mine.stop()
        if mine.lost is not None:
            raise RunBusy(mine.lost) from None

    def _take(self) -> bytes:
        me = _claim()
        while True:
            try:
                self.storage.create(self.name, me)
                return me
            except FileExistsError:
                found = self._stale([self.name])
            if found and self.storage.swap(self.name, found[self.name], me):
                return me

    def _stale(self, names: Iterable[str]) -> dict[str, bytes]:
        """Those of some leases that nobody renews, and what they hold; others are given back.

        Raises:
            RunBusy: somebody renews one.
        """
        found, began = _all(self.storage, names), time.monotonic()
        if found:
            _log.warning(
                "%s: %s holds this run. Waiting up to %.0f s to see whether it still works on it.",
                *(self.storage.url, together(map(_name, found.values())), self.stale),
            )
        while found and time.monotonic() - began < self.stale:
            time.sleep(min(self.beat, self.stale) / LOOKS)
            now = _all(self.storage, found)
            renewed = [content for name, content in now.items() if content != found[name]]
            if renewed:
                raise RunBusy(
                    f"{self.storage.url}: another seedscope ({together(map(_name, renewed))}) works on this run. Wait for it, "
                    "or stop it first."
                )
            found = now
        return found


def holders(storage: Swap) -> list[str]:
    """Who has leases on a run and its parts, be they stale or not."""
    return [_name(content) for content in _all(storage, [NAME, *_parts(storage)]).values()]


class _Renewed(Thread):
    """Renews a lease until it is stopped, or finds it lost: `lost` is then a sentence, and the main thread interrupted."""

    def __init__(self, lease: Lease, content: bytes) -> None:
        super().__init__(name="seedscope-lease", daemon=True)
        self.lost: str | None = None
        self._content, self._ends, self._holder = content, Event(), get_ident()
        # A beat that does not get through is followed by the next one: there is nothing to wait for.
        self._lease, self._storage = lease, lease.storage.retrying(lease.beat)

    def run(self) -> None:
        while not self._ends.wait(self._lease.beat):
            try:
                if self._renewed():
                    continue
            except StorageError:  # the store is away: nobody else can take the lease either
                continue
            if not self._ends.is_set() and self._holder == main_thread().ident:
                signal.pthread_kill(self._holder, signal.SIGINT)
            return

    def _renewed(self) -> bool:
        """Renew the lease, if it is still this process's; whether it is."""
        content = _renewal(self._content)
        if self._storage.swap(self._lease.name, self._content, content):
            self._content = content
            return True
        return self._looked(self._storage)

    def _looked(self, storage: Swap) -> bool:
        """Look who has the lease; whether it is still this process. What is no lease is looked at again: some stores show an
        object empty, or none, while it is being put."""
        found = _read(storage, self._lease.name)
        if found is None or _token(found) is None:
            time.sleep(min(self._lease.beat, self._lease.stale) / LOOKS)
            found = _read(storage, self._lease.name)
        if found is not None and self._mine(found):
            # A store may carry out a renewal late, or twice: from there it goes on.
            self._content = found
            return True
        self.lost = (
            f"{storage.url}: {_name(found) if found else 'somebody'} has taken this run over, because this process gave no "
            "sign of life. What is published is safe; the run goes on there."
        )
        return False

    def _mine(self, content: bytes) -> bool:
        return _token(content) == _token(self._content)

    def check(self) -> None:
        """Look whether the lease is still this process's: it may have slept past its beats.

        Raises:
            RunBusy: it is another one's.
            StorageError: the store does not say.
        """
        if self.lost is not None or not self._looked(self._lease.storage):
            raise RunBusy(self.lost)

    def stop(self) -> None:
        """End the renewals, and give the lease back if it is still held."""
        self._ends.set()
        self.join()
        with suppress(StorageError):  # then it is taken over when it is stale
            found = _read(self._storage, self._lease.name)
            if self.lost is None and found is not None and self._mine(found):
                self._storage.delete(self._lease.name)


def _parts(storage: Swap) -> list[str]:
    """The names of the leases on parts."""
    return [f"{PARTS}/{name}" for name in sorted(storage.names(PARTS))]


def _all(storage: Swap, names: Iterable[str]) -> dict[str, bytes]:
    """The leases that there are, and what they hold."""
    return {name: content for name in names if (content := _read(storage, name)) is not None}


def _read(storage: Swap, name: str) -> bytes | None:
    try:
        return storage.read(name)
    except FileNotFoundError:
        return None


def _claim() -> bytes:
    return json.dumps(
        {"host": socket.gethostname(), "process": os.getpid(), "token": os.urandom(16).hex(), "beat": 0}
    ).encode()


def _renewal(content: bytes) -> bytes:
    record = json.loads(content)
    return json.dumps(record | {"beat": record["beat"] + 1}).encode()


def _token(content: bytes) -> str | None:
    """What a process alone writes into its leases."""
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(content)["token"])
    return None


def _name(content: bytes) -> str:
    try:
        record = json.loads(content)
        return f"process {record['process']} on {record['host']}"
    except (ValueError, KeyError, TypeError):
        return "an unknown process"
