"""From a study file to a study: one sentence a mistake, with its place and, for a misspelt key, the near miss."""

import difflib
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.study.schema import (
    Compute,
    FileSource,
    Grid,
    Guidance,
    ImportedStudy,
    Inpaint,
    Model,
    Ranking,
    Sampling,
    Study,
    UnitShape,
)


class _UniqueKeys(yaml.SafeLoader):
    """YAML that refuses a key named twice, where PyYAML silently keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r} stands here twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def load_study(path: Path) -> Study | ImportedStudy:
    """Read and validate a study file. Paths in it become relative to the working directory, not to the file.

    Raises:
        StudyError: one line a mistake, each with its place in the file and, for a misspelt key, the near miss.
    """
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeys)  # noqa: S506  (a SafeLoader)
    except FileNotFoundError:
        raise StudyError(f"{path}: there is no such study file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: cannot be read as a study: {error}.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise StudyError(f"{path}{place}: not valid YAML: {getattr(error, 'problem', error)}.") from None
    if not isinstance(raw, dict):
        raise StudyError(
            f"{path}: a study is a mapping with at least name, model, prompts (or inpaint) and seeds; see configs/demo.yaml."
        )
    try:
        study = _kind(raw).model_validate(raw)
    except ValidationError as error:
        raise StudyError("\n".join(f"{path}: {line}" for line in _sentences(error, raw))) from None
    return _relative_to(study, path.parent)


def _kind(raw: object) -> type[Study] | type[ImportedStudy]:
    return ImportedStudy if isinstance(raw, dict) and "imported" in raw else Study


def _relative_to(study: Study | ImportedStudy, folder: Path) -> Study | ImportedStudy:
    def found(name: str) -> str:
        return str(folder / name) if (folder / name).exists() else name

    def found_path(name: str) -> str:
        return found(name) if re.search(r"[/.]", name) else name

    reference = found_path(study.reference)
    features = [
        choice.model_copy(
            update={"options": {k: found_path(v) if isinstance(v, str) else v for k, v in choice.options.items()}}
        )
        for choice in study.features
    ]
    study = study.model_copy(update={"reference": reference, "features": features})
    if isinstance(study, ImportedStudy):
        return study
    prompts = [
        source.model_copy(update={"file": folder / source.file}) if isinstance(source, FileSource) else source
        for source in study.prompts
    ]
    inpaint = study.inpaint
    if inpaint is not None:
        inpaint = inpaint.model_copy(update={"pictures": found_path(inpaint.pictures)})
    model = study.model.model_copy(update={"id": found(study.model.id)}) if "/" in study.model.id else study.model
    return study.model_copy(update={"prompts": prompts, "inpaint": inpaint, "model": model})


def _sentences(error: ValidationError, raw: object) -> list[str]:
    """One sentence a mistake: `sampling.stepz: unknown key; did you mean 'steps'?`"""
    lines: list[str] = []
    for issue in error.errors():
        # A union names the member that it tried in the place: keep only what stands in the file.
        place = tuple(part for part in issue["loc"] if not (isinstance(part, str) and part in _UNION_MEMBERS))
        where = ".".join(str(part) for part in place) or "study"
        if issue["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(place[-1]), _known_keys(place[:-1], raw), n=1)
            hint = (
                f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(_known_keys(place[:-1], raw))}."
            )
            line = f"{where}: unknown key{hint}"
        elif issue["type"] == "missing":
            line = f"{where}: this key is missing."
        else:
            given = "" if isinstance(issue["input"], dict | list) else f" (it is {issue['input']!r})"
            line = f"{where}: {issue['msg'].removeprefix('Value error, ')}{given}."
        if line not in lines:
            lines.append(line)
    return _without_union_noise(lines)


_UNION_MEMBERS = {"str", "GridSource", "FileSource", "list of features", "weights of features"}


def _without_union_noise(lines: list[str]) -> list[str]:
    """A prompt source that fits no member is reported once by each: keep the report of the member that was meant."""
    kept = [line for line in lines if not re.match(r"prompts\.\d+: Input should be a valid string", line)]
    meant = [
        line for line in kept if not re.match(r"prompts\.\d+\.(grid|file): (this key is missing|unknown key)", line)
    ]
    return meant or kept or lines


def _known_keys(place: tuple[int | str, ...], raw: object) -> list[str]:
    """The keys that a study may have at `place`."""
    keys: dict[str, list[str]] = {
        "": list(_kind(raw).model_fields),
        "model": list(Model.model_fields),
        "sampling": list(Sampling.model_fields),
        "sampling.guidance": list(Guidance.model_fields),
        "compute": list(Compute.model_fields),
        "inpaint": list(Inpaint.model_fields),
        "unit": list(UnitShape.model_fields),
        "ranking": list(Ranking.model_fields),
    }
    if place[:1] == ("prompts",):
        return list(Grid.model_fields) if place[-1] == "grid" else ["grid", *FileSource.model_fields]
    return keys.get(".".join(str(part) for part in place), list(raw) if isinstance(raw, dict) else [])
