"""Networks that put pictures and texts into one space: what a preference score asks of one, and CLIP of transformers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seedscope.pipeline.networks.pretrained import Pretrained

if TYPE_CHECKING:
    import torch


class DualEncoder(ABC):
    """A text encoder and an image encoder of the same dimension D, with their own preprocessing."""

    network: torch.nn.Module

    @abstractmethod
    def tokens(self, prompts: Sequence[str]) -> tuple[torch.Tensor, list[bool]]:
        """Token ids (N, L) int64 on the CPU, all texts padded to the same L, and for each text whether it was cut to fit."""

    @abstractmethod
    def text_features(self, tokens: torch.Tensor) -> torch.Tensor:
        """(N, D) of token ids (N, L) on the network's device."""

    @abstractmethod
    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        """Network input (N, 3, S, S) float32 of pictures (N, 3, H, W) uint8, on the same device."""

    @abstractmethod
    def image_features(self, inputs: torch.Tensor) -> torch.Tensor:
        """(N, D) of network inputs (N, 3, S, S)."""

    @abstractmethod
    def logit_scale(self) -> float:
        """The learnt factor by which a cosine becomes a logit."""


class TransformersClip(DualEncoder):
    """CLIP of transformers; `processor` is a second model's folder or hub id with the preprocessing and the tokenizer.

    Pictures go through the model's own image processor (published ones: shorter side to 224, bicubic, middle square),
    texts through its tokenizer. Every text is padded to full length, so that its features depend on nothing else.

    Raises FeatureError where the model is missing, no CLIP, or its weights do not fit.
    """

    network: Any

    def __init__(self, model: Pretrained, processor: Pretrained) -> None:
        from transformers import CLIPModel

        model.config("clip")
        self.network = model.network(CLIPModel)
        self._processor = image_processor(processor)
        self._tokenizer = _tokenizer(processor)
        text = self.network.config.text_config
        if len(self._tokenizer) > text.vocab_size:
            raise processor.error(
                f"{processor.folder()} has a tokenizer of {len(self._tokenizer)} tokens; the text encoder knows "
                f"{text.vocab_size}, so it is another model's"
            )
        self._length = min(text.max_position_embeddings, self._tokenizer.model_max_length)

    def tokens(self, prompts: Sequence[str]) -> tuple[torch.Tensor, list[bool]]:
        whole = self._tokenizer(list(prompts), verbose=False).input_ids
        fitted = self._tokenizer(
            list(prompts), padding="max_length", truncation=True, max_length=self._length, return_tensors="pt"
        )
        return fitted.input_ids, [len(ids) > self._length for ids in whole]

    def text_features(self, tokens: torch.Tensor) -> torch.Tensor:
        # No mask: attention is causal, and what is read out stands in front of all padding.
        features: torch.Tensor = self.network.text_projection(self.network.text_model(tokens).pooler_output)
        return features

    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        return processed(self._processor, images)

    def image_features(self, inputs: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.network.visual_projection(self.network.vision_model(inputs).pooler_output)
        return features

    def logit_scale(self) -> float:
        return float(self.network.logit_scale.exp())


def image_processor(model: Pretrained) -> Any:
    """The model's own CLIP image processor. Raises FeatureError."""
    from transformers import CLIPImageProcessor

    folder = model.folder()
    try:
        return CLIPImageProcessor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise model.error(f"{folder} has no preprocessor_config.json ({_first_line(error)})") from error


def _tokenizer(model: Pretrained) -> Any:
    from transformers import AutoTokenizer

    folder = model.folder()
    # Without these files transformers makes a tokenizer that knows no word, and says nothing.
    layouts = (("tokenizer.json",), ("vocab.json", "merges.txt"))
    if not any(all((folder / name).is_file() for name in layout) for layout in layouts):
        raise model.error(f"{folder} has no tokenizer (tokenizer.json, or vocab.json and merges.txt)")
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise model.error(f"{folder} has no tokenizer that can be read ({_first_line(error)})") from error


def processed(processor: Any, images: torch.Tensor) -> torch.Tensor:
    """(N, 3, S, S) float32 of pictures (N, 3, H, W) uint8, by an image processor, on the pictures' device."""
    made = processor(images=images, return_tensors="pt", input_data_format="channels_first")
    inputs: torch.Tensor = made["pixel_values"]
    return inputs


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")
