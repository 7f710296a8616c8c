"""What Civitai's own generator writes into the settings of A1111: its checkpoint and adapters, and its workflow, as JSON.

    ..., Civitai resources: [{"type":"checkpoint","modelVersionId":290640,"modelName":"Pony"}, ...], Civitai metadata: {...}

Source: civitai/civitai, `src/utils/metadata/automatic.metadata.ts` reads it (`Civitai resources`, `Civitai metadata`).
"""

from collections.abc import Mapping
from contextlib import suppress

from seedscope.pipeline.imported.formats.recipe import text, with_adapters
from seedscope.pipeline.study.given import read_json
from seedscope.pipeline.study.schema import Json

RESOURCES, METADATA = "civitai resources", "civitai metadata"
WORKFLOW = "civitai workflow"


def model_of(fields: Mapping[str, str]) -> str | None:
    """The checkpoint with all else that was loaded, in one order; None where no list of them can be read."""
    listed = _read(fields.get(RESOURCES))
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        return None
    items = [item for item in listed if isinstance(item, dict)]
    models = sorted(_name(item) for item in items if _kind(item) == "checkpoint")
    others = [
        (_name(item), item.get("weight", item.get("strength", 1))) for item in items if _kind(item) != "checkpoint"
    ]
    return with_adapters(" and ".join(models) or None, sorted(others, key=str))


def workflow_of(fields: Mapping[str, str]) -> str | None:
    """Such as `txt2img`."""
    told = _read(fields.get(METADATA))
    return text(told.get("workflow")) if isinstance(told, dict) else None


def is_of_another(fields: Mapping[str, str]) -> bool:
    """Whether it was made from another picture, which is not told."""
    return (workflow_of(fields) or "").startswith("img2img")


def _kind(resource: Mapping[str, Json]) -> str:
    """Its `type`, or that of its name at Civitai: `urn:air:sdxl:checkpoint:civitai:10@20`."""
    named = [*str(resource.get("air", "")).split(":"), "", "", "", ""][3]
    return str(resource.get("type", named)).lower()


def _name(resource: Mapping[str, Json]) -> str:
    """`Pony V6 (290640)`: two versions of a model may have one name."""
    words = [text(resource.get(key)) for key in ("modelName", "modelVersionName", "versionName")]
    number = resource.get("modelVersionId") or str(resource.get("air", "")).rpartition("@")[2]
    return " ".join([*(word for word in words if word), *([f"({number})"] if number else [])]) or "?"


def _read(written: str | None) -> Json:
    if written:  # most files have none of it
        with suppress(ValueError):
            return read_json(written, repeats=True)
    return None
