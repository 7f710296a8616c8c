"""Other distances in a run: the right numbers in its tables, its report and on the terminal, where a study asks."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from commands import small_reference
from finished_runs import command, made
from scipy.stats import spearmanr

from seedscope.analysis.judging.by_distance import ranked_by_distance
from seedscope.analysis.judging.judge import judge
from seedscope.analysis.report.gather.titles import title_of
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.seeds.distances.frechet import Reference, frechet_distance_of_rows
from seedscope.analysis.seeds.distances.moments import Array, moments
from seedscope.analysis.seeds.distances.rank_seeds import rank_seeds
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.schema import Ranking

FD, SEEDS, PROMPTS, REAL = "fd_efficientnet_lite0", 5, 8, 40
OBJECTS = ["cat", "car", "tree", "duck"]
STUDY: dict[str, Any] = {
    "name": "tiny",
    "model": "sprout-turbo",
    "sampling": {"steps": 1, "guidance": {"scale": 0}},
    "compute": {"device": "cpu"},
    "prompts": [{"grid": {"objects": OBJECTS, "modifiers": ["a {object}", "a red {object}"]}}],
    "seeds": f"0-{SEEDS - 1}",
    "unit": {"prompts": 4, "seeds": 2},
    "features": [FD, {"clip_score": {"model": "sprout-clip"}}],
}
RANKING = {"by": FD, "rule": "top", "golden": 2, "shuffles": 20}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study file of a finished run, in the folder `run` beside it, without other distances."""
    folder = tmp_path_factory.mktemp("distances")
    return made(folder, STUDY | {"reference": str(small_reference(folder)), "ranking": RANKING})


def asked(study: Path, folder: Path, **ranking: object) -> tuple[Path, Path]:
    """The study with another `ranking`, and a copy of its run."""
    file, run = folder / "study.yaml", folder / "run"
    file.write_text(yaml.safe_dump(yaml.safe_load(study.read_text()) | {"ranking": RANKING | ranking}))
    shutil.copytree(study.parent / "run", run, ignore=shutil.ignore_patterns(".lock"))
    return file, run


def vectors(run: Path, kind: str) -> dict[tuple[int, str], Array]:
    """Seed and prompt -> features, from the shards of a table."""
    rows = [row for path in sorted(run.glob(f"{kind}-*/*.parquet")) for row in pq.read_table(path).to_pylist()]
    return {(row["seed"], row["prompt_id"]): np.array(row[FD], dtype=np.float64) for row in rows}


def kid(seed: Array, real: Array) -> float:
    """The unbiased estimator, written out."""
    own, others, across = ((a @ b.T / a.shape[1] + 1) ** 3 for a, b in ((seed, seed), (real, real), (seed, real)))
    within = [(kernel.sum() - np.trace(kernel)) / (len(kernel) * (len(kernel) - 1)) for kernel in (own, others)]
    return float(sum(within) - 2 * across.mean())


def test_rankings_are_kept_until_their_cause_changes(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, run = asked(study, tmp_path, distances=["kid"])
    made = list[str]()

    def counted(*arguments: Any, **settings: Any) -> Any:
        made.append("again")
        return rank_seeds(*arguments, **settings)

    monkeypatch.setattr("seedscope.analysis.judging.by_distance.rank_seeds", counted)
    first = judge(run_of(file, run))
    second = judge(run_of(file, run))
    assert made == ["again"]
    for one, other in zip(first.distances, second.distances, strict=True):
        assert one.sentence() == other.sentence() and one.ranking.table.equals(other.ranking.table)
    (kept,) = (run / ".rankings").glob(f"{FD}_kid-*.parquet")
    kept.write_bytes(b"spoilt")
    judge(run_of(file, run))
    file.write_text(file.read_text().replace("shuffles: 20", "shuffles: 21"))
    judge(run_of(file, run))
    assert made == ["again"] * 3 and len(list((run / ".rankings").iterdir())) == 2


def test_distances_are_those_of_the_shards(study: Path, tmp_path: Path) -> None:
    file, run = asked(study, tmp_path, distances=["kid", "cmmd", "fd_infinity"])
    told = command("seeds", file, "--out", run)
    seeds = {row["seed"]: row for row in pq.read_table(run / "seeds.parquet").to_pylist()}
    drawn, real = vectors(run, FD), np.stack(list(vectors(run, f"reference-{FD}").values()))
    reference, unit = Reference.of(moments(real)), real / np.linalg.norm(real, axis=1, keepdims=True)
    assert len(real) == REAL
    for seed, row in seeds.items():
        rows = np.stack([vector for (of, _), vector in drawn.items() if of == seed])
        lengths = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        within = [np.exp(-((x[:, None] - x) ** 2).sum(axis=2) / 200).mean() for x in (lengths, unit)]
        across = np.exp(-((lengths[:, None] - unit) ** 2).sum(axis=2) / 200).mean()
        assert row[FD] == pytest.approx(frechet_distance_of_rows(rows, reference), rel=1e-9)
        assert row[f"{FD}_cmmd"] == pytest.approx(1000 * (sum(within) - 2 * across), rel=1e-6)
        assert row[f"{FD}_kid"] == pytest.approx(kid(rows, real), rel=1e-6)
        for name in ("", "_kid", "_cmmd", "_fd_infinity"):
            column = f"{FD}{name}"
            low, high = row[f"{column}_lo"], row[f"{column}_hi"]
            assert low < row[column] < high and row[f"{column}_se"] > 0
            assert row[f"{column}_vs_median_lo"] < row[f"{column}_vs_median"] < row[f"{column}_vs_median_hi"]
    rows = pq.read_table(run / "distances.parquet").to_pylist()
    assert [(row["feature"], row["distance"]) for row in rows] == [
        (FD, name) for name in ("frechet", "kid", "cmmd", "fd_infinity")
    ]
    for row in rows:
        counted = (row["seeds"], row["prompts"], row["images"], row["groups"], row["real_images"], row["dimensions"])
        assert counted == (SEEDS, PROMPTS, PROMPTS, len(OBJECTS), REAL, 1280)
        assert 1 / 21 <= row["p"] <= 1 and row["best_lo"] <= row["best_hi"] < row["worst_hi"]
        assert (row["caution"] is not None) == (row["distance"] in ("frechet", "fd_infinity"))
        if row["distance"] == "frechet":
            assert row["spearman"] is None
        else:
            both = [[found[row["measure"]], found[FD]] for found in seeds.values()]
            assert row["spearman"] == pytest.approx(spearmanr(both).statistic)
        assert f"{row['measure']}: p " in told.replace("\n", " ")


def test_measures_of_which_higher_is_better_are_ranked_so_everywhere(study: Path, tmp_path: Path) -> None:
    """Best seed, ends of chance, agreement with the Frechet distance, the terminal and the report."""
    named = ["precision", "recall", "density", "coverage", "vendi", "authenticity"]
    file, run = asked(study, tmp_path, distances=named)
    told = command("seeds", file, "--out", run).replace("\n", " ")
    command("report", file, "--out", run)
    seeds = pq.read_table(run / "seeds.parquet").to_pylist()
    judged = {item.distance: item for item in judge(run_of(file, run)).distances}
    for row in pq.read_table(run / "distances.parquet").to_pylist():
        measure, ranking = row["measure"], judged[row["distance"]].ranking
        assert row["better"] == ranking.better == ("lower" if row["distance"] == "frechet" else "higher")
        assert row["real_images"] == (None if row["distance"] == "vendi" else REAL)
        if row["better"] == "lower":
            continue
        values = [seed.value for seed in ranking.rows]
        assert None not in values and values == sorted(values, key=float, reverse=True)
        assert [seed.rank for seed in ranking.rows] == list(range(1, SEEDS + 1))
        assert row["best_hi"] >= row["worst_hi"] and row["best_lo"] >= row["worst_lo"]
        both = [[seed[measure], -seed[FD]] for seed in seeds]
        if len(set(values)) > 1:
            assert row["spearman"] == pytest.approx(spearmanr(both).statistic)
        assert f"{measure}: p = " in told
    recall = judged["recall"].ranking
    assert recall.chance is not None and recall.chance.best[0] > recall.chance.worst[0]
    page = (run / "report" / "index.html").read_text(encoding="utf-8")
    assert "Vendi score (EfficientNet-Lite0) <small>higher is better</small>" in page
    with (run / "report" / "data" / "measures.csv").open(encoding="utf-8", newline="") as opened:
        better = {row["measure"]: row["better"] for row in csv.DictReader(opened)}
    assert {better[f"{FD}_{name}"] for name in named} == {"higher"}


def test_they_stand_beside_another_ranking_and_go_with_the_wish_for_them(study: Path, tmp_path: Path) -> None:
    """`ranking` is no cause of pictures or measurements: these stay what they are."""
    file, run = asked(study, tmp_path, by="clip_score", distances=["fd_infinity"], shuffles=0)
    wished, plain = run_of(file, run), run_of(study, study.parent / "run")
    assert wished.cause == plain.cause and wished.images.name == plain.images.name
    assert [item.table.name for item in wished.measures] == [item.table.name for item in plain.measures]
    judged = judge(wished)
    before, table = pq.read_table(study.parent / "run" / "seeds.parquet"), pq.read_table(run / "seeds.parquet")
    assert judged.ranking.measure == "clip_score" and {FD, f"{FD}_fd_infinity"} <= set(table.column_names)
    expected = dict(zip(before["seed"].to_pylist(), before[FD].to_pylist(), strict=True))
    assert dict(zip(table["seed"].to_pylist(), table[FD].to_pylist(), strict=True)) == expected
    assert pq.read_table(run / "distances.parquet")["p"].null_count == 2
    assert f"{FD}: whether seeds differ was not tested (no shuffles); rank-deficient" in judged.distances[0].sentence()

    shutil.copy(study, file)
    assert judge(run_of(file, run)).distances == [] and not (run / "distances.parquet").exists()
    assert pq.read_table(run / "seeds.parquet").equals(before)
    assert not any("infinity" in column for column in before.column_names)


def test_the_report_shows_them(study: Path, tmp_path: Path) -> None:
    file, run = asked(study, tmp_path, distances=["kid", "fd_infinity"])
    command("report", file, "--out", run)
    with (run / "report" / "data" / "distances.csv").open(encoding="utf-8", newline="") as opened:
        shown = list(csv.DictReader(opened))
    known = pq.read_table(run / "distances.parquet").to_pylist()
    assert [row["measure"] for row in shown] == [row["measure"] for row in known]
    for one, other in zip(shown, known, strict=True):
        assert (float(one["spearman"]) if one["spearman"] else None) == other["spearman"]
        assert one["caution"] == (other["caution"] or "") and int(one["images"]) == other["images"]
    page = (run / "report" / "index.html").read_text(encoding="utf-8")
    assert "By which measure?" in page and "Kernel distance, cubic (EfficientNet-Lite0)" in page
    with (run / "report" / "data" / "measures.csv").open(encoding="utf-8", newline="") as opened:
        assert [row["measure"] for row in csv.DictReader(opened)][:4] == [
            FD,
            f"{FD}_witness",
            f"{FD}_kid",
            f"{FD}_fd_infinity",
        ]


def test_a_real_picture_without_direction_is_a_sentence(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vectors of zeros have no angle: a Gaussian kernel of unit lengths refuses them."""
    file, run = asked(study, tmp_path, distances=["cmmd"])
    monkeypatch.setattr(
        "seedscope.analysis.judging.by_distance.reference_rows", lambda *_: np.zeros((REAL, 1280), np.float32)
    )
    reference = Reference(REAL, np.zeros(1280), np.eye(1280), 1280.0)
    with pytest.raises(UserError, match=f"ranking.distances, by {FD}: .* a row of zeros that has no direction"):
        ranked_by_distance(run_of(file, run), {FD: reference}, None, lambda _: np.random.default_rng(0))


def test_wishes_that_cannot_be_met_are_told_before_work(study: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ranking.distances: 'kid' is named twice"):
        Ranking.model_validate({"distances": ["kid", "kid"]})
    file, run = asked(study, tmp_path, distances=["kid", "mmd"])
    with pytest.raises(
        UserError, match=r"^ranking.distances.1: no measure is called 'mmd'; did you mean 'cmmd'\? Known:"
    ):
        run_of(file, run)
    features, ranking = [{"clip_score": {"model": "sprout-clip"}}], {"by": "clip_score", "distances": ["kid"]}
    changed = yaml.safe_load(study.read_text()) | {"features": features, "ranking": ranking}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(changed))
    with pytest.raises(
        UserError, match=r"ranking.distances: no feature of the study is compared with reference pictures"
    ):
        run_of(tmp_path / "study.yaml", tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("fid_inception", "FID (Inception)"),
        ("fid_inception_witness", "FID, by picture (Inception)"),
        ("fid_inception_kid", "KID (Inception)"),
        ("fid_inception_fd_infinity", "FID, extrapolated (Inception)"),
        ("fd_clip_cmmd", "CMMD (CLIP)"),
        ("fd_clip_cmmd_unbiased", "CMMD, unbiased (CLIP)"),
        ("fd_clip_kid", "Kernel distance, cubic (CLIP)"),
        ("fd_dinov2_cmmd", "Kernel distance, Gaussian (DINOv2)"),
        ("fd_dinov2_fd_infinity", "Fréchet distance, extrapolated (DINOv2)"),
        ("fd_dinov2_recall", "Recall (DINOv2)"),
        ("fid_inception_vendi", "Vendi score (Inception)"),
    ],
)
def test_a_distance_is_called_after_the_features_that_define_it(name: str, title: str) -> None:
    assert title_of(name).title == title
