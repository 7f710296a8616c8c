"""CLIP, PickScore, HPS v2 and DINOv2 in the published layouts, small enough to be written and run in a moment.

The weights are random, from a fixed seed and wide enough that pictures and texts differ; the settings beside them hold
the published values (see each function).
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import open_clip
import torch
from tiny_models import _tokenizer_files
from transformers import CLIPConfig, CLIPModel, Dinov2Config, Dinov2Model

CLIP_MEAN, CLIP_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
IMAGENET_MEAN, IMAGENET_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
HPS_ARCHITECTURE = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 224, "layers": 2, "width": 40, "head_width": 20, "patch_size": 56},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 24, "heads": 2, "layers": 2},
}


def pictures(n: int, height: int = 96, width: int = 96) -> npt.NDArray[np.uint8]:
    """(n, height, width, 3): coloured waves with noise, all different."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:height, 0:width] / height
    waves = np.sin(rng.uniform(1, 12, (n, 1, 1, 3)) * x[..., None] + rng.uniform(1, 12, (n, 1, 1, 3)) * y[..., None])
    return np.asarray(np.clip(127 + 100 * waves + rng.normal(0, 10, waves.shape), 0, 255), dtype=np.uint8)


def clip(folder: Path, *, seed: int = 0, size: int = 224, activation: str = "quick_gelu") -> Path:
    """Write a CLIP of transformers as OpenAI's are: quick GELU, legacy preprocessor_config.json, CLIP tokenizer."""
    clip_settings(folder, size=size)
    return clip_weights(folder, seed=seed, size=size, activation=activation)


def clip_weights(folder: Path, *, seed: int, size: int = 224, activation: str) -> Path:
    """Write config.json and model.safetensors alone, as PickScore is published."""
    text = {
        "vocab_size": _words(),
        "max_position_embeddings": 77,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "pad_token_id": 1,
    }
    both = {"intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "hidden_act": activation}
    config = CLIPConfig(
        text_config=both | text | {"hidden_size": 32, "projection_dim": 24},
        vision_config=both | {"hidden_size": 40, "image_size": size, "patch_size": size // 4, "projection_dim": 24},
        projection_dim=24,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _stirred(CLIPModel(config))
    network.save_pretrained(folder)
    return folder


def clip_settings(folder: Path, *, size: int = 224, pad: str = "<|endoftext|>") -> Path:
    """Write the tokenizer and the preprocessor_config.json of openai/clip-vit-base-patch32, at another size if asked."""
    _tokenizer_files(folder, pad=pad)
    settings = {
        "crop_size": size,
        "do_center_crop": True,
        "do_normalize": True,
        "do_resize": True,
        "feature_extractor_type": "CLIPFeatureExtractor",
        "image_mean": CLIP_MEAN,
        "image_std": CLIP_STD,
        "resample": 3,
        "size": size,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


def hps(folder: Path, *, seed: int = 0) -> tuple[Path, Path]:
    """Write a checkpoint as HPS v2 is published (a training state in half precision) and its architecture; their paths."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _stirred(open_clip.CLIP(**HPS_ARCHITECTURE))
    state = {key: value.half() for key, value in network.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    file, architecture = folder / "HPS_v2_compressed.pt", folder / "tiny.json"
    torch.save({"epoch": 1, "name": "hps", "state_dict": state}, file)
    architecture.write_text(json.dumps(HPS_ARCHITECTURE))
    return file, architecture


def dinov2(folder: Path, *, seed: int = 0) -> Path:
    """Write DINOv2 as published: patches of 14, positions trained at 518 pixels, the processor of its classifier."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = Dinov2Config(
            hidden_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=518, patch_size=14, mlp_ratio=2
        )
        network = _stirred(Dinov2Model(config))
    network.save_pretrained(folder)
    settings = {
        "crop_size": {"height": 224, "width": 224},
        "do_center_crop": True,
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": IMAGENET_MEAN,
        "image_processor_type": "BitImageProcessor",
        "image_std": IMAGENET_STD,
        "resample": 3,
        "rescale_factor": 0.00392156862745098,
        "size": {"shortest_edge": 256},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


def _words() -> int:
    with TemporaryDirectory() as folder:
        _tokenizer_files(Path(folder), pad="<|endoftext|>")
        return len(json.loads((Path(folder) / "vocab.json").read_text()))


def _stirred(network: torch.nn.Module) -> Any:
    """Random weights that are large enough for outputs to depend on inputs clearly."""
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=1.5 / parameter.shape[-1] ** 0.5)
    return network.eval()
