"""What a column means: its description, its unit, and which of its values are good, kept in the Parquet file beside its name.

Whoever makes a column describes it, in one place; `seedscope tables` and the card of a run read what files say.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

_KEYS = ("description", "unit", "better")


@dataclass(frozen=True)
class About:
    """What a column means. unit: such as `cosine`; better: `higher` or `lower`; None where there is none."""

    description: str
    unit: str | None = None
    better: str | None = None

    def on(self, field: pa.Field) -> pa.Field:
        """A field that says so in its metadata."""
        return field.with_metadata({key: value for key in _KEYS if (value := getattr(self, key)) is not None})


def column(
    name: str, kind: pa.DataType, description: str, unit: str | None = None, better: str | None = None
) -> pa.Field:
    """A field that is described."""
    return About(description, unit, better).on(pa.field(name, kind))


def about(field: pa.Field) -> About | None:
    """What a field says of itself; None of those of files that were written before columns were described."""
    said = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    return About(**{key: said.get(key) for key in _KEYS}) if "description" in said else None  # type: ignore[arg-type]


def described(table: pa.Table, of: Callable[[str], About | None]) -> pa.Table:
    """The table with what is known of its columns by their names; the others say what they said."""
    fields = [field if (found := of(field.name)) is None else found.on(field) for field in table.schema]
    return table.cast(pa.schema(fields, metadata=table.schema.metadata))
