"""What experiments found is kept whole, and is told of no other pictures."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from seedscope.analysis.experiments.finding import Finding, Picture, Table, findings, place
from seedscope.pipeline.tables.run_folder import RunFolder

RUN = "a" * 64


def made(**changes: object) -> Finding:
    return Finding(
        name="swap",
        title="What decides: the first noise, or the later?",
        sentences=["The first noise decides 90 % (80 to 95)."],
        tables=[Table(title="Shares", columns=["measurement", "share"], rows=[["brightness", 0.9], ["place", None]])],
        run=RUN,
        settings={"prompts": 12, "seconds": 3.5},
    ).model_copy(update=changes)


def test_what_was_saved_is_found(tmp_path: Path) -> None:
    finding = made(pictures=[Picture(file="swap.png", caption="Curves")])
    place(tmp_path, "swap.png").write_bytes(b"\x89PNG")
    assert finding.save(tmp_path) == tmp_path / "experiments" / "swap.json"
    assert findings(RunFolder(tmp_path), RUN) == ([finding], {})


def test_what_another_machine_found_is_found_here_and_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, machines = f"memory://findings-{os.urandom(4).hex()}/run", [tmp_path / "one", tmp_path / "other"]
    finding = made(pictures=[Picture(file="swap.png", caption="Curves")])
    for machine in machines:
        machine.mkdir()
        monkeypatch.chdir(machine)
        folder = RunFolder(url)
        with folder.locked():
            if machine == machines[0]:
                place(folder.path, "swap.png").write_bytes(b"\x89PNG")
                finding.save(folder.path)
            else:
                assert findings(folder, RUN) == ([finding], {})
    brought = place(RunFolder(url).path, "swap.json").stat().st_mtime_ns
    with RunFolder(url).locked():
        assert findings(RunFolder(url), RUN) == ([finding], {})
    assert place(RunFolder(url).path, "swap.json").stat().st_mtime_ns == brought


def test_a_finding_that_was_not_delivered_is_not_replaced_by_an_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Products go to the store at the clean end of a command: one that was killed leaves a newer one here alone."""
    monkeypatch.chdir(tmp_path)
    folder = RunFolder(f"memory://findings-{os.urandom(4).hex()}/run")
    with folder.locked():
        made(title="Older").save(folder.path)
    with pytest.raises(KeyboardInterrupt), folder.locked():
        made(title="Newer").save(folder.path)
        raise KeyboardInterrupt
    for _ in range(2):
        with folder.locked():
            (found,) = findings(folder, RUN)[0]
        assert found.title == "Newer"
    assert "swap.json: is not what memory://findings-" in caplog.text and "the one here stays" in caplog.text
    caplog.clear()
    with folder.locked():
        made(title="Newest").save(folder.path)
    monkeypatch.chdir(place(tmp_path, "x").parent)  # another machine
    with folder.locked():
        assert findings(folder, RUN)[0][0].title == "Newest"
        made(title="Of the other").save(folder.path)
    monkeypatch.chdir(tmp_path)
    with folder.locked():
        assert findings(folder, RUN)[0][0].title == "Of the other", "what was delivered is replaced by what is newer"
    assert not caplog.text


def test_nothing_is_found_where_there_is_nothing(tmp_path: Path) -> None:
    assert findings(RunFolder(tmp_path), RUN) == ([], {})


def test_findings_of_other_pictures_are_left_out_with_the_reason(tmp_path: Path) -> None:
    made().save(tmp_path)
    found, silent = findings(RunFolder(tmp_path), "b" * 64)
    assert not found and "other pictures" in silent["swap.json"]


def test_a_finding_without_its_picture_is_left_out(tmp_path: Path) -> None:
    made(pictures=[Picture(file="swap.png", caption="Curves")]).save(tmp_path)
    found, silent = findings(RunFolder(tmp_path), RUN)
    assert not found and silent["swap.json"].startswith("swap.png is gone")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"name": "swap"}', b"\xff\xfe"])
def test_what_cannot_be_read_is_left_out_with_the_reason(tmp_path: Path, text: bytes) -> None:
    place(tmp_path, "swap.json").write_bytes(text)
    found, silent = findings(RunFolder(tmp_path), RUN)
    assert not found and "cannot be read" in silent["swap.json"]


def test_no_file_elsewhere_and_no_number_that_json_has_not() -> None:
    with pytest.raises(ValidationError):
        Picture(file="../../etc/passwd.png", caption="")
    with pytest.raises(ValidationError):
        Table(title="", columns=["a"], rows=[[float("nan")]])
