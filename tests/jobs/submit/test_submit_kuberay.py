"""The RayJob manifest: valid by the fields of KubeRay's CRD, brings the study along, and is handed over once."""

import base64
import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from rayjob_schema import RAY_JOB
from typer.testing import CliRunner, Result

from seedscope.jobs.cli import app
from seedscope.pipeline.errors import UserError

Write = Callable[..., Path]
OUT = "s3://bucket/runs/small"
STAND_IN = """#!{python}
# Keeps one object of each kind in a file, as a cluster would; `delete` and `apply` are noted.
import json, sys
from pathlib import Path
import yaml
kept, notes = Path({folder!r}) / "rayjob.json", Path({folder!r}) / "notes"
verb = sys.argv[1]
if verb == "get":
    print(kept.read_text() if kept.exists() else "", end="")
    sys.exit()
with notes.open("a") as file:
    file.write(verb + "\\n")
if verb == "delete":
    kept.unlink()
else:
    objects = {{item["kind"]: item for item in yaml.safe_load_all(sys.stdin)}}
    kept.write_text(json.dumps(objects["RayJob"]))
"""


def submit(study: Path, *options: str, out: str = OUT) -> Result:
    return CliRunner().invoke(
        app, ["submit", str(study), "--to", "kuberay", "--out", out, "--image", "seedscope:1", *options]
    )


def manifest(study: Path, *options: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(ConfigMap, RayJob) as they are printed."""
    done = submit(study, *options)
    assert done.exit_code == 0, done.exception
    config_map, job = yaml.safe_load_all(done.stdout)
    return config_map, job


def error(done: Result) -> str:
    assert isinstance(done.exception, UserError), done.exception
    return str(done.exception)


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--gpus", "0", "--nodes", "2"],
        ["--gpus", "8", "--nodes", "0-16", "--secret", "store-keys", "--", "--threads", "2"],
    ],
)
def test_it_has_only_fields_of_the_crd(write_study: Write, options: list[str]) -> None:
    _, job = manifest(write_study(), *options)
    jsonschema.validate(job, RAY_JOB)


def test_the_schema_refuses_what_the_crd_does_not_know(write_study: Write) -> None:
    _, job = manifest(write_study())
    job["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["replica"] = 1
    with pytest.raises(jsonschema.ValidationError, match="'replica' was unexpected"):
        jsonschema.validate(job, RAY_JOB)


def test_a_person_can_read_it(write_study: Write) -> None:
    study = write_study()
    printed = submit(study).stdout.splitlines()
    at = printed.index("  file-0: |")
    lines = study.read_text(encoding="utf-8").splitlines()
    assert printed[at + 1 : at + 1 + len(lines)] == [f"    {line}" for line in lines]
    assert not any("&id" in line or "*id" in line for line in printed)


def test_the_study_is_mounted_where_the_command_expects_it(write_study: Write, tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "prompts.txt").write_text("a lighthouse, at dusk: “sea”\n", encoding="utf-8")
    (tmp_path / "real.parquet").write_bytes(b"PAR1\xff\x00PAR1")
    study = write_study("studies/study.yaml", prompts=[{"file": "../prompts.txt"}], reference="../real.parquet")
    config_map, job = manifest(study, "--include", str(tmp_path))
    cluster = job["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        (volume,) = pod["volumes"]
        (mount,) = pod["containers"][0]["volumeMounts"]
        assert volume["configMap"]["name"] == config_map["metadata"]["name"] and volume["name"] == mount["name"]
        brought = {
            item["path"]: config_map["data"][item["key"]].encode()
            if item["key"] in config_map["data"]
            else base64.b64decode(config_map["binaryData"][item["key"]])
            for item in volume["configMap"]["items"]
        }
        assert brought == {
            str(file.relative_to(tmp_path)): file.read_bytes()
            for file in (study, tmp_path / "prompts.txt", tmp_path / "real.parquet")
        }
        assert shlex.split(job["spec"]["entrypoint"]) == [
            *("seedscope", "run", f"{mount['mountPath']}/studies/study.yaml", "--address", "auto", "--out", OUT)
        ]


def test_gpus_replicas_and_credentials(write_study: Write) -> None:
    _, job = manifest(write_study(), "--gpus", "4", "--nodes", "1-8", "--secret", "store-keys")
    cluster = job["spec"]["rayClusterSpec"]
    (workers,) = cluster["workerGroupSpecs"]
    assert (workers["replicas"], workers["minReplicas"], workers["maxReplicas"]) == (1, 1, 8)
    assert cluster["enableInTreeAutoscaling"] and job["spec"]["entrypoint"].endswith("--workers 32")
    worker, head = (group["template"]["spec"]["containers"][0] for group in (workers, cluster["headGroupSpec"]))
    assert worker["resources"]["limits"]["nvidia.com/gpu"] == "4"
    assert "nvidia.com/gpu" not in head["resources"]["limits"]
    assert worker["envFrom"] == head["envFrom"] == [{"secretRef": {"name": "store-keys"}}]
    assert job["spec"]["shutdownAfterJobFinishes"] and job["spec"]["backoffLimit"] == 3


def test_it_is_handed_over_once_and_again_after_a_failure(
    write_study: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "kubectl"
    program.write_text(STAND_IN.format(python=sys.executable, folder=str(folder)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    study = write_study()

    def apply(*options: str) -> tuple[str, list[str]]:
        (folder / "notes").write_text("")
        done = submit(study, "--apply", *options)
        assert done.exit_code == 0, done.exception
        return done.stderr, (folder / "notes").read_text().split()

    def becomes(deployment: str, job: str) -> None:
        kept = json.loads((folder / "rayjob.json").read_text())
        kept["status"] = {"jobDeploymentStatus": deployment, "jobStatus": job}
        (folder / "rayjob.json").write_text(json.dumps(kept))

    said, did = apply()
    assert "is started. Its log: kubectl logs --follow job/seedscope-small-" in said and did == ["apply"]
    becomes("Running", "RUNNING")
    said, did = apply()
    assert "runs already" in said and not did
    becomes("Failed", "FAILED")
    assert apply()[1] == ["delete", "apply"]
    becomes("Complete", "SUCCEEDED")
    said, did = apply()
    assert "has finished already" in said and not did
    assert apply("--again")[1] == ["delete", "apply"]
    becomes("Complete", "SUCCEEDED")
    write_study(seeds="0-5")
    assert apply()[1] == ["delete", "apply"], "another version of the study"


def test_what_is_missing_is_told(write_study: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    study = write_study()
    assert "Give a URL such as s3://bucket/runs/NAME" in error(submit(study, out="/shared/run"))
    done = CliRunner().invoke(app, ["submit", str(study), "--to", "kuberay", "--out", OUT])
    assert "--image is missing" in error(done)
    assert "--nodes 4-2: give a number such as 4" in error(submit(study, "--nodes", "4-2"))
    (tmp_path / "many.txt").write_text("".join(f"a prompt of some length, number {i}\n" for i in range(30_000)))
    assert "a ConfigMap carries 0.7" in error(submit(write_study("big.yaml", prompts=[{"file": "many.txt"}])))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "There is no kubectl here" in error(submit(study, "--apply"))


def test_a_refusal_of_kubectl_is_told(write_study: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "error: no configuration has been provided" >&2\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    assert "kubectl get fails: error: no configuration has been provided" in error(submit(write_study(), "--apply"))
