"""Groups that nobody named: told where they matter, taken without a picture drawn again, and what that does to tests."""

import shutil
from itertools import product
from pathlib import Path

import foreign_pictures as foreign
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from commands import command
from made_up_run import OBJECTS, made_up, publish_run
from made_up_scores import World
from sklearn.metrics import adjusted_rand_score

from seedscope.analysis.judging.run_view import open_run
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.unnamed_groups import effective_number, unnamed_groups
from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.score_null import score_null
from seedscope.analysis.seeds.scores.scores import Scores
from seedscope.analysis.seeds.scores.shuffle import shuffled
from seedscope.pipeline.study.likely_groups import with_likely_groups
from seedscope.pipeline.study.prompts import prompt

KINDS = (
    "a {}",
    "a {} on a table",
    "a photo of a {}",
    "a {} made of glass",
    "a {} in the snow",
    "an oil painting of a {}",
)
TEXTS = [kind.format(name) for name, kind in product(OBJECTS[:4], KINDS[:3])]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study file of a run of four objects, each in three prompts whose groups are not named."""
    return publish_run(tmp_path_factory.mktemp("unnamed"), made_up(len(TEXTS), 8), prompts=TEXTS)


@pytest.fixture
def study(run: Path, tmp_path: Path) -> Path:
    shutil.copytree(run.parent, tmp_path / "copy")
    return tmp_path / "copy" / run.name


def change(study: Path, **changes: object) -> None:
    study.write_text(yaml.safe_dump(yaml.safe_load(study.read_text()) | changes))


def drawn(study: Path) -> dict[str, tuple[int, bytes]]:
    """Every shard and receipt of the run: when it was written, and its bytes."""
    files = [file for kind in ("*-*/*.parquet", "receipts/*-*/[!.]*") for file in (study.parent / "run").glob(kind)]
    return {str(file): (file.stat().st_mtime_ns, file.read_bytes()) for file in files if file.is_file()}


def test_unnamed_groups_are_told_with_an_example_and_a_remedy(study: Path) -> None:
    told, remedy = unnamed_groups(run_of(study, study.parent / "run"))
    assert told.startswith("12 of 12 prompts seem to belong to 4 groups that the study does not name, such as 'a ")
    assert told.endswith("all 12 may be worth no more than 4 independent ones.")
    assert remedy.startswith("Write `groups: auto` into the study, or name groups by a grid or a `group` column")
    for step in ("plan", "seeds"):
        done = command(step, study, "--out", study.parent / "run")
        assert "12 of 12 prompts seem to belong to 4 groups" in done.stdout, done.stderr
    assert command("report", study, "--out", study.parent / "run").returncode == 0
    page = study.parent / "run" / "report" / "index.html"
    assert "12 of 12 prompts seem to belong to 4 groups" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "changes",
    [
        {"groups": "auto"},
        {"prompts": [{"grid": {"objects": list(OBJECTS[:4]), "modifiers": ["a {object}", "a photo of a {object}"]}}]},
        {"prompts": [f"a {name}" for name in OBJECTS]},
    ],
)
def test_nothing_is_told_of_groups_that_are_named_or_are_not_there(
    study: Path, tmp_path: Path, changes: dict[str, object]
) -> None:
    change(study, **changes)
    assert unnamed_groups(run_of(study, tmp_path / "new")) == []
    assert "seem to belong" not in command("plan", study, "--out", tmp_path / "new").stdout


def test_a_run_takes_groups_later_and_draws_nothing_again(study: Path) -> None:
    out = study.parent / "run"
    assert command("seeds", study, "--out", out).returncode == 0
    assert pq.read_table(out / "measures.parquet")["groups"].to_pylist() == [12] * 4
    before = drawn(study)
    assert len(before) > 10
    change(study, groups="auto")
    for _ in range(2):
        done = command("generate", study, "--out", out, "--executor", "inline", "--threads", "1")
        assert "images: 6 units, 0 made now" in done.stdout, done.stderr
    assert "groups  4" in command("plan", study, "--out", out).stdout
    assert command("seeds", study, "--out", out).returncode == 0
    assert set(pq.read_table(out / "measures.parquet")["groups"].to_pylist()) == {4}
    assert drawn(study) == before
    assert sorted(path.name for path in (out / "editions").iterdir()) == ["0001.json", "0002.json"]
    assert len(set(open_run(out).scores("clip_score")["group"].to_pylist())) == 4


def test_a_run_that_grows_may_join_groups(study: Path) -> None:
    out = study.parent / "run"
    change(study, groups="auto", prompts=[*TEXTS, "a fish", "a fish in the snow"])
    run = run_of(study, out)
    assert len({item.group for item in run.wanted.prompts}) == 5
    assert {item.group for unit in run.units for item in unit.prompts} < {item.group for item in run.wanted.prompts}


def test_prompts_of_one_found_group_make_no_golden_seed(tmp_path: Path) -> None:
    study = publish_run(tmp_path, made_up(4, 8), prompts=[kind.format("cat") for kind in KINDS[:4]], groups="auto")
    done = command("seeds", study, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "Golden seeds: none." in done.stdout and "all of them are of one group here" in " ".join(done.stdout.split())


def test_imported_pictures_may_have_found_groups(tmp_path: Path) -> None:
    for number, text in enumerate(("a red apple", "a red apple on a table", "a photo of a red apple")):
        picture = {"parameters": foreign.infotext(text, 7, "", Size="64x64")}
        foreign.png(tmp_path / "pictures" / f"{number}.png", picture, np.full((64, 64, 3), number, np.uint8))
    assert command("import", tmp_path / "pictures", "--out", tmp_path / "run").returncode == 0
    study = tmp_path / "run" / "study.yaml"
    assert unnamed_groups(run_of(study))[0].startswith(
        "3 of 3 prompts seem to belong to 1 group that the study does not"
    )
    change(study, groups="auto")
    run = run_of(study)
    assert unnamed_groups(run) == []
    assert len({item.group for unit in run.units for item in unit.prompts}) == 1
    assert command("generate", study, "--executor", "inline", "--threads", "1").returncode == 0
    assert len({item.group for item in open_run(study.parent).edition.prompts}) == 1


def test_the_effective_number_is_that_of_groups_where_these_are_alike() -> None:
    alone = [prompt(text) for text in TEXTS]
    assert effective_number(alone) == pytest.approx(12)
    assert effective_number(with_likely_groups(alone)) == pytest.approx(4)
    assert effective_number([*alone[:2], prompt("x", "g"), prompt("y", "g")]) == pytest.approx(16 / 6)
    assert effective_number([]) == 0.0


def test_a_seeds_luck_with_an_object_is_no_effect_once_groups_are_found() -> None:
    """No seed matters, but each has luck of its own with each of 16 objects, which prompts of one to six wordings share."""
    sizes = tuple(1 + i % len(KINDS) for i in range(16))
    names = (*OBJECTS, "apple", "house", "boat", "rose", "clock", "horse", "violin", "castle")
    texts = [KINDS[k].format(name) for name, size in zip(names, sizes, strict=True) for k in range(size)]
    found = [item.group for item in with_likely_groups([prompt(text) for text in texts])]
    world, rng = World(seeds=24, sizes=sizes, alike=0.6, share=0.0), np.random.default_rng(5)
    assert adjusted_rand_score(world.groups, found) == 1.0
    p: dict[str, list[float]] = {"alone": [], "found": []}
    for _ in range(200):
        scores, _true = world.draw(rng)
        for kind, labels in (("alone", texts), ("found", found)):
            fit = additive_fit(Scores.of(scores.values, labels))
            p[kind].append(score_null(shuffled(fit, rng, 99), "higher").differ)
    assert np.mean(np.array(p["alone"]) <= 0.05) > 0.6
    assert np.mean(np.array(p["found"]) <= 0.05) < 0.1


def test_an_effect_of_a_seed_is_still_seen_over_found_groups() -> None:
    sizes = (len(KINDS),) * 8
    found = [item.group for item in with_likely_groups([prompt(k.format(name)) for name, k in product(OBJECTS, KINDS)])]
    world, rng = World(seeds=24, sizes=sizes, alike=0.6), np.random.default_rng(6)
    p = []
    for _ in range(40):
        scores, _true = world.draw(rng, np.r_[1.5, -1.5, np.zeros(22)])
        p.append(score_null(shuffled(additive_fit(Scores.of(scores.values, found)), rng, 99), "higher").differ)
    assert np.mean(np.array(p) <= 0.05) > 0.9
