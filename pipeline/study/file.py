"""From a study file to a study: one sentence a mistake, with its place and, for a misspelt key, the near miss."""

import re
from collections.abc import Callable
from pathlib import Path

import yaml
from pydantic import ValidationError

from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.study.given import at_home, is_there, not_text, regular
from seedscope.pipeline.study.mistakes import sentences
from seedscope.pipeline.study.schema import FileSource, ImportedStudy, Model, Sampling, Study
from seedscope.pipeline.study.written import read_yaml

_LARGEST = 16 * 2**20


def load_study(path: Path | str) -> Study | ImportedStudy:
    """Read and validate a study file. Paths in it become relative to the working directory, not to the file.

    Raises:
        StudyError: one line a mistake, each with its place in the file and, for a misspelt key, the near miss.

    Examples:
        >>> load_study("configs/demo.yaml").seeds[:3]
        [0, 1, 2]
    """
    path = Path(path)
    try:
        raw = read_yaml(regular(path, _LARGEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudyError(f"{path}: there is no such study file.") from None
    except UnicodeDecodeError:
        wrong = not_text(path)
        raise StudyError(f"{path}:{wrong.number}: {wrong}") from None
    except (OSError, ValueError) as error:
        raise StudyError(f"{path}: cannot be read as a study: {error}.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise StudyError(f"{path}{place}: not valid YAML: {getattr(error, 'problem', error)}.") from None
    if not isinstance(raw, dict):
        raise StudyError(
            f"{path}: a study is a mapping with at least name, model, prompts (or inpaint) and seeds; see configs/demo.yaml."
        )
    kind = ImportedStudy if "imported" in raw else Study
    try:
        study = kind.model_validate(raw)
    except ValidationError as error:
        raise StudyError("\n".join(f"{path}: {line}" for line in sentences(error, kind))) from None
    return _relative_to(study, path.parent)


def in_file(path: Path, study: Study | ImportedStudy, said: str) -> str:
    """Sentences that begin with a place in a study (`prompts.0: ...`), with the study's file before it; others as they are."""
    place = re.compile(rf"(?:{'|'.join(type(study).model_fields)})[.:]")
    return "\n".join(f"{path}: {line}" if place.match(line) else line for line in said.splitlines())


def _relative_to(study: Study | ImportedStudy, folder: Path) -> Study | ImportedStudy:
    def found(name: str) -> str:
        return str(folder / name) if is_there(folder / name) else name

    def found_path(name: str) -> str:
        return found(name) if re.search(r"[/.]", name) else name

    reference = study.reference and found_path(study.reference)
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
    task = study.task
    if task is not None:
        options = {k: found_path(v) if isinstance(v, str) else v for k, v in task.options.items()}
        task = task.model_copy(update={"options": options})
    model = _model_relative_to(study.model, folder, found)
    changes = {"prompts": prompts, "inpaint": inpaint, "model": model, "task": task}
    return study.model_copy(update=changes | {"sampling": _sampling_relative_to(study.sampling, folder, found)})


def _sampling_relative_to(sampling: Sampling, folder: Path, found: Callable[[str], str]) -> Sampling:
    """The pictures that it goes towards are files."""
    similarity = sampling.guidance.similarity
    if similarity is None:
        return sampling
    to = similarity.to
    files = {key: str(folder / at_home(name)) for key in ("picture", "style") if (name := getattr(to, key)) is not None}
    by = found(similarity.by) if similarity.by is not None and "/" in similarity.by else similarity.by
    similarity = similarity.model_copy(update={"to": to.model_copy(update=files), "by": by})
    guidance = sampling.guidance.model_copy(update={"similarity": similarity})
    return sampling.model_copy(update={"guidance": guidance})


def _model_relative_to(model: Model, folder: Path, found: Callable[[str], str]) -> Model:
    """A file is a path, and whatever else has a slash in it is one where there is such a folder or file."""

    def path(name: str) -> str:
        return str(folder / at_home(name))

    named = {key: value for key in ("id", "config", "vae") if (value := getattr(model, key)) is not None}
    places = {key: found(name) if "/" in name or key == "vae" else name for key, name in named.items()}
    files = {} if model.file is None else {"file": path(model.file)}
    loras = [
        lora.model_copy(update={"file": path(lora.file)} if lora.id is None else {"id": found(lora.id)})
        for lora in model.lora
    ]
    return model.model_copy(update={**places, **files, "lora": loras})
