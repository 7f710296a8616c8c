"""Keep what a finished run of docs/measurements/reference.yaml measured, for the pages of the measurements.

seedscope run docs/measurements/reference.yaml
python docs/generate/reference_values.py runs/reference
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from measurement_pages import PARTS, names

SHARES = (5, 50, 95)


def kept(run: Path) -> dict[str, object]:
    """What the pages read: of which pictures the values are, and measurement -> column -> its percentiles."""
    from seedscope.analysis.features import NAMES

    scores, seeds = pq.read_table(run / "scores.parquet"), pq.read_table(run / "seeds.parquet")
    distances = pq.read_table(run / "distances.parquet").to_pylist()
    values: dict[str, dict[str, list[float]]] = {name: {} for name in names()}
    for column in scores.column_names:
        kind = scores.schema.field(column).type
        feature = next((name for name in sorted(NAMES, key=len, reverse=True) if column.startswith(name)), None)
        if feature is None or column.endswith("_witness") or str(kind) not in ("float", "double"):
            continue
        numbers = scores[column].drop_null().to_numpy()
        values[feature][column] = [float(f"{value:.4g}") for value in np.percentile(numbers, SHARES)]
    for row in distances:
        numbers = seeds[row["measure"]].drop_null().to_numpy()
        values[row["distance"]][row["measure"]] = [float(f"{value:.4g}") for value in np.percentile(numbers, SHARES)]
    counts = f"{len(set(scores['prompt_id'].to_pylist()))} prompts x {seeds.num_rows} seeds"
    of = f"of sprout-turbo, one step, {counts} (docs/measurements/reference.yaml)"
    return {
        "of": {"feature": f"Of the pictures {of}", "distance": f"Of the seeds {of}"},
        "values": {name: found for name, found in values.items() if found},
    }


if __name__ == "__main__":
    file = PARTS / "reference_values.json"
    file.write_text(json.dumps(kept(Path(sys.argv[1])), indent=1) + "\n", encoding="utf-8")
    print(f"wrote {file}")
