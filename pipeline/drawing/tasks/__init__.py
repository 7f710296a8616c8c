"""What can be drawn, a task a file. A new task is a new file and one line in `_CLASSES`."""

from difflib import get_close_matches
from importlib import import_module

from seedscope.pipeline.drawing.tasks.base import Task
from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.study.schema import Study

# By the key of the study file, or by the name under its key `task`.
_CLASSES = {
    "prompts": "text_to_image:TextToImage",
    "inpaint": "inpainting:Inpainting",
    "swap": "seed_swap:SeedSwap",
    "particles": "particles:Particles",
    "negatives": "negatives:Negatives",
}


def task_of(study: Study) -> type[Task]:
    """The task that a study names.

    Raises:
        StudyError: there is none of that name.
    """
    if study.task_name not in _CLASSES:
        near = get_close_matches(study.task_name, _CLASSES, n=1)
        meant = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(_CLASSES)}."
        raise StudyError(f"task: there is no task {study.task_name!r}; {meant}")
    module, name = _CLASSES[study.task_name].split(":")
    found: type[Task] = getattr(import_module(f"{__name__}.{module}"), name)
    return found
