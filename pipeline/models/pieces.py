"""What a study names beside the folder of a model, or in place of parts of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedscope.pipeline.models.adapters import Adapter, locate_adapters
from seedscope.pipeline.models.base import Family
from seedscope.pipeline.models.identity import components, hashes
from seedscope.pipeline.models.other_vae import OtherVae, locate_vae
from seedscope.pipeline.models.quantized import refuse_quantization
from seedscope.pipeline.models.settings import Settings
from seedscope.pipeline.models.single_file import parts_in
from seedscope.pipeline.study.given import at_home
from seedscope.pipeline.study.model import Quantization
from seedscope.pipeline.study.schema import Json, Model


@dataclass(frozen=True)
class Pieces:
    """A single file with some parts, another autoencoder, adapters, narrower weights; by default none of these.

    Attributes:
        file: a single checkpoint.
        in_file: the parts that are loaded from it.
        adapters: in the order in which they act.
        fuse: whether they are added to the weights.
    """

    file: Path | None = None
    in_file: tuple[str, ...] = ()
    vae: OtherVae | None = None
    adapters: tuple[Adapter, ...] = ()
    fuse: bool = False
    quantization: Quantization | None = None

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """The parts whose weights are not those of the folder."""
        return (*self.in_file, *(() if self.vae is None or "vae" in self.in_file else ("vae",)))

    def identity(self) -> dict[str, Json]:
        """What of it shapes pictures; what is not there is not said."""
        found: dict[str, Json] = {}
        if self.file is not None:
            found["file"] = next(iter(hashes(self.file.parent, [self.file]).values()))
        if self.vae is not None:
            found["vae"] = self.vae.identity
        if self.adapters:
            found["lora"] = [adapter.identity for adapter in self.adapters]
        if self.fuse:
            found["fuse"] = True
        if self.quantization is not None:
            found["quantization"] = self.quantization.model_dump(mode="json")
        return found

    def identity_of_texts(self, parts: Collection[str]) -> dict[str, Json]:
        """What of it changes what texts become, where `parts` embed them."""
        whole = self.identity()
        kept = {
            "file": bool(set(parts) & set(self.in_file)),
            "quantization": self.quantization is not None and bool(set(parts) & set(self.quantization.parts or ())),
        }
        found = {key: whole[key] for key, counts in kept.items() if counts and key in whole}
        if of_texts := [adapter.identity for adapter in self.adapters if adapter.of_texts]:
            found |= {"lora": of_texts, "fuse": self.fuse}
        return found

    def files(self) -> tuple[Path, ...]:
        """The files of weights that lie here."""
        own = () if self.file is None else (self.file,)
        return (*own, *(() if self.vae is None else self.vae.files), *(adapter.file for adapter in self.adapters))


def pieces_of(model: Model, index: Mapping[str, Any], family: Family, own_vae: Settings) -> Pieces:
    """Find what a study names beside the folder.

    Args:
        index: the content of the folder's `model_index.json`.
        own_vae: the settings of the folder's autoencoder.

    Raises:
        ModelError: something is missing, of a wrong kind, or of another base.
    """
    parts = components(index, family)
    refuse_quantization(model.quantization, parts)
    file = None if model.file is None else at_home(model.file)
    vae = None if model.vae is None else locate_vae(model.vae, own_vae)
    in_file = () if file is None else parts_in(file, {part: kind for part, (_, kind) in parts.items()}, family)
    return Pieces(
        file,
        tuple(part for part in in_file if part != "vae" or vae is None),
        vae,
        locate_adapters(model.lora),
        model.fuse,
        model.quantization,
    )
