"""The section `model` of a study: what draws, as people have it, with adapters, another autoencoder, narrower weights."""

from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from seedscope.pipeline.study.strict import Strict

PICKLES = (".bin", ".ckpt", ".pt", ".pth")
"""Endings of files of weights that are pickles, which run code when they are opened."""


class Lora(Strict):
    """A low-rank adapter: a .safetensors file, here or in a repository of the hub."""

    id: str | None = Field(None, min_length=1, description="A hub id `org/name`, or a folder, in which `file` lies.")
    file: str = Field(
        "pytorch_lora_weights.safetensors",
        min_length=1,
        description="A .safetensors file, relative to the study file, or, with `id`, in that repository or folder.",
    )
    revision: str | None = Field(None, description="Hub only: a commit (pin it), tag or branch.")
    weight: float = Field(
        1.0, allow_inf_nan=False, description="How strongly it acts; below 0: the other way, 0: not at all."
    )
    name: str | None = Field(
        None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", description="Names it in messages; null: the file's name."
    )

    @model_validator(mode="after")
    def _lies_somewhere(self) -> Self:
        if self.id is None and "file" not in self.model_fields_set:
            raise ValueError("a LoRA needs a `file`, or the `id` of a hub repository that has it")
        if self.revision is not None and self.id is None:
            raise ValueError("only a hub id has revisions; remove `revision`, or name the repository as `id`")
        _refuse_pickle(self.file)
        return self

    @property
    def place(self) -> str:
        """What messages call it."""
        return self.file if self.id is None else f"{self.id}/{self.file}"


class Quantization(Strict):
    """Weights in fewer bits, by a library that has to be installed. A .gguf file has them already."""

    backend: Literal["bitsandbytes_4bit", "bitsandbytes_8bit", "torchao"]
    settings: dict[str, JsonValue] = Field(
        default={}, description="Of diffusers' configuration class of that library, such as `bnb_4bit_quant_type: nf4`."
    )
    parts: list[str] | None = Field(
        None, min_length=1, description="Parts of the model that are quantized; null: the denoising network."
    )


def _lora(value: object) -> object:
    return {"file": value} if isinstance(value, str) else value


class Model(Strict):
    """A diffusion model: the name of a bundled one, a folder in diffusers layout, a hub id, or a single file."""

    id: str | None = Field(
        None, min_length=1, description="A bundled name (see `seedscope models`), a folder, or a hub id `org/name`."
    )
    file: str | None = Field(
        None,
        min_length=1,
        description="In place of `id`: a single checkpoint, .safetensors or .gguf, relative to the study file.",
    )
    config: str | None = Field(
        None,
        min_length=1,
        description="Of `file`: a folder in diffusers layout or a hub id, whose settings it has, and whose parts it lacks.",
    )
    revision: str | None = Field(None, description="Hub only: a commit (pin it), tag or branch.")
    variant: str | None = Field(None, description="File variant, such as `fp16`.")
    lora: list[Annotated[Lora, BeforeValidator(_lora, json_schema_input_type=str | Lora)]] = Field(
        default=[], description="Adapters, in the order in which they act: files, or `{file: ..., weight: 0.8}`."
    )
    fuse: bool = Field(False, description="Add the adapters to the weights, in place of computing them beside.")
    vae: str | None = Field(
        None, min_length=1, description="Another autoencoder: a folder, a hub id, or a .safetensors file."
    )
    quantization: Quantization | None = None

    @model_validator(mode="after")
    def _is_one_model(self) -> Self:
        if (self.id is None) == (self.file is None):
            what = "neither `id` nor `file` is" if self.id is None else "both `id` and `file` are"
            raise ValueError(f"{what} given; name a folder or a hub id as `id`, or a single checkpoint as `file`")
        if self.config is not None and self.file is None:
            raise ValueError("`config` is of a single `file`; a folder or a hub id has its own. Remove the key")
        for path in (self.file, self.vae):
            _refuse_pickle(path or "")
        return self

    @model_validator(mode="after")
    def _adapters_differ(self) -> Self:
        if self.fuse and not self.lora:
            raise ValueError("`fuse` adds the adapters of `lora` to the weights, and there are none; remove the key")
        if twice := [name for name, count in Counter(lora.name for lora in self.lora).items() if name and count > 1]:
            raise ValueError(f"two adapters have the name {twice[0]!r}; give each its own")
        return self

    @property
    def name(self) -> str:
        """What messages call it: its id, or its file."""
        return self.id or self.file or ""

    @property
    def places(self) -> list[str]:
        """What may be a path: each else a bundled name or a hub id, or lies in one."""
        named = (self.id, self.file, self.config, self.vae, *(lora.place for lora in self.lora))
        return [place for place in named if place is not None]


def _refuse_pickle(path: str) -> None:
    if path.lower().endswith(PICKLES):
        raise ValueError(
            f"{path} is a pickle, which could run any code when it is opened; take the .safetensors of it, or load it once "
            "where you trust it and save it as one"
        )
