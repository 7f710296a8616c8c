"""EasyOCR with its published weights: the networks that find words (CRAFT) and that read them, and the reading.

The files are checked against EasyOCR's own list and filled into its networks as bare tensors: no pickled code runs.
"""

from __future__ import annotations

import copy
import hashlib
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from seedscope.analysis.features.base import FeatureError
from seedscope.analysis.features.text.text_regions import Pixels
from seedscope.pipeline.networks.weights import fill, read_weights

if TYPE_CHECKING:
    import torch

Word = tuple[str, float]
"""(what it says, EasyOCR's confidence in 0..1)."""


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

    def digests(self, *, detector: bool) -> dict[str, str]:
        """File name -> its MD5, equal to the one that EasyOCR publishes; CRAFT's too where `detector`.

        Raises FeatureError, naming file and hashes.
        """
        from easyocr.config import detection_models

        entries = [*([detection_models["craft"]] if detector else []), self._recognition()[1]]
        return {entry["filename"]: self._checked(entry) for entry in entries}

    def load(self, device: str) -> Any:
        """The reader with the network that reads, on `device`. Raises FeatureError."""
        import torch
        from easyocr.utils import CTCLabelConverter

        reader = copy.copy(self.reader)
        reader.device = device
        with torch.device("meta"):
            recognizer = self._empty_recognizer()
        recognizer = self._filled(recognizer, self._recognition()[1])
        reader.recognizer = recognizer.to(device).to(memory_format=torch.channels_last)
        reader.converter = CTCLabelConverter(reader.character)
        return reader

    def craft(self) -> torch.nn.Module:
        """CRAFT with its weights, float32, on the CPU. Raises FeatureError."""
        import torch
        from easyocr.config import detection_models
        from easyocr.craft import CRAFT

        with torch.device("meta"):
            craft = CRAFT()
        return self._filled(craft, detection_models["craft"])

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
            state = path.stat()
            found = _md5(path, state.st_size, state.st_mtime_ns)
        except OSError as error:
            raise FeatureError(f"text.weights: {path} cannot be read ({error.strerror}); {remedy}.") from error
        if found != entry["md5sum"]:
            raise FeatureError(
                f"text.weights: {path} is not EasyOCR's published file: its MD5 is {found}, {entry['md5sum']} is wanted; "
                f"{remedy}."
            )
        return found

    def _filled(self, network: torch.nn.Module, entry: dict[str, Any]) -> torch.nn.Module:
        self._checked(entry)
        path = self._folder() / entry["filename"]
        state = read_weights(path)
        fill(network, {key.removeprefix("module."): value for key, value in state.items()}, path)
        return network


def read(reader: Any, pictures: Sequence[Pixels], boxes: Sequence[Sequence[list[Any]]]) -> list[list[Word]]:
    """What stands in each box of each picture (H, W, 3), as `reader.recognize` reads them one by one.

    A box is left, right, top and bottom in pixels, or four corners. Boxes are read together that are equally wide once 64
    pixels high: EasyOCR pads what it reads together to the widest, and its recurrent network then writes other words than
    one by one (JaidedAI/EasyOCR#534).
    """
    from easyocr.config import imgH
    from easyocr.recognition import get_text

    crops: dict[int, list[tuple[tuple[int, int], Pixels]]] = {}
    found: dict[tuple[int, int], Word] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pinned memory and Pillow's modes, at every box
        for i, (picture, of_picture) in enumerate(zip(pictures, boxes, strict=True)):
            grey = np.asarray(Image.fromarray(picture).convert("L")) if of_picture else picture
            for j, box in enumerate(of_picture):
                width, crop = _crop(grey, box)
                crops.setdefault(width, []).append(((i, j), crop))
        ignored = "".join(sorted(set(reader.character) - set(reader.lang_char)))
        for width, of_width in crops.items():
            arguments = (reader.character, imgH, width, reader.recognizer, reader.converter, of_width, ignored)
            for key, text, confidence in get_text(*arguments, batch_size=8, workers=0, device=reader.device):
                found[key] = text, confidence
    return [[found[i, j] for j in range(len(of_picture))] for i, of_picture in enumerate(boxes)]


@cache  # a run asks for it again and again
def _md5(path: Path, _size: int, _modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _crop(grey: Pixels, box: list[Any]) -> tuple[int, Pixels]:
    """(padded width, pixels of the box, 64 high)."""
    from easyocr.config import imgH
    from easyocr.utils import get_image_list

    upright = np.ndim(box) == 1
    [(_, crop)], width = get_image_list([box] if upright else [], [] if upright else [box], grey, model_height=imgH)
    return int(width), crop
