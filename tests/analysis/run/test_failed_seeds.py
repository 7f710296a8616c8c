"""A seed of which every picture failed ends judging in a sentence."""

from collections.abc import Callable, Collection
from pathlib import Path

import pyarrow as pa
import pytest

from seedscope.analysis.run.failed_seeds import failed_seeds
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.run import Run
from seedscope.pipeline.errors import UserError


def drawn(study: Path, out: Path, failed: Callable[[int, str], bool]) -> Run:
    """A run with a row for each of its cells."""
    run = run_of(study, out)
    for unit in run.units:
        rows = [_row(prompt.id, prompt.text, seed, failed(seed, prompt.text)) for prompt, seed in unit.cells]
        run.images.publish(unit, pa.Table.from_pylist(rows, schema=run.images.schema), {})
    return run


def _row(prompt_id: str, prompt: str, seed: int, failed: bool) -> dict[str, object]:
    row: dict[str, object] = {"prompt_id": prompt_id, "prompt": prompt, "seed": seed}
    if failed:
        return row | {"image": None, "status": "failed", "error": "the model gave values that are not finite"}
    return row | {"image": {"bytes": b"x", "path": "x.webp"}, "status": "ok", "error": None}


@pytest.mark.parametrize(
    ("failed", "dtype", "sentence"),
    [
        ({0, 1, 2, 3}, "float32", r"no seed has a single picture: all failed \(the model gave.*seedscope status"),
        ({0, 1, 2, 3}, "float16", r"no seed has .*overflow in float16.*bfloat16.*--out"),
        ({1}, "float32", r"of 1 seeds \(1\) there is not a single picture"),
    ],
)
def test_seeds_without_pictures_are_named(
    write_study: Callable[..., Path], tmp_path: Path, failed: Collection[int], dtype: str, sentence: str
) -> None:
    study = write_study(compute={"device": "cpu", "dtype": dtype})
    run = drawn(study, tmp_path / "run", lambda seed, _: seed in failed)
    with pytest.raises(UserError, match=sentence):
        failed_seeds(run)


def test_some_failed_pictures_of_every_seed_are_no_reason(write_study: Callable[..., Path], tmp_path: Path) -> None:
    failed_seeds(drawn(write_study(), tmp_path / "run", lambda _, prompt: prompt == "a blue car"))
