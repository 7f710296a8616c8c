"""A small study of pairs of prompt and negative prompt, on the bundled model."""

from pathlib import Path
from typing import Any

from seedscope.pipeline.study.schema import Study

PAIRS = "prompt,negative,word,null\na cat,grass,cat,key\na cat,red,cat,key\n"


def of_pairs(folder: Path, *, pairs: str = PAIRS, task: Any = "negatives", **guidance: Any) -> Study:
    (folder / "pairs.csv").write_text(pairs)
    return Study.model_validate(
        {
            "name": "t",
            "model": "sprout",
            "sampling": {"steps": 3, "guidance": {"scale": 3.0, "negative_prompt": "{negative}"} | guidance},
            "compute": {"device": "cpu", "batch_size": 8},
            "prompts": [{"file": str(folder / "pairs.csv")}],
            "task": task,
            "seeds": [0],
        }
    )
