"""The configuration files of a model's folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Configs
from seedscope.pipeline.models.settings import Settings

MALFORMED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError, RuntimeError)
"""What is raised where a configuration holds something else than its reader expects."""

_FILES = {"scheduler": "scheduler_config.json", "guider": "guider_config.json", "ocr_guider": "guider_config.json"}
"""Part of a folder -> the file that has its settings, where it is no network."""


def configs_in(folder: Path, index: Mapping[str, Any]) -> Configs:
    """The settings of a folder's parts, with their classes' defaults; `index` is the content of its `model_index.json`."""

    def read(part: str) -> Settings:
        if not part:
            return Settings(index, "diffusers", index.get("_class_name"))
        if not isinstance(index.get(part), list) or index[part][0] is None:
            return Settings({})
        return Settings(read_json(folder / part / _FILES.get(part, "config.json")), *index[part][:2])

    return read


def malformed(name: str, error: Exception) -> str:
    """What a model is refused with whose configuration raised an error."""
    reason = next(iter(str(error).splitlines()), "")
    return (
        f"{name}: its configuration cannot be read ({type(error).__name__}: {reason[:200]}). Download the model again."
    )


def read_json(path: Path) -> dict[str, Any]:
    """A configuration file of a model.

    Raises:
        ModelError: it is missing, cannot be read, or holds no JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path}: is missing, so {path.parent} is not a model in diffusers layout.") from None
    except RecursionError:
        raise ModelError(f"{path}: cannot be read: it is nested too deeply.") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read: {error}.") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path}: holds no JSON object.")
    return content
