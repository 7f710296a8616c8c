"""Run a file of Python, or the command `seedscope`, as where the extra `run` is not installed."""

import runpy
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from seedscope.pipeline.run_extra import LIBRARIES

COME_ALONG = {"yaml", "fsspec", "jinja2"}
"""Of the extra, those that torch and transformers bring in any case."""


class Without:
    """A finder of modules that does not find those."""

    def __init__(self, finder: Any, modules: set[str]) -> None:
        self._finder, self._modules = finder, modules

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        found: ModuleSpec | None = None
        if name.partition(".")[0] not in self._modules:
            found = self._finder.find_spec(name, path, target)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._finder, name)


if __name__ == "__main__":
    missing = set(LIBRARIES) - COME_ALONG
    sys.meta_path[:] = [Without(finder, missing) for finder in sys.meta_path]
    del sys.argv[0]
    if sys.argv[0] == "seedscope":
        runpy.run_module("seedscope", run_name="__main__")
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")
