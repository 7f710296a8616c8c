"""Groups from texts: planted ones are found in any order, unrelated prompts stay alone, and the work is sparse."""

import cProfile
from collections.abc import Sequence
from itertools import pairwise, product

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from seedscope.pipeline.study.likely_groups import with_likely_groups
from seedscope.pipeline.study.prompts import Prompt, prompt

OBJECTS = ("cat", "red apple", "robot", "lighthouse", "old car", "teapot", "rose", "castle")
MODIFIERS = {
    "near-duplicates": ("a {}", "a {} on a table", "a photo of a {}"),
    "pictures": (
        "an oil painting of a {}",
        "a pixel art {}",
        "a {}, highly detailed, 4k",
        "a {} in the style of Van Gogh",
    ),
    "scenes": (
        "a {} in the snow",
        "a {} made of glass",
        "a {} on a beach at sunset",
        "a {} under water",
        "a {} at night",
    ),
    "long scenes": (
        "a {} in a dark forest under the full moon",
        "a {} floating in outer space among the stars",
        "a {} standing in the middle of a crowded market",
    ),
    "tags": (
        "{}, cyberpunk city, neon lights, rain",
        "{}, studio lighting, white background",
        "{}, ruins, dramatic fog",
    ),
}
UNRELATED = (
    "a red apple on a wooden table",
    "two men play chess in a park",
    "the skyline of Tokyo at night",
    "a train crosses an old stone bridge",
    "children swim in a lake",
    "a plate of spaghetti with basil",
    "an astronaut rides a horse",
    "a violin lies on a piano",
    "snow falls on a quiet village",
    "the logo of a coffee shop",
    "a woman reads a newspaper on the subway",
    "an owl sits on a branch under the moon",
)


def groups(texts: Sequence[str]) -> list[list[str]]:
    """The texts by the groups that are found, in the order of the texts."""
    found: dict[str, list[str]] = {}
    for item in with_likely_groups([prompt(text) for text in texts]):
        found.setdefault(item.group, []).append(item.text)
    return list(found.values())


@pytest.mark.parametrize("kind", MODIFIERS)
def test_planted_groups_are_recovered_among_unrelated_prompts(kind: str) -> None:
    planted = [(modifier.format(name), name) for name, modifier in product(OBJECTS, MODIFIERS[kind])]
    texts, labels = zip(*planted, *((text, text) for text in UNRELATED[1:]), strict=True)
    found = [item.group for item in with_likely_groups([prompt(text) for text in texts])]
    assert adjusted_rand_score(labels, found) > 0.95


def test_unrelated_prompts_stay_alone() -> None:
    found = with_likely_groups([prompt(text) for text in UNRELATED])
    assert [item.group for item in found] == [item.id for item in found]


def test_the_same_scene_of_two_subjects_is_two_groups_and_one_subject_in_two_scenes_is_one() -> None:
    assert len(groups(["a cat in a dark forest", "a dog in a dark forest"])) == 2
    assert len(groups(["a cat in a dark forest", "a cat on a sunny beach", *UNRELATED])) == 1 + len(UNRELATED)


def test_the_order_of_prompts_does_not_matter_and_names_are_ids() -> None:
    texts = [modifier.format(name) for name, modifier in product(OBJECTS, MODIFIERS["scenes"])] + list(UNRELATED)
    first = {item.id: item.group for item in with_likely_groups([prompt(text) for text in texts])}
    assert set(first.values()) < set(first)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(texts))
        again = with_likely_groups([prompt(texts[i]) for i in order])
        assert [item.text for item in again] == [texts[i] for i in order]
        assert {item.id: item.group for item in again} == first


def test_named_groups_and_facts_stay() -> None:
    given = [prompt("a cat", "pets", {"n": 1}), prompt("a cat in the snow", None, {"n": 2}), prompt("a photo of a cat")]
    named, *others = with_likely_groups(given)
    assert named is not None and named.group == "pets" and dict(others[0].facts) == {"n": 2}
    assert others[0].group == others[1].group == given[2].id
    assert with_likely_groups([]) == [] and with_likely_groups(given[:1]) == given[:1]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a cat", "A cat.", "CATS", "a car", "a cart"], [3, 1, 1]),
        (["一只红苹果", "桌子上的一只红苹果", "一只可爱的猫", "一只可爱的狗"], [2, 1, 1]),
        (["una manzana roja", "una foto de una manzana roja sobre una mesa", "una casa roja en la nieve"], [2, 1]),
        (["une \u00e9glise", "une eglise sous la neige", "un chat sous la neige"], [2, 1]),
        (["Ein roter Apfel", "ein Foto von einem roten Apfel", "eine Katze auf einem Tisch"], [2, 1]),
        (["\U0001f431", "\U0001f436", "best quality", "4k"], [1, 1, 1, 1]),
    ],
)
def test_spelling_and_other_languages(texts: list[str], expected: list[int]) -> None:
    assert [len(group) for group in groups(texts)] == expected


def test_a_chain_of_likenesses_is_not_one_group() -> None:
    """Each is like the next, and unlike all others: connected components would be one group of ten."""
    signs = "甲乙丙丁戊己庚辛壬癸子丑寅"
    chain = [signs[i : i + 4] for i in range(10)]
    assert all(len(groups([one, other])) == 1 for one, other in pairwise(chain))
    found = groups(chain)
    assert len(found) >= 4 and max(map(len, found)) <= 3


def test_many_prompts_are_compared_without_a_step_for_each_pair() -> None:
    """Counted are calls, as seconds would be those of the machine: 3,000 prompts are 4.5 million pairs."""
    rng = np.random.default_rng(0)
    words = [f"w{a}{b}" for a in "abcdefghijklmnop" for b in "qrtvxyz"]
    prompts: list[Prompt] = [prompt(" ".join(rng.choice(words, 8, replace=False))) for _ in range(3000)]
    profile = cProfile.Profile()
    found = profile.runcall(with_likely_groups, prompts)
    assert len({item.group for item in found}) > 1000
    assert sum(entry.callcount for entry in profile.getstats()) < 1000 * len(prompts)
