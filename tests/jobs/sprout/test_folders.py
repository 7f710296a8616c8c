"""The bundled models together: small, free of pickles, and loaded by stock classes where this project is unknown."""

import subprocess
import sys

from seedscope.pipeline.models.locate import BUNDLED, bundled, kind

LOAD = {
    "sprout": "diffusers.StableDiffusionPipeline.from_pretrained(folder)",
    "sprout-turbo": "diffusers.StableDiffusionPipeline.from_pretrained(folder)",
    "sprout-inpaint": "diffusers.StableDiffusionInpaintPipeline.from_pretrained(folder)",
    "sprout-clip": "transformers.CLIPModel.from_pretrained(folder), transformers.CLIPProcessor.from_pretrained(folder)",
    "sprout-layout/segmentation": "transformers.AutoModelForSemanticSegmentation.from_pretrained(folder), "
    "transformers.AutoImageProcessor.from_pretrained(folder)",
    "sprout-layout/depth": "transformers.AutoModelForDepthEstimation.from_pretrained(folder), "
    "transformers.AutoImageProcessor.from_pretrained(folder)",
}


def test_all_weights_together_are_small() -> None:
    assert sum(path.stat().st_size for path in BUNDLED.rglob("*.safetensors")) < 64e6
    files = {path.suffix for path in BUNDLED.rglob("*") if path.is_file()}
    assert files <= {".json", ".safetensors", ".txt", ".md", ".png", ".parquet"}


def test_every_bundled_model_is_known() -> None:
    assert set(bundled()) == set(LOAD)
    assert all(kind(folder).split("For")[0] in LOAD[name] or "Auto" in LOAD[name] for name, folder in bundled().items())


def test_stock_classes_load_them_without_this_project() -> None:
    script = (
        "import sys; sys.modules['seedscope'] = None\nimport diffusers, torch, transformers\n"  # importing it fails
    )
    for name, load in LOAD.items():
        script += (
            f"folder = {str(BUNDLED / name)!r}\n"
            f"loaded = {load}\n"
            "parts = loaded.components.values() if hasattr(loaded, 'components') else loaded\n"
            "models = [part for part in parts if isinstance(part, torch.nn.Module)]\n"
            "assert models and all(p.dtype == torch.float32 for m in models for p in m.parameters()), folder\n"
            "print(folder)\n"
        )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(BUNDLED / name) for name in LOAD]
