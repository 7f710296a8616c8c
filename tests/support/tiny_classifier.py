"""An image classifier of transformers in the published layout, small enough to be written and run in a moment."""

import json
from pathlib import Path

import torch
from transformers import ViTConfig, ViTForImageClassification

LABELS = ("tabby, tabby cat", "goldfish, Carassius auratus", "red apple")


def classifier(folder: Path, *, seed: int = 0, crops: bool = False) -> Path:
    """Write a vision transformer with three classes and random weights, and the processor that published ones have.

    crops: that of DeiT, which scales pictures to more than the network takes, and cuts out the middle.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = ViTConfig(
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            image_size=32,
            patch_size=8,
            id2label=dict(enumerate(LABELS)),
            label2id={label: number for number, label in enumerate(LABELS)},
        )
        network = ViTForImageClassification(config).eval()
        with torch.no_grad():
            for parameter in network.parameters():
                if parameter.dim() > 1:
                    parameter.normal_(std=1.5 / parameter.shape[-1] ** 0.5)
    network.save_pretrained(folder)
    settings = {
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_processor_type": "ViTImageProcessor",
        "image_std": [0.5, 0.5, 0.5],
        "resample": 2,
        "rescale_factor": 0.00392156862745098,
        "size": {"height": 32, "width": 32},
    }
    if crops:
        settings |= {
            "crop_size": {"height": 32, "width": 32},
            "do_center_crop": True,
            "image_processor_type": "DeiTImageProcessor",
            "resample": 3,
            "size": {"height": 40, "width": 40},
        }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder
