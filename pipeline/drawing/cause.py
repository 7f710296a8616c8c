"""What the pictures of a study hang on: the name of their table."""

from seedscope.pipeline.drawing.tasks import inpainting
from seedscope.pipeline.models.locate import Located
from seedscope.pipeline.study.schema import Json, Study


def cause(study: Study, located: Located) -> dict[str, Json]:
    """Everything that changes pixels, as JSON: the model's weights, the sampling, and how cells fall into batches.

    Given pictures, masks and tasks are in the ids of the prompts.
    """
    height, width = located.size(study.sampling)
    inpaint: dict[str, Json] = {} if study.inpaint is None else {"inpaint": inpainting.RESIZED}
    sampling: dict[str, Json] = study.sampling.model_dump(mode="json") | {"height": height, "width": width}
    return {
        "model": located.identity,
        "sampling": sampling,
        "compute": study.compute.model_dump(mode="json", include={"dtype", "batch_size", "compile"}),
        "unit": study.unit.model_dump(mode="json"),
        "noise": "cpu-float32",
        "image": "webp-lossless",
        **inpaint,
    }
