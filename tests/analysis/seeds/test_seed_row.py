"""A seed by one measurement: what is written into a table is read from it again, and no measurement is taken for another."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seedscope.analysis.seeds.seed_row import SeedColumns, SeedRow, columns_of, measures_in, ranked_table, seed_rows

SEEDS = 4
numbers = arrays(np.float64, SEEDS, elements=st.floats(-1e3, 1e3) | st.just(np.nan))
maybe = st.none() | numbers
columns = st.builds(
    SeedColumns,
    k=st.integers(1, SEEDS),
    value=numbers,
    effect=numbers,
    effect_lo=numbers,
    effect_hi=numbers,
    **dict.fromkeys(("se", "lo", "hi", "shrunk", "shrunk_lo", "shrunk_hi", "q", "probability", "resampled"), maybe),
    n=st.none() | arrays(np.int64, SEEDS, elements=st.integers(0, 99)),
)
SEED_NUMBERS, PICTURES = np.array([7, 1, 30, 2]), np.array([5, 6, 7, 8])


def known(values: np.ndarray | None, place: int) -> float | None:
    return None if values is None or np.isnan(values[place]) else float(values[place])


@given(columns, st.permutations(range(SEEDS)))
def test_rows_are_what_was_written(written: SeedColumns, order: list[int]) -> None:
    table = ranked_table(
        "looks_sky",
        written,
        seeds=SEED_NUMBERS,
        n=PICTURES,
        order=np.array(order),
        ranks=[1, 2, 3, None],
    )
    fields = [name for name in SeedRow.__dataclass_fields__ if name not in ("seed", "rank", "n")]
    counts = PICTURES if written.n is None else written.n
    assert seed_rows(table, "looks_sky") == [
        SeedRow(
            seed=int(SEED_NUMBERS[place]),
            rank=rank,
            n=int(counts[place]),
            **{field: known(getattr(written, field), place) for field in fields},
        )
        for place, rank in zip(order, [1, 2, 3, None], strict=True)
    ]


def plain(value: float, **more: np.ndarray) -> SeedColumns:
    values = np.full(SEEDS, value)
    return SeedColumns(k=2, value=values, effect=values, effect_lo=values, effect_hi=values, **more)


def test_a_measurement_is_not_taken_for_one_whose_name_begins_like_it() -> None:
    table = ranked_table(
        "text",
        plain(1.0, probability=np.ones(SEEDS)),
        seeds=SEED_NUMBERS,
        n=PICTURES,
        order=np.arange(SEEDS),
        ranks=[1] * SEEDS,
    )
    for name, array in plain(2.0, q=np.full(SEEDS, 0.5), probability=np.zeros(SEEDS)).named("text_share").items():
        table = table.append_column(name, array)
    assert measures_in(table) == ["text", "text_share"]
    text, share = seed_rows(table, "text")[0], seed_rows(table, "text_share")[0]
    assert (text.value, text.q, text.probability) == (1.0, None, 1.0)
    assert (share.value, share.q, share.probability) == (2.0, 0.5, 0.0)
    assert not any(name.startswith("text_share") for name in columns_of(table, "text"))
    assert list(columns_of(table, "text_share")) == [name for name in table.column_names if "share" in name]
    with pytest.raises(KeyError, match="looks"):
        seed_rows(table, "looks")


def test_the_columns_of_a_distance_and_of_a_scalar_are_those_of_0_1_0_but_for_the_top() -> None:
    ones = np.ones(SEEDS)
    assert list(plain(1.0, se=ones, lo=ones, hi=ones, resampled=ones).named("fd")) == [
        *("fd", "fd_se", "fd_lo", "fd_hi", "fd_vs_mean", "fd_vs_mean_lo", "fd_vs_mean_hi", "fd_top2_resampled"),
    ]
    shrunk = {"shrunk": ones, "shrunk_lo": ones, "shrunk_hi": ones, "q": ones, "probability": ones}
    assert list(plain(1.0, lo=ones, hi=ones, n=PICTURES, **shrunk).named("text")) == [
        *("text", "text_lo", "text_hi", "text_n", "text_vs_mean", "text_vs_mean_lo", "text_vs_mean_hi"),
        *("text_shrunk", "text_shrunk_lo", "text_shrunk_hi", "text_q", "text_top2_probability"),
    ]


def test_an_older_table_says_what_its_top_share_was() -> None:
    """`fd_top2_share` of a distance, which has an error, was a share of resamples; `text_top2_share` a probability."""
    ones = np.ones(SEEDS)
    older = {"fd": plain(1.0, se=ones, lo=ones, hi=ones), "text": plain(2.0, q=ones)}
    table = pa.table({"seed": SEED_NUMBERS, "rank": [1, 2, 3, 4], "n": PICTURES})
    for measure, columns_of_it in older.items():
        for name, array in (columns_of_it.named(measure) | {f"{measure}_top2_share": pa.array(ones / 4)}).items():
            table = table.append_column(name, array)
    distance, scalar = seed_rows(table, "fd")[0], seed_rows(table, "text")[0]
    assert (distance.resampled, distance.probability) == (0.25, None)
    assert (scalar.resampled, scalar.probability) == (None, 0.25)
    assert (
        list(columns_of(table, "fd"))[-1] == "fd_top2_share"
        and list(columns_of(table, "text"))[-1] == "text_top2_share"
    )


def test_a_value_without_an_interval_has_that_of_its_effect() -> None:
    row = SeedRow(1, 1, 4, value=10.0, effect=2.0, effect_lo=1.0, effect_hi=3.5)
    assert row.interval == (9.0, 11.5)
    own = SeedRow(1, 1, 4, value=0.5, lo=0.25, hi=0.75, effect=2.0, effect_lo=1.0, effect_hi=3.5)
    assert own.interval == (0.25, 0.75)
    assert SeedRow(1, None, 0).interval is None and SeedRow(1, 1, 4, value=1.0, effect=0.0).interval is None


def test_types_are_those_of_parquet() -> None:
    table = ranked_table(
        "x", plain(1.0, n=PICTURES), seeds=SEED_NUMBERS, n=PICTURES, order=np.arange(SEEDS), ranks=[None] * SEEDS
    )
    assert [table[name].type for name in ("seed", "rank", "n", "x_n")] == [pa.int64()] * 4
    assert table["x_vs_mean"].type == pa.float64()
