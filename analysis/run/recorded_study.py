"""The study that a run folder keeps, for who looks at it without the study file."""

import json

from seedscope.pipeline.drawing.cause import differences, knows_configuration
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.storage.base import Held
from seedscope.pipeline.study.schema import ImportedStudy, Json, Measured, Study
from seedscope.pipeline.tables.run_folder import RunFolder

STUDY = "study.json"


def record_study(folder: RunFolder, study: Measured, held: Held = lambda: None) -> None:
    """Keep the study in the run folder, for who looks at it without the study file; paths as this process has them."""
    text = study.model_dump_json(indent=1).encode()
    try:
        if folder.storage.read(STUDY) == text:
            return
    except FileNotFoundError:
        pass
    folder.storage.deliver({STUDY: lambda: text}, held)


def recorded_study(folder: RunFolder) -> Study | ImportedStudy | None:
    """The study that a run folder keeps; None of a run that was made before it kept any.

    Raises:
        UserError: it cannot be read.
    """
    try:
        text = folder.storage.read(STUDY)
        found = json.loads(text)
        kind = ImportedStudy if isinstance(found, dict) and "imported" in found else Study
        return kind.model_validate_json(text)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(f"{folder.storage.url}/{STUDY}: cannot be read: {str(error).splitlines()[0]}.") from error


def differences_of(folder: RunFolder, study: Study, pipeline: str, old: Json, new: Json) -> list[str]:
    """What differs between a recorded cause and that of a study, so that their pictures may not lie in one run; none of like
    ones; `pipeline` is the class of diffusers that loads the model."""
    found = differences(old, new, pipeline)
    if not found and not knows_configuration(old):
        # Such a cause names the files of every variant, whichever was drawn with.
        before = recorded_study(folder)
        if isinstance(before, Study) and before.model.variant != study.model.variant:
            found = [f"model.variant was {before.model.variant} and is now {study.model.variant}"]
    return found
