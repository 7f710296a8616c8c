"""A ranking: the seeds by one measure, best first, and what the ranking rests on."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property

import pyarrow as pa

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.seed_row import SeedRow, seed_rows

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
    """The seeds, best first. `table` has one row a seed, which `rows` reads; its columns are those of `seed_row`.

    images_a_seed: the most that a seed has. groups: of prompts, over which errors are taken. missing: cells without a value,
    of prompts that count. real_images, dimensions: of a distance or its like; None of other measures, real_images also of a
    measure that compares with none. rate: whether the measure is a share of pictures that show something. caution: why the size
    of a distance says little, or is undefined, if so. untested: why there is no `chance`, where that is known.
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
    untested: str | None = None

    @property
    def why_untested(self) -> str:
        """Why nobody knows whether the seeds differ at all, in words that fit into brackets; of a ranking without `chance`."""
        return self.untested or ("no shuffles" if self.groups > 1 else "all prompts are of one group")

    def with_metadata(self) -> pa.Table:
        """The table with the rest of the ranking in its schema's metadata, under `seedscope`."""
        facts = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "table"}
        facts["chance"] = None if self.chance is None else asdict(self.chance)
        return self.table.replace_schema_metadata({"seedscope": json.dumps(facts)})

    @cached_property
    def rows(self) -> Sequence[SeedRow]:
        """The seeds by the ranking's measure, best first; those that cannot be ranked last."""
        return seed_rows(self.table, self.measure)

    @property
    def ranked(self) -> Sequence[SeedRow]:
        """The seeds that have a rank, best first."""
        return [row for row in self.rows if row.rank is not None]

    @classmethod
    def of(cls, table: pa.Table) -> "Ranking":
        """The ranking that `with_metadata` wrote into a table. Raises KeyError or ValueError where it has none."""
        facts = json.loads(table.schema.metadata[b"seedscope"])
        if (chance := facts.pop("chance")) is not None:
            chance = Chance(**chance | {"best": tuple(chance["best"]), "worst": tuple(chance["worst"])})
        return cls(**facts, chance=chance, table=table)
