"""Another autoencoder than the model's own: a folder, a hub id, or a single .safetensors file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.configuration import read_json
from seedscope.pipeline.models.hub import HubError, snapshot
from seedscope.pipeline.models.identity import component_files, hashes, shaping
from seedscope.pipeline.models.settings import Settings
from seedscope.pipeline.models.single_file import load_part
from seedscope.pipeline.models.weight_header import tensors
from seedscope.pipeline.study.given import at_home, is_there
from seedscope.pipeline.study.schema import Json

if TYPE_CHECKING:
    import torch

KEY = "model.vae"


@dataclass(frozen=True)
class OtherVae:
    """An autoencoder that a study names.

    Attributes:
        place: the folder that has its `config.json`, or the file, whose settings are those of the model's own.
        hub: its repository; `place` then has the settings alone, and lies below the folder of its commit.
        config: its settings.
        files: its weights; of a hub id not here.
        identity: what of it shapes pictures.
    """

    place: Path
    hub: str | None
    config: Settings
    files: tuple[Path, ...]
    identity: Json

    @property
    def is_file(self) -> bool:
        return self.hub is None and self.place in self.files


def locate_vae(name: str, own: Settings) -> OtherVae:
    """Find an autoencoder.

    Args:
        own: the settings of the model's own, which a single file goes by.

    Raises:
        ModelError: it does not exist, is no autoencoder of diffusers, or has other latents than the model.
    """
    found = _located(name, own)
    for setting in ("latent_channels", "block_out_channels"):
        here, then = found.config.get(setting), own.get(setting)
        cells = (len(here), len(then)) if isinstance(here, list) and isinstance(then, list) else (here, then)
        if cells[0] != cells[1]:
            what = f"{setting} = {here!r}, and the model's own {then!r}"
            raise ModelError(f"{KEY}: {name} has {what}: its latents are others. Name one for this kind of model.")
    return found


def _located(name: str, own: Settings) -> OtherVae:
    place = at_home(name)
    if name.endswith(".safetensors"):
        tensors(place, KEY)
        return OtherVae(place, None, own, (place,), {"file": next(iter(hashes(place.parent, [place]).values()))})
    if is_there(place) and place.is_dir():
        part = _with_config(name, place.resolve())
        files = component_files(part, "diffusers")
        config = read_json(part / "config.json")
        return OtherVae(
            part,
            None,
            _filled(config),
            tuple(files),
            {"weights": hashes(part, files), "configuration": shaping(config)},
        )
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        folder = _snapshot(name)
        part = _with_config(name, folder)
        subfolder = part.relative_to(folder).as_posix()
        identity: Json = {"hub": name, "commit": folder.name, "folder": subfolder}
        return OtherVae(part, name, _filled(read_json(part / "config.json")), (), identity)
    raise ModelError(f"{KEY}: there is no {name!r}. Name a folder, a hub id or a .safetensors file.")


def _filled(config: Mapping[str, Any]) -> Settings:
    return Settings(config, "diffusers", config.get("_class_name"))


def _snapshot(name: str) -> Path:
    try:
        return snapshot(name, None, ["*.json", "*/*.json"])
    except HubError as error:
        raise ModelError(f"{KEY}: {error.reason}.") from None


def _with_config(name: str, folder: Path) -> Path:
    """The folder of an autoencoder, where a folder is one or is a pipeline that has one."""
    for part in (folder, folder / "vae"):
        if (part / "config.json").is_file() and "Autoencoder" in str(
            read_json(part / "config.json").get("_class_name")
        ):
            return part
    raise ModelError(f"{KEY}: {name} has no config.json of an autoencoder of diffusers. Name one that has.")


def load_vae(vae: OtherVae, folder: Path, dtype: torch.dtype, *, download: bool) -> Any:
    """Load an autoencoder; `folder` is the model's, whose settings a single file goes by."""
    import diffusers

    if vae.is_file:
        return load_part(vae.place, folder, "vae", dtype)
    source: dict[str, Any] = {"pretrained_model_name_or_path": str(vae.place)}
    if vae.hub:
        inside = vae.place.name == "vae"
        commit = (vae.place.parent if inside else vae.place).name
        source = {"pretrained_model_name_or_path": vae.hub, "revision": commit, "subfolder": "vae" if inside else None}
    kind = getattr(diffusers, str(vae.config["_class_name"]))
    return kind.from_pretrained(**source, dtype=dtype, use_safetensors=True, local_files_only=not download)
