"""A ranking: the seeds by one measure, best first, and what the ranking rests on."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import pyarrow as pa

from seedscope.analysis.direction import Better

LEVEL = 0.95


@dataclass(frozen=True)
class Chance:
    """What chance alone gives: the range (2.5 % to 97.5 %) of the best and of the worst of as many seeds, and p.

    `p_value` is for "the seeds do not differ at all".
    """

    shuffles: int
    p_value: float
    best: tuple[float, float]
    worst: tuple[float, float]


@dataclass(frozen=True)
class Ranking:
    """The seeds, best first. `table` has one row a seed; see `seeds.table.rank_seeds` and `seeds.scalar.rank_by`.

    images_a_seed: the most that a seed has. groups: of prompts, over which errors are taken. missing: cells without a value,
    of prompts that count. real_images, dimensions: of a distance; None of other measures. rate: whether the measure is a
    share of pictures that show something. caution: why the size of a distance says little, if it does.
    """

    measure: str
    images_a_seed: int
    prompts_left_out: int
    groups: int
    real_images: int | None
    dimensions: int | None
    chance: Chance | None
    table: pa.Table
    better: Better = "lower"
    rate: bool = False
    missing: int = 0
    caution: str | None = None

    def with_metadata(self) -> pa.Table:
        """The table with the rest of the ranking in its schema's metadata, under `seedscope`."""
        facts = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "table"}
        facts["chance"] = None if self.chance is None else asdict(self.chance)
        return self.table.replace_schema_metadata({"seedscope": json.dumps(facts)})

    def interval(self, row: Mapping[str, float | None]) -> tuple[float, float] | None:
        """The 95 % interval of a row's value; of a value that has none of its own, that of its difference, moved there."""
        name = self.measure
        low, high = row.get(f"{name}_lo"), row.get(f"{name}_hi")
        value, effect = row[name], row[f"{name}_vs_mean"]
        if f"{name}_lo" not in row and value is not None and effect is not None:
            low, high = row[f"{name}_vs_mean_lo"], row[f"{name}_vs_mean_hi"]
            if low is not None and high is not None:
                return value - effect + low, value - effect + high
        return None if low is None or high is None else (low, high)

    @classmethod
    def of(cls, table: pa.Table) -> "Ranking":
        """The ranking that `with_metadata` wrote into a table. Raises KeyError or ValueError where it has none."""
        facts = json.loads(table.schema.metadata[b"seedscope"])
        if (chance := facts.pop("chance")) is not None:
            chance = Chance(**chance | {"best": tuple(chance["best"]), "worst": tuple(chance["worst"])})
        return cls(**facts, chance=chance, table=table)
