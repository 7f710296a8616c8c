"""A model in a single file, as it is shared for other programs: which parts of a pipeline it has, and how they are loaded.

Such a file has weights and no settings. diffusers guesses of which kind it is and fetches the settings of that kind from the
hub; here a study names the folder, or the hub id, that has them (`config`), so that nothing is fetched unasked and the
settings are known. Parts that are not in the file come from there too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Family
from seedscope.pipeline.models.configuration import read_json
from seedscope.pipeline.models.libraries import ask_for, quiet
from seedscope.pipeline.models.weight_header import Tensor, tensors

if TYPE_CHECKING:
    import torch

NETWORK = "model.diffusion_model."
AUTOENCODER = ("first_stage_model.", "vae.")
TEXTS: Mapping[str, tuple[str, ...]] = {
    "text_encoder": (
        "cond_stage_model.",
        "conditioner.embedders.0.",
        "text_encoders.clip_l.",
    ),
    "text_encoder_2": ("conditioner.embedders.1.", "text_encoders.clip_g."),
}
T5 = ("T5EncoderModel", ("text_encoders.t5xxl.",))
"""How the names of tensors begin; of a text encoder of this class, whatever part it is. Source: diffusers,
`loaders/single_file_utils.py`."""
GGUF = ".gguf"


def parts_in(file: Path, parts: Mapping[str, str], family: Family) -> tuple[str, ...]:
    """The parts of a pipeline whose weights a file has.

    Args:
        parts: that the pipeline has, by its `model_index.json`: name -> class.

    Raises:
        ModelError: it is no file of weights, or has none of the denoising network.
    """
    if file.suffix.lower() == GGUF:
        return (family.network,)
    names = tensors(file, "model.file")
    begins: dict[str, tuple[str, ...]] = {"vae": AUTOENCODER, **TEXTS}
    begins |= {part: T5[1] for part, kind in parts.items() if kind == T5[0]}
    found = {part for part in parts if part in begins and any(name.startswith(begins[part]) for name in names)}
    others = tuple(start for starts in (*begins.values(), T5[1]) for start in starts)
    if any(name.startswith(NETWORK) or not name.startswith(others) for name in names):
        found.add(family.network)
    if family.network not in found:
        raise ModelError(f"model.file: {file} has no {family.network}, which draws. Name a checkpoint that has one.")
    return tuple(part for part in parts if part in found)


def refuse_no_checkpoint(file: Path) -> None:
    """Refuse a file that is none of weights, or of an adapter's.

    Raises:
        ModelError: a sentence.
    """
    if file.suffix.lower() == GGUF:
        ask_for("gguf", "model.file", f"{file.name} is read")
        if not file.is_file():
            raise ModelError(f"model.file: there is no file {file}. Paths are relative to the study file.")
        return
    names = tensors(file, "model.file")
    if sum("lora" in name for name in names) > len(names) // 2:
        raise ModelError(
            f"model.file: {file} is a LoRA, which changes a model and is none. Name the model as `id` or `file`, and this "
            "under `lora`."
        )


def no_config(file: Path) -> ModelError:
    """What a file is refused with where the study does not say whose settings it has."""
    hint = "a folder in diffusers layout, or a hub id"
    if file.suffix.lower() != GGUF and (kind := _usual_config(tensors(file, "model.file"))):
        hint = f"`config: {kind}`, or a folder in diffusers layout"
    return ModelError(
        f"model.config: {file.name} has weights and no settings; name the model of which it is a version: {hint}."
    )


def _usual_config(names: Mapping[str, Tensor]) -> str | None:
    """The repository from which diffusers would fetch the settings; none where it does not know the kind.

    Source: diffusers, `infer_diffusers_model_type`, which takes for Stable Diffusion 1 whatever it does not know.
    """
    from diffusers.loaders import single_file_utils

    known: Any = single_file_utils

    try:
        kind = known.infer_diffusers_model_type(names)
    except (LookupError, ValueError, AttributeError, TypeError):
        return None
    if kind == "v1" and known.CHECKPOINT_KEY_NAMES["v1"] not in names:
        return None
    return str(known.DIFFUSERS_DEFAULT_PIPELINE_PATHS[kind]["pretrained_model_name_or_path"])


def refuse_misfit(file: Path, part: str, built: torch.nn.Module, key: str) -> None:
    """Refuse a file whose tensors are not those of a part as its settings build it.

    Source: diffusers, `FromOriginalModelMixin.from_single_file`, which leaves out what is missing.

    Args:
        built: the part on the meta device.
        key: of the study, which names the file.

    Raises:
        ModelError: it is of another kind, or not whole.
    """
    import torch

    if file.suffix.lower() == GGUF:
        return
    convert = _conversion(built, key)
    wanted = {name: tuple(value.shape) for name, value in built.state_dict().items()}
    given = {
        name: torch.empty(tensor.shape, device="meta", dtype=torch.float16)
        for name, tensor in tensors(file, key).items()
    }
    if wanted.keys() != given.keys():
        try:
            given = convert(config=dict(_config(built)), checkpoint=given)
        except NotImplementedError:  # it looks at values, which are not read here
            return
        except Exception as error:
            raise _misfit(file, part, key, f"its tensors have other names ({type(error).__name__}: {error})") from error
    wrong = [
        name
        for name, shape in wanted.items()
        if name not in given or (tuple(given[name].shape) != shape and given[name].numel() != torch.Size(shape).numel())
    ]
    if wrong:
        raise _misfit(
            file,
            part,
            key,
            f"{len(wrong)} of {len(wanted)} tensors are missing or of another shape, such as {wrong[0]}",
        )


def _config(built: Any) -> Mapping[str, Any]:
    config: Mapping[str, Any] = built.config
    return config


def _conversion(built: torch.nn.Module, key: str) -> Any:
    """The function of diffusers that renames the tensors of a single file for a part."""
    from diffusers.loaders import single_file_model

    loader: Any = single_file_model
    name = loader._get_single_file_loadable_mapping_class(type(built))
    if name is None:
        raise ModelError(
            f"{key}: diffusers loads no single file of a {type(built).__name__}. Name a folder in diffusers layout."
        )
    return loader.SINGLE_FILE_LOADABLE_CLASSES[name]["checkpoint_mapping_fn"]


def _misfit(file: Path, part: str, key: str, reason: str) -> ModelError:
    remedy = "Name a `config` of its own kind." if key == "model.file" else "Name one of the model's own kind."
    return ModelError(
        f"{key}: {file.name} does not fit the settings of the {part}: {' '.join(reason.split())}. {remedy}"
    )


def load_part(file: Path, folder: Path, part: str, dtype: torch.dtype, quantization: Any = None) -> Any:
    """One network of a pipeline from a file, with the settings that the folder has for it."""
    kind, library = str(read_json(folder / "model_index.json")[part][1]), _diffusers()
    if file.suffix.lower() == GGUF:
        quantization = library.GGUFQuantizationConfig(compute_dtype=dtype)
    options = {} if quantization is None else {"quantization_config": quantization}
    with quiet():
        return getattr(library, kind).from_single_file(
            str(file), config=str(folder), subfolder=part, dtype=dtype, local_files_only=True, **options
        )


def _diffusers() -> Any:
    import diffusers

    return diffusers
