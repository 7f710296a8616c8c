"""Find a diffusion model: a bundled one, a folder in diffusers layout, or a hub id. Reads its configuration, no weights."""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Configs, Family, Geometry
from seedscope.pipeline.models.configuration import MALFORMED, malformed, read_json
from seedscope.pipeline.models.families import FAMILIES, INPAINTS, family_of
from seedscope.pipeline.models.families.generic import why_not
from seedscope.pipeline.models.families.stable_diffusion import only_inpaints
from seedscope.pipeline.models.hub import HubError, snapshot
from seedscope.pipeline.models.identity import configuration, hashes, weight_files
from seedscope.pipeline.study.given import at_home, is_there
from seedscope.pipeline.study.noise import Noise
from seedscope.pipeline.study.schema import Json, Model, Sampling, Study

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
    """

    folder: Path
    hub: str | None
    pipeline: str
    family: Family
    identity: Json
    geometry: Geometry
    bytes: int | None

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.hub or str(self.folder)

    def size(self, sampling: Sampling) -> tuple[int, int]:
        """(height, width) in pixels that a study asks for.

        Raises:
            ModelError: a side that the model does not make, or one that is given neither by the study nor by the model.
        """
        own_height, own_width = self.geometry.default_size or (None, None)
        height, width = sampling.height or own_height, sampling.width or own_width
        if height is None or width is None:
            missing = "height" if height is None else "width"
            raise ModelError(
                f"sampling.{missing}: {self.folder.name} does not say of what size its pictures are (no sample_size in "
                f"{self.family.network}/config.json). Give height and width."
            )
        self._refuse_other_sides({"sampling.height": height, "sampling.width": width})
        kept = self.geometry.kept(height, width)
        if kept != (height, width):
            raise ModelError(
                f"sampling.height, sampling.width: {self.folder.name} draws other pixels than {height} x {width} (height x "
                f"width) where these are asked for. Ask for a size that it keeps, such as {kept[0]} x {kept[1]}."
            )
        return height, width

    def _refuse_other_sides(self, sides: Mapping[str, int]) -> None:
        step = self.geometry.step
        for key, side in sides.items():
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
        for side in size:
            self._refuse_other_sides({"noise.from": side})
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
        ModelError: it does not exist, is of a kind that cannot be run or cannot do the task, or offers pickles for weights.
    """
    shipped = bundled()
    folder = shipped.get(model.id) or at_home(model.id)
    if is_there(folder) and folder.is_dir():
        if model.revision is not None:
            raise ModelError(f"model.revision: {model.id} is a folder; only a hub id has revisions. Remove the key.")
        return _describe(folder.resolve(), None, model.variant, fills_masks=fills_masks)
    if model.id.count("/") == 1 and not model.id.startswith((".", "/", "~")):
        return _describe(_hub_configs(model), model.id, model.variant, fills_masks=fills_masks)
    names = ", ".join(name for name, path in shipped.items() if kind(path) in (INPAINTS if fills_masks else FAMILIES))
    raise ModelError(
        f"model: there is no model {reprlib.repr(model.id)}. Bundled are {names or 'none'}; otherwise give a folder "
        "with a model_index.json, or a hub id such as stabilityai/sdxl-turbo."
    )


def _hub_configs(model: Model) -> Path:
    """Folder of the JSON files of a hub repository, named by its commit."""
    try:
        return snapshot(model.id, model.revision, ["*.json", "*/*.json"])
    except HubError as error:
        key = "model.revision" if error.lacking == "revision" else "model"
        raise ModelError(f"{key}: {error.reason}.{_REMEDIES.get(error.lacking, '')}") from None


def _describe(folder: Path, hub: str | None, variant: str | None, *, fills_masks: bool) -> Located:
    index = read_json(folder / "model_index.json")
    pipeline = kind(folder)
    family = _family(hub or str(folder), pipeline, fills_masks=fills_masks)
    try:
        files = [] if hub else weight_files(folder, index, family, variant)
        geometry = _possible(family.geometry(_configs(folder, index), hub or str(folder), fills_masks=fills_masks))
        settings = {} if hub else configuration(folder, index, family)
    except MALFORMED as error:
        raise ModelError(malformed(hub or str(folder), error)) from error
    identity: Json = (
        {"hub": hub, "commit": folder.name, "variant": variant}
        if hub
        else {"weights": hashes(folder, files), "configuration": settings}
    )
    size = None if hub else sum(file.stat().st_size for file in files)
    drawn_by = family.inpaints[0] if fills_masks else pipeline
    return Located(folder, hub, drawn_by, family, identity, geometry, size)


def _configs(folder: Path, index: Mapping[str, Any]) -> Configs:
    """The configurations of a folder's parts."""

    def read(part: str) -> Mapping[str, Any]:
        there = isinstance(index.get(part), list) and index[part][0] is not None
        return read_json(folder / part / "config.json") if there else {}

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
