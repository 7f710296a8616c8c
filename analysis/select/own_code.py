"""Whether an object computes what its library wrote: methods put onto it, and methods of its class that were replaced."""

from __future__ import annotations

import inspect
import os
import sys
import sysconfig
from collections.abc import Collection, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any, Final

from torch import nn

LIBRARIES: Final = ("diffusers", "transformers", "torch", "accelerate", "peft", "huggingface_hub", "kernels")
"""Whose classes are looked at, and whose code is their own, or that of a decorator."""
_COMPILED: Final = "_torchdynamo_orig_callable"
"""Where torch.compile keeps the function that it was given. What functools.wraps keeps says nothing: a patch has it too."""
_DECORATED: Final = "<locals>"
_BASES: Final = (object, nn.Module)


def own_callables(part: Any, usual: Collection[str] = ()) -> Iterator[str]:
    """Names of what an object calls that others of its class take from the class; compiled ones are the same.

    Args:
        usual: names of what every object of the class has of its own.
    """
    for name, value in vars(part).items():
        if callable(value) and name not in usual and not name.startswith("_") and not is_of_class(part, name, value):
            yield name


def replaced_on(part: Any) -> Iterator[str]:
    """Names of methods of its class in whose place an object has others, such as `prepare_latents` of a pipeline.

    What an object calls beside them, such as its parts, is not told.
    """
    for name, value in vars(part).items():
        method = inspect.getattr_static(type(part), name, None)
        if callable(getattr(method, "__func__", method)) and not is_of_class(part, name, value):
            yield name


def is_of_class(part: Any, name: str, value: Any) -> bool:
    """Whether a method is the class's own, and this object's, whatever torch.compile made of it."""
    method = getattr(value, _COMPILED, value)
    own = inspect.getattr_static(type(part), name, None)
    return getattr(method, "__self__", None) is part and getattr(method, "__func__", None) is own


def replaced_methods(kind: type) -> Iterator[str]:
    """Methods, as `Attention.forward`, of a class of the libraries or its bases whose code is not in the libraries' files.

    A method of one class that was put in the place of another's, not of its bases, is told too.
    """
    folders = tuple(_folders())
    for base in kind.__mro__:
        if base not in _BASES and base.__module__.partition(".")[0] in LIBRARIES:
            for name, value in vars(base).items():
                if _is_foreign(base, name, value, folders):
                    yield f"{base.__name__}.{name}"


def _is_foreign(base: type, name: str, value: Any, folders: tuple[str, ...]) -> bool:
    value = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
    function = getattr(value, _COMPILED, value)
    if not isinstance(function, FunctionType):
        return False
    file = function.__code__.co_filename
    if file.startswith("<"):  # as a dataclass makes its methods
        return not (name.startswith("__") and name.endswith("__"))
    if not file.startswith(folders):
        return True
    written_as = function.__code__.co_qualname  # `__qualname__` is that of what a decorator wraps
    of_a_class = "." in written_as and _DECORATED not in written_as
    return of_a_class and not written_as.startswith(tuple(f"{each.__qualname__}." for each in base.__mro__))


def _folders() -> Iterator[str]:
    """Those of the libraries that are loaded, and of Python's own."""
    for name in LIBRARIES:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is not None:
            yield f"{Path(file).parent}{os.sep}"
    yield f"{sysconfig.get_paths()['stdlib']}{os.sep}"
