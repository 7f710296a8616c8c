"""EasyOCR with its published weights: where words stand in a picture (CRAFT), and what they say.

The files are checked against EasyOCR's own list and filled into its networks as bare tensors: no pickled code runs.
"""

from __future__ import annotations

import hashlib
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from seedscope.analysis.features.base import FeatureError
from seedscope.analysis.features.weights import fill, read_weights

if TYPE_CHECKING:
    import torch

AT_ONCE = 1 << 16  # pixels that the detector takes at once on a processor, whose cache holds no more
Pixels = npt.NDArray[np.uint8]
Corners = npt.NDArray[np.float32]
Word = tuple[Corners, str, float]
"""(corners (4, 2) as x and y in pixels, what it says, EasyOCR's confidence in 0..1)."""


@dataclass(frozen=True)
class Thresholds:
    """EasyOCR's: the score of a letter's core, of its surroundings and of the gap between two letters, each in 0..1."""

    text: float
    low_text: float
    link: float


@dataclass(frozen=True)
class OcrModel:
    """EasyOCR's two networks for some languages, from a folder of its model files; without it, the English package's."""

    languages: tuple[str, ...]
    folder: Path | None = None

    @cached_property
    def reader(self) -> Any:
        """`easyocr.Reader` without networks. Raises FeatureError for languages that it does not know or combine."""
        import easyocr

        folder = str(self._folder())
        try:
            return easyocr.Reader(
                list(self.languages),
                gpu=False,
                model_storage_directory=folder,
                user_network_directory=folder,
                download_enabled=False,
                detector=False,
                recognizer=False,
                verbose=False,
            )
        except ValueError as error:
            raise FeatureError(
                f"text.languages: EasyOCR does not read {', '.join(self.languages)} together "
                f"({' '.join(map(str, error.args))}); give codes such as 'en' or 'en,fr'."
            ) from error
        finally:
            if folder in sys.path:  # EasyOCR lets modules be imported from there
                sys.path.remove(folder)

    def digests(self) -> dict[str, str]:
        """File name -> its MD5, equal to the one that EasyOCR publishes. Raises FeatureError, naming file and hashes."""
        from easyocr.config import detection_models

        return {
            entry["filename"]: self._checked(entry) for entry in (detection_models["craft"], self._recognition()[1])
        }

    def load(self, device: str, half: bool) -> Any:
        """The reader with both networks on `device`, CRAFT in bfloat16 where `half`, ready to detect and to recognise."""
        import torch
        from easyocr.config import detection_models
        from easyocr.craft import CRAFT
        from easyocr.detection import get_textbox
        from easyocr.utils import CTCLabelConverter

        self.digests()
        with torch.device("meta"):
            craft, recognizer = CRAFT(), self._empty_recognizer()
        self._fill(craft, detection_models["craft"]["filename"])
        self._fill(recognizer, self._recognition()[1]["filename"])
        reader = self.reader
        reader.device = device
        reader.get_textbox = get_textbox
        reader.detector = _detector(craft, half).to(device)
        reader.recognizer = recognizer.to(device).to(memory_format=torch.channels_last)
        reader.converter = CTCLabelConverter(reader.character)
        return reader

    def _folder(self) -> Path:
        from easyocr_en_models import model_dir

        folder = Path(model_dir()) if self.folder is None else self.folder
        if not folder.is_dir():
            raise FeatureError(f"text.weights: there is no folder {folder}; give one with EasyOCR's model files.")
        return folder

    def _recognition(self) -> tuple[str, dict[str, Any]]:
        """EasyOCR's generation ("gen1", "gen2") of the network for these languages, and its entry in the published list."""
        from easyocr.config import recognition_models

        wanted = (self.reader.model_lang, self.reader.character)
        return next(
            (generation, entry)
            for generation, entries in recognition_models.items()
            for entry in entries.values()
            if (entry["model_script"], entry["characters"]) == wanted
        )

    def _empty_recognizer(self) -> torch.nn.Module:
        from easyocr.model.model import Model as FirstGeneration
        from easyocr.model.vgg_model import Model as SecondGeneration

        kind, width = {"gen1": (FirstGeneration, 512), "gen2": (SecondGeneration, 256)}[self._recognition()[0]]
        classes = len(self.reader.character) + 1  # and the blank
        made: torch.nn.Module = kind(input_channel=1, output_channel=width, hidden_size=width, num_class=classes)
        return made

    def _checked(self, entry: dict[str, Any]) -> str:
        path = self._folder() / entry["filename"]
        remedy = f"get it from {entry['url']} and give its folder, with all files, as the option 'weights'"
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "md5").hexdigest()
        except OSError as error:
            raise FeatureError(f"text.weights: {path} cannot be read ({error.strerror}); {remedy}.") from error
        if found != entry["md5sum"]:
            raise FeatureError(
                f"text.weights: {path} is not EasyOCR's published file: its MD5 is {found}, {entry['md5sum']} is wanted; "
                f"{remedy}."
            )
        return found

    def _fill(self, network: torch.nn.Module, name: str) -> None:
        path = self._folder() / name
        state = read_weights(path)
        fill(network, {key.removeprefix("module."): value for key, value in state.items()}, path)


def words(reader: Any, pictures: Sequence[Pixels], thresholds: Thresholds, canvas_size: int) -> list[list[Word]]:
    """The words in each of the pictures (H, W, 3) of one size, as `reader.readtext` finds them one by one."""
    step = max(1, AT_ONCE // max(1, pictures[0][..., 0].size)) if pictures else 1
    found: list[list[Word]] = [[] for _ in pictures]
    crops: dict[int, list[tuple[tuple[int, Corners], Pixels]]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pinned memory and Pillow's modes, at every box
        for start in range(0, len(pictures), step):
            part = pictures[start : start + step]
            detected = reader.detect(
                np.stack(part),
                text_threshold=thresholds.text,
                low_text=thresholds.low_text,
                link_threshold=thresholds.link,
                canvas_size=canvas_size,
                reformat=False,
            )
            for i, (picture, horizontal, free) in enumerate(zip(part, *detected, strict=True), start):
                for width, corners, crop in _crops(picture, horizontal, free):
                    crops.setdefault(width, []).append(((i, corners), crop))
        for width, of_width in crops.items():
            for (i, corners), text, confidence in _read(reader, width, of_width):
                found[i].append((corners, text, confidence))
    return [sorted(row, key=lambda word: (word[0][:, 1].min(), word[0][:, 0].min())) for row in found]


def _crops(picture: Pixels, horizontal: list[Any], free: list[Any]) -> Iterator[tuple[int, Corners, Pixels]]:
    """(padded width, corners, grey pixels) of each box, 64 pixels high."""
    from easyocr.config import imgH
    from easyocr.utils import get_image_list

    grey = np.asarray(Image.fromarray(picture).convert("L"))
    for boxes in (*(([box], []) for box in horizontal), *(([], [box]) for box in free)):
        cut, width = get_image_list(*boxes, grey, model_height=imgH)
        yield from ((int(width), np.asarray(corners, np.float32), crop) for corners, crop in cut)


def _read(reader: Any, width: int, crops: list[tuple[tuple[int, Corners], Pixels]]) -> list[Any]:
    """(key, text, confidence) of each (key, crop). Together, since they are padded to one width, which is also their own.

    EasyOCR pads what it reads together to the widest, and its recurrent network then writes other words than one by one
    (JaidedAI/EasyOCR#534): only crops that need the same width may share a call.
    """
    from easyocr.config import imgH
    from easyocr.recognition import get_text

    ignored = "".join(sorted(set(reader.character) - set(reader.lang_char)))
    networks = (reader.recognizer, reader.converter)
    return list(
        get_text(
            reader.character, imgH, width, *networks, crops, ignored, batch_size=8, workers=0, device=reader.device
        )
    )


def _detector(craft: torch.nn.Module, half: bool) -> torch.nn.Module:
    """CRAFT with its batch norms folded in, in channels-last order and, where `half`, in bfloat16: 2.5 times as fast."""
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    dtype = torch.bfloat16 if half else torch.float32

    class Detector(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.craft = craft.to(dtype).to(memory_format=torch.channels_last)

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            scores, features = self.craft(images.to(dtype, memory_format=torch.channels_last))
            return scores.float(), features

    for part in list(craft.modules()):
        if isinstance(part, torch.nn.Sequential):
            for (name, step), (following, norm) in pairwise(list(part.named_children())):
                if isinstance(step, torch.nn.Conv2d) and isinstance(norm, torch.nn.BatchNorm2d):
                    setattr(part, name, fuse_conv_bn_eval(step, norm))
                    setattr(part, following, torch.nn.Identity())
    return Detector().eval()
