"""What is measured on a picture does not depend on the pictures that share its batch, nor on their order: all features."""

from pathlib import Path

import numpy as np
import offline_features
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seedscope.analysis.features import NAMES, Feature, FeatureError
from seedscope.analysis.features.base import Measurer
from seedscope.pipeline.images import Pixels, decode
from seedscope.pipeline.models.locate import BUNDLED
from seedscope.pipeline.tables.columns import about
from seedscope.pipeline.tables.image_column import IMAGE

# Features whose random weights take long to write are tested beside what else is tested of them.
ELSEWHERE = {
    "fid_inception": ("test_frechet.py", "test_inception_does_not_depend_on_the_batch"),
    "style_vgg19": ("test_style.py", "test_vgg19_is_torchvisions_network_and_does_not_depend_on_the_batch"),
}
HERE = [name for name in NAMES if name not in ELSEWHERE]


@pytest.fixture(scope="module")
def shown() -> tuple[Pixels, list[str]]:
    """12 pictures and captions of the bundled reference, of many objects; two with a printed word, two grey, two framed."""
    rows = pq.read_table(BUNDLED / "reference" / "reference.parquet").to_pylist()
    kinds = ("has_text", "greyscale", "border")
    chosen = [row for kind in kinds for row in [row for row in rows if row[kind]][:2]]
    chosen += [row for row in rows if not any(row[kind] for kind in kinds)][:6]
    return np.stack([decode(row["image"]["bytes"]) for row in chosen]), [row["caption"] for row in chosen]


def test_what_is_tested_elsewhere_is_there() -> None:
    for file, test in ELSEWHERE.values():
        assert f"def {test}(" in (Path(__file__).parent / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", HERE)
def test_values_do_not_depend_on_batches_or_order(name: str, shown: tuple[Pixels, list[str]], tmp_path: Path) -> None:
    pixels, prompts = shown
    try:
        one = offline_features.made(name, tmp_path)
    except FeatureError as error:
        pytest.fail(
            f"{error} Add to tests/support/offline_features.py how it is made without a network (`BUNDLED` or `RANDOM`), or "
            "name in ELSEWHERE the test that shows that its values do not depend on the batch."
        )
    assert all(about(item) is not None for item in one[0].columns()), (
        "a column has no description: see tables.columns.column"
    )
    whole = columns(one, pixels, prompts, 12)
    assert any(column.null_count < len(column) for column in whole.values())
    order = np.random.default_rng(0).permutation(12)
    back = pa.array(np.argsort(order))
    shuffled = columns(one, pixels[order], [prompts[i] for i in order], 5)
    for found in (
        columns(one, pixels, prompts, 1),
        columns(one, pixels, prompts, 3),
        {key: column.take(back) for key, column in shuffled.items()},
    ):
        for key, column in whole.items():
            agree(key, found[key], column)


def columns(one: tuple[Feature, Measurer], pixels: Pixels, prompts: list[str], size: int) -> dict[str, pa.Array]:
    """A feature's columns, computed in batches of `size`."""
    known, measurer = one
    starts = range(0, len(pixels), size)
    parts = [measurer.compute(pixels[i : i + size], prompts[i : i + size]) for i in starts]
    return {item.name: pa.concat_arrays([part[item.name] for part in parts]).cast(item.type) for item in known.fields()}


def agree(key: str, found: pa.Array, wanted: pa.Array) -> None:
    """Numbers to 1e-4 of the column's largest; all else, nulls and lengths too, the same."""
    assert found.is_null().equals(wanted.is_null()), key
    first, second = offline_features.numbers(found), offline_features.numbers(wanted)
    if first is not None and second is not None:
        if pa.types.is_list(wanted.type):
            assert found.value_lengths().equals(wanted.value_lengths()), key
        assert np.abs(first - second).max(initial=0) <= 1e-4 * np.abs(second).max(initial=0), key
    elif wanted.type == IMAGE:
        for one, other in zip(found.drop_null().to_pylist(), wanted.drop_null().to_pylist(), strict=True):
            assert (decode(one["bytes"]) == decode(other["bytes"])).all(), key
    else:
        assert found.equals(wanted), key
