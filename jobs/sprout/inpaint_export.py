"""Put a checkpoint into a folder that stock `StableDiffusionInpaintPipeline.from_pretrained` loads.

    python -m seedscope.jobs.sprout.inpaint_export --out pipeline/sprout/sprout-inpaint

The running mean of the weights is exported, in half precision.
"""

import argparse
from pathlib import Path
from typing import Any

from seedscope.jobs.sprout.export import assembled, export
from seedscope.jobs.sprout.inpaint_networks import (
    StableDiffusionInpaintPipeline,
    new_inpaint_tokenizer,
    new_inpaint_unet,
)
from seedscope.jobs.sprout.networks import AutoencoderKL, new_text_encoder
from seedscope.jobs.sprout.training import load_means


def load_inpaint_pipeline(inpaint: Path, vae_folder: Path) -> tuple[Any, int]:
    """(pipeline in half precision, training steps) from the folders of the two trainings."""
    tokenizer = new_inpaint_tokenizer()
    unet, text_encoder = new_inpaint_unet(), new_text_encoder(len(tokenizer))
    steps = load_means(inpaint / "checkpoint.pt", {"unet": unet, "text_encoder": text_encoder})
    vae = AutoencoderKL.from_pretrained(vae_folder)
    return assembled(StableDiffusionInpaintPipeline, vae, text_encoder, tokenizer, unet), steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inpaint", type=Path, default=Path("training/inpaint"), help="its training folder")
    parser.add_argument("--vae", type=Path, default=Path("training/inpaint_autoencoder/vae"), help="its autoencoder")
    parser.add_argument("--out", type=Path, required=True, help="the pipeline's folder")
    options = parser.parse_args()
    pipeline, steps = load_inpaint_pipeline(options.inpaint, options.vae)
    export(pipeline, options.out)
    print(f"{options.out}: {steps} steps")


if __name__ == "__main__":
    main()
