"""What every feature is: named columns that a network, or a plain computation, makes from pixels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seedscope.analysis.direction import Better
from seedscope.pipeline.errors import FeatureError as FeatureError
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.tables.columns import about


class Measurer(ABC):
    """A feature with its network on a device: what measures. The stage does the looping and the writing."""

    @abstractmethod
    def compute(self, pixels: npt.NDArray[np.uint8], prompts: Sequence[str]) -> dict[str, pa.Array]:
        """Columns of N images: pixels (N, H, W, 3) uint8 RGB, prompts N texts; one arrow array of length N a field.

        Values do not depend on which images share a call, to 1e-4. Raises ValueError for pixels of another shape or type.
        """

    def compute_inside(
        self,
        pixels: npt.NDArray[np.uint8],
        prompts: Sequence[str],
        masks: npt.NDArray[np.bool_],  # noqa: ARG002  (for the features that look at it)
    ) -> dict[str, pa.Array]:
        """The same columns of N images of which a part was drawn anew; masks (N, H, W) are True there.

        Here: those of the whole pictures. A feature that measures the part drawn anew overrides this.
        """
        return self.compute(pixels, prompts)

    def measure(
        self,
        pixels: npt.NDArray[np.uint8],
        prompts: Sequence[Prompt],
        masks: npt.NDArray[np.bool_] | None = None,
    ) -> dict[str, pa.Array]:
        """What the stage calls: the columns of N images, with masks where a part was drawn anew.

        Here: by the texts of the prompts. A feature that looks at what else is known of a prompt (`Prompt.facts`) overrides
        this.
        """
        texts = [prompt.text for prompt in prompts]
        return self.compute(pixels, texts) if masks is None else self.compute_inside(pixels, texts, masks)


class Feature(ABC):
    """One table of measurements, a row an image: what is known of it without its network. A subclass is one file.

    Cheap to make and to pickle, and never changed. One without a network may be its own measurer.
    """

    name: ClassVar[str]
    """Names the table and its main column, such as `fd_efficientnet_lite0`."""

    on_gpu: ClassVar[bool] = True
    """Whether it is a network, which works on a GPU where there is one."""

    needs_reference: ClassVar[bool] = False
    """Whether a seed is judged by a distance to reference pictures, which are then measured too."""

    needs_control: ClassVar[bool] = False
    """Whether pictures of which a part is drawn anew are judged against those before, which are then measured too."""

    @abstractmethod
    def fields(self) -> list[pa.Field]:
        """The columns that this feature adds, described (`tables.columns.column`), without `prompt_id`, `seed`, `status`,
        `error`."""

    def columns(self) -> list[pa.Field]:
        """`fields`, which also say the direction that is good, of those that `scalars` gives one."""
        better = self.scalars()
        return [
            replace(said, better=better[item.name]).on(item) if item.name in better and (said := about(item)) else item
            for item in self.fields()
        ]

    def scalars(self) -> Mapping[str, Better | None]:
        """The columns that say one number, or yes or no, of a picture, each with the direction that is good, if one is.

        Seeds are compared by all of these, and ranked by one that has a direction.
        """
        return {}

    @abstractmethod
    def fingerprint(self) -> str:
        """Hex SHA-256 over all that changes the values: weights, preprocessing, version. Builds no network.

        Raises FeatureError where the weights cannot be read.
        """

    @abstractmethod
    def load(self, device: str) -> Measurer:
        """Build the network on a torch device ("cpu", "cuda:0"), anew at each call.

        Raises FeatureError where the weights are missing, wrong or unsafe.
        """


def check_pictures(pixels: npt.NDArray[np.uint8], prompts: Sequence[str]) -> None:
    """Raise ValueError unless pixels are (N, H, W, 3) uint8 and there are N prompts."""
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[3] != 3:
        raise ValueError(f"pixels are {pixels.dtype} {pixels.shape}; uint8 (N, height, width, 3) is needed")
    if len(prompts) != len(pixels):
        raise ValueError(f"{len(pixels)} images, but {len(prompts)} prompts")
