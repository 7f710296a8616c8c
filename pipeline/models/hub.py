"""Files of a repository of the Hugging Face hub, or the reason why there are none."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal


class HubError(Exception):
    """Nothing came from the hub.

    Attributes:
        lacking: what was not found.
        reason: a clause without a full stop; the remedy is the caller's to name.
    """

    def __init__(self, lacking: Literal["name", "repository", "revision", "connection"], reason: str) -> None:
        super().__init__(reason)
        self.lacking, self.reason = lacking, reason


def snapshot(repository: str, revision: str | None, patterns: Sequence[str]) -> Path:
    """The folder, named by its commit, with those files of a repository that fit one of `patterns`; downloaded where needed.

    Args:
        revision: a commit, tag or branch; None: the main branch.
        patterns: such as `*.json`.

    Raises:
        HubError: no such repository or revision, or the hub cannot be reached and the files are not here already.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=list(patterns)))
    except RepositoryNotFoundError:
        reason = f"the hub has no repository {repository!r}, or it needs a login (`hf auth login`)"
        raise HubError("repository", reason) from None
    except RevisionNotFoundError:
        raise HubError("revision", f"{repository} has no revision {revision!r}") from None
    except HFValidationError:
        raise HubError("name", f"{repository!r} is neither a folder here nor a hub id") from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError):
        reason = f"{repository} is not a folder here, and the hub cannot be reached to look for it there"
        raise HubError("connection", reason) from None
