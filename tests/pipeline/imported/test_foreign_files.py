"""Files of strangers, changed at random (see benchmarks/fuzz.py): each is read, or refused in a sentence."""

import random
import zlib
from pathlib import Path

import pytest
from foreign_files import PARSERS, mutated


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_any_file_ends_in_a_result_or_in_a_sentence(tmp_path: Path, name: str) -> None:
    parser = PARSERS[name]
    for example in parser.examples:
        parser.read(example, tmp_path)
    drawn = random.Random(zlib.crc32(name.encode()))
    for _ in range(150):
        parser.read(mutated(drawn, parser.examples), tmp_path)
