"""The configuration files of a model's folder."""

import json
from pathlib import Path
from typing import Any

from seedscope.pipeline.errors import ModelError


def read_json(path: Path) -> dict[str, Any]:
    """A configuration file of a model.

    Raises:
        ModelError: it is missing, cannot be read, or holds no JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path}: is missing, so {path.parent} is not a model in diffusers layout.") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read: {error}.") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path}: holds no JSON object.")
    return content
