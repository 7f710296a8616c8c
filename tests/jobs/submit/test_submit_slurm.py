"""The batch scripts: clean by shellcheck, and run through by stand-ins for Slurm's programs to the result of a plain run."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import slurm_stand_in
import warm
import yaml
from commands import command
from ray_priority import RAY_PRIORITY
from typer.testing import CliRunner

from seedscope.jobs.cli import app
from seedscope.pipeline.errors import UserError

BIN = Path(sys.executable).parent
# `ray symmetric-run` takes fixed ports, and ends by stopping every Ray process that it sees: it is run apart from others.
_UNSHARE = ["unshare", "--map-root-user", "--pid", "--net", "--fork", "--mount-proc", "--kill-child"]
APART = [*_UNSHARE, "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


def can_be_apart() -> bool:
    return shutil.which("unshare") is not None and subprocess.run([*APART, "true"], capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two prompts with four seeds, each a unit, in a folder whose name has a blank."""
    folder = tmp_path_factory.mktemp("my study")
    content = {
        "name": "tiny",
        "model": "sprout-turbo",
        "sampling": {"scheduler": "model", "steps": 1, "guidance": {"scale": 0}},
        "compute": {"batch_size": 4, "device": "cpu"},
        "prompts": ["a red apple", "a cat"],
        "seeds": "0-3",
        "unit": {"prompts": 1, "seeds": 1},
        "features": [{"clip_score": {"model": "sprout-clip"}}],
        "ranking": {"by": "clip_score", "rule": "top", "golden": 2, "shuffles": 0, "bootstrap": 20},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(content))
    return folder / "study.yaml"


@pytest.fixture(scope="module")
def plain(study: Path) -> Path:
    """The run folder of a plain run."""
    out = study.parent / "plain"
    done = command("run", study, "--out", out, "--executor", "inline", "--threads", "1")
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def slurm(tmp_path: Path) -> Path:
    """A folder with the stand-ins for Slurm's programs."""
    slurm_stand_in.install(tmp_path / "slurm-bin")
    return tmp_path / "slurm-bin"


@pytest.fixture
def short_folder() -> Iterator[str]:
    """For sockets: paths of sockets are short, and pytest's folders are not."""
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def environment(*folders: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "SLURM_"))}
    path = os.pathsep.join([*map(str, folders), os.environ["PATH"]])
    return {**kept, **RAY_PRIORITY, "OMP_NUM_THREADS": "1", "COLUMNS": "300", "PATH": path, **more}


def seedscope(
    *arguments: str | Path, env: dict[str, str] | None = None, before: list[str] | None = None
) -> "subprocess.CompletedProcess[str]":
    line = [*(before or []), sys.executable, "-m", "seedscope", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=500, env=env or environment())


def shards(run: Path) -> dict[str, bytes]:
    return {str(file.relative_to(run)): file.read_bytes() for file in run.glob("*-*/*.parquet")}


def logs(scripts: Path) -> str:
    return "\n".join(f"--- {file.name}\n{file.read_text()}" for file in sorted(scripts.glob("*.log")))


@pytest.mark.parametrize("slices", [[], ["--slices", "16"]])
@pytest.mark.parametrize("gpus", ["0", "8"])
def test_shellcheck_finds_nothing(study: Path, tmp_path: Path, slices: list[str], gpus: str) -> None:
    done = command(
        *("submit", study, "--to", "slurm", "--out", "/shared/my runs/tiny", "--scripts", tmp_path / "s"),
        *("--gpus", gpus, "--sbatch", "time=08:00:00", "--sbatch", "partition=gpu", *slices),
        *("--", "--resource", "a b=1"),
    )
    assert done.returncode == 0, done.stderr
    scripts = sorted((tmp_path / "s").glob("*.sbatch"))
    assert len(scripts) == (2 if slices else 1)
    for script in scripts:
        text = script.read_text()
        assert "#SBATCH --time=08:00:00\n#SBATCH --partition=gpu\n" in text
        assert ("#SBATCH --gpus" in text) == (gpus == "8")
        assert "\n\n\n" not in text and "{" not in text.replace("${", "")
    checked = subprocess.run([str(BIN / "shellcheck"), *map(str, scripts)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_an_array_of_slices_and_the_job_after_it_end_as_a_plain_run(
    study: Path, plain: Path, slurm: Path, tmp_path: Path, short_folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, scripts = tmp_path / "run", tmp_path / "scripts"
    submit = ("submit", study, "--to", "slurm", "--out", out, "--scripts", scripts, "--slices", "2", "--gpus", "0")
    options = ("--apply", "--", "--executor", "inline", "--threads", "1")
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", environment(slurm)["PATH"])
    with warm.served(Path(short_folder)) as place:
        monkeypatch.setenv(warm.PLACE, place)
        done = command(*submit, *options)
    assert done.returncode == 0, done.stderr
    first, second, last = slurm_stand_in.records(slurm)
    assert [first["task"], second["task"], last["task"]] == ["1", "2", None]
    assert {first["code"], second["code"], last["code"]} == {0}, logs(scripts)
    assert last["after"] == str(first["job"])
    assert "images: 4 units, 4 made now" in logs(scripts) and "images: 8 units, 0 made now" in logs(scripts)
    assert shards(out) == shards(plain)
    assert pq.read_table(out / "seeds.parquet").equals(pq.read_table(plain / "seeds.parquet"))


@pytest.mark.skipif(
    not can_be_apart(), reason="needs namespaces: `ray symmetric-run` stops all Ray processes that it sees"
)
def test_a_ray_cluster_of_the_job_ends_as_a_plain_run(
    study: Path, plain: Path, slurm: Path, tmp_path: Path, short_folder: str
) -> None:
    out, scripts = tmp_path / "run", tmp_path / "scripts"
    submit = ("submit", study, "--to", "slurm", "--out", out, "--scripts", scripts, "--gpus", "0", "--apply")
    done = seedscope(
        *(*submit, "--", "--workers", "1", "--threads", "1"),
        env=environment(slurm, RAY_TMPDIR=short_folder),
        before=APART,
    )
    assert done.returncode == 0, done.stderr
    (job,) = slurm_stand_in.records(slurm)
    assert job["code"] == 0, logs(scripts)
    assert "Golden seeds" in logs(scripts)
    assert shards(out) == shards(plain)


def test_without_sbatch_it_says_how(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("submit", study, "--to", "slurm", "--out", "/shared/run", "--scripts", tmp_path / "scripts")
    done = command(*arguments, "--slices", "4")
    assert done.returncode == 0
    assert f"array=$(sbatch --parsable {tmp_path}/scripts/run-array.sbatch)" in done.stderr
    assert f'sbatch --dependency=afterany:"${{array%%;*}}" {tmp_path}/scripts/run-rank.sbatch' in done.stderr
    monkeypatch.setenv("PATH", str(tmp_path))
    done = command(*arguments, "--apply")
    assert done.returncode == 2 and "There is no sbatch here. On a login node of the cluster: sbatch" in done.stderr


def test_what_sbatch_would_not_understand_is_refused(study: Path, tmp_path: Path) -> None:
    arguments = ("submit", study, "--to", "slurm", "--out", "/shared/run", "--scripts", tmp_path / "scripts")
    for code in "\n\r\t\x1b":
        done = command(*arguments, "--sbatch", f"time=1{code}rm -rf /")
        assert done.returncode == 2 and "give KEY=VALUE as sbatch knows it" in done.stderr
    done = command(*arguments, "--nodes", "2-4")
    assert done.returncode == 2 and "Slurm gives a fixed number of nodes" in done.stderr


@pytest.mark.parametrize("code", ["\n", "\r", "\x1b"])
def test_scripts_in_a_folder_whose_name_slurm_would_cut_are_refused(
    study: Path, tmp_path: Path, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next line of the name would be a command of the script."""
    folder = tmp_path / f"a{code}touch here"
    asked = ["submit", str(study), "--to", "slurm", "--out", "/shared/run"]
    done = CliRunner().invoke(app, [*asked, "--scripts", str(folder)])
    assert isinstance(done.exception, UserError) and "another folder for the scripts with --scripts" in str(
        done.exception
    )
    assert not folder.exists()
    folder.mkdir()
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(app, asked)
    assert isinstance(done.exception, UserError) and not list(folder.iterdir())
