"""Find a diffusion model: a bundled one, a folder in diffusers layout, or a hub id. Reads its configuration, no weights."""

import reprlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Configs, Family, Geometry
from seedscope.pipeline.models.configuration import MALFORMED, configs_in, malformed, read_json
from seedscope.pipeline.models.families import FAMILIES, INPAINTS, family_of
from seedscope.pipeline.models.families.generic import Generic, why_not
from seedscope.pipeline.models.families.stable_diffusion import only_inpaints
from seedscope.pipeline.models.hub import HubError, snapshot
from seedscope.pipeline.models.identity import components, configuration, hashes, weight_files
from seedscope.pipeline.models.left_out import left_out, refuse_missing, without
from seedscope.pipeline.models.pieces import Pieces, pieces_of
from seedscope.pipeline.models.prepared import refuse_offload
from seedscope.pipeline.models.settings import Settings
from seedscope.pipeline.models.single_file import no_config, refuse_no_checkpoint
from seedscope.pipeline.study.given import at_home, is_there
from seedscope.pipeline.study.noise import Noise
from seedscope.pipeline.study.schema import Compute, Json, Model, Sampling, Study

BUNDLED = Path(__file__).parent.parent / "sprout"
_REMEDIES = {
    "repository": " Check the spelling.",
    "connection": " Check the path or the network, or download it once with `hf download` where there is one.",
}


@dataclass(frozen=True)
class Located:
    """Where a model lies and what it is, known without loading its weights.

    `identity` is what shapes pictures: sha256 of each file of weights that is loaded from a folder and the `configuration` of
    what loads them, or the commit and the variant of a hub repository. `pipeline` is the class of diffusers that draws what a
    study asks for. `geometry` says how large latents are; `bytes` is the size of the weights that are loaded from a folder.
    `pieces` is what comes from elsewhere than the folder, or the hub; of a single file these have the settings. `left_out` are
    parts that the index names, and that are not there.
    """

    folder: Path
    hub: str | None
    pipeline: str
    family: Family
    identity: Json
    geometry: Geometry
    bytes: int | None
    pieces: Pieces = field(default_factory=Pieces)
    files: tuple[Path, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def index(self) -> dict[str, Any]:
        """The content of `model_index.json`, without the parts that are not there."""
        return without(read_json(self.folder / "model_index.json"), self.left_out)

    @property
    def configs(self) -> Configs:
        """The configurations of its parts."""
        return _with_vae(configs_in(self.folder, self.index), self.pieces)

    @property
    def name(self) -> str:
        """What messages call it."""
        return str(self.pieces.file or self.hub or self.folder)

    def refuse(self, sampling: Sampling, compute: Compute, *, by_prompt: bool) -> None:
        """Refuse what the model does not draw, as far as its class and its settings say; no weights are needed to tell.

        Args:
            by_prompt: pictures are drawn from prompts and noise alone.

        Raises:
            ModelError: a sentence.
        """
        self.family.refuse(self.pipeline, sampling, by_prompt=by_prompt)
        refuse_offload(compute, compute.device)
        try:
            self.family.refuse_model(self.configs, sampling, compute)
        except MALFORMED as error:
            raise ModelError(malformed(self.name, error)) from error

    def size(self, sampling: Sampling) -> tuple[int, int]:
        """(height, width) in pixels that a study asks for.

        Raises:
            ModelError: a side that the model does not make, or one that is given neither by the study nor by the model.
        """
        own_height, own_width = self.geometry.default_size or (None, None)
        height, width = sampling.height or own_height, sampling.width or own_width
        if height is None or width is None:
            missing = "height" if height is None else "width"
            where = f"no sample_size in {self.family.network}/config.json"
            if isinstance(self.family, Generic):
                where = f"the call of {self.pipeline} has no size of its own"
            raise ModelError(
                f"sampling.{missing}: {self.folder.name} does not say of what size its pictures are ({where}). Give height and "
                "width."
            )
        self.refuse_size(height, width)
        return height, width

    def refuse_size(self, height: int, width: int, keys: Sequence[str] = ("sampling.height", "sampling.width")) -> None:
        """Refuse a size in pixels that the model does not draw; `keys` are what a person gave height and width by.

        Raises:
            ModelError: it does not.
        """
        self._refuse_other_sides(zip(keys, (height, width), strict=True))
        kept = self.geometry.kept(height, width)
        if kept != (height, width):
            raise ModelError(
                f"{', '.join(dict.fromkeys(keys))}: {self.folder.name} draws other pixels than {width} x {height} (width x "
                f"height) where these are asked for. Ask for a size that it keeps, such as {kept[1]} x {kept[0]}."
            )

    def identity_of_texts(self) -> Json:
        """What of the model changes what texts become: text encoders, tokenizers, and what acts on them."""
        if not isinstance(self.identity, dict):
            return self.identity
        parts = [
            part
            for part in components(self.index, self.family)
            if part not in (self.family.network, "vae", "scheduler")
        ]
        begins = tuple(f"{part}/" for part in parts)
        kept: dict[str, Json] = {
            key: self.identity[key] for key in ("hub", "commit", "variant", "without") if key in self.identity
        }
        for key in ("weights", "configuration"):
            if isinstance(found := self.identity.get(key), dict):
                kept[key] = {file: value for file, value in found.items() if file.startswith(begins)}
        return kept | self.pieces.identity_of_texts(parts)

    def _refuse_other_sides(self, sides: Iterable[tuple[str, int]]) -> None:
        step = self.geometry.step
        for key, side in sides:
            if side % step:
                near = max(step, round(side / step) * step)
                raise ModelError(
                    f"{key}: {self.folder.name} makes sides that are multiples of {step}, not {side}; the nearest is {near}."
                )

    def latent_shape(self, sampling: Sampling) -> tuple[int, int, int] | None:
        """The shape in which a picture's noise is drawn: (C, h, w), or (h, w, C); None where the model draws it itself."""
        return self.geometry.latent_shape(*self.size(sampling))

    def small_shape(self, study: Study) -> tuple[int, int, int] | None:
        """The shape of the noise that is put into the middle of that of a study; None where it is not resized.

        Raises:
            ModelError: a side that the model does not make, or a model that draws its noise itself.
        """
        shape = self.latent_shape(study.sampling)
        if shape is None and study.noise != Noise():
            raise ModelError(
                f"noise: {self.pipeline} draws its noise itself, from a generator on the CPU. Remove the key."
            )
        if (size := study.noise.from_size) is None:
            return None
        self._refuse_other_sides(("noise.from", side) for side in size)
        small = self.geometry.latent_shape(*size)
        return None if small == shape else small


def bundled() -> dict[str, Path]:
    """Name -> folder of all models that ship with the project; `kind` says what each is."""
    pipelines = {path.parent for path in BUNDLED.glob("*/model_index.json")}
    networks = {path.parent for path in BUNDLED.rglob("config.json") if not pipelines & set(path.parents)}
    return {folder.relative_to(BUNDLED).as_posix(): folder for folder in sorted(pipelines | networks)}


def kind(folder: Path) -> str:
    """The class that loads a model's folder: a pipeline of diffusers or a network of transformers."""
    if (folder / "model_index.json").exists():
        return str(read_json(folder / "model_index.json").get("_class_name"))
    return str(read_json(folder / "config.json")["architectures"][0])


def locate(model: Model, *, fills_masks: bool = False) -> Located:
    """Find a model and read its configuration; `fills_masks`: it is to fill masks in pictures, not to draw from text alone.

    Raises:
        ModelError: it does not exist, is of a kind that cannot be run or cannot do the task, or offers pickles for weights; or
            so does what the study names beside it.
    """
    if model.file is not None:
        refuse_no_checkpoint(at_home(model.file))
    name = model.id or model.config
    if name is None:
        raise no_config(at_home(model.name))
    folder, hub = _folder_of(model, name, fills_masks=fills_masks)
    return _describe(folder, hub, model, fills_masks=fills_masks)


def _folder_of(model: Model, name: str, *, fills_masks: bool) -> tuple[Path, str | None]:
    """The folder that has a model's settings, and its hub id, where it is of the hub."""
    shipped = bundled()
    folder = shipped.get(name) or at_home(name)
    if is_there(folder) and folder.is_dir():
        if model.revision is not None:
            raise ModelError(f"model.revision: {name} is a folder; only a hub id has revisions. Remove the key.")
        return folder.resolve(), None
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return _hub_configs(name, model.revision), name
    names = ", ".join(name for name, path in shipped.items() if kind(path) in (INPAINTS if fills_masks else FAMILIES))
    raise ModelError(
        f"model: there is no model {reprlib.repr(name)}. Bundled are {names or 'none'}; otherwise give a folder "
        "with a model_index.json, or a hub id such as stabilityai/sdxl-turbo."
    )


def _hub_configs(name: str, revision: str | None) -> Path:
    """Folder of the JSON files of a hub repository, named by its commit."""
    try:
        return snapshot(name, revision, ["*.json", "*/*.json"])
    except HubError as error:
        key = "model.revision" if error.lacking == "revision" else "model"
        raise ModelError(f"{key}: {error.reason}.{_REMEDIES.get(error.lacking, '')}") from None


def _describe(folder: Path, hub: str | None, model: Model, *, fills_masks: bool) -> Located:
    index = read_json(folder / "model_index.json")
    pipeline, name = kind(folder), hub or str(folder)
    family = _family(name, pipeline, fills_masks=fills_masks)
    try:
        configs = configs_in(folder, index)
        pieces = pieces_of(model, index, family, configs("vae"))
        gone = left_out(folder, index, family, pieces.elsewhere, hub=hub is not None)
        index = without(index, gone)
        refuse_missing(name, folder, index, family, pieces.elsewhere)
        files = [] if hub else _own_weights(folder, index, family, model, pieces)
        geometry = _possible(family.geometry(_with_vae(configs, pieces), name, fills_masks=fills_masks))
        replaced = () if pieces.vae is None else ("vae",)
        settings = {} if hub else configuration(folder, index, family, replaced)
    except MALFORMED as error:
        raise ModelError(malformed(name, error)) from error
    identity: dict[str, Json] = (
        {"hub": hub, "commit": folder.name, "variant": model.variant}
        if hub
        else {"weights": hashes(folder, files), "configuration": settings}
    )
    if gone:
        identity["without"] = list(gone)
    loaded = (*files, *pieces.files())
    size = None if hub and pieces.file is None else sum(file.stat().st_size for file in loaded)
    drawn_by = family.inpaints[0] if fills_masks else pipeline
    return Located(folder, hub, drawn_by, family, identity | pieces.identity(), geometry, size, pieces, loaded, gone)


def _own_weights(folder: Path, index: Mapping[str, Any], family: Family, model: Model, pieces: Pieces) -> list[Path]:
    """The files of weights that are loaded from the folder.

    Raises:
        ModelError: a part has none, here or elsewhere.
    """
    try:
        return weight_files(folder, index, family, model.variant, pieces.elsewhere)
    except ModelError as error:
        if pieces.file is None:
            raise
        has = " and ".join(pieces.in_file)
        raise ModelError(
            f"model.config: {pieces.file.name} has {has} alone, and the rest is taken from here. {error}"
        ) from None


def _with_vae(configs: Configs, pieces: Pieces) -> Configs:
    """The configurations, with that of another autoencoder in place of the model's own."""

    def read(part: str) -> Settings:
        return pieces.vae.config if part == "vae" and pieces.vae is not None else configs(part)

    return read


def _possible(geometry: Geometry) -> Geometry:
    """Refuse sizes that are none: a configuration may hold anything."""
    sizes: dict[str, object] = {"scale": geometry.scale, "multiple": geometry.step}
    sizes |= {} if geometry.channels is None else {"channels": geometry.channels}
    sizes |= dict(zip(("default height", "default width"), geometry.default_size or (), strict=False))
    for name, size in sizes.items():
        if not isinstance(size, int) or size < 1:
            raise ValueError(f"its {name} would be {size!r}")
    return geometry


def _family(name: str, pipeline: str, *, fills_masks: bool) -> Family:
    """The family that draws with a class of diffusers.

    Raises:
        ModelError: no family does, or not for this task.
    """
    family = family_of(pipeline)
    if fills_masks and (family is None or pipeline not in family.inpaints):
        raise ModelError(
            f"model: {name} is a {pipeline}; inpainting runs on {' and '.join(INPAINTS)}. Choose such a model, or name "
            "`prompts` in place of `inpaint`."
        )
    if family is None:
        raise ModelError(
            f"{name}: is a {pipeline}; text-to-image runs on {' and '.join(FAMILIES)}, and on any class of diffusers that "
            f"draws pictures from a prompt and a generator, but {why_not(pipeline)}."
        )
    if not fills_masks and pipeline != family.draws:
        raise ModelError(only_inpaints(name))
    return family
