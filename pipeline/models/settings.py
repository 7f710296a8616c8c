"""The settings of a part of a model: what its file says, and what its class fills in."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any

from seedscope.pipeline.study.schema import Json

LIBRARIES = ("diffusers", "transformers")
"""Those whose classes have known defaults."""


class Settings(Mapping[str, Any]):
    """Settings by name. One that the file lacks has the default of the class that loads it, as its library fills it in.

    As a `defaultdict`, it lists what is said alone. A class is imported where a setting is asked for that is not said.

    Attributes:
        said: what the file says.
    """

    def __init__(self, said: Mapping[str, Any], library: object = None, kind: object = None) -> None:
        self.said = said
        self._class = (str(library), str(kind))

    def __getitem__(self, name: str) -> Any:
        return self.said[name] if name in self.said else class_defaults(*self._class)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.said)

    def __len__(self) -> int:
        return len(self.said)


@cache
def class_defaults(library: str, kind: str) -> Mapping[str, Json]:
    """Setting -> its default, as JSON has it, of a class of diffusers or transformers; nothing where they are not known."""
    if library not in LIBRARIES:
        return {}
    found = getattr(import_module(library), kind, None)
    if library == "transformers":
        config = getattr(found, "config_class", None)
        return _plain({} if config is None else config().to_dict())
    parameters = {} if found is None else inspect.signature(found.__init__).parameters
    return _plain({name: each.default for name, each in parameters.items() if each.default is not each.empty})


def _plain(settings: Mapping[str, Any]) -> dict[str, Json]:
    found: dict[str, Json] = json.loads(json.dumps(settings, default=repr))
    return found
