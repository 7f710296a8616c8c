"""A transformers network that reads pictures, with the preprocessing and the tokenizer that come with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seedscope.pipeline.networks.pretrained import Pretrained

if TYPE_CHECKING:
    import torch


class PictureModel:
    """A network of the transformers class `kind` and the model's own image processor, told nothing else.

    Where places in pictures are measured, `crop=False` leaves out a centre crop that the processor comes with (MobileViT,
    MobileNet). `changes` are settings of the processor that differ from its files.

    Raises FeatureError where weights or preprocessing are missing or wrong.
    """

    network: Any
    processor: Any

    def __init__(self, model: Pretrained, kind: Any, *, crop: bool = False, **changes: object) -> None:
        self.network = model.network(kind)
        self.processor = _processor(model, **changes)
        if not crop and getattr(self.processor, "do_center_crop", None):
            self.processor.do_center_crop = False
        self.device = "cpu"
        self._half = False

    def to(self, device: str, half: bool) -> None:
        """Move the network to a torch device; where `half` and on CUDA, run it by `torch.autocast` in float16."""
        self.network.to(device)
        self.device, self._half = device, half and device.startswith("cuda")

    def prepared(self, images: torch.Tensor, **more: object) -> dict[str, Any]:
        """The network's inputs (`pixel_values` and what else it takes) of pictures (N, 3, H, W) uint8, on its device.

        `more` is what the processor asks for beside pictures.
        """
        import torch

        made = self.processor(images=images, return_tensors="pt", input_data_format="channels_first", **more)
        return {name: item.to(self.device) if isinstance(item, torch.Tensor) else item for name, item in made.items()}

    def run(self, **inputs: Any) -> Any:
        """The network's outputs."""
        import torch

        with torch.autocast(torch.device(self.device).type, dtype=torch.float16, enabled=self._half):
            return self.network(**inputs)


def looks_at_the_middle(model: Pretrained) -> bool:
    """Whether a model's own preprocessing cuts the middle out of pictures; where its file does not say, its class does.

    Raises FeatureError.
    """
    folder = model.folder()
    try:
        said = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8")).get("do_center_crop")
    except (OSError, ValueError, AttributeError):
        said = None  # another file has it, or loading tells what is wrong
    return bool(getattr(_processor(model), "do_center_crop", None) if said is None else said)


def _processor(model: Pretrained, **changes: object) -> Any:
    import transformers

    processors: Any = transformers.AutoImageProcessor  # typed in part only
    folder = model.folder()
    try:
        return processors.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **changes)
    except (OSError, ValueError) as error:
        raise model.error(f"{folder} has no preprocessor_config.json that can be read ({_line(error)})") from error


def tokenizer(model: Pretrained) -> Any:
    """The model's tokenizer. Raises FeatureError."""
    from transformers import AutoTokenizer

    folder = model.folder()
    # Without these files transformers makes a tokenizer that knows no word, and says nothing.
    layouts = (("tokenizer.json",), ("vocab.json", "merges.txt"), ("vocab.txt",))
    if not any(all((folder / name).is_file() for name in layout) for layout in layouts):
        raise model.error(f"{folder} has no tokenizer (tokenizer.json, vocab.txt, or vocab.json and merges.txt)")
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise model.error(f"{folder} has no tokenizer that can be read ({_line(error)})") from error


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")
