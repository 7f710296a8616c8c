"""Weights in fewer bits: the settings of diffusers for the library that a study names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib import import_module
from typing import Any

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.libraries import ask_for
from seedscope.pipeline.study.model import Quantization

LIBRARIES = {"bitsandbytes_4bit": "bitsandbytes", "bitsandbytes_8bit": "bitsandbytes", "torchao": "torchao"}
KEY = "model.quantization"


def refuse_quantization(wanted: Quantization | None, parts: Collection[str]) -> None:
    """Refuse what cannot be quantized, before anything is loaded.

    Args:
        parts: that the pipeline has.

    Raises:
        ModelError: the library is missing, or the model has no such part.
    """
    if wanted is None:
        return
    ask_for(LIBRARIES[wanted.backend], KEY, "weights are quantized")
    if unknown := [part for part in wanted.parts or () if part not in parts]:
        raise ModelError(f"{KEY}.parts: the model has no {unknown[0]!r}; it has {', '.join(sorted(parts))}.")


def settings_of(wanted: Quantization, library: str) -> Any:
    """The settings for one network of diffusers or of transformers.

    Of torchao, `quant_type` is the name of a class of `torchao.quantization`, such as `Int8WeightOnlyConfig`.

    Raises:
        ModelError: the library does not take them.
    """
    given: dict[str, Any] = {**wanted.settings}
    try:
        if wanted.backend == "torchao":
            kinds = import_module("torchao.quantization")
            given["quant_type"] = getattr(kinds, str(given.get("quant_type")))()
            return import_module(library).TorchAoConfig(**given)
        return import_module(library).BitsAndBytesConfig(
            **{f"load_in_{wanted.backend.partition('_')[2]}": True}, **given
        )
    except (TypeError, ValueError, ImportError, AttributeError) as error:
        raise ModelError(f"{KEY}.settings: {wanted.backend} does not take them: {error}.") from error


def of_pipeline(wanted: Quantization | None, parts: Mapping[str, str]) -> dict[str, Any]:
    """The argument of `from_pretrained` that quantizes parts of a pipeline, by the library of each; or none."""
    if wanted is None or not parts:
        return {}
    mapping = {part: settings_of(wanted, library) for part, library in parts.items()}
    return {"quantization_config": import_module("diffusers").PipelineQuantizationConfig(quant_mapping=mapping)}
