"""Adapters of a model (LoRA): found, refused where they are of another base, loaded with their weights, fused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.configuration import read_json
from seedscope.pipeline.models.hub import HubError, snapshot
from seedscope.pipeline.models.libraries import ask_for
from seedscope.pipeline.models.weight_header import tensors
from seedscope.pipeline.storage.hashes import sha256_of
from seedscope.pipeline.study.given import at_home, is_there
from seedscope.pipeline.study.model import Lora
from seedscope.pipeline.study.schema import Json

if TYPE_CHECKING:
    import torch

_OF_TEXTS = ("text_encoder", "lora_te", "te1", "te2", "text_model")
"""How the names of tensors begin that change a text encoder."""


@dataclass(frozen=True)
class Adapter:
    """A LoRA that a study names.

    Attributes:
        name: what messages call it.
        file: where it lies here.
        source: (repository, commit, file) of one from the hub.
        sha256: of the file.
        of_texts: whether it changes a text encoder.
    """

    name: str
    file: Path
    source: tuple[str, str, str] | None
    weight: float
    sha256: str
    of_texts: bool

    @property
    def identity(self) -> Json:
        """What of it shapes pictures."""
        return {"sha256": self.sha256, "weight": self.weight}

    def here(self) -> Path:
        """The file on this machine, which may not be that on which it was found."""
        if self.source is None or self.file.is_file():
            return self.file
        repository, commit, file = self.source
        return _from_hub(self.name, repository, commit, file)


def locate_adapters(loras: Sequence[Lora]) -> tuple[Adapter, ...]:
    """Find the adapters of a study.

    Raises:
        ModelError: peft is missing, or one does not exist, or is no LoRA.
    """
    if loras:
        ask_for("peft", "model.lora", "LoRAs are put into a model")
    return tuple(_located(lora, f"model.lora.{place}") for place, lora in enumerate(loras))


def _located(lora: Lora, key: str) -> Adapter:
    file, source = _found(lora, key)
    names = tensors(file, key)
    if not any("lora" in name or "lokr" in name for name in names):
        raise ModelError(f"{key}: {file} is no LoRA: none of its tensors is named as one's are. Name another file.")
    of_texts = any(name.startswith(_OF_TEXTS) for name in names)
    return Adapter(lora.name or file.stem, file, source, lora.weight, sha256_of(file), of_texts)


def _found(lora: Lora, key: str) -> tuple[Path, tuple[str, str, str] | None]:
    if lora.id is None:
        return at_home(lora.file), None
    if is_there(at_home(lora.id)):
        if lora.revision is not None:
            raise ModelError(f"{key}.revision: {lora.id} is a folder; only a hub id has revisions. Remove the key.")
        return at_home(lora.id) / lora.file, None
    file = _from_hub(key, lora.id, lora.revision, lora.file)
    commit = file.parents[len(Path(lora.file).parts) - 1].name
    return file, (lora.id, commit, lora.file)


def _from_hub(key: str, repository: str, revision: str | None, file: str) -> Path:
    try:
        found = snapshot(repository, revision, [file]) / file
    except HubError as error:
        raise ModelError(f"{key}: {error.reason}.") from None
    if not found.is_file():
        raise ModelError(f"{key}: {repository} has no file {file}. Name one that it has as `file`.")
    return found


def add_adapters(pipe: Any, adapters: Sequence[Adapter], folder: Path, *, fuse: bool) -> None:
    """Put adapters into a loaded pipeline, as its own methods do.

    Parts of the pipeline that are not loaded, and that a file has tensors for, are stood in for by empty ones.

    Args:
        folder: has the settings of the parts.
        fuse: add them to the weights.

    Raises:
        ModelError: the pipeline takes none, or one is of another base.
    """
    if not adapters:
        return
    refuse_adapters(type(pipe), adapters)
    names = [f"lora_{place}" for place in range(len(adapters))]
    with _stand_ins(pipe, folder):
        for name, adapter in zip(names, adapters, strict=True):
            _add(pipe, adapter, name)
        pipe.set_adapters(names, [adapter.weight for adapter in adapters])
        if fuse:
            pipe.fuse_lora(components=list(pipe._lora_loadable_modules), adapter_names=names)
            pipe.unload_lora_weights()


def refuse_adapters(pipeline: type, adapters: Sequence[Adapter]) -> None:
    """Refuse adapters that no model of a class takes.

    Raises:
        ModelError: diffusers puts none into it, or peft is too old for one that changes a text encoder.
    """
    if not hasattr(pipeline, "load_lora_weights"):
        raise ModelError(f"model.lora: diffusers puts no LoRA into a {pipeline.__name__}. Remove the key.")
    if any(adapter.of_texts for adapter in adapters):
        _refuse_old_peft()


def _refuse_old_peft() -> None:
    """Refuse a version of peft with which transformers puts no adapter into a text encoder: it asks for a newer one than
    diffusers does for the denoising network."""
    from packaging.version import Version
    from transformers.integrations import peft

    wanted, here = getattr(peft, "MIN_PEFT_VERSION", "0"), version("peft")
    if Version(here) < Version(wanted):
        raise ModelError(
            f"model.lora: a LoRA that changes a text encoder needs peft {wanted} with the transformers that is installed, and "
            f"here is {here}. Run `pip install 'peft>={wanted}'`."
        )


def _add(pipe: Any, adapter: Adapter, name: str) -> None:
    file = adapter.here()
    try:
        pipe.load_lora_weights(str(file.parent), weight_name=file.name, adapter_name=name, local_files_only=True)
    except Exception as error:
        raise _other_base(pipe, adapter, f"{type(error).__name__}: {error}") from error
    if not any(name in found for found in pipe.get_list_adapters().values()):
        raise _other_base(pipe, adapter, "none of its tensors belongs to a part of the model")


def _other_base(pipe: Any, adapter: Adapter, reason: str) -> ModelError:
    line = " ".join(reason.split())
    return ModelError(
        f"model.lora: {adapter.name} does not fit this {type(pipe).__name__} ({line[:200]}); it is of another base model. Name "
        "one that was made for this."
    )


@contextmanager
def _stand_ins(pipe: Any, folder: Path) -> Iterator[None]:
    """While it lasts, parts that adapters may change and that are not loaded are there without weights."""
    absent = [name for name in pipe._lora_loadable_modules if getattr(pipe, name, None) is None]
    index = read_json(folder / "model_index.json")
    built = {name: bare_part(folder, index, name) for name in absent if _is_part(index, name)}
    for name, part in built.items():
        setattr(pipe, name, part)
    try:
        yield
    finally:
        for name in built:
            setattr(pipe, name, None)


def _is_part(index: Mapping[str, Any], name: str) -> bool:
    return isinstance(index.get(name), list) and index[name][0] in ("diffusers", "transformers")


def bare_part(folder: Path, index: Mapping[str, Any], name: str) -> torch.nn.Module:
    """A network of a folder on the meta device, as its settings build it."""
    from importlib import import_module

    import torch

    library, kind = index[name]
    found: Any = getattr(import_module(library), kind)
    settings = read_json(folder / name / "config.json")
    with torch.device("meta"):
        built: torch.nn.Module = (
            found.from_config(settings) if library == "diffusers" else found(found.config_class.from_dict(settings))
        )
    return built
