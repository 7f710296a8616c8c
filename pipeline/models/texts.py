"""Embeddings of texts, kept on disk by what made them: a large text encoder runs once a text, and then leaves the memory."""

from __future__ import annotations

import gc
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from seedscope.pipeline.errors import StorageError
from seedscope.pipeline.models.base import Embedding, Text
from seedscope.pipeline.models.configuration import MALFORMED
from seedscope.pipeline.storage.local import replacing
from seedscope.pipeline.study.schema import Json

if TYPE_CHECKING:
    from seedscope.pipeline.models.stock import StockFamily

FOLDER = "SEEDSCOPE_CACHE"
"""The variable that names another folder than `~/.cache/seedscope`."""
MOST_BYTES = 20 * 10**9
DIGEST = "sha256"
"""Under which a file has the digest of its tensors."""


class KeptTexts:
    """Embeds texts with encoders that are loaded where a text is not kept on disk yet, and freed.

    Args:
        made_by: what embeddings depend on beside the text: the encoders' identity, dtype, device, options of the call.
        encoders: loads a pipeline with the text encoders alone, on the device.
    """

    def __init__(
        self, family: StockFamily, device: str, options: Mapping[str, Any], made_by: Json, encoders: Callable[[], Any]
    ) -> None:
        self._family, self._device, self._options, self._encoders = family, device, options, encoders
        versions = [version(name) for name in ("diffusers", "transformers", "torch")]
        # Some pipelines clean texts with this library where it is there.
        versions += [f"bs4: {find_spec('bs4') is not None}"]
        self._made_by: Json = [made_by, family.name, {**options}, *versions]
        self._folder = cache_folder() / "embeddings"

    def __call__(self, texts: Sequence[Text]) -> list[Embedding]:
        found = {text: _kept(self._file(text)) for text in dict.fromkeys(texts)}
        missing = [text for text, embedding in found.items() if embedding is None]
        found |= dict(zip(missing, self._embedded(missing), strict=True))
        return [embedding for text in texts if (embedding := found[text]) is not None]

    def _embedded(self, texts: Sequence[Text]) -> Iterator[Embedding]:
        if not texts:
            return
        with _for_a_while(self._encoders) as pipe:
            for text in texts:
                embedding = self._family.encode(pipe, text, self._device, self._options)
                here = {name: value.cpu().contiguous() for name, value in embedding.items()}
                _keep(self._file(text), here)
                yield here
        _tidy(self._folder)

    def _file(self, text: Text) -> Path:
        said = json.dumps([self._made_by, text.text, text.negative], sort_keys=True)
        return self._folder / f"{hashlib.sha256(said.encode()).hexdigest()}.safetensors"


def cache_folder() -> Path:
    """Where embeddings are kept: `SEEDSCOPE_CACHE`, or `seedscope` in the user's cache folder."""
    named = os.environ.get(FOLDER)
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "seedscope"


@contextmanager
def _for_a_while(make: Callable[[], Any]) -> Iterator[Any]:
    made = make()
    try:
        yield made
    finally:
        del made
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _kept(file: Path) -> Embedding | None:
    """What a file holds; none where there is none, it is damaged, or does not say what it held: it is then made again."""
    try:
        content = file.read_bytes()
        tensors = load(content)
        if _said(content) != _sha256(tensors):
            return None
    except (OSError, SafetensorError, *MALFORMED):
        return None
    with suppress(OSError):
        os.utime(file)
    return tensors or None


def _keep(file: Path, embedding: Embedding) -> None:
    """Keep an embedding; where the disk refuses, it is made again next time."""
    with suppress(OSError, StorageError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as scratch:
            scratch.write_bytes(save({**embedding}, metadata={DIGEST: _sha256(embedding)}))


def _sha256(embedding: Embedding) -> str:
    """Over names, shapes and values: safetensors has no checksum of its own."""
    return hashlib.sha256(save({**embedding})).hexdigest()


def _said(content: bytes) -> object:
    """The digest in the header of a file. Source: safetensors, "Format": eight bytes of its length, then JSON."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]).get("__metadata__", {}).get(DIGEST)


def _tidy(folder: Path) -> None:
    """Take those away that were not used for longest, so that at most `MOST_BYTES` lie there."""
    with suppress(OSError):
        files = sorted(
            ((file.stat(), file) for file in folder.glob("*.safetensors")), key=lambda each: each[0].st_mtime
        )
        total = sum(stat.st_size for stat, _ in files)
        for stat, file in files:
            if total <= MOST_BYTES:
                return
            file.unlink(missing_ok=True)
            total -= stat.st_size
