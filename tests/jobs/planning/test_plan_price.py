"""From a bench to hours, money and a budget's share; and a plan that loads no torch."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import command
from hypothesis import given
from hypothesis import strategies as st
from played_sweep import study as sweep

from seedscope.analysis.run.bench_file import FILE, Bench, conditions
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.run import DrawnRun
from seedscope.jobs.planning.pricing import Spread, bill, fit
from seedscope.pipeline.study.schema import fingerprint

Write = Callable[..., Path]
RATE = Spread(median=10.0, least=8.0, most=12.5)


def benched(study: Path, out: Path, into: Path | None = None, **changes: object) -> Bench:
    """A bench of a study, with a made-up rate of 10 pictures a second, in its run folder or another."""
    job = run_of(study, out)
    assert isinstance(job, DrawnRun)
    found = Bench.model_validate(
        {
            "study": job.study.name,
            "fingerprint": fingerprint(conditions(job)),
            "conditions": conditions(job),
            "machine": {"host": "there", "gpu": "NVIDIA H100"},
            "device": "cuda",
            "threads": 8,
            "measured": "2026-11-20T10:00:00+00:00",
            "rounds": 5,
            "pictures": 96,
            "rate": {"images": RATE, "features": RATE, "worker": RATE},
            "seconds": {"fd_efficientnet_lite0": 0.01},
            "bytes": {"images": 9_000.0, "features": 1_000.0},
            "memory": {"rss": 2**30, "gpu": 2**31},
            "loading": 0.0,
        }
        | changes
    )
    folder = into or out
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(found.model_dump_json(), encoding="utf-8")
    return found


def planned(study: Path, out: Path, *more: str) -> dict[str, object]:
    done = command("plan", study, "--out", out, "--json", *more)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_a_bill_by_hand() -> None:
    found = bill([(36_000, 100)], rate=RATE, loading=36.0, devices=4, price=2.5)
    assert found.hours.median == pytest.approx(0.25 + 0.01)
    assert (found.hours.least, found.hours.most) == pytest.approx((0.2 + 0.01, 0.3125 + 0.01))
    assert found.device_hours.median == pytest.approx(4 * 0.26)
    assert found.money is not None and found.money.most == pytest.approx(2.5 * 4 * 0.3225)


def test_devices_that_have_no_unit_are_charged_and_do_not_help() -> None:
    four, eight = (bill([(1_000, 4)], RATE, 0.0, devices) for devices in (4, 8))
    assert eight.hours == four.hours and eight.device_hours.median == 2 * four.device_hours.median
    # Five units on four: the last turn is one unit long.
    assert bill([(1_000, 5)], RATE, 0.0, 4).hours.median == pytest.approx(2 * 200 / 10 / 3600)


def test_rounds_wait_for_each_other_and_load_models_anew() -> None:
    found = bill([(1_000, 4), (1_000, 4)], RATE, 36.0, 8)
    assert found.hours.median == pytest.approx(2 * (36 + 250 / 10) / 3600)


def test_a_sweep_is_priced_round_by_round(tmp_path: Path) -> None:
    path = sweep(tmp_path, unit={"prompts": 5, "seeds": 8})  # rounds of 4, 4, 4 and, of 16 seeds, 4 units
    benched(path, tmp_path / "run", loading=36.0)
    (bill,) = planned(path, tmp_path / "run", "--gpus", "64")["rated"]["bills"]  # type: ignore[index]
    assert bill["hours"]["median"] == pytest.approx(4 * (36 + 40 / 10) / 3600)
    told = command("plan", path, "--out", tmp_path / "run", "--gpus", "1,64")
    assert "No round has more than 4 units of work, so that more GPUs than that do not help" in told.stdout


@given(st.integers(1, 10**8), st.integers(1, 30_000), st.integers(1, 5_000), st.none() | st.integers(1, 10**6))
def test_a_proposal_is_paid_for_and_within_the_study(
    pictures: int, prompts: int, seeds: int, enough: int | None
) -> None:
    found = fit(pictures, prompts, seeds, enough)
    assert 1 <= found.prompts <= prompts and 1 <= found.seeds <= seeds
    assert found.prompts * found.seeds <= pictures
    assert found.whole == (pictures >= prompts * seeds) == (found.prompts * found.seeds == prompts * seeds)
    assert found.seeds_at_all_prompts * prompts <= pictures < (found.seeds_at_all_prompts + 1) * prompts


def test_known_prompts_leave_the_rest_to_seeds() -> None:
    half = 880 * 1024 // 2
    in_proportion, told = fit(half, 880, 1024), fit(half, 880, 1024, enough=500)
    assert in_proportion.prompts / in_proportion.seeds == pytest.approx(880 / 1024, rel=0.01)
    assert (told.prompts, told.seeds) == (500, half // 500)
    # All seeds are in at 100 prompts: what is left buys more prompts.
    assert (fit(half, 880, 1024, enough=100).prompts, fit(half, 880, 1024, enough=100).seeds) == (440, 1024)
    assert (fit(half, 880, 1024, enough=9_999).prompts, fit(half, 880, 1024, enough=9_999).seeds) == (880, 512)


def test_without_a_bench_a_plan_says_how_to_get_one(write_study: Write, tmp_path: Path) -> None:
    study, out = write_study(), tmp_path / "out"
    done = command("plan", study, "--out", out)
    assert done.returncode == 0 and f"seedscope bench {study}" in done.stdout and not out.exists()
    assert planned(study, out)["rated"] is None
    refused = command("plan", study, "--out", out, "--budget", "5")
    assert refused.returncode == 2 and "--hours: no rate is known" in refused.stderr


def test_a_plan_prices_by_the_last_bench_of_the_same_work(write_study: Write, tmp_path: Path) -> None:
    study, out = write_study(), tmp_path / "runs" / "small"
    benched(study, out, measured="2026-11-20T10:00:00+00:00")
    benched(study, out, into=tmp_path / "runs" / "beside", measured="2026-11-21T10:00:00+00:00", loading=3600.0)
    other = write_study("other.yaml", sampling={"steps": 3, "guidance": {"scale": 2.0}})
    benched(other, tmp_path / "runs" / "other", measured="2026-11-22T10:00:00+00:00")
    found = json.loads(command("plan", study, "--out", out, "--gpus", "2", "--price", "3", "--json").stdout)
    assert found["rated"]["file"] == str(tmp_path / "runs" / "beside" / FILE)
    assert found["rated"]["bytes"] == 12 * 10_000
    (two,) = found["rated"]["bills"]
    assert two["hours"]["median"] == pytest.approx(1 + 12 / 2 / 10 / 3600)
    assert two["money"]["median"] == pytest.approx(3 * 2 * two["hours"]["median"])


def test_more_prompts_keep_the_rate_and_another_dtype_does_not(write_study: Write, tmp_path: Path) -> None:
    out = tmp_path / "runs" / "small"
    benched(write_study(), out)
    assert planned(write_study(prompts=["a red apple", "a dog"], seeds="0-99", unit={"prompts": 1}), out)["rated"]
    assert planned(write_study(compute={"batch_size": 3, "device": "cpu", "dtype": "bfloat16"}), out)["rated"] is None
    assert planned(write_study(features=["fd_efficientnet_lite0", "looks"]), out)["rated"] is None


def test_a_budget_in_sentences(write_study: Write, tmp_path: Path) -> None:
    study, out = write_study(), tmp_path / "out"
    benched(study, out)
    # Six of the study's twelve pictures.
    done = command("plan", study, "--out", out, "--hours", f"{6 / 10 / 3600:.9f}")
    assert "pay for 6 images, 50% of the study's 12." in done.stdout
    assert "At all 3 prompts: 2 seeds." in done.stdout and "At all 4 seeds: 1 prompts." in done.stdout
    assert "NVIDIA H100: 10.00 images a second (8.00 to 12.50 over 5 rounds)" in done.stdout
    ample = command("plan", study, "--out", out, "--hours", "10")
    assert "10 hours pay for 360,000 images, 30,000 times the study's 12." in ample.stdout
    nothing = command("plan", study, "--out", out, "--hours", "0")
    assert nothing.returncode == 2 and "does not pay for one picture" in nothing.stderr


@pytest.mark.parametrize(
    ("needed", "prompts", "said"),
    [(2, 2, "takes 2 prompts"), (50, 3, "more than the study names"), (None, 3, "do not differ")],
)
def test_a_budget_uses_what_the_run_knows(
    write_study: Write, tmp_path: Path, needed: int | None, prompts: int, said: str
) -> None:
    study, out = write_study(), tmp_path / "out"
    benched(study, out)
    row = {"measure": "fd_efficientnet_lite0_witness", "reliability": 0.5, "prompts_for_08": needed}
    schema = pa.schema([("measure", pa.string()), ("reliability", pa.float64()), ("prompts_for_08", pa.int64())])
    pq.write_table(pa.Table.from_pylist([row], schema=schema), out / "measures.parquet")
    found = planned(study, out, "--hours", f"{6 / 10 / 3600:.9f}")["budget"]
    assert isinstance(found, dict) and found["fit"]["prompts"] == prompts and said in found["why"]


@pytest.mark.parametrize("gpus", ["", "0", "1,,2", "1,-2", "many"])
def test_numbers_of_gpus_that_are_none(write_study: Write, tmp_path: Path, gpus: str) -> None:
    done = command("plan", write_study(), "--out", tmp_path / "out", "--gpus", gpus)
    assert done.returncode == 2 and "is not a list of whole numbers above 0" in done.stderr


def test_a_plan_loads_no_torch(write_study: Write, tmp_path: Path) -> None:
    study, out = write_study(), tmp_path / "out"
    benched(study, out)
    script = (
        "import sys; from seedscope.jobs.cli import app; app(sys.argv[1:], standalone_mode=False); "
        "print({'torch', 'diffusers', 'transformers', 'ray'} & set(sys.modules))"
    )
    arguments = [sys.executable, "-c", script, "plan", str(study), "--out", str(out)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
