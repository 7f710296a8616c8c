"""Human Preference Score v2 and v2.1: CLIP ViT-H/14 of open_clip, tuned on people's choices between pictures of one prompt.

open_clip itself is used: the published file holds the state of its network, so no key has to be renamed, and its package
brings the tokenizer's vocabulary, so no hub is needed beside that file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from seedscope.analysis.features.base import FeatureError
from seedscope.analysis.features.preference import Preference
from seedscope.pipeline.networks.clip_models import DualEncoder
from seedscope.pipeline.networks.pretrained import Pretrained
from seedscope.pipeline.networks.weights import fill, read_weights, sha256_of
from seedscope.pipeline.study.given import at_home

if TYPE_CHECKING:
    import torch

FILES = {"v2.0": "HPS_v2_compressed.pt", "v2.1": "HPS_v2.1_compressed.pt"}
"""Names of the published files by version; each holds a state under `state_dict`."""


class HPSv2(Preference):
    """The cosine of picture and prompt in HPS v2, in [-1, 1]; the published tables give 100 times it (near 27).

    `version`: v2.0 or v2.1; `weights`: the published file (.pt), its tensors as .safetensors, or the hub id that has the
    file; `revision`: of a hub id; `architecture`: the name of an open_clip architecture, or a JSON file in the form of
    open_clip's `model_configs`; `antialias`: whether shrinking a picture averages over what falls together.

    The longer side is resized to 224 (bicubic, on float32 in [0, 1], not clipped), black bars fill the square, then
    CLIP's mean and standard deviation are taken off.

    Source: Wu et al. (2023), arXiv 2306.09341, section 4; hpsv2/img_score.py and hpsv2/src/open_clip/transform.py
    (`light_augmentation`) of github.com/tgxs002/HPSv2. Deviation: the package leaves antialiasing to torchvision, which
    does it since 0.17 and did not when the weights were trained (`antialias: false`); it takes the last product in half
    precision on CUDA, here it is float32; and it cannot score a picture of 224 pixels on its longer side only.
    """

    name: ClassVar[str] = "hps_v2"
    says: ClassVar[str] = (
        "How people would choose the picture for its prompt, by HPS v2; compare pictures of one prompt."
    )

    def __init__(
        self,
        version: str = "v2.0",
        weights: str = "xswu/HPSv2",
        revision: str | None = None,
        architecture: str = "ViT-H-14",
        antialias: bool = True,
        batch_size: int = 16,
        half: bool = True,
    ) -> None:
        super().__init__(batch_size, half)
        if version not in FILES:
            raise FeatureError(f"hps_v2.version: there is no {version!r}; known are {' and '.join(FILES)}.")
        other = next(name for name in FILES if name != version)
        if Path(weights).name == FILES[other]:
            raise FeatureError(f"hps_v2.weights: {weights} is the file of {other}, but `version` is {version}.")
        self._version = version
        self._weights = weights
        self._hub = Pretrained(self.name, weights, revision, option="weights")
        self._architecture = architecture
        self._antialias = antialias

    def facts(self) -> dict[str, Any]:
        if (file := self._local()) is not None:
            weights = {"sha256": sha256_of(file)}
        else:
            weights = {"file": FILES[self._version], "commit": self._hub.snapshot(["README.md"]).name}
        architecture = Path(self._architecture)
        return {
            "version": 1,
            "weights": weights,
            "architecture": sha256_of(architecture) if architecture.is_file() else self._architecture,
            "antialias": self._antialias,
        }

    def build(self) -> DualEncoder:
        return OpenClip(self._file(), _settings(self._architecture), self._antialias)

    def _local(self) -> Path | None:
        """The file that `weights` names, there or not; None for a hub id."""
        path = at_home(self._weights)
        return path if path.is_file() or path.suffix in (".pt", ".pth", ".safetensors") else None

    def _file(self) -> Path:
        """The file with the weights, downloaded where it is on the hub. Raises FeatureError."""
        if (file := self._local()) is not None:
            return file
        file = self._hub.snapshot([FILES[self._version]]) / FILES[self._version]
        if not file.is_file():
            raise self._hub.error(f"{self._weights} has no file {file.name}; give the path of the published file")
        return file


class OpenClip(DualEncoder):
    """CLIP of open_clip with its tokenizer, and HPS's way to fit a picture. Raises FeatureError for weights that do not fit."""

    network: Any

    def __init__(self, file: Path, settings: dict[str, Any], antialias: bool) -> None:
        import torch
        from open_clip import CLIP, SimpleTokenizer

        try:
            with torch.device("meta"):
                network = CLIP(**settings)
        except (TypeError, AttributeError) as error:
            raise FeatureError(f"hps_v2.architecture: open_clip cannot build it: {error}.") from error
        fill(network, read_weights(file, "state_dict"), file)
        length = network.context_length
        # The causal mask is no weight, so no file fills it.
        network.attn_mask = torch.full((length, length), float("-inf")).triu(1)
        self.network = network
        self._tokenizer = SimpleTokenizer(context_length=length)
        self._length: int = length
        self._antialias = antialias

    def tokens(self, prompts: Sequence[str]) -> tuple[torch.Tensor, list[bool]]:
        cut = [len(self._tokenizer.encode(prompt)) + 2 > self._length for prompt in prompts]
        return self._tokenizer(list(prompts)), cut

    def text_features(self, tokens: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.network.encode_text(tokens)
        return features

    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        from open_clip import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
        from torchvision.transforms.v2.functional import normalize

        side = self.network.visual.image_size[0]
        fitted = fit_longer_side(images.float() / 255.0, side, self._antialias)
        inputs: torch.Tensor = normalize(fitted, list(OPENAI_DATASET_MEAN), list(OPENAI_DATASET_STD))
        return inputs

    def image_features(self, inputs: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.network.encode_image(inputs)
        return features

    def logit_scale(self) -> float:
        return float(self.network.logit_scale.exp())


def fit_longer_side(images: torch.Tensor, side: int, antialias: bool) -> torch.Tensor:
    """(N, 3, side, side) of pictures (N, 3, H, W) float32: the longer side resized to `side`, zeros around the shorter."""
    from torchvision.transforms.v2.functional import InterpolationMode, pad, resize

    height, width = images.shape[2:]
    scale = side / max(height, width)
    size = [max(1, round(height * scale)), max(1, round(width * scale))]
    resized = resize(images, size, InterpolationMode.BICUBIC, antialias=antialias)
    bars_y, bars_x = side - size[0], side - size[1]
    fitted: torch.Tensor = pad(resized, [bars_x // 2, bars_y // 2, bars_x - bars_x // 2, bars_y - bars_y // 2])
    return fitted


def _settings(architecture: str) -> dict[str, Any]:
    """What open_clip builds a network from. Raises FeatureError."""
    from open_clip import get_model_config

    path = Path(architecture)
    if path.suffix == ".json":
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise FeatureError(f"hps_v2.architecture: {path} cannot be read: {error}.") from error
    else:
        found = get_model_config(architecture)
    if not isinstance(found, dict):
        raise FeatureError(
            f"hps_v2.architecture: open_clip has no {architecture!r}; the published weights are ViT-H-14."
        )
    return found
