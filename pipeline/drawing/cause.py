"""What the pictures of a study depend on, the name that their tables have from it, and whether two records of it agree."""

from collections.abc import Mapping

from seedscope.pipeline.drawing.tasks import task_of
from seedscope.pipeline.models.identity import SIZE, without_defaults
from seedscope.pipeline.models.locate import Located
from seedscope.pipeline.networks.likeness import cause_of as similarity_cause
from seedscope.pipeline.study.schema import Json, Study
from seedscope.pipeline.tables.agreement import changes


def cause(study: Study, located: Located) -> dict[str, Json]:
    """Everything that changes pixels, as JSON: weights and settings of the model, the sampling, the task, and how cells fall
    into batches.

    What is given beside a prompt, such as a picture with its mask, is in the ids of the prompts.
    """
    height, width = located.size(study.sampling)
    named: dict[str, Json] = {} if study.task is None else {"task": study.task.model_dump(mode="json")}
    sampling: dict[str, Json] = study.sampling.said() | {"height": height, "width": width}
    if (similarity := study.sampling.guidance.acting_similarity) is not None:
        sampling["guidance"] = {**_of(sampling, "guidance"), "similarity": similarity_cause(similarity)}
    return {
        "model": _model(study, located),
        "sampling": sampling,
        "compute": study.compute.said(),
        "unit": study.unit.model_dump(mode="json"),
        "noise": _noise(study, located),
        "image": "webp-lossless",
        **_rounding(study, located),
        **named,
        **task_of(study).cause(study),
    }


def _model(study: Study, located: Located) -> Json:
    """What the model is; of what size the tiles of its autoencoder are only where it decodes in tiles."""
    identity = located.identity
    if not study.compute.vae.tiling or not isinstance(identity, dict) or "configuration" not in identity:
        return identity
    if (size := located.configs("vae").said.get(SIZE)) is None:
        return identity
    file, settings = "vae/config.json", _of(identity, "configuration")
    return {**identity, "configuration": {**settings, file: {**_of(settings, file), SIZE: size}}}


def _noise(study: Study, located: Located) -> Json:
    """How noise is drawn; plain noise is called as it was when there was no other."""
    small, variation = located.small_shape(study), study.noise.acting_variation
    said: dict[str, Json] = {} if study.noise.source == "cpu" else {"source": study.noise.source}
    if small is not None:
        said["from"] = list(small)
    if variation is not None:
        said["variation"] = variation.model_dump(mode="json")
    return said or "cpu-float32"


def _rounding(study: Study, located: Located) -> dict[str, Json]:
    """In which numbers pictures become levels of 255; nothing is said of float32, as of pictures before there was another."""
    halves = {study.compute.dtype, study.compute.vae.dtype} & {"float16", "bfloat16"}
    return {"rounding": "in the dtype of the output"} if located.family.rounds_halves and halves else {}


def naming_of_any(cause: Json) -> Json:
    """`naming` of what was recorded as a cause, whatever it is."""
    return naming(cause) if isinstance(cause, dict) else cause


def naming(cause: Mapping[str, Json]) -> dict[str, Json]:
    """The part of a cause that names tables: all but the settings of the model, of which older records have none.

    A run is of one configuration, which its editions have in full, and so keeps the names of its tables.
    """
    return {key: _without_configuration(value) if key == "model" else value for key, value in cause.items()}


def differences(old: Json, new: Json, pipeline: str | None = None) -> list[str]:
    """In what the pictures of two causes differ, `new` being a whole one; none: both may lie in one run.

    What an older version recorded has no settings of the model, and more files of weights than were loaded.

    Args:
        pipeline: the class of diffusers that loads the model of both, where it is known.
    """
    if not isinstance(old, dict) or not isinstance(new, dict):
        return list(changes(old, new))
    if not knows_configuration(old):
        return list(changes(_as_of_old(old, new), naming(new)))
    models = [_of(cause, "model") for cause in (old, new)]
    if not all("configuration" in model for model in models):
        return list(changes(old, new))
    pair = without_defaults(models[0]["configuration"], models[1]["configuration"], pipeline)
    one, other = ({**model, "configuration": each} for model, each in zip(models, pair, strict=True))
    return list(changes({**old, "model": one}, {**new, "model": other}))


def knows_configuration(cause: Json) -> bool:
    """Whether a cause has the settings of its model, or a commit in place of them."""
    model = cause.get("model") if isinstance(cause, dict) else None
    return not isinstance(model, dict) or "weights" not in model or "configuration" in model


def _as_of_old(old: dict[str, Json], new: dict[str, Json]) -> dict[str, Json]:
    """An old cause without the weights that the new one does not load."""
    model, loaded = _of(old, "model"), _of(_of(new, "model"), "weights")
    weights = {file: sha256 for file, sha256 in _of(model, "weights").items() if file in loaded}
    return {**old, "model": {**model, "weights": weights}}


def _of(record: Mapping[str, Json], key: str) -> dict[str, Json]:
    found = record.get(key)
    return found if isinstance(found, dict) else {}


def _without_configuration(model: Json) -> Json:
    return {key: value for key, value in model.items() if key != "configuration"} if isinstance(model, dict) else model
