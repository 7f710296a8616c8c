"""The three sentences of a report: how far its answer carries."""

from dataclasses import replace

import pytest

from seedscope.analysis.judging.golden_rules import Choice
from seedscope.analysis.report.data import Measured
from seedscope.analysis.report.gather.answer import answer

SURE = Measured(
    name="looks_colourfulness",
    title="Colourfulness",
    unit="",
    better="higher",
    rate=False,
    prompts=40,
    groups=40,
    cells=320,
    missing=0,
    mean=0.5,
    median=0.5,
    shares={},
    reliability=0.91,
    prompts_for_08=20,
    p=0.01,
    shuffles=100,
    best=None,
    worst=None,
    stability=None,
    seeds={},
)
UNSURE = replace(SURE, name="clip_score", title="CLIPScore", reliability=0.4, prompts_for_08=240)
BROKEN = replace(UNSURE, far=(7,))
UNKNOWN = replace(SURE, name="looks_sky", title="Sky", reliability=None)
NONE = Choice(rule="pareto", seeds=(), sentence="No seed is better than chance here.", compared={})


@pytest.mark.parametrize(
    ("decisive", "sentence"),
    [
        ([SURE], "the reliability of the ranking is 0.91 of 1, and it holds for this model"),
        ([UNSURE], "the reliability of the ranking is 0.40 of 1, and 0.8 would take about 240 prompts"),
        (
            [SURE, UNSURE],
            "the reliability of the ranking by CLIPScore, the least reliable of 2 measures, is 0.40 of 1, and 0.8 would take",
        ),
        (
            [BROKEN],
            "the reliability of the ranking, without seed 7, which lies far off all others, is 0.40 of 1, and 0.8 would take",
        ),
        (
            [SURE, replace(BROKEN, far=(7, 9))],
            "the least reliable of 2 measures, without seeds 7, 9, which lie far off all others, is 0.40 of 1",
        ),
        ([SURE, UNKNOWN], "how reliable the ranking is at that number is not known"),
    ],
)
def test_it_is_as_reliable_as_the_least_reliable_of_the_measures_that_choose(
    decisive: list[Measured], sentence: str
) -> None:
    names = {measured.name for measured in decisive}
    measures = [*decisive, *(each for each in (SURE, UNSURE, UNKNOWN) if each.name not in names)]
    _, _, carries = answer(measures, decisive[0].name, [measured.name for measured in decisive], NONE)
    assert carries.startswith("All this rests on 40 prompts") and sentence in carries
