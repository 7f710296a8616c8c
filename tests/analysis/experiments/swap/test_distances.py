"""Distances of pictures: 0 of equal ones, more the more they differ; LPIPS only where its network is."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision

from seedscope.analysis.experiments.swap.distances import PictureDistance, ssim_distance
from seedscope.analysis.features.likeness import lpips

RNG = np.random.default_rng(0)
PLAIN = RNG.integers(60, 190, (64, 64, 3)).astype(np.uint8)
PICTURES = {0: PLAIN, 1: PLAIN.copy(), 2: (PLAIN + RNG.integers(-20, 20, PLAIN.shape)).astype(np.uint8), 3: 250 - PLAIN}
PAIRS = [((0, "p"), (other, "p")) for other in (1, 2, 3, 4)]


def test_ssim_grows_with_the_difference_and_misses_what_is_missing() -> None:
    distance = PictureDistance("1 - SSIM", lambda seed, _: PICTURES.get(seed), ssim_distance)
    found = distance.between(PAIRS)
    assert found[0] == pytest.approx(0, abs=1e-5) and found[0] < found[1] < found[2] and np.isnan(found[3])
    back = distance.between([(other, one) for one, other in PAIRS])
    np.testing.assert_allclose(back, found, atol=1e-6)


def test_ssim_is_that_of_its_formula() -> None:
    """Of two even pictures only the luminance term is left: (2 m n + c) / (m^2 + n^2 + c) with c = 0.01^2."""
    even = {0: np.full((32, 32, 3), 51, np.uint8), 1: np.full((32, 32, 3), 204, np.uint8)}
    found = PictureDistance("1 - SSIM", lambda seed, _: even[seed], ssim_distance).between([((0, "p"), (1, "p"))])
    assert found[0] == pytest.approx(1 - (2 * 0.2 * 0.8 + 1e-4) / (0.2**2 + 0.8**2 + 1e-4), abs=1e-4)


def test_lpips_is_there_where_its_network_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    missing = lpips()
    assert isinstance(missing, str) and str(tmp_path / "checkpoints") in missing and "alexnet" in missing
    torch.manual_seed(0)
    network = torchvision.models.squeezenet1_1(weights=None).state_dict()
    (tmp_path / "checkpoints").mkdir()
    file = torchvision.models.SqueezeNet1_1_Weights.DEFAULT.url.rsplit("/", 1)[-1]
    torch.save(network, tmp_path / "checkpoints" / file)
    there = lpips()
    assert not isinstance(there, str) and there[0] == "LPIPS (squeeze)"
    found = PictureDistance(there[0], lambda seed, _: PICTURES.get(seed), there[1]).between(PAIRS)
    assert found[0] == pytest.approx(0, abs=1e-6) and (found[1:3] > 0).all() and np.isnan(found[3])
