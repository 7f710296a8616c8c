"""How alike two pictures are, pair by pair, by torchmetrics: (N, 3, H, W) float32 of 0..1 each -> (N,) float32."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

Compare = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]
FEWEST_PIXELS = 161
"""Of a side, for MS-SSIM, which halves pictures four times and looks at windows of 11."""
_BACKBONES = {"alex": "AlexNet_Weights", "squeeze": "SqueezeNet1_1_Weights", "vgg": "VGG16_Weights"}
"""Networks of LPIPS -> torchvision's name for their weights; the first that is there is taken."""


def as_tensor(pixels: npt.NDArray[np.uint8], device: str = "cpu") -> torch.Tensor:
    """(N, 3, H, W) float32 of 0..1 on a device, of pixels (N, H, W, 3)."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).to(device).float() / 255


def ssim(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """SSIM, 1 of equal pictures, right to 1e-4: in float32, which convolutions are quick in.

    Source: Wang, Bovik, Sheikh, Simoncelli (2004), "Image quality assessment: from error visibility to structural similarity".
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    return as_values(structural_similarity_index_measure(one, other, data_range=1.0, reduction="none"))


def ms_ssim(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Multi-scale SSIM, 1 of equal pictures; NaN where a side has fewer than 161 pixels.

    Source: Wang, Simoncelli, Bovik (2003), "Multiscale structural similarity for image quality assessment".
    """
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

    if min(one.shape[2:]) < FEWEST_PIXELS:
        return one.new_full((len(one),), float("nan"))
    return as_values(multiscale_structural_similarity_index_measure(one, other, data_range=1.0, reduction="none"))


def psnr(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Peak signal-to-noise ratio, dB: 10 log10 of 1 over the mean squared error; infinite of equal pictures."""
    from torchmetrics.functional.image import peak_signal_noise_ratio

    return as_values(peak_signal_noise_ratio(one, other, data_range=1.0, reduction="none", dim=(1, 2, 3)))


def lpips(device: str = "cpu") -> tuple[str, Compare] | str:
    """The name of LPIPS with its backbone, and what it computes; or a sentence that says what is missing. Fetches nothing.

    Source: Zhang, Isola, Efros, Shechtman, Wang (2018), "The unreasonable effectiveness of deep features as a perceptual
    metric".
    """
    import torch
    import torchvision

    folder = Path(torch.hub.get_dir()) / "checkpoints"
    files = {
        net: str(getattr(torchvision.models, name).DEFAULT.url).rsplit("/", 1)[-1] for net, name in _BACKBONES.items()
    }
    net = next((net for net, file in files.items() if (folder / file).is_file()), None)
    if net is None:
        return (
            f"LPIPS is left out: {' or '.join(files.values())}, of torchvision, is not in {folder}. "
            "`python -c \"import torchvision; torchvision.models.alexnet(weights='DEFAULT')\"` fetches it."
        )
    from torchmetrics.image import LearnedPerceptualImagePatchSimilarity

    measure: Any = LearnedPerceptualImagePatchSimilarity
    network = measure(net_type=net, normalize=True).net.to(device)
    return f"LPIPS ({net})", lambda one, other: network(one, other, normalize=True).reshape(-1)


def as_values(found: Any) -> torch.Tensor:
    """(N,) of what torchmetrics returns for N pictures, whose type says less."""
    import torch

    return torch.as_tensor(found).reshape(-1)
