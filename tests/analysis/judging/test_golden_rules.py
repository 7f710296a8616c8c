"""Which seeds a run calls golden, rule by rule, from measurements that were made up: planted ones, or none."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas
import pyarrow as pa
import pytest
import yaml
from made_up_run import made_up, publish_run

from seedscope.analysis.comparing.compare_runs import compare_all
from seedscope.analysis.comparing.finished_run import FinishedRun
from seedscope.analysis.features.feature_stage import Generated
from seedscope.analysis.judging.golden_list import golden_seeds
from seedscope.analysis.judging.golden_rules import Choice, _worse, choose
from seedscope.analysis.judging.golden_sentences import not_by_own_distance
from seedscope.analysis.judging.judge import Judged, judge
from seedscope.analysis.run.opened import begun, run_of
from seedscope.analysis.run.run import DrawnRun, Run
from seedscope.analysis.seeds.ranking import Ranking
from seedscope.analysis.seeds.scores.grid import Grid
from seedscope.analysis.seeds.scores.scalar import scalar
from seedscope.analysis.select.golden import GoldenSeeds
from seedscope.analysis.select.lists import save_lists
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.images import encode

OBJECTS = [
    "apple",
    "cat",
    "car",
    "dog",
    "tree",
    "bus",
    "cow",
    "pig",
    "owl",
    "bee",
    "cup",
    "key",
    "rose",
    "fish",
    "duck",
]
SEEDS = 24


def measured(
    folder: Path,
    gain: float,
    objects: list[str] = OBJECTS,
    texts: float = 0.3,
    marred: float = 0.0,
    black: int | None = None,
    **ranking: object,
) -> Run:
    """A run whose pictures are noise, those of the seed `black` black, a share `texts` of them with text, and whose scores are
    noise but for seed 5, by `gain` standard deviations; a share `marred` of its pictures has text beside."""
    study = {
        "name": "made-up",
        "model": "sprout-turbo",
        "sampling": {"steps": 1, "guidance": {"scale": 0}},
        "prompts": [{"grid": {"objects": objects, "modifiers": ["a {object}", "a red {object}"]}}],
        "seeds": f"0-{SEEDS - 1}",
        "features": [{"clip_score": {"model": "sprout-clip"}}, "text"],
        "ranking": {"by": "clip_score", "golden": 4, "shuffles": 20} | ranking,
    }
    file = folder / "study.yaml"
    file.write_text(yaml.safe_dump(study))
    job = begun(run_of(file, folder / "run"))
    rng = np.random.default_rng(7)
    for unit in job.units:
        keys = [{"prompt_id": prompt.id, "seed": seed, "status": "ok", "error": None} for prompt, seed in unit.cells]
        images = [key | {"prompt": "", "image": _picture(rng, empty=key["seed"] == black)} for key in keys]
        job.images.publish(unit, pa.Table.from_pylist(images, schema=job.images.schema), {})
        for item in job.measures:
            scores = [
                row | _made_up(item.feature.name, row, gain, texts + marred * (row["seed"] == 5), rng) for row in keys
            ]
            rows = pa.Table.from_pylist(scores, schema=item.table.schema)
            item.table.publish(unit, rows, {"source": Generated(job.images).mark(unit)})
    return job


def _picture(rng: np.random.Generator, *, empty: bool) -> dict[str, object]:
    noise = rng.integers(0, 256, (8, 8, 3), np.uint8).tobytes()
    return {"bytes": _encoded(bytes(len(noise)) if empty else noise), "path": "noise.webp"}


@cache
def _encoded(pixels: bytes) -> bytes:
    """The runs of all tests have the same pictures."""
    return encode(np.frombuffer(pixels, np.uint8).reshape(8, 8, 3))


def _made_up(
    name: str, row: dict[str, object], gain: float, texts: float, rng: np.random.Generator
) -> dict[str, object]:
    if name == "clip_score":
        return {"clip_score": rng.normal() + gain * (row["seed"] == 5), "clip_score_prompt_cut": False}
    return {
        "text": bool(rng.random() < texts),
        "text_share": 0.0,
        "text_words": [],
        "text_confidences": [],
        "text_polygons": [],
    }


def chosen(job: Run) -> tuple[Judged, Choice]:
    judged = judge(job)
    return judged, choose(job, judged)


def test_a_planted_seed_is_found_and_confirmed(tmp_path: Path) -> None:
    job = measured(tmp_path, 2.0)
    judged, choice = chosen(job)
    assert choice.seeds[0] == 5 and len(choice.seeds) <= 2  # one in twenty may be false
    assert (
        choice.sentence.endswith("confirmed.")
        and "of 24 seeds is better than the median seed by clip_score at" in choice.sentence
    )
    assert (
        "seed 5 (among the best 4 of 100 % of the halves, and better than the median seed on 100 %" in choice.sentence
    )
    gain = choice.compared["clip_score"].chosen
    assert gain.lo is not None and 0.2 < gain.mean < 1.2  # of the best four of a half, one of which is better by 2
    assert isinstance(job, DrawnRun)
    golden = golden_seeds(job, judged, choice)
    assert golden.seeds == list(choice.seeds) and golden.why.rule == "confirmed" and golden.why.standings[0].rank == 1


def test_what_a_golden_seed_costs_is_told(tmp_path: Path) -> None:
    _, choice = chosen(measured(tmp_path, 3.0, marred=0.7))
    assert list(choice.seeds) == [5]
    assert "confirmed. The golden seeds are worse than random ones by text: +0.7" in choice.sentence


@pytest.mark.parametrize(("cost", "told"), [(0.0, False), (1.5, True)])
def test_golden_seeds_are_compared_with_random_ones_that_are_not_far_off(cost: float, told: bool) -> None:
    """One seed of 24 is 50 s.d. better on the other measure, which made each of them worse than random ones by 2."""
    values = np.random.default_rng(2).standard_normal((48, 24))
    values[:, 7] += 50.0
    values[:, 3] -= cost
    names = np.array([f"p{i:02d}" for i in range(48)])
    rng = np.random.default_rng(1)
    grid = Grid(values.astype(np.float32), names, names, np.arange(24))
    score = scalar(grid, "other", "higher", is_rate=False, ranking=None, k=4, shuffles=100, rng=rng)
    found = _worse(score, [3])
    assert (found is not None) == told
    assert found is None or found.mean == pytest.approx(-cost, abs=0.5)


def test_a_seed_that_its_own_distance_speaks_against_is_named() -> None:
    table = pa.table(
        {
            "seed": [3, 8, 5],
            "rank": [1, 2, 3],
            "n": [4, 4, 4],
            "fd_vs_median": [-2.0, 0.0, 1.0],
            "fd_p": [0.01, 0.5, 0.9],
        }
    )
    ranking = Ranking("fd", 4, 0, 4, 100, 8, None, table)
    alone, beside = (not_by_own_distance(ranking.rows[2], ranking, alone=alone) for alone in (True, False))
    assert alone.startswith(
        "Seed 5 is not golden: by fd itself, of its pictures together, it is not shown to be better than the"
    )
    assert alone.endswith("(rank 3 of 3; p = 0.9).") and "it is worse than the median seed (rank 3 of 3)." in beside


def test_a_seed_of_black_pictures_is_golden_by_no_rule(tmp_path: Path) -> None:
    """It has the best scores of all, whoever asks; the next best takes its place where a rule takes the best."""
    for rule in (
        {},
        {"rule": "top"},
        {"by": ["clip_score", "text"], "rule": "pareto"},
        {"rule": "overlap", "second": "text"},
    ):
        folder = tmp_path / str(rule.get("rule"))
        folder.mkdir()
        job = measured(folder, 3.0, texts=0.4, black=5, **rule)
        judged, choice = chosen(job)
        assert 5 not in choice.seeds
        told = "Seed 5 is not golden although it would be by the rule: its pictures are degenerate" in choice.sentence
        assert told or rule.get("rule") == "overlap"  # where it is not in both lists
        assert len(choice.seeds) == 4 if rule == {"rule": "top"} else True
        assert judged.ranking.rows[0].seed == 5 or "text" in judged.ranking.measure


def test_other_programs_read_the_list(tmp_path: Path) -> None:
    job = measured(tmp_path, 0.0, rule="top")
    judged, choice = chosen(job)
    assert isinstance(job, DrawnRun)
    golden = golden_seeds(job, judged, choice)
    files = save_lists(golden, tmp_path)
    first, note, *_ = (tmp_path / "golden.txt").read_text().split("\n")
    assert [int(seed) for seed in first.split(",")] == golden.seeds
    assert note.startswith("# ") and "Random number generator source to CPU" in note and "ComfyUI" in note
    for rows in (pandas.read_csv(tmp_path / "golden.csv"), pandas.read_parquet(tmp_path / "golden.parquet")):
        assert rows["seed"].tolist() == golden.seeds and rows["rank"].tolist() == [1, 2, 3, 4]
        assert rows["value"].tolist() == pytest.approx([item.value for item in golden.why.standings])
        assert (rows["lo"] < rows["value"]).all() and (rows["value"] < rows["hi"]).all()
    nobody = golden.model_copy(update={"seeds": [], "why": golden.why.model_copy(update={"standings": []})})
    assert save_lists(nobody, tmp_path) == files
    assert pandas.read_csv(tmp_path / "golden.csv").empty and (tmp_path / "golden.txt").read_text().startswith("\n#")


def test_where_no_seed_matters_the_list_is_empty_and_says_so(tmp_path: Path) -> None:
    job = measured(tmp_path, 0.0)
    judged, choice = chosen(job)
    assert list(choice.seeds) == [] and choice.sentence.startswith("No seed is better than chance here")
    assert isinstance(job, DrawnRun)
    golden = golden_seeds(job, judged, choice)
    golden.save(tmp_path / "golden.json")
    assert golden.load(tmp_path / "golden.json").seeds == [] and golden.generators() == []
    with pytest.raises(ValueError, match="no golden seeds to draw noise for. No seed is better than chance"):
        golden.latents()


def test_the_published_rule_comes_with_what_chance_gives(tmp_path: Path) -> None:
    _, choice = chosen(measured(tmp_path, 2.0, rule="overlap", second="text", golden=14))
    assert "are in the top 14 of 24 by clip_score and by text" in choice.sentence
    assert (
        "the same pictures shuffled between seeds share" in choice.sentence and "has not been tried" in choice.sentence
    )
    assert 0 < len(choice.seeds) <= 14
    assert not choice.compared  # every prompt took part in choosing: none is left to try the list on
    (tmp_path / "tied").mkdir()
    _, choice = chosen(measured(tmp_path / "tied", 2.0, rule="overlap", second="text", golden=12))
    assert not choice.seeds and "by text, seeds outside of the top 12 are exactly as good" in choice.sentence


def test_only_seeds_that_both_measures_know_can_be_in_both_lists(tmp_path: Path) -> None:
    """8 seeds of 10 that both know, and lists of 8: all of them would be listed, beside a chance of 8 (8 to 8)."""
    values = made_up(8, 10) | {"text": made_up(8, 10, 2)["x"] > 0.5}
    values["clip_score"][:, 8:] = np.nan
    features = [{"clip_score": {"model": "sprout-clip"}}, "text"]
    ranking = {"by": "clip_score", "second": "text", "rule": "overlap", "golden": 8, "shuffles": 20}
    _, choice = chosen(run_of(publish_run(tmp_path, values, features=features, ranking=ranking), tmp_path / "run"))
    assert not choice.seeds
    assert choice.sentence.startswith("No seed is golden: the study asks for 8 of 8 seeds that can be ranked.")


def test_the_best_are_the_best(tmp_path: Path) -> None:
    judged, choice = chosen(measured(tmp_path, 0.0, rule="top"))
    assert (
        list(choice.seeds) == judged.ranking.table["seed"].to_pylist()[:4] and "has not been tried" in choice.sentence
    )
    assert not choice.compared


def test_prompts_of_one_group_cannot_confirm(tmp_path: Path) -> None:
    _, choice = chosen(measured(tmp_path, 2.0, objects=["apple"]))
    assert not choice.seeds and "all of them are of one group" in choice.sentence and not choice.compared


@pytest.mark.parametrize("rule", [{}, {"by": ["clip_score", "text"], "rule": "pareto"}])
def test_prompts_of_two_groups_confirm_nothing_and_it_is_said_how_many_do(
    tmp_path: Path, rule: dict[str, object]
) -> None:
    _, choice = chosen(measured(tmp_path, 5.0, objects=["apple", "cat"], **rule))
    assert not choice.seeds and "no seed has scores in 3 groups of prompts (there are 2 in all)" in choice.sentence
    assert "Give prompts of at least 3 groups" in choice.sentence


BOTH = {"clip_score": 3, "text": 1}


def test_measures_are_combined_by_their_weights(tmp_path: Path) -> None:
    job = measured(tmp_path, 2.0, by=BOTH)
    judged, choice = chosen(job)
    assert choice.seeds[0] == 5 and len(choice.seeds) <= 2
    assert "better than the median seed by combined at a false discovery rate of 5 %, and by 0." in choice.sentence
    assert "by clip_score (weight 0.75, s.d. 1)" in choice.sentence
    assert "by text (weight 0.25, s.d. 0.4" in choice.sentence and "lower is better" in choice.sentence
    assert judged.ranking.measure == "combined" and judged.ranking.better == "higher"
    assert judged.ranking.table["seed"][0].as_py() == 5
    score, clip, text = (judged.scalars[name] for name in ("combined", "clip_score", "text"))
    mixed = 0.75 * clip.effects.effect / judged.combined[0].sd - 0.25 * text.effects.effect / judged.combined[1].sd
    assert np.abs(score.effects.effect - (mixed - np.median(mixed))).max() < 1e-5
    assert {"combined", "clip_score"} <= set(choice.compared)
    assert isinstance(job, DrawnRun)
    golden_seeds(job, judged, choice).save(tmp_path / "golden.json")
    why = GoldenSeeds.load(tmp_path / "golden.json").why
    assert why.measure == "combined" and why.standings[0].rank == 1
    assert [(part.measure, part.better, part.weight) for part in why.parts] == [
        ("clip_score", "higher", 0.75),
        ("text", "lower", 0.25),
    ]
    rows = pandas.read_parquet(job.folder.path / "measures.parquet").set_index("measure")
    assert rows.loc["combined", "better"] == "higher" and rows.loc["combined", "missing"] == 0


def test_combined_measures_serve_the_rule_top_and_may_find_nobody(tmp_path: Path) -> None:
    (tmp_path / "top").mkdir()
    judged, choice = chosen(measured(tmp_path / "top", 0.0, by=BOTH, rule="top"))
    assert list(choice.seeds) == judged.ranking.table["seed"].to_pylist()[:4] and "weight 0.75" in choice.sentence
    _, choice = chosen(measured(tmp_path, 0.0, by=BOTH))
    assert not choice.seeds and choice.sentence.startswith("No seed is better than chance here")


def test_a_measure_without_spread_cannot_be_combined(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="combined says nothing of the seeds. text is the same for all pictures"):
        chosen(measured(tmp_path, 2.0, texts=0.0, by=BOTH))


def test_the_pareto_rule_takes_what_no_other_surpasses(tmp_path: Path) -> None:
    job = measured(tmp_path, 2.0, by=["text", "clip_score"], rule="pareto")
    judged, choice = chosen(job)
    assert 5 in choice.seeds and len(choice.seeds) <= 2
    assert "better than the median seed by text or by clip_score" in choice.sentence
    assert ": confirmed. Ranks are by text, which is named first." in choice.sentence
    assert judged.ranking.measure == "text" and not judged.combined and choice.compared
    assert isinstance(job, DrawnRun)
    why = golden_seeds(job, judged, choice).why
    clip = judged.scalars["clip_score"]
    values = dict(zip(clip.seeds.tolist(), clip.values.tolist(), strict=True))
    assert why.rule == "pareto" and why.measure == "text" and not why.parts
    assert [item.others for item in why.standings] == [{"clip_score": values[seed]} for seed in choice.seeds]


def test_the_pareto_rule_finds_nobody_where_no_seed_matters_or_all_prompts_are_of_one_group(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    _, choice = chosen(measured(tmp_path, 0.0, by=["clip_score", "text"], rule="pareto"))
    assert not choice.seeds and choice.sentence.startswith("No seed is better than chance here: ")
    _, choice = chosen(measured(tmp_path / "one", 2.0, ["apple"], by=["clip_score", "text"], rule="pareto"))
    assert not choice.seeds and "all of them are of one group" in choice.sentence


def test_runs_are_compared_by_what_both_combine_and_by_all_of_a_front(tmp_path: Path) -> None:
    def finished(name: str, gain: float, **ranking: object) -> FinishedRun:
        (tmp_path / name).mkdir()
        job = measured(tmp_path / name, gain, **ranking)
        judged, choice = chosen(job)
        assert isinstance(job, DrawnRun)
        golden_seeds(job, judged, choice).save(job.folder.path / "golden.json")
        return FinishedRun.open(job.folder.path)

    one, other = (finished(name, 2.0, by=BOTH) for name in ("one", "other"))
    (found,) = compare_all([one, other])
    assert one.made_of("combined") == ["clip_score", "text"] and one.combined == {"clip_score": 0.75, "text": 0.25}
    assert {fate.standing for fate in found.abroad[0].fates} == {"golden"}
    assert any("its own standard deviations" in note for note in found.notes)
    uneven = finished("uneven", 2.0, by={"clip_score": 1, "text": 1})
    with pytest.raises(UserError, match="the one combines 0.75 clip_score . 0.25 text, the other 0.5 clip_score . 0.5"):
        compare_all([one, uneven])
    fronts = [finished(f"front{gain}", gain, by=["text", "clip_score"], rule="pareto") for gain in (2.0, 0.0)]
    (found,) = compare_all(fronts)
    assert found.abroad[0].measures == ["text", "clip_score"]
    assert {fate.standing for fate in found.abroad[0].fates} <= {"not better", "worse"}
    (again,) = compare_all([fronts[0], finished("again", 2.0, by=["clip_score", "text"], rule="pareto")])
    assert next(fate for fate in again.abroad[0].fates if fate.seed == 5).standing == "better"
