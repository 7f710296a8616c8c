"""A published file of weights in torch hub's cache, where other tools may have put it already."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from seedscope.pipeline.errors import FeatureError
from seedscope.pipeline.networks.weights import sha256_of


@dataclass(frozen=True)
class Published:
    """Where a feature's weights are published. `sha256`: of the file, or its beginning, as torch hub puts it into names."""

    feature: str
    url: str
    sha256: str

    @property
    def file(self) -> str:
        return self.url.rsplit("/", 1)[-1]

    def is_at(self, path: Path) -> bool:
        """Whether `path` is this very file. Raises FeatureError where it cannot be read."""
        return self.identity(path) == self.sha256

    def identity(self, path: Path | None) -> str:
        """`sha256` for this very file, wherever it lies (None: in the cache), and for another its own SHA-256.

        Raises FeatureError where it cannot be read.
        """
        found = self.sha256 if path is None else sha256_of(path)
        return self.sha256 if found.startswith(self.sha256) else found

    def cached(self) -> Path:
        """The file in torch hub's cache, downloaded where absent. Raises FeatureError with the remedy."""
        from torch.hub import download_url_to_file, get_dir

        path = Path(get_dir()) / "checkpoints" / self.file
        remedy = f"download {self.url} and give its path as the option 'weights' of {self.feature}."
        if not path.is_file():
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                download_url_to_file(self.url, str(path), self.sha256, progress=sys.stderr.isatty())
            except (OSError, RuntimeError) as error:
                raise FeatureError(
                    f"{self.feature}: its weights could not be downloaded ({error}); {remedy}"
                ) from error
        if not self.is_at(path):
            raise FeatureError(f"{self.feature}: {path} is damaged; delete it and run again, or {remedy}")
        return path
