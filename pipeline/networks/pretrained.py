"""Transformers models of others: a bundled one, a folder or a hub id, read without running any of their code."""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedscope.pipeline.errors import FeatureError
from seedscope.pipeline.models.hub import HubError, snapshot
from seedscope.pipeline.models.locate import BUNDLED, bundled
from seedscope.pipeline.networks.weights import listed, sha256_of
from seedscope.pipeline.study.given import at_home

if TYPE_CHECKING:
    import torch

_SETTINGS = ("*.json", "*.txt")
_WEIGHTS = (
    ("model.safetensors", "model-*.safetensors"),
    ("pytorch_model.bin", "pytorch_model-*.bin"),
)
"""In order of preference; a .bin is opened by `torch.load(weights_only=True)`, which runs no pickled code."""


@dataclass(frozen=True)
class Pretrained:
    """Where a feature's transformers model lies.

    `model`: the name of a bundled model (`sprout-clip`), a folder in transformers layout, or a hub id; `revision`: the
    branch, tag or commit of a hub id. `feature` and `option` name the place in messages.
    """

    feature: str
    model: str
    revision: str | None = None
    option: str = "model"

    def folder(self) -> Path:
        """The folder with the settings (config.json and its like); of a hub id, these files alone are downloaded.

        Raises FeatureError with the remedy where there is no such model, or the hub cannot be reached.
        """
        if (path := self._local()) is not None:
            if self.revision is not None:
                raise self.error(f"{self.model} is a folder, and only a hub id has revisions; remove `revision`")
            return path
        if not _may_be_hub_id(self.model):
            shipped = ", ".join(name for name, folder in bundled().items() if (folder / "config.json").is_file())
            raise self.error(
                f"there is no model {self.model!r}; bundled are {shipped or 'none'}, otherwise give a folder with a "
                "config.json or a hub id"
            )
        return self.snapshot(_SETTINGS)

    def commit(self) -> str | None:
        """The commit of a hub id, which a branch is now; None of a folder. Raises FeatureError as `folder` does."""
        return None if self._local() is not None else self.folder().name

    def snapshot(self, patterns: Sequence[str]) -> Path:
        """The folder, named by its commit, with those files of the hub repository `model` that fit one of `patterns`.

        Raises FeatureError with the remedy.
        """
        try:
            return snapshot(self.model, self.revision, patterns)
        except HubError as error:
            remedies = {
                "repository": "; check the spelling",
                "connection": "; check the path or the network, or download it once with "
                f"`hf download {self.model}` where there is one",
            }
            raise self.error(f"{error.reason}{remedies.get(error.lacking, '')}") from None

    def config(self, *kinds: str) -> dict[str, Any]:
        """The content of config.json, whose `model_type` must be one of `kinds`, where any is named. Raises FeatureError."""
        path = self.folder() / "config.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise self.error(f"{path} cannot be read ({error}); a folder in transformers layout is needed") from error
        if not isinstance(found, dict) or (kinds and found.get("model_type") not in kinds):
            model_type = found.get("model_type") if isinstance(found, dict) else None
            wanted = " or ".join(repr(kind) for kind in kinds)
            raise self.error(f"{path} is of a model of type {model_type!r}; one of type {wanted} is needed")
        return found

    def identity(self, *, weights: bool = True) -> dict[str, str]:
        """What the model is: SHA-256 of each file of a folder (or of its settings), or the commit of a hub id.

        Raises FeatureError where there is no such model, or a folder has no weights.
        """
        folder = self.folder()
        if self._local() is None:
            return {"hub": self.model, "commit": folder.name}
        settings = [file for pattern in _SETTINGS for file in folder.glob(pattern)]
        files = [*settings, *self._weights(folder)] if weights else settings
        return {file.name: sha256_of(file) for file in sorted(files)}

    def network(self, kind: Any, without: tuple[str, ...] = ()) -> torch.nn.Module:
        """A network of the transformers class `kind` with the model's weights: float32, on the CPU, evaluating.

        Parts of the file whose keys start with one of `without` are left out. Raises FeatureError, naming the file and
        the keys, where weights are missing, unsafe, damaged, or do not fit the class.
        """
        from safetensors import SafetensorError

        folder = self.folder()
        if self._local() is None and not self._found(folder):
            folder = next(filter(self._found, map(self.snapshot, _WEIGHTS)), folder)
        file = self._weights(folder)[0]
        try:
            with _quiet():
                network, info = kind.from_pretrained(
                    folder,
                    dtype="float32",
                    local_files_only=True,
                    use_safetensors=file.suffix == ".safetensors",
                    ignore_mismatched_sizes=True,
                    output_loading_info=True,
                )
        except (OSError, ValueError, RuntimeError, pickle.UnpicklingError, struct.error, SafetensorError) as error:
            raise self.error(
                f"the weights file {file} is damaged or holds more than tensors ({type(error).__name__}); use the "
                "published file"
            ) from error
        unexpected = [key for key in info["unexpected_keys"] if not key.startswith(without)]
        shapes = [f"{key} {tuple(found)} instead of {tuple(wanted)}" for key, found, wanted in info["mismatched_keys"]]
        faults = {"missing keys": info["missing_keys"], "unexpected keys": unexpected, "wrong shapes": shapes}
        if any(faults.values()):
            text = "; ".join(listed(label, sorted(items)) for label, items in faults.items() if items)
            raise self.error(f"the weights file {file} does not fit {type(network).__name__}: {text}")
        made: torch.nn.Module = network.requires_grad_(False).eval()
        return made

    def error(self, reason: str) -> FeatureError:
        """`reason` as an error of this feature's option."""
        return FeatureError(f"{self.feature}.{self.option}: {reason}.")

    def _local(self) -> Path | None:
        """The folder of a bundled model, or the one that `model` names; None for a hub id."""
        bundled = BUNDLED / self.model
        path = bundled if (bundled / "config.json").is_file() else at_home(self.model)
        return path.resolve() if path.is_dir() else None

    def _found(self, folder: Path) -> list[Path]:
        """The weights files in a folder, of the preferred kind."""
        kinds = (sorted(file for pattern in kind for file in folder.glob(pattern)) for kind in _WEIGHTS)
        return next(filter(None, kinds), [])

    def _weights(self, folder: Path) -> list[Path]:
        if found := self._found(folder):
            return found
        wanted = " or ".join(kind[0] for kind in _WEIGHTS)
        raise self.error(f"{folder} has no weights: {wanted} is wanted, {listed('there is', _names(folder))}")


def _may_be_hub_id(model: str) -> bool:
    inside_bundled = (BUNDLED / model.partition("/")[0]).is_dir()  # a name under it that is not there
    return model.count("/") == 1 and not model.startswith((".", "/", "~")) and not inside_bundled


def _names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir()) or ["nothing"]


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bar, and no report of keys: what is wrong with them is raised."""
    import transformers

    logging: Any = transformers.utils.logging  # typed in part only
    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()
