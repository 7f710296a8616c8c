"""Which results of a run in a store are here as they are there: what was made here since is never taken for an older one."""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seedscope.pipeline.storage.hashes import sha256_of
from seedscope.pipeline.storage.local import make_folder, replacing

FILE = ".in-step.json"


@dataclass(frozen=True)
class InStep:
    """Name of a file -> its sha256 when it was last brought from the store, or delivered to it.

    Attributes:
        folder: of the results on this machine, which has the record as a hidden file.
    """

    folder: Path

    def bring(self, name: str, content: bytes) -> bool:
        """Put here what the store has; False: there is another file here, which was made or changed since, and stays."""
        place = self.folder / name
        same = place.is_file() and place.read_bytes() == content
        if not same and place.is_file() and self._known().get(name) != sha256_of(place):
            return False
        if not same:
            make_folder(place.parent)
            with replacing(place) as scratch:
                scratch.write_bytes(content)
        self.note([name])
        return True

    def note(self, names: Iterable[str]) -> None:
        """These files are now here as they are there."""
        known = self._known()
        new = {name: sha256_of(self.folder / name) for name in names}
        if known != known | new:
            make_folder(self.folder)
            with replacing(self.folder / FILE) as scratch:
                scratch.write_text(json.dumps(known | new, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    def _known(self) -> dict[str, str]:
        """Nothing of a record that is lost or damaged: then no file is replaced that differs."""
        with suppress(OSError, ValueError):
            found = json.loads((self.folder / FILE).read_text(encoding="utf-8"))
            return found if isinstance(found, dict) else {}
        return {}
