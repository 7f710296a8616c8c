"""Inpainting as a study: every given picture with every task is a prompt, drawn into the picture's mask."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import pyarrow as pa
from PIL import Image

from seedscope.pipeline.drawing.tasks.base import Begun, Task
from seedscope.pipeline.drawing.tasks.masked_pictures import MaskedPicture, Size, masked_pictures
from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.images import Mask, Pixels, encode
from seedscope.pipeline.models.base import Denoiser, Drawer
from seedscope.pipeline.models.locate import BUNDLED, Located
from seedscope.pipeline.study.plan import Cell, Unit
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import Inpaint, Json, Study, fingerprint
from seedscope.pipeline.tables.columns import column
from seedscope.pipeline.tables.image_column import IMAGE, schema_with_images
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA

if TYPE_CHECKING:
    import torch

    from seedscope.pipeline.drawing.hooks import Hooks
    from seedscope.pipeline.drawing.tasks.canvas import Encoded

INPAINT_SCHEMA = schema_with_images(
    [
        *IMAGE_SCHEMA,
        column("task", pa.string(), "What the part drawn anew is for, such as completing or removing an object."),
        column("mask", IMAGE, "White where the picture is drawn anew, as a file."),
    ]
)
BLOCK = 256
BUNDLED_PICTURES = {"sprout": BUNDLED / "reference" / "inpaint.parquet"}
RESIZED: Json = "picture and mask stretched by Lanczos, then the mask cut at half"


@dataclass(frozen=True, slots=True)
class Given:
    """A picture with its mask and its task; the prompt's id names all three and the prompt's text."""

    prompt: Prompt
    task: str
    picture: MaskedPicture
    sha256: tuple[str, str]


@dataclass(frozen=True)
class Inpainting(Task):
    """The prompts of an inpainting study and the pictures that they are drawn into. Cheap to pickle: paths, no pixels.

    It is its own control: the pictures before inpainting, one a prompt, with the seed 0.

    Args:
        items: a picture and a task each, picture by picture.
        size: (height, width) in pixels at which pictures are drawn; given ones are stretched to it.
    """

    items: Sequence[Given] = field(repr=False)
    size: Size
    fills_masks: ClassVar[bool] = True
    schema: ClassVar[pa.Schema] = INPAINT_SCHEMA
    name: ClassVar[str] = "before"

    @classmethod
    def of(cls, study: Study, located: Located) -> Self:
        if study.inpaint is None:
            raise StudyError("inpaint: this key is missing.")
        return cls.named(study.inpaint, located.size(study.sampling))

    @classmethod
    def cause(cls, study: Study) -> dict[str, Json]:  # noqa: ARG003
        """Pictures, masks and tasks are in the ids of the prompts."""
        return {"inpaint": RESIZED}

    @classmethod
    def named(cls, inpaint: Inpaint, size: Size) -> Self:
        """The pictures that a study names, each read once.

        Raises:
            StudyError: there are no such pictures, one of them or its mask cannot be used, or one stands there twice.
        """
        path = BUNDLED_PICTURES.get(inpaint.pictures, Path(inpaint.pictures))
        if not path.exists():
            raise StudyError(
                f"inpaint.pictures: there is no {inpaint.pictures!r}. Give a folder of pictures with masks, a Parquet file "
                f"with the columns image and mask, or the bundled {', '.join(BUNDLED_PICTURES)}."
            )
        items: list[Given] = []
        seen: dict[tuple[str, str], MaskedPicture] = {}
        for picture in masked_pictures(path, inpaint.limit):
            sha256 = _hashes(*picture.read(size))
            if sha256 in seen:
                raise StudyError(
                    f"{picture.picture}: the same picture with the same mask stands twice (first at {seen[sha256].picture}). "
                    "Remove one of them: a picture that counts double would bias every seed's score."
                )
            seen[sha256] = picture
            items += [
                Given(_prompt(picture, task, template, sha256), task, picture, sha256)
                for task, template in inpaint.tasks.items()
            ]
        return cls(tuple(items), size)

    def prompts(self) -> list[Prompt]:
        """Picture by picture, its tasks; the group is the picture, so that its tasks are resampled together."""
        return [item.prompt for item in self.items]

    @property
    def control(self) -> Self:
        return self

    def kind(self, prompt_id: str) -> str:
        """The name of a prompt's task."""
        return self._by_id[prompt_id].task

    def begin(self, model: Drawer, prompts: Sequence[Prompt]) -> Begun:
        """Read and encode the given pictures of these prompts."""
        from seedscope.pipeline.drawing.tasks.canvas import Encoded

        if not isinstance(model, Denoiser):
            raise TypeError(f"masks are filled by a Denoiser, and this is a {type(model).__name__}")
        given, columns = dict[str, Encoded](), dict[str, dict[str, object]]()
        for prompt in prompts:
            pixels, mask = self.given(prompt.id)
            given[prompt.id] = Encoded.of(model, pixels, mask)
            columns[prompt.id] = self.columns(prompt.id, mask)
        return _Masked(columns=columns, model=model, given=given)

    def given(self, prompt_id: str) -> tuple[Pixels, Mask]:
        """The picture before inpainting, (H, W, 3) uint8, and its mask, (H, W) bool, True where it is drawn anew.

        Raises:
            StudyError: a file cannot be read any more, or is another picture than when the study began.
        """
        item = self._by_id[prompt_id]
        pixels, mask = item.picture.read(self.size)
        if _hashes(pixels, mask) != item.sha256:
            raise StudyError(
                f"{item.picture.picture}: the picture or its mask has changed since the study was begun. Put it back, or "
                "start again: the changed picture is then another prompt."
            )
        return pixels, mask

    def columns(self, prompt_id: str, mask: Mask) -> dict[str, object]:
        """What rows of image shards say of a prompt beside its text: `task` and `mask`."""
        return {"task": self.kind(prompt_id), "mask": {"bytes": encode_mask(mask), "path": f"{prompt_id}.mask.png"}}

    def units(self) -> list[Unit]:
        """The pictures before inpainting as units, in order."""
        prompts = tuple(self.prompts())
        blocks = [prompts[i : i + BLOCK] for i in range(0, len(prompts), BLOCK)]
        return [Unit.crossed(f"{number:06d}", block, (0,)) for number, block in enumerate(blocks)]

    def read(self, unit: Unit) -> pa.Table:
        """The pictures before inpainting of a unit, in the schema of inpainted ones."""
        rows = []
        for prompt in unit.prompts:
            pixels, mask = self.given(prompt.id)
            row = {"prompt_id": prompt.id, "prompt": prompt.text, "seed": 0, "status": "ok", "error": None}
            image = {"bytes": encode(pixels), "path": f"{prompt.id}.webp"}
            rows.append(row | {"image": image} | self.columns(prompt.id, mask))
        return pa.Table.from_pylist(rows, schema=INPAINT_SCHEMA)

    def mark(self, unit: Unit) -> str:  # noqa: ARG002  (a Source)
        """Empty: other pictures are another table."""
        return ""

    def fingerprint(self) -> str:
        """sha256 (hex) over all that `read` gives."""
        return fingerprint(
            {"prompts": [item.prompt.id for item in self.items], "size": [*self.size], "resized": RESIZED}
        )

    @cached_property
    def _by_id(self) -> dict[str, Given]:
        return {item.prompt.id: item for item in self.items}


@dataclass(kw_only=True)
class _Masked(Begun):
    """Given pictures by the id of the prompt that is drawn into them."""

    model: Denoiser
    given: "Mapping[str, Encoded]"

    def hooks(self, cells: Sequence[Cell], generators: "Sequence[torch.Generator]", noise: "torch.Tensor") -> "Hooks":
        from seedscope.pipeline.drawing.tasks.canvas import canvas

        return canvas(self.model, [self.given[prompt.id] for prompt, _ in cells], generators, noise)


def encode_mask(mask: Mask) -> bytes:
    """PNG of one bit a pixel, white where the (H, W) bool mask is True."""
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _hashes(pixels: Pixels, mask: Mask) -> tuple[str, str]:
    """sha256 (hex) of a picture and of a mask, as they are drawn into."""
    return hashlib.sha256(pixels.tobytes()).hexdigest(), hashlib.sha256(mask.tobytes()).hexdigest()


def _prompt(picture: MaskedPicture, task: str, template: str, sha256: tuple[str, str]) -> Prompt:
    """The id is a hash of text, task, picture and mask, so that it survives reordering and growth."""
    if "{object}" in template and picture.object is None:
        raise StudyError(
            f"{picture.picture}: the task {task!r} needs the picture's object, and no word for it is given. Say it in the "
            "column `object` (of objects.csv in a folder), or leave {object} out of the template."
        )
    text = template.replace("{object}", picture.object or "").strip()
    identity = fingerprint({"text": text, "task": task, "picture": sha256[0], "mask": sha256[1]})[:16]
    return Prompt(identity, text, picture.name or sha256[0][:16])
