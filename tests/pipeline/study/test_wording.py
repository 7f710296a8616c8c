"""Words of a prompt and its subject: what is left out, what is folded, and other scripts."""

import pytest

from seedscope.pipeline.study.wording import wording


@pytest.mark.parametrize(
    ("text", "subject", "words"),
    [
        ("a red apple", "apple", "apple red"),
        ("A photo of two red apples on a table, highly detailed, 4k", "apple", "apple red table"),
        ("a stained glass painting of a dog", "dog", "dog glass stained"),
        ("A dog leaps over a fence", "dog", "dog fence leap"),
        ("a cat made of glass", "cat", "cat glass"),
        ("children riding horses", "children", "children horse riding"),
        ("a building in fog", "building", "building fog"),
        ("cat, neon lights, rain", "cat", "cat light neon rain"),
        ("a glass of wine", "glass", "glass wine"),
        ("Ein roter Apfel auf dem Tisch", "apfel", "apfel roter tisch"),
        ("una manzana roja sobre una mesa", "manzana", "manzana mesa roja"),
        ("une photo d'un ch\u00e2teau sous la neige", "chateau", "chateau neige"),
        ("\U0001f431 \U0001f332", "\U0001f332", "\U0001f332 \U0001f431"),
        ("best quality, 4k", None, ""),
        ("", None, ""),
    ],
)
def test_words_and_subject(text: str, subject: str | None, words: str) -> None:
    found = wording(text)
    assert found.subject == subject
    assert " ".join(found.words) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("桌子上的一只红苹果", {"桌子", "红苹", "苹果"}),  # a red apple on a table
        ("一只猫", {"猫"}),
        ("赤いりんご", {"赤い", "いり", "りん", "んこ"}),  # folded: the marks of voiced sounds are accents
    ],
)
def test_what_is_written_without_spaces_becomes_pairs_of_characters(text: str, words: set[str]) -> None:
    assert wording(text).subject is None
    assert set(wording(text).words) == words


@pytest.mark.parametrize(
    ("plural", "singular"), [("apples", "apple"), ("cherries", "cherry"), ("glass", "glass"), ("bus", "bus")]
)
def test_plurals_are_those_of_harman(plural: str, singular: str) -> None:
    assert wording(plural).words == (singular,)
