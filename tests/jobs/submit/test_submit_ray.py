"""Submitting to a real Ray head on this machine that asks for a token: followed, stopped, submitted again, finished."""

import importlib.util
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pyarrow.parquet as pq
import pytest
import yaml
from ray_priority import RAY_PRIORITY
from waiting import GENEROUS

from seedscope.jobs.cli import main
from seedscope.jobs.submit.ray_jobs import RayJobs
from seedscope.pipeline.errors import UserError

# The dashboard, and with it the Jobs API, needs what `ray[default]` adds to `ray`.
needs_dashboard = pytest.mark.skipif(
    importlib.util.find_spec("aiohttp_cors") is None, reason="needs the Jobs API: pip install 'ray[default]'"
)
TOKEN = "a-token-of-these-tests-0123456789"


@dataclass(frozen=True)
class Head:
    """The dashboard of a Ray head that asks for a token, and how commands are run against it."""

    port: int
    home: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, token: str | None = TOKEN) -> dict[str, str]:
        """Variables of a process that talks to the head; none of them is Ray's but the token."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        given = {} if token is None else {"RAY_AUTH_TOKEN": token}
        return {**kept, "HOME": str(self.home), "OMP_NUM_THREADS": "1", "COLUMNS": "300", **given}

    def arguments(self, name: str, *further: str | Path) -> list[str]:
        return ["seedscope", name, "--address", self.address, *map(str, further)]

    def command(self, name: str, *further: str | Path, token: str | None = TOKEN) -> tuple[int, str, str]:
        """(exit code, output, messages) of a command, in this process."""
        out, messages, code = io.StringIO(), io.StringIO(), 0
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(messages):
            for variable in [variable for variable in os.environ if variable.startswith("RAY_")]:
                patch.delenv(variable)
            patch.setenv("RAY_API_SERVER_ADDRESS", "http://127.0.0.1:1")  # --address is to win
            for variable, value in self.environment(token).items():
                patch.setenv(variable, value)
            patch.setattr(sys, "argv", self.arguments(name, *further))
            try:
                main()
            except SystemExit as end:
                code = int(end.code or 0)
            assert os.environ["RAY_API_SERVER_ADDRESS"] == "http://127.0.0.1:1"
        return code, out.getvalue(), messages.getvalue()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    """A head of its own ports and folder; it and its children are stopped by its process id."""
    found = Head(free_port(), tmp_path_factory.mktemp("home"))
    ports = ("port", "ray-client-server-port", "dashboard-agent-listen-port", "metrics-export-port")
    # Paths of sockets are short, and pytest's folders are not.
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    process = subprocess.Popen(
        [
            str(Path(sys.executable).parent / "ray"),
            *("start", "--head", "--block", "--disable-usage-stats", "--node-ip-address", "127.0.0.1"),
            *("--temp-dir", folder, "--dashboard-host", "127.0.0.1", "--dashboard-port", str(found.port)),
            *("--num-cpus", "2", "--num-gpus", "0", "--object-store-memory", str(100 * 2**20)),
            *(argument for port in ports for argument in (f"--{port}", str(free_port()))),
        ],
        env={
            **found.environment(),
            "RAY_AUTH_MODE": "token",
            **RAY_PRIORITY,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        wait_for_dashboard(found.address, process)
        yield found
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def wait_for_dashboard(address: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + GENEROUS
    while time.monotonic() < until and process.poll() is None:
        try:
            urlopen(f"{address}/api/version", timeout=GENEROUS).close()
        except HTTPError as answer:
            assert answer.code == 401, "a head that asks for no token"
            return
        except (URLError, OSError):
            time.sleep(0.5)
    raise AssertionError("the head did not start")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two prompts, of a file beside the study, with four seeds; twenty seconds of drawing, so that it can be stopped."""
    content = {
        "name": "tiny",
        "model": "sprout",
        "sampling": {"scheduler": "model", "steps": 150, "guidance": {"scale": 0}},
        "compute": {"batch_size": 4, "device": "cpu"},
        "prompts": [{"file": "prompts.txt"}],
        "seeds": "0-3",
        "unit": {"prompts": 1, "seeds": 1},
        "features": [{"clip_score": {"model": "sprout-clip"}}],
        "ranking": {"by": "clip_score", "rule": "top", "golden": 2, "shuffles": 0, "bootstrap": 20},
    }
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "study.yaml").write_text(yaml.safe_dump(content))
    (folder / "prompts.txt").write_text("a red apple\na cat\n")
    return folder / "study.yaml"


@needs_dashboard
def test_followed_stopped_submitted_again_finished(head: Head, study: Path, tmp_path: Path) -> None:
    submit: tuple[str, *tuple[str | Path, ...]] = ("submit", study, "--to", "ray", "--out", tmp_path / "run")
    options = ("--", "--workers", "1", "--threads", "1")
    job = first_job(head, submit, options)

    code, output, _ = head.command("stop", job)
    assert code == 0 and f"{job} is stopped" in output
    before = committed(tmp_path / "run")

    code, output, messages = head.command(*submit, *options)
    assert code == 0, output + messages
    second = job.removesuffix("-1") + "-2"
    assert f"Submitted {second}." in messages and f"{second} has finished" in messages
    assert "images: 8 units" in output and "Golden seeds" in output, "its log was followed to the end"
    after = committed(tmp_path / "run")
    assert len(after) == 16, "8 units of pictures, and as many of measurements"
    assert before.items() <= after.items(), "what was published before the stop is there as it was"
    assert len(pq.read_table(tmp_path / "run" / "seeds.parquet")) == 4

    code, output, messages = head.command(*submit)
    assert code == 0 and "has finished already" in messages and not output, "no third job"

    code, output, _ = head.command("jobs", "--json")
    rows = json.loads(output)
    assert [(row["job"], row["status"], row["study"]) for row in rows] == [
        (job, "STOPPED", "tiny"),
        (second, "SUCCEEDED", "tiny"),
    ]
    code, output, _ = head.command("logs", second)
    assert code == 0 and "Golden seeds" in output


def first_job(head: Head, submit: tuple[str, *tuple[str | Path, ...]], options: tuple[str, ...]) -> str:
    """Submit, follow until it draws, and stop following, which leaves the job as it is; the job's name."""
    process = subprocess.Popen(
        [sys.executable, "-m", "seedscope", *head.arguments(*submit, *options)[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=head.environment(),
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("images: 8 cells in 8 units to make"):
            break
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=GENEROUS)
    assert process.returncode == 128 + signal.SIGINT and "stopped" in messages, messages
    job = messages.split("Submitted ")[1].split(".")[0]
    code, output, _ = head.command("jobs", "--json")
    assert code == 0 and [row["status"] for row in json.loads(output)] == ["RUNNING"]
    code, output, _ = head.command("jobs")
    assert code == 0 and output.splitlines()[0] == job, "a name that a person may copy"
    assert "running, begun 20" in output.splitlines()[1]
    code, _, messages = head.command(*submit, "--detach")
    assert code == 0 and f"{job} is running already" in messages, "submitted while it runs, it is not submitted twice"
    return job


def committed(run: Path) -> dict[str, bytes]:
    """The bytes of every shard that has a receipt, by its path."""
    receipts = [file for file in run.glob("receipts/*/*.json") if not file.name.startswith(".")]
    shards = [run / receipt.parent.name / f"{receipt.stem}.parquet" for receipt in receipts]
    return {str(shard.relative_to(run)): shard.read_bytes() for shard in shards}


@needs_dashboard
@pytest.mark.parametrize(
    ("token", "words"),
    [(None, "asks for a token, and none was found"), ("another", "refuses the one that it was given")],
)
def test_a_missing_or_wrong_token(head: Head, token: str | None, words: str) -> None:
    code, _, messages = head.command("jobs", token=token)
    assert code == 2 and words in messages and "RAY_AUTH_TOKEN or ~/.ray/auth_token" in messages


@needs_dashboard
def test_a_token_in_the_home_folder(head: Head) -> None:
    file = head.home / ".ray" / "auth_token"
    file.parent.mkdir(exist_ok=True)
    file.write_text(TOKEN + "\n")
    try:
        assert head.command("jobs", token=None)[0] == 0
    finally:
        file.unlink()


@needs_dashboard
def test_no_such_job(head: Head) -> None:
    for name in ("logs", "stop"):
        code, _, messages = head.command(name, "seedscope-nothing-1")
        assert code == 2 and "There is no job seedscope-nothing-1" in messages


def test_nobody_at_the_address() -> None:
    code, _, messages = Head(free_port(), Path.home()).command("jobs")
    assert code == 2 and "no Ray dashboard answers there" in messages and "ray[default]" in messages


def test_without_the_client_of_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    code, _, messages = Head(free_port(), Path.home()).command("jobs")
    assert code == 2 and "pip install 'seedscope[cluster]'" in messages


def test_an_address_that_is_no_dashboard() -> None:
    with pytest.raises(UserError, match=r"jobs go to the dashboard of the head node: http://HOST:8265"):
        RayJobs("ray://127.0.0.1:10001")
