"""A lease on a run in an object store, which has no locks: a small object that its holder keeps renewing."""

import json
import logging
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from threading import Event, Thread, get_ident, main_thread
from typing import TYPE_CHECKING

from seedscope.pipeline.errors import RunBusy, StorageError

if TYPE_CHECKING:
    from seedscope.pipeline.storage.objects import ObjectStorage

NAME = ".lease"
LOOKS = 8
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lease:
    """The right to work on a run, for one process at a time.

    The holder writes the object anew every `beat` seconds. Who finds one watches it for `stale` seconds by its own clock, and
    takes it over if it does not change: no clock of another machine is trusted. A holder that was taken for dead finds
    another one's name at its next beat, and stops. Until then both may work: a shard is committed once all the same.
    """

    storage: "ObjectStorage"
    beat: float
    stale: float

    @contextmanager
    def held(self) -> Iterator[None]:
        """Take the lease, keep it, and give it back.

        Raises:
            RunBusy: another process keeps it, or took it over: then the main thread is interrupted, and told here.
        """
        mine = _Renewed(self, self._take())
        mine.start()
        try:
            yield
        except BaseException:
            mine.stop()
            if mine.lost is None:
                raise
        mine.stop()
        if mine.lost is not None:
            raise RunBusy(mine.lost) from None

    def holder(self) -> str | None:
        """Who has the lease, be it stale or not; None where it is given back."""
        content = _read(self.storage)
        return None if content is None else _name(content)

    def _take(self) -> bytes:
        me = _claim()
        while True:
            try:
                self.storage.create(NAME, me)
                return me
            except FileExistsError:
                found = self._watched()
            if found is not None and self.storage.swap(NAME, found, me):
                return me

    def _watched(self) -> bytes | None:
        """What the lease holds, if nobody renews it; None if it is given back.

        Raises:
            RunBusy: somebody renews it.
        """
        first, began = _read(self.storage), time.monotonic()
        if first is not None:
            _log.warning(
                "%s: %s holds this run. Waiting up to %.0f s to see whether it still works on it.",
                *(self.storage.url, _name(first), self.stale),
            )
        now = first
        while now is not None and time.monotonic() - began < self.stale:
            time.sleep(min(self.beat, self.stale) / LOOKS)
            now = _read(self.storage)
            if now is not None and now != first:
                raise RunBusy(
                    f"{self.storage.url}: another seedscope ({_name(now)}) works on this run. Wait for it, or stop it first."
                )
        return now


class _Renewed(Thread):
    """Renews a lease until it is stopped, or finds it lost: `lost` is then a sentence, and the main thread interrupted."""

    def __init__(self, lease: Lease, content: bytes) -> None:
        super().__init__(name="seedscope-lease", daemon=True)
        self.lost: str | None = None
        self._content, self._ends, self._holder = content, Event(), get_ident()
        # A beat that does not get through is followed by the next one: there is nothing to wait for.
        self._storage, self._beat = replace(lease.storage, patience=lease.beat), lease.beat

    def run(self) -> None:
        storage = self._storage
        while not self._ends.wait(self._beat):
            content = _renewal(self._content)
            try:
                if storage.swap(NAME, self._content, content):
                    self._content = content
                    continue
                other = _read(storage)
            except StorageError:  # the store is away: nobody else can take the lease either
                continue
            self.lost = (
                f"{storage.url}: {_name(other) if other else 'somebody'} has taken this run over, because this process gave no "
                "sign of life. What is published is safe; the run goes on there."
            )
            if not self._ends.is_set() and self._holder == main_thread().ident:
                signal.pthread_kill(self._holder, signal.SIGINT)
            return

    def stop(self) -> None:
        """End the renewals, and give the lease back if it is still held."""
        self._ends.set()
        self.join()
        with suppress(StorageError):  # then it is taken over when it is stale
            if self.lost is None and _read(self._storage) == self._content:
                self._storage.delete(NAME)


def _read(storage: "ObjectStorage") -> bytes | None:
    try:
        return storage.read(NAME)
    except FileNotFoundError:
        return None


def _claim() -> bytes:
    return json.dumps(
        {"host": socket.gethostname(), "process": os.getpid(), "token": os.urandom(16).hex(), "beat": 0}
    ).encode()


def _renewal(content: bytes) -> bytes:
    record = json.loads(content)
    return json.dumps(record | {"beat": record["beat"] + 1}).encode()


def _name(content: bytes) -> str:
    try:
        record = json.loads(content)
        return f"process {record['process']} on {record['host']}"
    except (ValueError, KeyError, TypeError):
        return "an unknown process"
