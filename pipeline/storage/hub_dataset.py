"""A data set on the Hugging Face hub: what it has of some files, and the others put there, some a commit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from seedscope.pipeline.errors import AccessDenied, StorageError, UserError

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile

MOST_FILES = 100
MOST_BYTES = 2 * 2**30
"""Of a commit: what one that is interrupted may have to send again."""
TOKENS = "https://huggingface.co/settings/tokens"


class File(Protocol):
    """A file to put: its path in the repository, its size in bytes, and where it lies or what is in it."""

    @property
    def path(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def content(self) -> Callable[[], Path | bytes]: ...


@dataclass(frozen=True)
class Published:
    """What came of it: where the data set is, which files were sent, and how many were there already."""

    url: str
    sent: list[str]
    there: int


def publish(
    repository: str, files: Sequence[File], *, public: bool, told: Callable[[int, int], None] = lambda *_: None
) -> Published:
    """Make a data set of these files, or send those that it does not have yet: a second call goes on where the first stopped.

    Args:
        repository: `owner/name`; created where there is none.
        public: whether all may see it.
        told: called before each commit with the files that were sent, and those to send.

    Raises:
        UserError: no token, or one that is refused; no connection; a public data set where none was asked for.
    """
    from huggingface_hub import CommitOperationAdd, HfApi, get_token
    from huggingface_hub.hf_api import RepoFile

    if not (token := get_token()):
        raise UserError(
            f"No token of the Hugging Face hub is here: make one that may write at {TOKENS}, and set HF_TOKEN."
        )
    api = HfApi(token=token)
    with _sentences(repository, api.endpoint):
        url = str(api.create_repo(repository, repo_type="dataset", private=not public, exist_ok=True))
        if not public and not api.dataset_info(repository).private:
            raise UserError(f"{repository}: is there already, and public: all would see the run. Say so by --public.")
        there = api.list_repo_tree(repository, repo_type="dataset", recursive=True)
        known = {each.path: each for each in there if isinstance(each, RepoFile)}
        missing = [file for file in files if not _same(file, known.get(file.path))]
        sent: list[str] = []
        for batch in _batches(missing):
            told(len(sent), len(missing))
            adding = [CommitOperationAdd(path_in_repo=each.path, path_or_fileobj=each.content()) for each in batch]
            api.create_commit(
                repository, adding, repo_type="dataset", commit_message=f"seedscope: {len(batch):,} files of a run"
            )
            sent += [each.path for each in batch]
    return Published(url, sent, len(files) - len(missing))


def _batches(files: Sequence[File]) -> Iterator[list[File]]:
    batch: list[File] = []
    for file in files:
        if batch and (len(batch) == MOST_FILES or sum(each.size for each in batch) + file.size > MOST_BYTES):
            yield batch
            batch = []
        batch.append(file)
    if batch:
        yield batch


def _same(file: File, there: RepoFile | None) -> bool:
    """Whether the hub has these bytes under this name: by SHA-256 of large files, and by git's hash of others."""
    if there is None or there.size != file.size:
        return False
    if there.lfs is not None:
        return _hashed(file, hashlib.sha256()) == there.lfs.sha256
    return _hashed(file, hashlib.sha1(b"blob %d\0" % file.size)) == there.blob_id


def _hashed(file: File, digest: hashlib._Hash) -> str:
    content = file.content()
    if isinstance(content, bytes):
        digest.update(content)
    else:
        with content.open("rb") as opened:
            while part := opened.read(2**20):
                digest.update(part)
    return digest.hexdigest()


@contextmanager
def _sentences(repository: str, endpoint: str) -> Iterator[None]:
    """Turn what the hub and the network answer into a sentence with the remedy."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    again = "The same command goes on from there."
    try:
        yield
    except HFValidationError:
        raise UserError(f"--repo {repository}: is no name of a data set; it is OWNER/NAME, such as me/seeds.") from None
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403, 404):
            owner = repository.partition("/")[0]
            raise AccessDenied(
                f"{repository}: the hub refuses the token ({status}): it is not valid, or may not write to {owner}. Make one "
                f"at {TOKENS}, and set HF_TOKEN."
            ) from None
        raise StorageError(f"{repository}: the hub answered {status}. Try again later. {again}") from None
    except Exception as error:
        if not isinstance(error, OfflineModeIsEnabled) and not _is_of_transport(error):
            raise
        raise StorageError(f"{repository}: {endpoint} cannot be reached. Look to the network. {again}") from None


def _is_of_transport(error: Exception) -> bool:
    """Whether there was no connection: huggingface_hub speaks by httpx or httpx2, whose exceptions are no OSError."""
    return any(kind.__name__ == "TransportError" for kind in type(error).__mro__)
