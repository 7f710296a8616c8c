"""What the pictures of a study depend on: the name of their table."""

from seedscope.pipeline.drawing.tasks import task_of
from seedscope.pipeline.models.locate import Located
from seedscope.pipeline.study.schema import Json, Study


def cause(study: Study, located: Located) -> dict[str, Json]:
    """Everything that changes pixels, as JSON: the model's weights, the sampling, the task, and how cells fall into batches.

    What is given beside a prompt, such as a picture with its mask, is in the ids of the prompts.
    """
    height, width = located.size(study.sampling)
    named: dict[str, Json] = {} if study.task is None else {"task": study.task.model_dump(mode="json")}
    sampling: dict[str, Json] = study.sampling.model_dump(mode="json") | {"height": height, "width": width}
    return {
        "model": located.identity,
        "sampling": sampling,
        "compute": study.compute.model_dump(mode="json", include={"dtype", "batch_size", "compile"}),
        "unit": study.unit.model_dump(mode="json"),
        "noise": "cpu-float32",
        "image": "webp-lossless",
        **named,
        **task_of(study).cause(),
    }
