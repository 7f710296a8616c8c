"""Networks of the hub that a study takes beside its model, named by their commits: branches move."""

from seedscope.pipeline.drawing.tasks import task_of
from seedscope.pipeline.networks import likeness
from seedscope.pipeline.study.schema import Study


def pinned(study: Study) -> Study:
    """The study with the commit of each, looked up once: what names tables is what workers load, whenever they do.

    Raises:
        UserError: there is no such network.
    """
    sampling = study.sampling
    if (similarity := sampling.guidance.acting_similarity) is not None:
        guidance = sampling.guidance.model_copy(update={"similarity": likeness.pinned(similarity)})
        study = study.model_copy(update={"sampling": sampling.model_copy(update={"guidance": guidance})})
    return task_of(study).pinned(study)
