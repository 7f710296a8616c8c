"""A run folder that 0.1.0 left goes on: all of it is found, nothing is made again, and more seeds add units only."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from commands import command
from repository import SHARED

from seedscope.analysis.seeds.seed_row import measures_in, seed_rows

OLD = SHARED / "cases" / "run-0.1.0"
HERE = ("--executor", "inline", "--threads", "1")
pytestmark = pytest.mark.skipif(not OLD.is_dir(), reason="the run folder of 0.1.0 is not there")


@pytest.fixture
def old(tmp_path: Path) -> tuple[Path, Path]:
    """A copy of study file and run folder, which may be written."""
    shutil.copytree(OLD, tmp_path / "old", copy_function=shutil.copyfile)
    for path in (tmp_path / "old", *(tmp_path / "old").rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)
    return tmp_path / "old" / "study.yaml", tmp_path / "old" / "before"


def shards(run: Path) -> dict[str, str]:
    """Shards and receipts, in whichever of their two places, with their checksums, by table and name."""
    files = {f"{file.parent.name}/{file.name}": file for file in run.glob("*-*/*.parquet")}
    files |= {f"{file.parents[1].name}/{file.name}": file for file in run.glob("*-*/receipts/*.json")}
    files |= {f"{file.parent.name}/{file.name}": file for file in run.glob("receipts/*/*.json")}
    return {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}


def test_all_is_found_and_nothing_is_made_again(old: tuple[Path, Path]) -> None:
    study, run = old
    before, seeds = shards(run), pq.read_table(run / "seeds.parquet")
    tables = json.loads(command("status", study, "--out", run, "--json").stdout)["tables"]
    assert len(tables) == 6 and all(table["units_done"] == table["units"] > 0 for table in tables)
    done = command("run", study, "--out", run, *HERE)
    assert done.returncode == 0 and done.stdout.count(" 0 made now") == 3, done.stderr
    assert shards(run) == before
    for table in run.glob("*-*/"):
        assert len(pd.read_parquet(table)) == len(pl.read_parquet(table)) > 0, "others open it"
    assert len(pd.read_parquet(run / "scores.parquet")) == 96
    assert "A row a picture: what looks measures of it." in command("tables", run).stdout
    agree(pq.read_table(run / "seeds.parquet"), seeds)


def test_more_seeds_add_units_only(old: tuple[Path, Path]) -> None:
    study, run = old
    before = shards(run)
    study.write_text(yaml.safe_dump(yaml.safe_load(study.read_text()) | {"seeds": "0-15"}))
    done = command("run", study, "--out", run, *HERE)
    assert done.returncode == 0, done.stderr
    after = shards(run)
    assert (
        before.items() <= after.items() and len({name.rsplit("/", 1)[-1] for name in after.keys() - before.keys()}) == 2
    )
    assert pq.read_table(run / "seeds.parquet").num_rows == 16


def agree(found: pa.Table, wanted: pa.Table) -> None:
    """Seeds, ranks and what was measured are as they were, up to the last digits of another processor's sums.

    Effects, which are over the median seed now, are so up to what all seeds share. The witness has another definition; tests
    and intervals of scores are others.
    """
    for name in ("seed", "rank", "n"):
        assert found[name].equals(wanted[name]), name
    for measure in measures_in(wanted):
        if not measure.endswith("_witness"):
            pairs = zip(seed_rows(found, measure), seed_rows(wanted, measure), strict=True)
            values = np.array([(new.value, old.value, new.effect, old.effect) for new, old in pairs], np.float64)
            np.testing.assert_allclose(values[:, 0], values[:, 1], rtol=1e-6, atol=1e-9, err_msg=measure)
            np.testing.assert_allclose(np.ptp(values[:, 2] - values[:, 3]), 0.0, atol=1e-6, err_msg=measure)
