"""Noise as an NVIDIA card draws it, against published values."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers.utils.torch_utils import randn_tensor

from seedscope.pipeline.drawing.noise.philox import CardGenerator, CardsNoise, normal, philox

# Random123 1.14, `tests/kat_vectors`: philox4x32 10, counter, key -> words.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
# AUTOMATIC1111, `modules/rng_philox.py`: "Expected output" of `Generator(seed=0).randn(shape=(3, 4))`.
A1111 = [
    [-0.92466259, -0.42534415, -2.6438457, 0.14518388],
    [-0.12086647, -0.57972564, -0.62285122, -0.32838709],
    [-1.07454231, -0.36314407, -1.67105067, 2.26550497],
]
# kapilsh/cuda-mode-lecture, README: three tensors that torch::randn drew one after the other on a card, seed 0, as printed;
# rows 1, 2 and 8 of (8, 10), the (10,), and rows 1 and 8 of (8, 10).
CARD = [
    [-0.9247, -0.4253, -2.6438, 0.1452, -0.1209, -0.5797, -0.6229, -0.3284, -1.0745, -0.3631],
    [-1.6711, 2.2655, 0.3117, -0.1842, 1.2866, 1.1820, -0.1271, 1.2169, 1.4353, 1.0605],
    [0.6852, -0.4124, -0.6738, -0.5404, 0.6898, -1.5517, 0.3805, -0.0436, 0.3597, -0.5043],
    [0.1808, -0.5523, 0.9238, -0.7350, 1.3800, 0.8676, 0.1297, -0.9406, 0.8109, 0.8821],
    [2.5441, -0.7163, -0.4934, 0.1267, 0.1014, -0.4035, 0.9023, 0.8099, -0.6884, 0.1372],
    [0.1552, -0.8782, -0.4734, 0.9690, -1.9985, 0.1030, 0.8580, 0.7625, -1.2587, -0.8183],
]


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_known_answers_of_random123(counter: str, key: str, expected: str) -> None:
    first, second = words(key)
    given = np.array(words(counter), np.uint32)[:, None].repeat(3, axis=1)
    assert philox(given, (first, second)).T.tolist() == [words(expected)] * 3
    assert philox(given, (first, second), rounds=9).T.tolist() != [words(expected)] * 3


def test_the_values_that_a1111_names() -> None:
    assert np.abs(CardGenerator(0).randn((3, 4)).numpy() - A1111).max() < 5e-7


def test_three_tensors_that_a_card_drew_one_after_the_other() -> None:
    card = CardGenerator(0)
    first, second, third = card.randn((8, 10)), card.randn((10,)), card.randn((8, 10))
    drawn = torch.stack([first[0], first[1], first[7], second, third[0], third[7]])
    assert torch.allclose(drawn, torch.tensor(CARD), rtol=0, atol=5.1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA card")
@pytest.mark.parametrize("seed", [0, 7, 2**32, 2**63 - 1])
def test_the_card_of_this_machine(seed: int) -> None:
    there, here = torch.Generator("cuda").manual_seed(seed), CardGenerator(seed)
    for shape in ((4, 64, 64), (16, 32, 32), (3,)):
        drawn = torch.randn(shape, generator=there, device="cuda").cpu()
        assert torch.allclose(drawn, here.randn(shape), rtol=0, atol=1e-5)


def test_all_64_bits_of_a_seed_count() -> None:
    seeds = [1, 1 + 2**32, 2**63 - 1]
    assert len({tuple(CardGenerator(seed).randn((5,)).tolist()) for seed in seeds}) == 3


def test_values_are_standard_normal_and_finite_at_the_ends() -> None:
    values = CardGenerator(3).randn((4, 256, 256)).double()
    deviation = 1 / values.numel() ** 0.5
    assert abs(values.mean()) < 5 * deviation and abs(values.var() - 1) < 5 * 2**0.5 * deviation
    ends = np.array([0, 2**32 - 1], np.uint32)
    assert np.isfinite(normal(ends, ends)).all() and abs(normal(ends, ends[::-1])).max() < 7


def test_diffusers_draws_from_it_within_the_context() -> None:
    cards = [CardGenerator(0), CardGenerator(7, drawn=2)]
    expected = torch.stack([CardGenerator(0).randn((3, 4)), CardGenerator(7, drawn=2).randn((3, 4))])
    with CardsNoise():
        drawn = randn_tensor((2, 3, 4), generator=cards, dtype=torch.float64)
        plain = torch.randn(2, 3, generator=torch.Generator().manual_seed(1))
        with pytest.raises(TypeError, match=r"only torch\.randn can"):
            torch.zeros(3).normal_(generator=cards[0])
    assert torch.equal(drawn, expected.double()) and [card.drawn for card in cards] == [1, 3]
    assert torch.equal(plain, torch.randn(2, 3, generator=torch.Generator().manual_seed(1)))
