"""Where a run folder lies: a folder on this machine, or any URL that fsspec knows (`s3://`, `gs://`, ...)."""

from pathlib import Path

from seedscope.pipeline.errors import StorageError
from seedscope.pipeline.storage.base import Storage
from seedscope.pipeline.storage.local import LocalStorage


def storage(location: Storage | Path | str) -> Storage:
    """Open a place for shards; nothing is read or written yet. What is open already is given back as it is.

    Endpoint, profile and so on are those of fsspec's own configuration (`FSSPEC_S3_ENDPOINT_URL`, `~/.config/fsspec`) and of
    the store's library (`AWS_ENDPOINT_URL`, `AWS_PROFILE`).

    Raises:
        StorageError: nobody knows such URLs, or the package that does is not installed; or the name is no text.
    """
    if not isinstance(location, Path | str):
        return location
    _refuse_undecodable(str(location))
    if isinstance(location, Path) or "://" not in location:
        return LocalStorage(Path(location))
    if location.startswith("file://"):
        return LocalStorage(Path(location.removeprefix("file://")))
    from seedscope.pipeline.storage.objects import ObjectStorage

    return ObjectStorage.at(location)


def _refuse_undecodable(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        shown = name.encode(errors="backslashreplace").decode()
        raise StorageError(
            f"{shown}: the name has bytes that are no UTF-8 text, and Parquet files cannot be opened by such a name. Rename "
            "the folder, or choose another one with --out."
        ) from error
