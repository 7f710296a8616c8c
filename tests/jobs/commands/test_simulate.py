"""`seedscope simulate`: from a stated lambda and from that of a run; a sentence for what cannot be answered."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import command
from played_sweep import study as sweep

from seedscope.analysis.judging.measures_table import MEASURES
from seedscope.jobs.planning.known_ratios import known_ratios

ROWS = [
    {"measure": "clip_score", "better": "higher", "prompts": 100, "reliability": 0.8, "seed_share": 0.02},
    {"measure": "looks_brightness", "better": None, "prompts": 100, "reliability": 0.9, "seed_share": 0.1},
    {"measure": "fd_clip_witness", "better": "lower", "prompts": 100, "reliability": 0.0, "seed_share": 0.0},
    {"measure": "whole", "better": "lower", "prompts": 100, "reliability": 1.0, "seed_share": 1.0, "rest_share": 0.0},
    {"measure": "silent", "better": "lower", "prompts": 100},
]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study whose run folder has what was judged, and nothing else."""
    file = tmp_path / "study.yaml"
    file.write_text("name: mine\nmodel: sprout-turbo\nprompts: [a cat, a dog]\nseeds: 0-63\nranking: {golden: 4}\n")
    shares = {"seed_share_lo": 0.01, "seed_share_hi": 0.04, "rest_share": 0.5}
    (tmp_path / "run").mkdir()
    pq.write_table(
        pa.Table.from_pylist([shares | row for row in ROWS], schema=MEASURES), tmp_path / "run/measures.parquet"
    )
    return file


def test_a_run_knows_its_lambdas(study: Path) -> None:
    folder = study.parent / "run"
    clip, witness, whole = known_ratios(folder, study, [])
    assert whole.ratio == 0
    assert (clip.measure, clip.ratio) == ("clip_score", pytest.approx(25.0))  # 100 / (100 + 25) is 0.8
    assert (clip.lo, clip.hi) == (pytest.approx(12.5), pytest.approx(50.0))
    assert witness.ratio == float("inf")
    assert [one.measure for one in known_ratios(folder, study, ["looks_brightness"])] == ["looks_brightness"]


def test_designs_of_a_run_and_of_a_stated_lambda(study: Path) -> None:
    done = command("simulate", study, "--out", study.parent / "run", "--gain", "0.8", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    uniform, adaptive = told["designs"]
    assert (told["seeds"], told["golden"], told["no_effect"]) == (64, 4, ["fd_clip_witness"])
    assert told["no_noise"] == ["whole"]
    assert uniform["rounds"] == [{"seeds": 64, "prompts": 45}]  # 25 * 0.64 / 0.36
    assert adaptive["pictures"] < uniform["pictures"] and adaptive["found"]["gain"] >= 0.8

    done = command("simulate", "--lambda", "15", "--seeds", "64", "--golden", "4", "--pictures", "2000")
    assert done.returncode == 0, done.stderr
    assert all(said in done.stdout for said in ("adaptive", "same gain", "4 of 64 seeds"))


def test_what_is_endless_is_null_in_json(study: Path) -> None:
    nothing = ROWS[0] | {"seed_share_lo": 0.0, "seed_share_hi": 0.0, "rest_share": 0.5}
    pq.write_table(pa.Table.from_pylist([nothing], schema=MEASURES), study.parent / "run/measures.parquet")
    done = command("simulate", study, "--out", study.parent / "run", "--gain", "0.8", "--json")
    told = json.loads(done.stdout, parse_constant=pytest.fail)
    assert {each["lambda_lo"] for each in told["designs"]} == {None} == {each["lambda_hi"] for each in told["designs"]}


def test_a_stated_lambda_asks_nothing_of_a_sweeps_budget(tmp_path: Path) -> None:
    for budget in ({"hours": 1}, {"budget": 100}):
        path = sweep(tmp_path, seeds={"among": "0-63", "golden": 4, **budget})
        done = command("simulate", path, "--out", tmp_path / "run", "--lambda", "15", "--pictures", "2000", "--json")
        assert done.returncode == 0 and json.loads(done.stdout)["seeds"] == 64, done.stderr
    done = command("simulate", path, "--out", tmp_path / "run")
    assert done.returncode == 2 and "no measures.parquet yet" in done.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Name a study whose run is finished, or state --lambda."),
        (["--lambda", "0"], "--lambda 0: is a ratio of variances, above 0."),
        (["--lambda", "5", "--gain", "1"], "--gain 1: is a share"),
        (["--lambda", "5", "--gain", "0.5", "--recall", "0.5"], "exclude each other"),
        (["--lambda", "5", "--pictures", "10"], "too small for a race"),
        (["--lambda", "5", "--seeds", "8", "--golden", "8"], "nothing is to be chosen"),
        (["--lambda", "5", "--measure", "clip_score"], "name the study"),
        (["STUDY", "--measure", "silent"], "--measure silent: is not among the measurements"),
        (["STUDY", "--out", "nowhere"], "no measures.parquet yet"),
    ],
)
def test_what_cannot_be_answered_is_a_sentence(study: Path, arguments: list[str], sentence: str) -> None:
    out = [] if "--out" in arguments else ["--out", str(study.parent / "run")]
    where = {"STUDY": str(study), "nowhere": str(study.parent / "nowhere")}
    done = command("simulate", *(where.get(each, each) for each in arguments), *(out if "STUDY" in arguments else []))
    assert done.returncode == 2
    assert sentence in done.stderr.replace("\n", " ")
