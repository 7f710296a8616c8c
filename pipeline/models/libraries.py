"""Libraries that only some models need."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from seedscope.pipeline.errors import ModelError


def ask_for(library: str, key: str, reason: str) -> None:
    """Ask for a library by name.

    Args:
        key: of the study, which needs it.
        reason: for what, in a few words.

    Raises:
        ModelError: it is not installed; with the command that installs it.
    """
    if find_spec(library) is None:
        raise ModelError(
            f"{key}: {reason} by the library {library}, which is not installed. Run `pip install {library}`."
        )


@contextmanager
def quiet() -> Iterator[None]:
    """While it lasts, diffusers and peft do not tell what is as it should be: that a LoRA leaves a text encoder as it is."""
    from diffusers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.set_verbosity(before)
