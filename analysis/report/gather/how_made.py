"""How a run was made, for its report: the study, weights, tables, versions, times, and the cells that failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow.compute as pc

from seedscope.analysis.run.run import BroughtInRun, DrawnRun, Run
from seedscope.pipeline.study.noise import Noise
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.tables.receipts import Receipt
from seedscope.pipeline.tables.table import Table

VERSIONS = ("seedscope", "torch", "diffusers", "transformers", "pyarrow")
TEXT_TOLD = 60


def how_made(run: Run, silent: Mapping[str, str]) -> dict[str, list[str]]:
    """Heading -> lines. `silent`: measurement, or part of the report -> why it says nothing.

    Raises:
        CorruptShard: a receipt cannot be read.
    """
    receipts = {name: _receipts(table, units) for name, table, units in _tables(run)}
    made = {"Study": _study(run), "Ranking": _settings("", run.study.ranked.model_dump(mode="json"))}
    if isinstance(run, DrawnRun):
        made["Model"] = _model(run)
    made["Features"] = [_feature(choice.name, choice.options) for choice in run.study.features]
    made["Tables"] = [_table(name, table, receipts[name]) for name, table, _ in _tables(run)]
    every = [receipt for found in receipts.values() for receipt in found]
    made["Versions"] = [f"{name} {', '.join(_values(every, name))}" for name in VERSIONS if _values(every, name)]
    made["Machines"] = _machines(every)
    made["Times"] = [_time(name, found) for name, found in receipts.items()]
    if cut := {str(prompt) for receipt in receipts["pictures"] for prompt in _listed(receipt.made.get("prompts_cut"))}:
        made["Prompts"] = [f"{len(cut)} are longer than the text encoder takes: their ends were not read."]
    if silent:
        made["Not judged"] = [f"{name}: {reason}" for name, reason in silent.items()]
    return made


def failed_cells(run: Run) -> dict[str, str]:
    """Cell -> reason, of pictures that were not made, and of measurements that failed where there is a picture."""
    texts = {prompt.id: prompt.text for unit in run.units for prompt in unit.prompts}
    found: dict[str, str] = {}
    without: set[tuple[int, str]] = set()
    for name, table, units in _tables(run)[: 1 + len(run.measures)]:
        for seed, prompt, reason in _failures(table, units):
            if (seed, prompt) not in without:
                what = "" if table is run.images else f", {name}"
                found[f"seed {seed}, prompt {prompt} ({texts[prompt][:TEXT_TOLD]}){what}"] = reason
            if table is run.images:
                without.add((seed, prompt))
    return found


def _failures(table: Table, units: Sequence[Unit]) -> Iterator[tuple[int, str, str]]:
    for unit, receipt in zip(units, _receipts(table, units), strict=True):
        if receipt.failed:
            rows = table.read(unit.name, ["prompt_id", "seed", "status", "error"])
            for row in rows.filter(pc.not_equal(rows["status"], "ok")).to_pylist():
                yield row["seed"], row["prompt_id"], row["error"] or "no reason was recorded"


def _receipts(table: Table, units: Sequence[Unit]) -> list[Receipt]:
    """Those of the units, in their order; of a unit without one the error that says so."""
    found = table.receipts()
    return [found[unit.name] if unit.name in found else table.receipt(unit.name) for unit in units]


def _tables(run: Run) -> list[tuple[str, Table, Sequence[Unit]]]:
    """(what it holds, table, units) of all tables of the run: first its pictures, then their measurements."""
    tables: list[tuple[str, Table, Sequence[Unit]]] = [("pictures", run.images, run.units)]
    tables += [(item.feature.name, item.table, run.units) for item in run.measures]
    for stage, _, measures, units in run.compared_with():
        kind = stage.replace("features", "").strip()
        tables += [(f"{item.feature.name} ({kind})", item.table, units) for item in measures]
    return tables


def _study(run: Run) -> list[str]:
    prompts, seeds = run.wanted.prompts, run.wanted.seeds
    lines = [
        f"name: {run.study.name}",
        f"{len(prompts):,} prompts in {len({prompt.group for prompt in prompts}):,} groups",
        f"{len(seeds):,} seeds: {ranges(seeds)}",
    ]
    if isinstance(run, BroughtInRun):
        return [*lines, f"pictures imported from {run.study.imported}", *_settings("", run.imported.made or {})]
    return lines + (_drawing(run) if isinstance(run, DrawnRun) else [])


def _drawing(run: DrawnRun) -> list[str]:
    """How pictures are drawn: what all models know, and of the rest, which some do not, what the study sets.

    The step from which a negative prompt acts only where there is one.
    """
    study, (height, width) = run.study, run.located.size(run.study.sampling)
    sampling, guidance, compute = study.sampling, study.sampling.guidance, study.compute
    untold = set() if guidance.negative_prompt else {"negative_from"}
    said = {name: value for name, value in sampling.said().items() if name not in ("height", "width", "guidance")}
    said["scheduler"] = sampling.model_dump(mode="json")["scheduler"]
    lines = [f"{width} x {height} pixels", *_settings("", said)]
    set_by_study = guidance.model_dump(mode="json", exclude=untold, exclude_defaults=True)
    lines += _settings("guidance", {"scale": guidance.scale, **set_by_study})
    if study.noise != Noise():
        lines += _settings("noise", study.noise.model_dump(mode="json"))
    set_by_study = compute.model_dump(mode="json", exclude={"device"}, exclude_defaults=True)
    lines += _settings("", {"dtype": compute.dtype, "batch_size": compute.batch_size, **set_by_study})
    return lines + ([] if study.inpaint is None else _settings("inpainting", study.inpaint.model_dump(mode="json")))


def _settings(name: str, settings: Mapping[str, Json]) -> list[str]:
    """`guidance scale: 3.0`, a line a setting; those that are empty, null or off left out."""
    lines: list[str] = []
    for key, value in settings.items():
        words = f"{name} {key.replace('_', ' ')}".strip()
        if isinstance(value, dict):
            lines += _settings(words, value)
        elif value not in (None, "", []) and value is not False:
            lines.append(f"{words}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
    return lines


def _model(run: DrawnRun) -> list[str]:
    model = run.study.model
    lines = [
        model.name,
        f"drawn by {run.located.pipeline} of diffusers",
        *(f"{key}: {value}" for key in ("config", "revision", "variant", "vae") if (value := getattr(model, key))),
        *(f"LoRA: {lora.place}, weight {lora.weight:g}" for lora in model.lora),
        *(["LoRAs fused into the weights"] if model.fuse else []),
        *([] if model.quantization is None else [f"quantization: {model.quantization.backend}"]),
    ]
    identity = run.located.identity if isinstance(run.located.identity, dict) else {}
    weights = identity.get("weights")
    lines += [f"commit: {identity['commit']}"] if identity.get("commit") else []
    return lines + (
        [f"{file}: sha256 {digest}" for file, digest in weights.items()] if isinstance(weights, dict) else []
    )


def _feature(name: str, options: Mapping[str, bool | int | float | str]) -> str:
    described = ", ".join(f"{key}: {value}" for key, value in options.items())
    return f"{name} ({described})" if described else name


def _table(name: str, table: Table, receipts: Sequence[Receipt]) -> str:
    rows, size = sum(receipt.rows for receipt in receipts), sum(receipt.bytes for receipt in receipts)
    return f"{name}: {table.name}, {rows:,} rows in {len(receipts):,} shards, {size / 1e6:,.1f} MB"


def _machines(receipts: Sequence[Receipt]) -> list[str]:
    """`host, x86_64, cpu`, a line for each kind of place that did work."""
    places = (
        dict.fromkeys(str(receipt.made[key]) for key in ("host", "machine", "gpu", "device") if receipt.made.get(key))
        for receipt in receipts
    )
    return list(dict.fromkeys(", ".join(place) for place in places if place))


def _time(name: str, receipts: Sequence[Receipt]) -> str:
    """Seconds of work: of a feature its own, without reading and decoding pictures, which features share."""
    own = [receipt.made.get("compute_seconds", receipt.made.get("seconds", 0)) for receipt in receipts]
    seconds = sum(float(value) for value in own if isinstance(value, int | float))
    return f"{name}: {seconds:,.0f} s of work for {sum(receipt.rows for receipt in receipts):,} rows"


def _values(receipts: Sequence[Receipt], key: str) -> list[str]:
    return sorted({str(receipt.made[key]) for receipt in receipts if receipt.made.get(key)})


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def ranges(seeds: Sequence[int], most: int = 8) -> str:
    """`0-31, 40`; of many pieces the first ones."""
    pieces: list[list[int]] = []
    for seed in sorted(seeds):
        if pieces and seed == pieces[-1][1] + 1:
            pieces[-1][1] = seed
        else:
            pieces.append([seed, seed])
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in pieces[:most]]
    return ", ".join([*shown, "..."] if len(pieces) > most else shown)
