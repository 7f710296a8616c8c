"""Libraries that only some models need."""

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
