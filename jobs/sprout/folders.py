"""Write a model and what prepares its inputs as a folder that stock `from_pretrained` loads without further arguments."""

import json
import shutil
from pathlib import Path
from typing import Any


def write_folder(out: Path, model: Any, processor: Any) -> None:
    """Half-precision safetensors and the processor's files, replacing what was there only once the new one is whole.

    The configuration names single precision, which transformers then loads in: it would keep that of the stored
    weights, and half precision is slow on a CPU. A tokenizer's class gets the name that all releases know.
    """
    scratch, old = out.with_name(f".{out.name}.new"), out.with_name(f".{out.name}.old")
    for folder in (scratch, old):
        shutil.rmtree(folder, ignore_errors=True)
    model.half().save_pretrained(scratch, safe_serialization=True)
    processor.save_pretrained(scratch)
    _amend(scratch / "config.json", {"dtype": "float32"})
    if (scratch / "tokenizer_config.json").exists():
        _amend(scratch / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"})
    type(model).from_pretrained(scratch)  # raises before anything is replaced
    if out.exists():
        out.rename(old)
    scratch.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def _amend(path: Path, entry: dict[str, str]) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | entry, indent=2) + "\n")
