"""Put a checkpoint into a folder that `from_pretrained` of a stock pipeline loads.

    python -m seedscope.jobs.sprout.export --out pipeline/sprout/sprout
    python -m seedscope.jobs.sprout.export --inpaint --out pipeline/sprout/sprout-inpaint

The running mean of the weights is exported, in half precision. The folder is written beside its place and moved there
whole.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import torch

from seedscope.jobs.sprout.inpaint_networks import (
    StableDiffusionInpaintPipeline,
    new_inpaint_tokenizer,
    new_inpaint_unet,
)
from seedscope.jobs.sprout.networks import (
    AutoencoderKL,
    StableDiffusionPipeline,
    new_scheduler,
    new_text_encoder,
    new_tokenizer,
    new_unet,
)
from seedscope.jobs.sprout.training import load_means


def load_pipeline(diffusion: Path, vae_folder: Path) -> tuple[Any, int]:
    """sprout: (pipeline in half precision, training steps) from the folders of the two trainings."""
    tokenizer = new_tokenizer()
    unet, text_encoder = new_unet(), new_text_encoder(len(tokenizer))
    steps = load_means(diffusion / "checkpoint.pt", {"unet": unet, "text_encoder": text_encoder})
    scale = float(torch.load(diffusion / "scenes.pt", weights_only=True, mmap=True)["scale"])
    vae = AutoencoderKL.from_pretrained(vae_folder)
    vae.register_to_config(scaling_factor=scale, force_upcast=False)
    return assembled(StableDiffusionPipeline, vae, text_encoder, tokenizer, unet), steps


def load_inpaint_pipeline(inpaint: Path, vae_folder: Path) -> tuple[Any, int]:
    """sprout-inpaint: (pipeline in half precision, training steps) from the folders of the two trainings."""
    tokenizer = new_inpaint_tokenizer()
    unet, text_encoder = new_inpaint_unet(), new_text_encoder(len(tokenizer))
    steps = load_means(inpaint / "checkpoint.pt", {"unet": unet, "text_encoder": text_encoder})
    vae = AutoencoderKL.from_pretrained(vae_folder)
    return assembled(StableDiffusionInpaintPipeline, vae, text_encoder, tokenizer, unet), steps


def assembled(kind: Any, vae: Any, text_encoder: Any, tokenizer: Any, unet: Any) -> Any:
    """A pipeline of diffusers in half precision, with sprout's scheduler and without a safety checker."""
    return kind(
        vae=vae.half(),
        text_encoder=text_encoder.half(),
        tokenizer=tokenizer,
        unet=unet.half(),
        scheduler=new_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def export(pipeline: Any, out: Path) -> None:
    """Write the pipeline's folder, replacing what was there only once the new one is whole."""
    scratch, old = out.with_name(f".{out.name}.new"), out.with_name(f".{out.name}.old")
    for folder in (scratch, old):
        shutil.rmtree(folder, ignore_errors=True)
    pipeline.save_pretrained(scratch, safe_serialization=True)
    _suit_stock_classes(scratch)
    type(pipeline).from_pretrained(scratch)  # raises before anything is replaced
    if out.exists():
        out.rename(old)
    scratch.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def _suit_stock_classes(folder: Path) -> None:
    """Let every release of the stock classes load the folder without further arguments.

    The tokenizer's class gets the name that all releases of transformers know (release 5 writes its new name), and the
    text encoder the dtype that diffusers loads its own models in: transformers would keep that of the stored weights.
    """
    name = "PreTrainedTokenizerFast"
    for path, entry in (
        (folder / "tokenizer" / "tokenizer_config.json", {"tokenizer_class": name}),
        (folder / "model_index.json", {"tokenizer": ["transformers", name]}),
        (folder / "text_encoder" / "config.json", {"dtype": "float32"}),
    ):
        path.write_text(json.dumps(json.loads(path.read_text()) | entry, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    training = parser.add_mutually_exclusive_group()
    training.add_argument(
        "--diffusion", type=Path, default=Path("training/diffusion"), metavar="FOLDER", help="sprout's training folder"
    )
    training.add_argument(
        "--inpaint",
        type=Path,
        nargs="?",
        const=Path("training/inpaint"),
        metavar="FOLDER",
        help="export sprout-inpaint, from its training folder",
    )
    parser.add_argument("--vae", type=Path, metavar="FOLDER", help="the model's trained autoencoder")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="the pipeline's folder")
    options = parser.parse_args()
    if options.inpaint is None:
        pipeline, steps = load_pipeline(options.diffusion, options.vae or Path("training/autoencoder/vae"))
    else:
        pipeline, steps = load_inpaint_pipeline(
            options.inpaint, options.vae or Path("training/inpaint_autoencoder/vae")
        )
    export(pipeline, options.out)
    print(f"{options.out}: {steps} steps")


if __name__ == "__main__":
    main()
