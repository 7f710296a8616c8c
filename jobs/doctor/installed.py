"""Which version of a library is installed."""

from importlib.metadata import PackageNotFoundError, version


def installed(library: str) -> str | None:
    """Its version; None: it is not there."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None
