"""The configuration files of a model's folder."""

import json
from pathlib import Path
from typing import Any

from seedscope.pipeline.errors import ModelError

MALFORMED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError, RuntimeError)
"""What is raised where a configuration holds something else than its reader expects."""


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
