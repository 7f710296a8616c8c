"""The worker image, as far as no container engine is needed: what .dockerignore lets in installs, and finds its data."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def steps() -> list[str]:
    """The instructions of the Dockerfile, each on one line."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def context(folder: Path) -> None:
    """Copy what .dockerignore lets through: a list of what is let in, after `*`."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*" and lines[-1] == "**/__pycache__"
    for name in (line.removeprefix("!") for line in lines[1:-1]):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)


def test_the_project_installs_from_the_context_with_all_its_data(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", reason="builds the package without a network")
    (tmp_path / "context").mkdir()
    context(tmp_path / "context")
    assert not {"tests", "configs", "benchmarks"} & {item.name for item in (tmp_path / "context").iterdir()}
    (step,) = [line for line in steps() if ".[cluster]" in line]
    assert step == 'RUN pip install --no-cache-dir ".[cluster]"'
    # The dependencies are here already: --target installs the package itself, and nothing else.
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [*install, "--target", str(tmp_path / "site"), "."], cwd=tmp_path / "context", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(
        [sys.executable, "-m", "seedscope", "models", "--json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    models = {row["name"]: row for row in json.loads(done.stdout)}
    assert models["sprout"]["folder"].startswith(str(tmp_path / "site")) and models["sprout"]["bytes"] > 1_000_000
    for data in ("jobs/submit/templates/run-ray.sbatch", "pipeline/sprout/reference/reference.parquet"):
        assert (tmp_path / "site" / "seedscope" / data).is_file(), data


def test_the_image_runs_as_a_user_without_rights_and_takes_the_index_of_torch() -> None:
    lines = steps()
    assert [line for line in lines if line.startswith("USER ")] == ["USER seedscope"]
    assert lines.index("USER seedscope") > max(place for place, line in enumerate(lines) if line.startswith("RUN "))
    assert any(line.startswith("ARG TORCH_INDEX=") for line in lines)
    assert 'RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" torch torchvision' in lines
