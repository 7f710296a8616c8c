"""Stand-ins for Slurm's `sbatch`, `srun` and `scontrol` that run a batch script on this machine, an array's jobs at once.

`install(folder)` puts all three into a folder for the PATH. What `sbatch` was told and how each job ended is kept in
`slurm.jsonl` beside them, a line a job: id, name, task, after, code.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import warm

RECORD = "slurm.jsonl"
FIRST_JOB = 4711


def install(folder: Path) -> None:
    """Write the three programs."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("sbatch", "srun", "scontrol"):
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).absolute()} {name} {folder} "$@"\n')
        program.chmod(0o755)


def records(folder: Path) -> list[dict[str, object]]:
    """What was submitted, oldest first."""
    return [json.loads(line) for line in (folder / RECORD).read_text().splitlines()]


def sbatch(folder: Path, arguments: list[str]) -> int:
    """Run a script, with `--parsable`, perhaps `--dependency=afterany:JOB`; print the job's id and the cluster's name."""
    options = dict(option.removeprefix("--").partition("=")[::2] for option in arguments[:-1])
    script = Path(arguments[-1])
    lines = re.findall(r"^#SBATCH --([a-z-]+)(?:=(.*))?$", script.read_text(), re.MULTILINE)
    directives = {key: value.strip("'") for key, value in lines}
    known = records(folder) if (folder / RECORD).exists() else []
    job = FIRST_JOB + len({record["job"] for record in known})
    after = options.get("dependency", "").removeprefix("afterany:")
    assert "parsable" in options and (not after or int(after) in {record["job"] for record in known})
    first, last = map(int, directives.get("array", "0-0").split("-"))
    tasks = [str(task) for task in range(first, last + 1)] if "array" in directives else [None]
    processes = [_begin(script, directives, str(job), task) for task in tasks]
    codes = [process.wait() for process in processes]
    with (folder / RECORD).open("a") as file:
        for task, code in zip(tasks, codes, strict=True):
            row = {"job": job, "name": directives["job-name"], "task": task, "after": after, "code": code}
            file.write(json.dumps(row) + "\n")
    print(f"{job};here")
    return 0


def _begin(script: Path, directives: dict[str, str], job: str, task: str | None) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ,
        "SLURM_JOB_ID": job,
        "SLURM_JOB_NODELIST": "here[1]",
        "SLURM_JOB_NUM_NODES": directives.get("nodes", "1"),
        "SLURM_CPUS_ON_NODE": "2",
        **({} if task is None else {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_JOB_ID": job}),
    }
    log = directives["output"]
    for pattern, value in (("%x", directives["job-name"]), ("%j", job), ("%A", job), ("%a", task or "")):
        log = log.replace(pattern, value)
    with Path(log).open("ab") as output:
        return subprocess.Popen(["bash", str(script)], env=environment, stdout=output, stderr=subprocess.STDOUT)


def srun(arguments: list[str]) -> int:
    """Run a program once, as on the one node that there is; seedscope in a process that is warm, where the test has one."""
    while arguments[0].startswith("--"):
        arguments = arguments[1:]
    if arguments[0] == "seedscope" and shutil.which("seedscope") and warm.PLACE in os.environ:
        return warm.seedscope(arguments[1:])
    return subprocess.run(arguments, check=False).returncode


def main(name: str, folder: str, arguments: list[str]) -> int:
    if name == "sbatch":
        return sbatch(Path(folder), arguments)
    if name == "srun":
        return srun(arguments)
    assert arguments == ["show", "hostnames", os.environ["SLURM_JOB_NODELIST"]]
    print("127.0.0.1")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
