"""The same seeds in two runs: planted and absent agreement, golden seeds that carry over, and what is refused."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from rich.console import Console
from scipy import stats
from typer.testing import CliRunner

from seedscope.analysis.comparing.compare_runs import Pair, compare_all
from seedscope.analysis.comparing.finished_run import FinishedRun
from seedscope.analysis.comparing.in_words import verdict
from seedscope.analysis.judging.judge import MEASURED
from seedscope.analysis.seeds.agreement import agreement, alike, carried_over, kept
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.ranking import Ranking
from seedscope.analysis.seeds.scores.scores import StatisticsError
from seedscope.analysis.select.seal import seal
from seedscope.jobs.cli import app
from seedscope.jobs.commands.compare import show
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.plan import Edition
from seedscope.pipeline.study.prompts import Prompt


def pair(rng: np.random.Generator, seeds: int, correlation: float) -> tuple[Array, Array]:
    first, other = rng.standard_normal((2, seeds))
    return first, correlation * first + np.sqrt(1 - correlation**2) * other


def test_independent_runs_agree_by_chance_only() -> None:
    rng = np.random.default_rng(1)
    found = [agreement("x", *pair(rng, 40, 0.0), 8, None, rng) for _ in range(500)]
    assert stats.kstest([one.found.rank.p for one in found], "uniform").pvalue > 0.01
    assert np.mean([one.found.top.shared for one in found]) == pytest.approx(8 * 8 / 40, abs=0.2)
    families = [kept(found[start : start + 10], 0.05) for start in range(0, 500, 10)]
    assert sum(map(bool, families)) <= 7  # expected 2.5 of 50


def test_planted_agreement_is_found_through_noise() -> None:
    """Noisy measurements (reliability 0.8 and 0.5) of effects that correlate by 0.9: 0.57 is seen, as Spearman's rho 0.55."""
    rng, truth = np.random.default_rng(2), 6 / np.pi * np.arcsin(0.9 * np.sqrt(0.4) / 2)
    found = []
    for _ in range(100):
        first, second = pair(rng, 100, 0.9)
        noisy = first + 0.5 * rng.standard_normal(100), second + rng.standard_normal(100)
        found.append(agreement("x", *noisy, 10, "lower", rng, reliability=(0.8, 0.5)))
        assert found[-1].found.rank.rho == pytest.approx(stats.spearmanr(*noisy).statistic)
    assert np.mean([one.found.rank.rho for one in found]) == pytest.approx(truth, abs=0.025)
    assert found[0].ceiling == pytest.approx(np.sqrt(0.4))
    without = truth / np.sqrt(0.4)
    assert np.median([one.noiseless for one in found]) == pytest.approx(without, abs=0.05)
    assert sum(one.noiseless_lo <= without <= one.noiseless_hi for one in found) >= 89
    assert len(kept(found, 0.05)) == 100


def test_seeds_without_an_effect_are_left_out_and_too_few_are_refused() -> None:
    rng, gap = np.random.default_rng(0), np.nan
    one = agreement("x", [1, 2, 3, gap, 5], [2, 4, 6, 8, 10], 9, "higher", rng)
    assert one.found.rank.n == 4 and one.found.top.k == 4 and one.noiseless is None
    assert agreement("x", [1, 2, 3], [1, 2, 3], 1, None, rng, reliability=(0.5, 0.0)).noiseless is None
    assert kept([agreement("x", [1, 1, 1], [1, 2, 3], 1, None, rng)], 0.05) == []
    with pytest.raises(StatisticsError, match="2 seeds have an effect in both runs; at least 3"):
        agreement("x", [1, 2, gap], [1, 2, 3], 1, None, rng)
    with pytest.raises(StatisticsError, match="one value a seed in both"):
        agreement("x", [1, 2, 3, 4], [1, 2, 3], 1, None, rng)


def test_where_seeds_do_not_differ_there_is_no_character_to_keep(tmp_path: Path) -> None:
    values = np.arange(30.0)
    effects = {"fd": values, "looks_sky": values}
    runs = [made_up(tmp_path / name, effects, p=p) for name, p in (("one", 0.01), ("other", 0.3))]
    (found,) = compare_all(runs)
    assert [(one.differ, alike(one, 0.05)) for one in found.agreements] == [((None, None), False), ((0.01, 0.3), True)]
    assert verdict(found) == (
        "Seeds keep their character in fd (1.00); seeds do not differ beyond chance in one of the runs in looks_sky (1.00)."
    )


def test_carried_over_against_the_closed_form_and_blind_draws() -> None:
    found = carried_over([0, 1, 2, 3, 77], [2, 3, 4, 88], range(10))
    assert (found.golden, found.good, found.carried, found.seeds) == (4, 3, 2, 10)
    assert found.expected == pytest.approx(1.2)
    at_least_two = comb(3, 2) * comb(7, 2) + comb(3, 3) * comb(7, 1)
    assert found.p == pytest.approx(at_least_two / comb(10, 4))
    assert carried_over([], [1], [1, 2]).p == 1.0
    with pytest.raises(StatisticsError, match="No seeds in common"):
        carried_over([1], [1], [])
    rng = np.random.default_rng(3)
    blind = [carried_over(rng.permutation(60)[:15].tolist(), range(20), range(60)) for _ in range(1000)]
    assert np.mean([one.carried for one in blind]) == pytest.approx(5.0, abs=0.2)
    assert np.mean([one.p <= 0.05 for one in blind]) < 0.06


def made_up(
    folder: Path,
    effects: dict[str, Array],
    *,
    prompts: int = 4,
    images: int = 4,
    reference: str = "photos",
    p: float | None = None,
) -> FinishedRun:
    """A run of imported pictures by `fd` (a distance), with `looks_sky` beside it."""
    folder.mkdir()
    seeds = len(effects["fd"])
    columns = {f"{name}_vs_mean": pa.array(values, from_pandas=True) for name, values in effects.items()}
    table = pa.table({"seed": list(range(seeds)), "rank": list(range(1, seeds + 1)), "n": [images] * seeds, **columns})
    return FinishedRun(
        folder,
        {"imported": {"steps": prompts}},
        Edition(tuple(Prompt(f"p{i}", f"{i}", f"{i}") for i in range(prompts)), tuple(range(seeds))),
        Ranking("fd", images, 0, images, 100, 8, None, table),
        None,
        {"looks_sky": {"better": None, "reliability": 0.8, "p": p}},
        {"fd": "a", "looks": "b"},
        {"fd": reference},
        3,
        ["fd_witness"],
    )


def test_distances_are_compared_on_equal_terms_only(tmp_path: Path) -> None:
    first, second = pair(np.random.default_rng(4), 30, 0.9)
    effects = {"fd": first, "looks_sky": second}
    one = made_up(tmp_path / "one", effects)
    (same,) = compare_all([one, made_up(tmp_path / "same", effects)])
    assert [found.found.rank.rho for found in same.agreements] == [pytest.approx(1.0)] * 2
    fewer = made_up(tmp_path / "fewer", effects, images=3, prompts=3)
    with pytest.raises(UserError, match="a seed has 4 in the one and 3 in the other.*--measure"):
        compare_all([one, fewer], ["fd"])
    (left,) = compare_all([one, fewer])
    assert [found.measure for found in left.agreements] == ["looks_sky"]
    assert "a seed has 4 in the one and 3 in the other" in left.silent["fd"]
    (sky,) = compare_all([one, fewer], ["looks_sky"])
    assert [found.measure for found in sky.agreements] == ["looks_sky"] and sky.prompts == (3, 1, 0)
    assert sky.agreements[0].noiseless == 1.0 and any("The prompts differ" in note for note in sky.notes)
    with pytest.raises(UserError, match="their reference pictures differ"):
        compare_all([one, made_up(tmp_path / "other", effects, reference="drawings")])
    with pytest.raises(UserError, match="--measure looks_blue.*They share: fd, looks_sky"):
        compare_all([one, fewer], ["looks_blue"])
    with pytest.raises(UserError, match="Two runs or more"):
        compare_all([one])
    empty = {"fd": first, "looks_sky": np.full(30, np.nan)}
    (gap,) = compare_all([one, made_up(tmp_path / "gap", empty)])
    assert list(gap.silent) == ["looks_sky"] and "0 seeds have an effect" in gap.silent["looks_sky"]


def test_three_runs_are_three_pairs_and_the_verdict_names_what_is_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    sky, sky_too = pair(rng, 60, 0.95)
    runs = [
        made_up(tmp_path / name, {"fd": rng.standard_normal(60), "looks_sky": values})
        for name, values in (("a", sky), ("b", sky_too), ("c", rng.standard_normal(60)))
    ]
    pairs = compare_all(runs)
    assert [(one.first, one.second) for one in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert verdict(pairs[0]).startswith("Seeds keep their character in looks_sky (0.9")
    assert "but not shown in fd (" in verdict(pairs[0])
    assert verdict(pairs[1]).startswith("That seeds keep their character is not shown in looks_sky (")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """sprout-turbo with one and with two steps, run by the command line."""
    folder = tmp_path_factory.mktemp("runs")
    for steps in (1, 2):
        study = {
            "name": f"steps{steps}",
            "model": "sprout-turbo",
            "sampling": {"scheduler": "model", "steps": steps, "guidance": {"scale": 0}},
            "compute": {"device": "cpu"},
            "prompts": [f"a {thing}" for thing in ("cat", "car", "tree", "duck", "bus", "rose")],
            "seeds": "0-7",
            "features": ["looks", {"clip_score": {"model": "sprout-clip"}}],
            "ranking": {"by": "clip_score", "rule": "top", "golden": 3, "shuffles": 20},
        }
        file = folder / f"steps{steps}.yaml"
        file.write_text(yaml.safe_dump(study))
        done = CliRunner().invoke(
            app, ["run", str(file), "--out", str(folder / f"s{steps}"), "--executor", "inline", "--threads", "1"]
        )
        assert done.exit_code == 0, f"{done.output}\n{done.exception}"
    return folder / "s1", folder / "s2"


def test_two_real_runs(runs: tuple[Path, Path]) -> None:
    done = CliRunner().invoke(app, ["compare", *map(str, runs), "--json"])
    assert done.exit_code == 0, done.output
    (found,) = json.loads(done.stdout)
    assert found["differences"] == ["sampling.steps 1 -> 2"]
    assert found["prompts"] == [6, 0, 0] and found["seeds"] == list(range(8))
    tables = [pq.read_table(run / "seeds.parquet").to_pandas().sort_values("seed") for run in runs]
    measures = [pq.read_table(run / "measures.parquet").to_pandas().set_index("measure") for run in runs]
    by_name = {one["measure"]: one for one in found["agreements"]}
    assert {"clip_score", "looks_brightness", "looks_greyscale"} <= set(by_name)
    for name in ("clip_score", "looks_brightness"):
        effects = [table[f"{name}_vs_median"] for table in tables]
        assert by_name[name]["found"]["rank"]["rho"] == pytest.approx(stats.spearmanr(*effects).statistic)
        assert by_name[name]["reliability"] == [float(each.loc[name, "reliability"]) for each in measures]
    assert by_name["looks_brightness"]["found"]["rank"]["rho"] > 0.7
    golden = [json.loads((run / "golden.json").read_text())["seeds"] for run in runs]
    for abroad, mine, others in zip(found["abroad"], golden, reversed(golden), strict=True):
        assert [fate["seed"] for fate in abroad["fates"]] == mine
        assert [fate["seed"] for fate in abroad["fates"] if fate["standing"] == "golden"] == [
            seed for seed in mine if seed in others
        ]
    told = CliRunner().invoke(app, ["compare", *map(str, runs)]).output
    assert "What differs: sampling.steps 1 -> 2." in told and "8 seeds in common, the same 6 prompts." in told
    assert max(map(len, told.splitlines())) <= 80 and "over to s2" in " ".join(told.split())


def copied(run: Path, to: Path) -> Path:
    for name in ("seeds.parquet", "measures.parquet", "golden.json"):
        to.mkdir(exist_ok=True)
        shutil.copy(run / name, to / name)
    shutil.copytree(run / "editions", to / "editions")
    return to


def test_a_golden_seed_that_is_worse_or_was_not_drawn(runs: tuple[Path, Path], tmp_path: Path) -> None:
    """Seeds 0 to 2 golden here; there seed 0 is better, 1 worse, and 2 was not drawn."""
    there, here = copied(runs[1], tmp_path / "there"), FinishedRun.open(runs[0])
    table = pq.read_table(there / "seeds.parquet")
    rows = [row for row in table.to_pylist() if row["seed"] != 2]
    facts = {0: (0.2, 0.1, 0.3, 0.001), 1: (-0.2, -0.3, -0.1, 1.0)}
    for row in rows:
        effect, lo, hi, q = facts.get(row["seed"], (0.0, -0.1, 0.1, 0.9))
        row |= {
            "clip_score_vs_median": effect,
            "clip_score_vs_median_lo": lo,
            "clip_score_vs_median_hi": hi,
            "clip_score_q": q,
        }
    pq.write_table(pa.Table.from_pylist(rows, table.schema), there / "seeds.parquet")
    _edit(there / "editions" / "0001.json", lambda record: record["seeds"].remove(2))
    _edit(there / "golden.json", _without_seeds)
    golden = here.golden
    assert golden is not None
    object.__setattr__(golden, "seeds", [0, 1, 2, 3])
    (found,) = compare_all([here, FinishedRun.open(there)])
    assert [fate.standing for fate in found.abroad[0].fates] == ["better", "worse", "not drawn", "not better"]
    chance = found.abroad[0].chance
    assert chance is not None and (chance.golden, chance.good, chance.carried, chance.seeds) == (3, 1, 1, 7)
    said = verdict(found)
    assert "of 4 golden seeds of s1 (3 drawn there) 1 carries over to there, chance gives 0.4" in said
    assert "there has no golden seeds" in said
    for golden_there, told in (
        ([2], "the one golden seed of s1 was not drawn in there"),
        ([2, 77], "none of 2 golden seeds"),
    ):
        object.__setattr__(golden, "seeds", golden_there)
        (found,) = compare_all([here, FinishedRun.open(there)])
        assert told in verdict(found) and "over to" not in verdict(found)


def test_copies_of_seeds_are_no_seeds_in_common_and_make_nothing_carry_over(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    """Of 8 seeds, 2 golden ones are better there too; then with 24 copies, of which nothing is known, one golden."""
    runs_of = []
    for name, run in zip(("here", "there"), runs, strict=True):
        folder = copied(run, tmp_path / name)
        table = pq.read_table(folder / "seeds.parquet")
        rows = [row | {"clip_score_q": 0.001 if row["seed"] < 2 else 0.9} for row in table.to_pylist()]
        rows += [{"seed": 100 + copy, "n": 0} for copy in range(24)]
        pq.write_table(pa.Table.from_pylist(rows, table.schema), folder / "seeds.parquet")
        _edit(folder / "editions" / "0001.json", lambda record: record["seeds"].extend(range(100, 124)))
        if name == "there":
            _edit(folder / "golden.json", _without_seeds)
        runs_of.append(FinishedRun.open(folder))
    golden = runs_of[0].golden
    assert golden is not None
    object.__setattr__(golden, "seeds", [0, 1, 100])
    (found,) = compare_all(runs_of)
    assert list(found.seeds) == list(range(8))
    chance, fates = found.abroad[0].chance, found.abroad[0].fates
    assert chance is not None and (chance.golden, chance.good, chance.carried, chance.seeds) == (2, 2, 2, 8)
    assert chance.p == pytest.approx(1 / comb(8, 2))
    assert [fate.standing for fate in fates] == ["better", "better", "not judged"]
    assert "of 3 golden seeds of here (2 judged there) 2 carry over" in verdict(found)


def test_seeds_far_off_all_others_are_in_neither_rho_nor_what_noise_allows(tmp_path: Path) -> None:
    """11 of 24 seeds are broken in both runs, the others are noise: their reliability is 0, and rho of all would be 0.86."""
    rng, broken = np.random.default_rng(6), 20.0 * (np.arange(24) < 11)
    runs = [made_up(tmp_path / name, {"fd": broken, "looks_sky": broken + rng.standard_normal(24)}) for name in "ab"]
    (before,) = compare_all(runs, ["looks_sky"])
    assert before.agreements[0].found.rank.rho > 0.7
    for run in runs:
        object.__setattr__(run, "measures", {"looks_sky": {"better": None, "reliability": 0.0, "far": list(range(10))}})
    object.__setattr__(runs[1], "measures", {"looks_sky": {"better": None, "reliability": 0.0, "far": [10]}})
    (found,) = compare_all(runs)
    fd, sky = found.agreements
    assert (sky.found.rank.n, list(sky.far), sky.ceiling) == (13, list(range(11)), 0.0) and abs(
        sky.found.rank.rho
    ) < 0.6
    assert fd.found.rank.n == 24 and not fd.far
    said = Console(width=200, record=True, file=io.StringIO())
    show(found, said)
    assert (
        "looks_sky is compared without seeds 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, which lie far off all"
        in said.export_text()
    )
    object.__setattr__(
        runs[1], "measures", {"looks_sky": {"better": None, "reliability": 0.0, "far": list(range(10, 23))}}
    )
    assert "1 of 24 seeds lie far off all others in neither run" in compare_all(runs)[0].silent["looks_sky"]


def _without_seeds(golden: Any) -> None:
    """As a list that is of no seeds."""
    golden.pop("canary_pictures", None)
    golden.update(seeds=[])
    golden["why"].update(standings=[])
    golden["sha256"] = seal(golden)


def _edit(file: Path, change: Callable[[Any], object]) -> None:
    record = json.loads(file.read_text())
    record.pop("checksum", None)  # as of a run that was made so
    change(record)
    file.write_text(json.dumps(record))


def _measured(run: Path, change: Callable[[Any], object] | None) -> None:
    """Change what a run's seeds.parquet says of how it was measured; None: it says nothing."""
    table = pq.read_table(run / "seeds.parquet")
    metadata = dict(table.schema.metadata)
    measured = json.loads(metadata.pop(MEASURED.encode()))
    if change is not None:
        change(measured)
        metadata[MEASURED.encode()] = json.dumps(measured).encode()
    pq.write_table(table.replace_schema_metadata(metadata), run / "seeds.parquet")


def _other_seeds(run: Path) -> None:
    table = pq.read_table(run / "seeds.parquet")
    moved = pa.array([seed + 6 for seed in table["seed"].to_pylist()])
    pq.write_table(table.set_column(0, "seed", moved), run / "seeds.parquet")
    _edit(run / "editions" / "0001.json", lambda record: record.update(seeds=list(range(6, 14))))


REFUSED: dict[str, Callable[[Path], object]] = {
    "is not a run folder": lambda run: shutil.rmtree(run / "editions"),
    "is not finished: no golden.json yet.*seedscope run STUDY": lambda run: (run / "golden.json").unlink(),
    "cannot be read": lambda run: (run / "seeds.parquet").write_bytes(b"PAR1 no"),
    "written by an older seedscope.*seedscope seeds STUDY": lambda run: _measured(run, None),
    "has grown since its seeds were judged": lambda run: _edit(
        run / "editions" / "0001.json", lambda record: record["seeds"].append(99)
    ),
    "cannot be compared: looks stands for different weights": lambda run: _measured(
        run, lambda measured: measured["features"].update(looks="0" * 64)
    ),
    "have 2 seeds in common; at least 3": _other_seeds,
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_refused(reason: str, runs: tuple[Path, Path], tmp_path: Path) -> None:
    spoilt = copied(runs[1], tmp_path / "spoilt")
    REFUSED[reason](spoilt)
    with pytest.raises(UserError, match=reason):
        compare_all([FinishedRun.open(runs[0]), FinishedRun.open(spoilt)])


def test_a_run_beside_its_copy(runs: tuple[Path, Path], tmp_path: Path) -> None:
    (found,) = compare_all([FinishedRun.open(run) for run in (runs[0], copied(runs[0], tmp_path / "copy"))])
    assert found.differences == [] and isinstance(found, Pair)
    assert all(one.found.rank.rho in (None, pytest.approx(1.0)) for one in found.agreements)
    assert all(fate.standing == "golden" for abroad in found.abroad for fate in abroad.fates)
