"""A plan in lines."""

from collections.abc import Iterator
from datetime import datetime

from rich.box import SIMPLE
from rich.table import Table as Grid

from seedscope.jobs.planning.estimate import Budget, Plan, Rated
from seedscope.jobs.planning.pricing import Spread


def sizes(plan: Plan) -> Iterator[str]:
    """What the study comes to, a line each."""
    told = {name: f"{value:,}" if isinstance(value, int) else str(value) for name, value in plan.size}
    told["units"] = f"{plan.size.units:,}, of which {plan.size.units_done:,} have their pictures"
    del told["units_done"]
    if plan.rated is not None:
        told["bytes"] = f"about {plan.rated.bytes / 1e6:,.1f} MB"
        told["memory"] = _memory(plan.rated)
    for name, value in told.items():
        yield f"{name:>12}  {value}"


def _memory(rated: Rated) -> str:
    memory = rated.bench.memory
    text = f"{(memory['rss'] or 0) / 2**30:.2f} GiB a worker"
    return text if memory["gpu"] is None else f"{text}, {memory['gpu'] / 2**30:.2f} GiB of its GPU's"


def rate(rated: Rated) -> str:
    """Where the rate comes from, and how far it spreads."""
    bench = rated.bench
    device = str(bench.machine["gpu"]) if bench.on_gpu else f"one {bench.device} worker of {bench.threads} threads"
    day = f"{datetime.fromisoformat(bench.measured):%Y-%m-%d %H:%M} UTC"
    whole = bench.rate["worker"]
    stages = f"drawn at {bench.rate['images'].median:.2f} and measured at {bench.rate['features'].median:.2f}"
    return (
        f"{device}: {whole.median:.2f} images a second ({whole.least:.2f} to {whole.most:.2f} over {bench.rounds} rounds), "
        f"{stages}. By `seedscope bench` on {bench.machine['host']}, {day} ({rated.file})."
    )


def bills(rated: Rated) -> Grid:
    """Hours and money by number of devices."""
    kind = "GPU" if rated.bench.on_gpu else "worker"
    grid = Grid(f"{kind}s", "hours", f"{kind} hours", box=SIMPLE, pad_edge=False)
    priced = any(one.money is not None for one in rated.bills)
    if priced:
        grid.add_column("money")
    for one in rated.bills:
        row = [f"{one.devices:,}", _spread(one.hours), _number(one.device_hours.median)]
        grid.add_row(*row, *([_spread(one.money)] if one.money is not None else []))
    return grid


def _spread(spread: Spread) -> str:
    return f"{_number(spread.median)} ({_number(spread.least)} to {_number(spread.most)})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 10 else f"{value:,.3f}"


def budget(found: Budget, plan: Plan) -> Iterator[str]:
    """What a budget pays for, in sentences."""
    fit, size = found.fit, plan.size
    share = fit.pictures / size.images
    told = f"{share:.0%} of" if share < 2 else f"{share:,.0f} times"
    yield f"{found.hours:g} hours pay for {fit.pictures:,} images, {told} the study's {size.images:,}."
    yield f"At all {size.prompts:,} prompts: {fit.seeds_at_all_prompts:,} seeds{_more(fit.seeds_at_all_prompts, size.seeds)}."
    yield f"At all {size.seeds:,} seeds: {fit.prompts_at_all_seeds:,} prompts{_more(fit.prompts_at_all_seeds, size.prompts)}."
    yield f"Balanced: {fit.prompts:,} prompts x {fit.seeds:,} seeds = {fit.prompts * fit.seeds:,} images. {found.why}"


def _more(paid: int, named: int) -> str:
    return f" (the study names {named:,})" if paid > named else ""
