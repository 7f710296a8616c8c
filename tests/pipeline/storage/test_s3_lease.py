"""One driver at a time on a run in an object store, whatever becomes of the one before."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE

import boto3
import fsspec
import pytest
from object_store import BUCKET, ObjectStore, busy, served
from waiting import GENEROUS, until

from seedscope.pipeline.errors import RunBusy
from seedscope.pipeline.storage.objects import ObjectStorage
from seedscope.pipeline.tables.run_folder import RunFolder

BEAT, STALE = 0.2, 4.0
HOLDER = """
import sys, time
from seedscope.pipeline.tables.run_folder import RunFolder
from seedscope.pipeline.storage.objects import ObjectStorage
with RunFolder(ObjectStorage(sys.argv[1], beat=0.2, stale=4.0)).locked():
    print("held", flush=True)
    time.sleep(120)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectStore]:
    with served(ObjectStore()) as store, pytest.MonkeyPatch.context() as patch:
        for name, value in store.environment().items():
            patch.setenv(name, value)
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield store
    fsspec.get_filesystem_class("s3").clear_instance_cache()


@pytest.fixture(params=["s3", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStorage:
    """With conditional puts, and without."""
    monkeypatch.chdir(tmp_path)
    if request.param == "s3":
        request.getfixturevalue("server")
    return ObjectStorage(f"{request.param}://{BUCKET}/{os.urandom(4).hex()}", beat=BEAT, stale=STALE)


@pytest.fixture
def other(server: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ObjectStorage, int]]:
    """A run that another process holds, and that process."""
    monkeypatch.chdir(tmp_path)
    place = ObjectStorage(f"s3://{BUCKET}/{os.urandom(4).hex()}", beat=BEAT, stale=STALE)
    with subprocess.Popen([sys.executable, "-c", HOLDER, place.url], stdout=PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield place, process.pid
        process.kill()


def test_a_lease_is_taken_renewed_and_given_back(place: ObjectStorage) -> None:
    for _ in range(2):
        assert place.holder() is None
        with RunFolder(place).locked():
            assert place.holder() == f"process {os.getpid()} on {os.uname().nodename}"
            until(lambda: json.loads(place.read(".lease"))["beat"] >= 1, "the lease is renewed")
    assert place.size(".lease") is None


def test_the_lease_of_a_killed_driver_is_taken_over(
    other: tuple[ObjectStorage, int], caplog: pytest.LogCaptureFixture
) -> None:
    place, holder = other
    os.kill(holder, signal.SIGKILL)
    started = time.monotonic()
    with RunFolder(place).locked():
        assert time.monotonic() - started >= STALE
        assert place.holder() == f"process {os.getpid()} on {os.uname().nodename}"
    assert f"process {holder} on" in caplog.text and "Waiting up to 4 s" in caplog.text


def test_a_second_driver_is_refused_by_name_and_takes_over_from_one_that_sleeps(
    other: tuple[ObjectStorage, int],
) -> None:
    place, holder = other
    with pytest.raises(RunBusy, match=f"process {holder} on .*works on this run"), RunFolder(place).locked():
        pass
    os.kill(holder, signal.SIGSTOP)
    with RunFolder(place).locked():
        os.kill(holder, signal.SIGCONT)
        _, status, _ = os.wait4(holder, 0)
        assert os.waitstatus_to_exitcode(status) == 1
        assert place.holder() == f"process {os.getpid()} on {os.uname().nodename}"


def test_slices_work_side_by_side_and_apart_from_the_whole(
    place: ObjectStorage, caplog: pytest.LogCaptureFixture
) -> None:
    run, me = RunFolder(place), f"process {os.getpid()} on {os.uname().nodename}"
    with ExitStack() as held:
        for part in range(1, 6):
            held.enter_context(run.locked(f"{part}-of-5"))
        assert place.holder() == f"{me}, {me}, {me} and 2 more"
        for taken in ("1-of-5", None):
            with pytest.raises(RunBusy, match="works on this run"), run.locked(taken):
                pass
    assert place.holder() is None
    with run.locked(), pytest.raises(RunBusy, match="works on this run"), run.locked("1-of-5"):
        pass
    assert place.holder() is None
    for dead in (".lease", ".parts/1-of-5", ".parts/2-of-5"):
        place.create(dead, json.dumps({"host": "gone", "process": 7, "token": "x", "beat": 0}).encode())
    with run.locked("2-of-5"):
        pass
    with run.locked():
        assert place.holder() == me
    assert place.holder() is None and "process 7 on gone holds this run" in caplog.text


def test_the_loss_is_told(place: ObjectStorage) -> None:
    with (
        pytest.raises(RunBusy, match="process 7 on elsewhere has taken this run over.*What is published is safe"),
        RunFolder(place).locked(),
    ):
        place.replace(".lease", json.dumps({"host": "elsewhere", "process": 7, "token": "x", "beat": 0}).encode())
        time.sleep(60)
    assert place.holder() == "process 7 on elsewhere"


def test_one_of_two_takes_a_stale_lease_over(place: ObjectStorage) -> None:
    """The second one finds it changed since it began to watch."""
    stale = json.dumps({"host": "gone", "process": 7, "token": "x", "beat": 0}).encode()
    place.create(".lease", stale)
    assert place.swap(".lease", stale, b"first") and not place.swap(".lease", stale, b"second")
    assert place.read(".lease") == b"first" and place.swap(".lease", stale, b"first")


def test_a_store_that_is_away_for_some_beats_costs_nothing(server: ObjectStore, tmp_path: Path) -> None:
    place = ObjectStorage(f"s3://{BUCKET}/{os.urandom(4).hex()}", beat=BEAT, stale=STALE)
    with place.hold():
        asked = server.asked.total()
        server.trouble = busy(12)
        until(lambda: server.asked.total() >= asked + 12, "the beats are refused")
        server.trouble = busy(0)
        before = json.loads(place.read(".lease"))["beat"]
        until(lambda: json.loads(place.read(".lease"))["beat"] > before, "the lease is renewed again")


def test_a_late_duplicate_of_an_own_renewal_is_no_takeover(place: ObjectStorage) -> None:
    with RunFolder(place).locked() as held:
        until(lambda: json.loads(place.read(".lease"))["beat"] >= 2, "the lease is renewed")
        late = json.loads(place.read(".lease")) | {"beat": 0}
        place.replace(".lease", json.dumps(late).encode())
        held()
        until(lambda: json.loads(place.read(".lease"))["beat"] >= 1, "the lease is renewed from there")
        place.replace(".lease", json.dumps(late).encode())
    assert place.size(".lease") is None


class _Torn(ObjectStorage):
    """A store that shows a lease empty, or none, for a moment, as one does whose puts are not all or nothing."""

    def read(self, name: str) -> bytes:
        if name == ".lease" and _SHOWN:
            if (shown := _SHOWN.pop()) is None:
                raise FileNotFoundError(name)
            return shown
        return super().read(name)


_SHOWN: list[bytes | None] = []


@pytest.mark.parametrize("shown", [b"", b'{"host"', None], ids=["empty", "cut", "missing"])
def test_a_lease_that_is_being_written_is_no_takeover(
    shown: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = _Torn(f"memory://{os.urandom(4).hex()}", beat=1000.0, stale=0.8)
    with RunFolder(place).locked() as held:
        for _ in range(3):
            _SHOWN.append(shown)
            held()
    assert not _SHOWN and place.size(".lease") is None


ZOMBIE = """
import os, signal, sys
from pathlib import Path
from seedscope.pipeline.errors import RunBusy
from seedscope.pipeline.storage.objects import ObjectStorage
from seedscope.pipeline.tables.run_folder import RunFolder
run = RunFolder(ObjectStorage(sys.argv[1], beat=1000.0, stale=4.0))
try:
    with run.locked():
        (run.path / "golden.json").write_text("4 seeds")
        (run.path / "new.json").write_text("4 seeds")
        print("held", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
except RunBusy as error:
    sys.exit(f"{error}")
"""


def test_a_driver_that_slept_while_another_finished_the_run_overwrites_nothing(
    server: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ObjectStorage(f"s3://{BUCKET}/{os.urandom(4).hex()}", beat=BEAT, stale=0.5)
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path)
    place.replace("golden.json", b"2 seeds")
    command = [sys.executable, "-c", ZOMBIE, place.url]
    with subprocess.Popen(command, cwd=tmp_path / "there", stdout=PIPE, stderr=PIPE, text=True) as sleeper:
        assert sleeper.stdout is not None and sleeper.stdout.readline() == "held\n"
        os.waitpid(sleeper.pid, os.WUNTRACED)
        run = RunFolder(place)
        with run.locked():
            (run.path / "golden.json").write_text("6 seeds")
        sleeper.send_signal(signal.SIGCONT)
        _, said = sleeper.communicate(timeout=GENEROUS)
    assert sleeper.returncode == 1 and "has taken this run over" in said and "What is published is safe" in said
    assert place.read("golden.json") == b"6 seeds" and place.size("new.json") is None


def test_who_takes_over_between_the_look_at_the_lease_and_the_put_is_not_overwritten(place: ObjectStorage) -> None:
    """Where the store compares; elsewhere the lease is looked at right before each put."""
    place.replace("a", b"old")
    looks: list[str] = []

    def held() -> None:
        looks.append("look")
        if len(looks) > 1:
            raise RunBusy("process 7 on elsewhere has taken this run over")
        if place.url.startswith("s3"):
            for name in "ab":
                place.replace(name, b"newer")

    with pytest.raises(RunBusy):
        place.deliver({name: lambda: b"mine" for name in "ab"}, held)
    assert [place.size(name) and place.read(name) for name in "ab"] == (
        [b"newer"] * 2 if place.url.startswith("s3") else [b"mine", None]
    )


def test_what_a_sleeper_overwrote_is_delivered_again_by_the_holder(place: ObjectStorage) -> None:
    place.replace("maps/a", b"old")
    looks: list[str] = []

    def held() -> None:
        looks.append("look")
        if len(looks) == 1:
            place.replace("maps/a", b"of a sleeper")
            place.replace("b", b"of a sleeper")

    place.deliver({name: lambda: b"mine" for name in ("maps/a", "b", "c")}, held)
    assert [place.read(name) for name in ("maps/a", "b", "c")] == [b"mine"] * 3
