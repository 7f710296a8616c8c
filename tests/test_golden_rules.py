"""Which seeds a run calls golden, rule by rule, from measurements that were made up: planted ones, or none."""

from pathlib import Path

import numpy as np
import pandas
import pyarrow as pa
import pytest
import yaml

from seedscope.analysis.features.stage import Generated
from seedscope.analysis.select.lists import save_lists
from seedscope.jobs.golden import Choice, choose, golden_seeds
from seedscope.jobs.job import DrawnJob, Job, open_job
from seedscope.jobs.seeds import Judged, judge
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


def measured(folder: Path, gain: float, objects: list[str] = OBJECTS, **ranking: object) -> Job:
    """A run whose pictures are grey squares, and whose scores are noise but for seed 5, by `gain` standard deviations."""
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
    job = open_job(file, folder / "run")
    job.begin()
    rng = np.random.default_rng(7)
    for unit in job.units:
        keys = [{"prompt_id": prompt.id, "seed": seed, "status": "ok", "error": None} for prompt, seed in unit.cells()]
        picture = {"bytes": encode(np.full((8, 8, 3), 128, np.uint8)), "path": "grey.webp"}
        images = [key | {"prompt": "", "image": picture} for key in keys]
        job.images.publish(unit, pa.Table.from_pylist(images, schema=job.images.schema), {})
        for item in job.measures:
            scores = [row | _made_up(item.feature.name, row, gain, rng) for row in keys]
            rows = pa.Table.from_pylist(scores, schema=item.table.schema)
            item.table.publish(unit, rows, {"source": Generated(job.images).mark(unit)})
    return job


def _made_up(name: str, row: dict[str, object], gain: float, rng: np.random.Generator) -> dict[str, object]:
    if name == "clip_score":
        return {"clip_score": rng.normal() + gain * (row["seed"] == 5), "clip_score_prompt_cut": False}
    return {
        "text": bool(rng.random() < 0.3),
        "text_share": 0.0,
        "text_words": [],
        "text_confidences": [],
        "text_polygons": [],
    }


def chosen(job: Job) -> tuple[Judged, Choice]:
    judged = judge(job)
    return judged, choose(job, judged)


def test_a_planted_seed_is_found_and_confirmed(tmp_path: Path) -> None:
    job = measured(tmp_path, 2.0)
    judged, choice = chosen(job)
    assert choice.seeds[0] == 5 and len(choice.seeds) <= 2  # one in twenty may be false
    assert choice.sentence.endswith("confirmed.") and "better than average on" in choice.sentence
    gain = choice.compared["clip_score"].chosen
    assert gain is not None and gain.lo is not None and gain.lo > 0
    assert gain.mean == pytest.approx(2.0 * 23 / 24 / len(choice.seeds), abs=0.6)
    assert isinstance(job, DrawnJob)
    golden = golden_seeds(job, judged, choice)
    assert golden.seeds == list(choice.seeds) and golden.why.rule == "confirmed" and golden.why.standings[0].rank == 1


def test_other_programs_read_the_list(tmp_path: Path) -> None:
    job = measured(tmp_path, 0.0, rule="top")
    judged, choice = chosen(job)
    assert isinstance(job, DrawnJob)
    golden = golden_seeds(job, judged, choice)
    files = save_lists(golden, tmp_path)
    assert [int(seed) for seed in (tmp_path / "golden.txt").read_text().split(",")] == golden.seeds
    for rows in (pandas.read_csv(tmp_path / "golden.csv"), pandas.read_parquet(tmp_path / "golden.parquet")):
        assert rows["seed"].tolist() == golden.seeds and rows["rank"].tolist() == [1, 2, 3, 4]
        assert rows["value"].tolist() == pytest.approx([item.value for item in golden.why.standings])
        assert (rows["lo"] < rows["value"]).all() and (rows["value"] < rows["hi"]).all()
    nobody = golden.model_copy(update={"seeds": [], "why": golden.why.model_copy(update={"standings": []})})
    assert save_lists(nobody, tmp_path) == files
    assert pandas.read_csv(tmp_path / "golden.csv").empty and (tmp_path / "golden.txt").read_text() == "\n"


def test_where_no_seed_matters_the_list_is_empty_and_says_so(tmp_path: Path) -> None:
    job = measured(tmp_path, 0.0)
    judged, choice = chosen(job)
    assert list(choice.seeds) == [] and choice.sentence.startswith("No seed is better than chance here")
    assert isinstance(job, DrawnJob)
    golden = golden_seeds(job, judged, choice)
    golden.save(tmp_path / "golden.json")
    assert golden.load(tmp_path / "golden.json").seeds == [] and golden.generators() == []
    with pytest.raises(ValueError, match="no golden seeds to draw noise for. No seed is better than chance"):
        golden.latents()


def test_the_published_rule_comes_with_what_chance_gives(tmp_path: Path) -> None:
    _, choice = chosen(measured(tmp_path, 2.0, rule="overlap", second="text", golden=12))
    assert "are in the top 12 of 24 by clip_score and by text" in choice.sentence
    assert "share 6.0 on average" in choice.sentence and "has not been tried" in choice.sentence
    assert 0 < len(choice.seeds) <= 12
    assert not choice.compared  # every prompt took part in choosing: none is left to try the list on


def test_the_best_are_the_best(tmp_path: Path) -> None:
    judged, choice = chosen(measured(tmp_path, 0.0, rule="top"))
    assert (
        list(choice.seeds) == judged.ranking.table["seed"].to_pylist()[:4] and "has not been tried" in choice.sentence
    )
    assert not choice.compared


def test_prompts_of_one_group_cannot_confirm(tmp_path: Path) -> None:
    _, choice = chosen(measured(tmp_path, 2.0, objects=["apple"]))
    assert not choice.seeds and "all of them are of one group" in choice.sentence and not choice.compared
