"""Prompts that a run has not seen, from a prompt file or another study, kept as a file that a study can name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from seedscope.analysis.experiments.finding import place
from seedscope.analysis.run.run import Run
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.storage.local import replacing
from seedscope.pipeline.study.file import load_study
from seedscope.pipeline.study.prompts import Prompt, read_prompts
from seedscope.pipeline.study.records import FORMATS, columns
from seedscope.pipeline.study.schema import FileSource, ImportedStudy, Json

GROUP = "group"
"""The column of a prompt file by which its prompts belong together, where it has one."""


def other_prompts(path: Path) -> list[Prompt]:
    """The prompts of a prompt file, or of a study file.

    Raises:
        UserError: it is neither, or draws from something else than prompts.
    """
    if path.suffix.lower() not in (".yaml", ".yml"):
        grouped = path.suffix.lower() in FORMATS and path.is_file() and GROUP in columns(path)
        return read_prompts([FileSource(file=path, group=GROUP if grouped else None, repeats="drop")])
    study = load_study(path)
    if isinstance(study, ImportedStudy) or not study.prompts:
        raise UserError(
            f"--prompts {path}: draws from no prompts of its own. Name a study that has `prompts`, or a file."
        )
    return read_prompts(study.prompts)


def unseen(run: Run, prompts: Sequence[Prompt]) -> list[Prompt]:
    """Those that the run has not drawn, and will not."""
    editions = [edition for _, edition in run.folder.editions()]
    seen = {prompt.text.strip() for edition in [run.wanted, *editions] for prompt in edition.prompts}
    return [prompt for prompt in prompts if prompt.text.strip() not in seen]


def kept_as_file(folder: Path, name: str, prompts: Sequence[Prompt]) -> Json:
    """Write prompts with their groups and facts to `experiments/<name>.jsonl`; return how a study names them."""
    path = place(folder, f"{name}.jsonl").resolve()
    facts = dict.fromkeys(key for prompt in prompts for key in prompt.facts if key not in ("prompt", GROUP))
    rows: list[dict[str, Json]] = []
    for prompt in prompts:
        own: dict[str, Json] = {key: prompt.facts.get(key) for key in facts}
        rows.append(own | {"prompt": prompt.text, GROUP: prompt.group if prompt.has_named_group else None})
    with replacing(path) as scratch:
        scratch.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return [{"file": str(path), "column": "prompt", "group": GROUP}]
