"""What is known of whether seeds are told from their pictures, in words and small tables."""

from __future__ import annotations

from seedscope.analysis.counted_p import counted_p
from seedscope.analysis.experiments.finding import Table
from seedscope.analysis.experiments.identify.accuracy import Accuracy
from seedscope.analysis.experiments.identify.identify import Identified

SHOWN = 12


def sentences(found: Identified) -> list[str]:
    """The answer first."""
    whole, guess = found.whole, found.whole.guess
    several = f"{found.tried:,} prompts of {whole.groups} groups that were held out"
    surely = whole.p < 0.001 and not whole.lo <= guess
    answer = (
        f"The seed is told from the picture in {written(whole)} of {whole.pictures:,} pictures, on {several}, where guessing "
        f"tells {100 * guess:.2g} %."
        if surely
        else f"Seeds cannot be told from their pictures here: {written(whole)} of {whole.pictures:,} pictures are told, on "
        f"{several}, and guessing tells {100 * guess:.2g} %."
    )
    linear = "; ".join(f"{name}, tell {written(each)}" for name, each in found.linear.items())
    told = [
        answer,
        f"Learnt from labels that were shuffled within prompts, the same network tells {written(found.shuffled)}.",
        f"Without any network of pictures: {linear}.",
    ]
    if surely:
        told += [_ablated(found), _curve(found)]
    if found.likeness is not None and surely:
        near = found.likeness
        told.append(
            f"Seeds that are taken for one another begin with noise that is alike where it is coarse: rank correlation "
            f"{near.rho:.2f} over pairs of seeds, {counted_p(near.p, near.shuffles, 'shuffles of the noise among seeds')}."
            if near.p <= 0.05
            else "Which seeds are taken for one another does not go with the likeness of their coarse noise: rank correlation "
            f"{near.rho:.2f}, {counted_p(near.p, near.shuffles, 'shuffles of the noise among seeds')}."
        )
    return told


def tables(found: Identified) -> list[Table]:
    """Accuracies, and which seeds are told best and least."""
    named: dict[str, Accuracy] = {"whole pictures": found.whole, **found.linear}
    named |= {f"whole pictures, {name}": each for name, each in found.ablated.items()}
    named |= {f"whole pictures, {count:,} prompts learnt": each for count, each in found.curve.items()}
    named |= {f"8 x 8 block means, {count:,} prompts learnt": each for count, each in found.linear_curve.items()}
    named["shuffled labels"] = found.shuffled
    rows = [[name, _percent(each.share), _percent(each.lo), _percent(each.hi)] for name, each in named.items()]
    order = sorted(range(len(found.seeds)), key=lambda at: (-found.of_seed[at], found.seeds[at]))
    shown = order if len(order) <= 2 * SHOWN else [*order[:SHOWN], *order[-SHOWN:]]
    return [
        Table(
            title="Pictures whose seed was told, %",
            columns=["by", "told", "low", "high"],
            rows=[list(row) for row in rows],
        ),
        Table(
            title="Seeds that are told best and least, %, and the seed that each is most taken for",
            columns=["seed", "told", "taken for", "chance"],
            rows=[_seed(found, at) for at in shown],
        ),
    ]


def written(found: Accuracy) -> str:
    """`79.6 % (75.1 to 84.0)`."""
    if found.lo != found.lo:
        return f"{found.share:.1%}".replace("%", " %")
    return f"{100 * found.share:.1f} % ({100 * found.lo:.1f} to {100 * found.hi:.1f})"


def _ablated(found: Identified) -> str:
    parts = "; ".join(f"{name} {100 * each.share:.1f} %" for name, each in found.ablated.items())
    return f"The same network on pictures with something taken away: {parts}. What it still tells was not needed."


def _curve(found: Identified) -> str:
    linear, network = (
        ", ".join(f"{100 * each.share:.1f} % of {count:,}" for count, each in curve.items())
        for curve in (found.linear_curve, found.curve)
    )
    return (
        f"By the number of prompts learnt from: of 8 x 8 block means, linear, {linear}; the network {network}, each in its own "
        f"share of the time, in which a picture of all prompts was seen {found.epochs:.1f} times: more time may tell more."
    )


def _seed(found: Identified, at: int) -> list[str | int | float | None]:
    others = found.taken_for[at].copy()
    others[at] = -1
    other = int(others.argmax())
    return [str(found.seeds[at]), _percent(found.of_seed[at]), str(found.seeds[other]), _percent(others[other])]


def _percent(share: float) -> float | None:
    return None if share != share else round(100 * float(share), 2)
