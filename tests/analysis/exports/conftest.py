"""One run for all exports: none of them changes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from exported_run import exported_run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported_run(tmp_path_factory.mktemp("exported"))
