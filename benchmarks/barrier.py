"""Where the rounds of a sweep meet: how long GPUs are idle there, and how much of a next round is certain before it is decided.

    python benchmarks/barrier.py                           1,024 seeds to 16 of 20,480 pictures, on 8 and on 32 GPUs
    python benchmarks/barrier.py --measuring 3 --loading 90     measuring takes 3 times as long as drawing; 90 s to load a model

The schedule is the real one, in a time of its own: nothing is drawn, and no machine's speed has a part in it. `rounds apart`:
workers begin anew with each round. `one go`: they stay, and what a round's decision needs is all that they make before it.
`ahead`: as `run` does, with random seeds of the confirmation drawn meanwhile. Pictures are measured by as many other workers
(`--shared`: by the same ones). A decision takes no time here; while it is made, a worker makes what it was sent.
"""

import argparse
import heapq
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from seedscope.analysis.select.racing import Rules, confirmation, kept, schedule
from seedscope.pipeline.running.attempt import Assignment, Result
from seedscope.pipeline.running.schedule import Schedule
from seedscope.pipeline.running.stage import Stage
from seedscope.pipeline.running.work import Unwatched, Work
from seedscope.pipeline.study.plan import Crossed, Unit, cut
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.schema import UnitShape

STAGE = cast("Stage", SimpleNamespace(tables=[]))
Speed = Callable[[Assignment], float]


def works(units: Sequence[Unit], aside: Sequence[Unit] = ()) -> list[Work]:
    """Drawing and measuring of units, those aside among them."""
    every, names = [*units, *aside], frozenset(unit.name for unit in aside)
    return [Work("images", STAGE, every, None, names), Work("features", STAGE, every, "images", names)]


def played(found: Schedule, pools: Sequence[tuple[tuple[str, ...], int]], seconds: Speed) -> tuple[float, float]:
    """Play a schedule; seconds in all, and those in which the workers of the first pool were busy, together."""
    now, busy, number = 0.0, 0.0, 0
    free = [size for _, size in pools]
    running: list[tuple[float, int, int, Assignment]] = []
    while found.left(["images", "features"]):
        for pool, (names, _) in enumerate(pools):
            while free[pool] and (taken := found.take(names)) is not None:
                free[pool], number = free[pool] - 1, number + 1
                heapq.heappush(running, (now + seconds(taken), number, pool, taken))
                busy += seconds(taken) if pool == 0 else 0.0
        now, _, pool, taken = heapq.heappop(running)
        free[pool] += 1
        found.ended(taken, Result())
    return now, busy


def rounds_of(rules: Rules, shape: UnitShape, *, ahead: bool) -> Iterator[tuple[list[Unit], list[Unit]]]:
    """Units of each round, and of what is drawn ahead with it; the confirmation last."""
    prompts = [prompt(f"thing {number}") for number in range(rules.prompts)]
    sizes, last, before, used = schedule(rules), confirmation(rules), 0, 0
    random = last.seeds - rules.golden
    shares = [0, *map(len, np.array_split(np.arange(random), len(sizes) - 1))] if ahead else [0] * len(sizes)
    held_out = tuple(prompts[-last.prompts :])
    blocks = []
    for size, share in zip(sizes, shares, strict=True):
        blocks.append(Crossed(tuple(prompts[used : used + size.prompts]), tuple(range(size.seeds))))
        blocks.append(Crossed(held_out, tuple(range(share))))
        used += size.prompts
    blocks.append(Crossed(held_out, tuple(range(last.seeds - sum(shares)))))
    units = list[list[Unit]]()
    for number in range(len(blocks)):
        found = cut(blocks[: number + 1], shape)
        units.append(found[before:])
        before = len(found)
    yield from zip(units[::2], [*units[1::2], []], strict=True)


def timed(rules: Rules, gpus: int, asked: argparse.Namespace) -> Iterator[str]:
    """Lines of a table."""

    def seconds(taken: Assignment) -> float:
        cost = asked.drawing * (1.0 if taken.work == "images" else asked.measuring)
        return float(len(taken.unit) * cost)

    pools = [(("images", "features"), gpus)] if asked.shared else [(("images",), gpus), (("features",), gpus)]
    ideal = 0.0
    for name in ("rounds apart", "one go", "ahead"):
        blocks = [*rounds_of(rules, asked.shape, ahead=name == "ahead")]
        if name == "rounds apart":
            each = [played(Schedule(works(*block), Unwatched()), pools, seconds) for block in blocks]
            took, busy = sum(one for one, _ in each) + asked.loading * len(blocks), sum(one for _, one in each)
        else:
            coming = iter(blocks[1:])

            def more(coming: Iterator[tuple[list[Unit], list[Unit]]] = coming) -> list[Work] | None:
                block = next(coming, None)
                return None if block is None else works(*block)

            took, busy = played(Schedule(works(*blocks[0]), Unwatched(), more), pools, seconds)
            took += asked.loading
        ideal = ideal or busy / gpus
        yield f"{gpus:>5}  {name:<13} {took:>9,.0f} {took - ideal:>9,.0f} {1 - ideal / took:>7.0%}"


def certain(
    rules: Rules, unit: int, outstanding: int, ratio: float, rng: np.random.Generator, studies: int
) -> list[float]:
    """Share of the units of each later round whose seeds all stay whatever the missing scores are, on average.

    outstanding: units that are missing of the last block of prompts, the last ones. As if nothing else could change: neither
    scores that are there, nor whether the race goes on.
    """
    sizes, found = schedule(rules), list[list[float]]()
    for _ in range(studies):
        effects, still_in, shares = rng.standard_normal(rules.seeds), np.arange(rules.seeds), list[float]()
        totals = np.zeros(rules.seeds)
        for size, after in pairwise(sizes):
            noise = np.sqrt(ratio * size.prompts) * rng.standard_normal(len(still_in))
            totals[still_in] += size.prompts * effects[still_in] + noise
            stays = still_in[kept(totals[still_in][None], np.ones(len(still_in), np.bool_), after.seeds)]
            missing = min(outstanding * unit, len(still_in))
            known = still_in[: len(still_in) - missing]
            order = known[np.argsort(-totals[known], kind="stable")]
            surely_in, perhaps = {*order[: max(0, after.seeds - missing)].tolist()}, order[: after.seeds].tolist()
            first = min(
                (seed for seed in [*perhaps, *still_in[len(known) :].tolist()] if seed not in surely_in), default=0
            )
            before = int((stays < first).sum()) // unit
            shares.append(before / -(-after.seeds // unit))
            still_in = stays
        found.append(shares)
    return [*np.mean(found, axis=0).tolist()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpus", type=int, nargs="+", default=[8, 32])
    parser.add_argument("--drawing", type=float, default=1.0, help="seconds a picture")
    parser.add_argument("--measuring", type=float, default=1.0, help="of a picture, in those of drawing it")
    parser.add_argument("--loading", type=float, default=60.0, help="seconds until a worker has its model")
    parser.add_argument("--unit", type=int, nargs=2, default=[8, 8], metavar=("PROMPTS", "SEEDS"))
    parser.add_argument("--shared", action="store_true", help="measured by the workers that draw")
    parser.add_argument("--studies", type=int, default=200)
    asked: Any = parser.parse_args()
    asked.shape = UnitShape(prompts=asked.unit[0], seeds=asked.unit[1])
    rules = Rules(1024, 16, 20_480, 1_000)
    print(" GPUs                   seconds  not drawing  idle")
    for gpus in asked.gpus:
        for line in timed(rules, gpus, asked):
            print(line)
    sizes = [size.seeds for size in schedule(rules)[1:]]
    print("\nunits of a round that are certain when so many units of the one before are missing (lambda 15)")
    print("missing  " + "".join(f"{f'{size} seeds':>11}" for size in sizes))
    for outstanding in (1, 2, 8):
        shares = certain(rules, asked.shape.seeds, outstanding, 15.0, np.random.default_rng(0), asked.studies)
        print(f"{outstanding:>7}  " + "".join(f"{share:>11.0%}" for share in shares))


if __name__ == "__main__":
    main()
