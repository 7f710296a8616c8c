"""From a rate to hours and money, and from a budget to prompts and seeds: arithmetic alone."""

from collections.abc import Sequence
from math import ceil, sqrt

from pydantic import BaseModel, ConfigDict

from seedscope.analysis.run.bench_file import Spread as Spread


class Bill(BaseModel):
    """What a study takes on so many GPUs or CPU workers.

    hours: from start to end, the loading of models among them. device_hours: those of all GPUs, idle ones too, as they are
    charged. money: device_hours at the price of one; None without a price.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    devices: int
    hours: Spread
    device_hours: Spread
    money: Spread | None


def bill(
    blocks: Sequence[tuple[int, int]], rate: Spread, loading: float, devices: int, price: float | None = None
) -> Bill:
    """Price a study on `devices` GPUs or CPU workers that each work as one alone does.

    A unit is made by one of them: with fewer units than devices some stay idle, and in the last turn too.

    Args:
        blocks: what waits for each other, such as the rounds of a sweep, each of which loads models anew: (pictures, units, the
            shards of pictures into which they fall), at least 1 of either.
        rate: pictures a second of one device through all stages; its slowest round gives the most hours.
        loading: seconds until a device draws its first picture.
        devices: at least 1.
        price: of an hour of one device, in any currency.
    """
    turns = [(ceil(units / devices), cells / units) for cells, units in blocks]

    def hours(pictures_a_second: float) -> float:
        return sum(loading + count * cells / pictures_a_second for count, cells in turns) / 3600

    taken = Spread(median=hours(rate.median), least=hours(rate.most), most=hours(rate.least))
    charged = _times(taken, devices)
    return Bill(
        devices=devices,
        hours=taken,
        device_hours=charged,
        money=None if price is None else _times(charged, price),
    )


def _times(spread: Spread, factor: float) -> Spread:
    return Spread(median=spread.median * factor, least=spread.least * factor, most=spread.most * factor)


class Fit(BaseModel):
    """What a budget pays for: pictures in all, and three ways to divide them.

    seeds_at_all_prompts, prompts_at_all_seeds: may exceed what the study names. prompts, seeds: the balanced proposal, within
    the study. whole: the study fits as it is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pictures: int
    seeds_at_all_prompts: int
    prompts_at_all_seeds: int
    prompts: int
    seeds: int
    whole: bool


def fit(pictures: int, prompts: int, seeds: int, enough: int | None = None) -> Fit:
    """Fit prompts x seeds into a number of pictures.

    The balanced proposal keeps the study's proportion of prompts to seeds. Where it is known how many prompts are `enough`
    to tell seeds apart, it takes no more of them while seeds are to be had: more seeds to choose from are worth more.

    Args:
        pictures: that the budget pays for, at least 1.
        prompts, seeds: of the study, at least 1 each.
        enough: prompts at which the ranking of seeds is reliable; None: not known.
    """
    if pictures >= prompts * seeds:
        proposed = prompts, seeds
    elif enough is None:
        most = max(1, min(int(seeds * sqrt(pictures / (prompts * seeds))), pictures))
        some = min(prompts, pictures // most)
        proposed = some, min(seeds, pictures // some)
    else:
        some = min(prompts, enough, pictures)
        most = min(seeds, pictures // some)
        # Where all seeds are in, what is left goes into prompts.
        proposed = (min(prompts, pictures // seeds) if most == seeds else some), most
    return Fit(
        pictures=pictures,
        seeds_at_all_prompts=pictures // prompts,
        prompts_at_all_seeds=pictures // seeds,
        prompts=proposed[0],
        seeds=proposed[1],
        whole=pictures >= prompts * seeds,
    )
