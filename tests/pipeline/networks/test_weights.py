"""Files of weights are read once a process to be known, and again where they were changed."""

from pathlib import Path

import pytest

from seedscope.pipeline.errors import FeatureError
from seedscope.pipeline.networks.weights import sha256_of
from seedscope.pipeline.storage import hashes


def test_a_file_is_read_once_until_it_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, whole, read = tmp_path / "weights", hashes.sha256_of, list[Path]()

    def counted(path: Path) -> str:
        read.append(path)
        return whole(path)

    monkeypatch.setattr(hashes, "sha256_of", counted)
    file.write_bytes(b"one")
    first = sha256_of(file)
    assert sha256_of(file) == first == whole(file) and read == [file]
    file.write_bytes(b"another")
    assert sha256_of(file) == whole(file) != first and read == [file, file]
    file.unlink()
    with pytest.raises(FeatureError, match="cannot be read"):
        sha256_of(file)
