"""What the comparison of two runs says, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from seedscope.analysis.comparing.compare_runs import CarryOver, Pair
from seedscope.analysis.seeds.agreement import Agreement, alike, kept
from seedscope.analysis.select.confirmed import CANDIDATES

NAMED = 3


def heading(pair: Pair) -> list[str]:
    """What differs between the runs, and what they share."""
    both, one, other = pair.prompts
    prompts = f"the same {both} prompts" if not one and not other else f"{both} prompts in common"
    differs = "; ".join(pair.differences) or "nothing in how the pictures were made"
    return [f"What differs: {differs}.", f"{len(pair.seeds)} seeds in common, {prompts}."]


def verdict(pair: Pair) -> str:
    """In which measurements seeds keep their character, and how many golden seeds carry over, in one sentence."""
    known = [one for one in pair.agreements if one.found.rank.rho is not None]
    none = [one for one in known if alike(one, CANDIDATES)]
    differing = [one for one in known if one not in none]
    # One-sided tests at half the rate, so that they say no more than the two-sided intervals beside them.
    keep = sorted(kept(differing, CANDIDATES / 2), key=lambda one: -(one.found.rank.rho or 0.0))
    lose = sorted(
        (one for one in differing if one not in keep), key=lambda one: -min(value or 0.0 for value in one.reliability)
    )
    parts = []
    if keep:
        parts.append(
            f"Seeds keep their character in {_list(keep)}" + (f", but not shown in {_list(lose)}" if lose else "")
        )
    elif lose:
        parts.append(f"That seeds keep their character is not shown in {_list(lose)}")
    if none:
        parts.append(f"{'s' if parts else 'S'}eeds do not differ beyond chance in one of the runs in {_list(none)}")
    return "; ".join([*(parts or ["Nothing can be compared"]), *map(_carried, pair.abroad)]) + "."


def _list(agreements: Sequence[Agreement]) -> str:
    named = [f"{one.measure} ({_rho(one)})" for one in agreements[:NAMED]]
    if more := len(agreements) - len(named):
        named.append(f"{more} other{'s' if more > 1 else ''}")
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def _rho(one: Agreement) -> str:
    rank = one.found.rank
    return f"{rank.rho:.2f}" if rank.lo is None else f"{rank.rho:.2f}, {span(rank.lo, rank.hi)}"


def _carried(carry_over: CarryOver) -> str:
    found, count = carry_over.chance, len(carry_over.fates)
    if not count:
        return f"{carry_over.of} has no golden seeds"
    word = "judged" if any(fate.standing == "not judged" for fate in carry_over.fates) else "drawn"
    if found is None:
        which = "the one golden seed" if count == 1 else f"none of {count} golden seeds"
        return f"{which} of {carry_over.of} was {'not ' if count == 1 else ''}{word} in {carry_over.there}"
    chance = f"{carry_over.there}, chance gives {found.expected:.1f} (p = {found.p:.2g})"
    if count == 1:
        return f"the one golden seed of {carry_over.of} {'carries' if found.carried else 'does not carry'} over to {chance}"
    drawn = "" if found.golden == count else f" ({found.golden} {word} there)"
    carry = "carries" if found.carried == 1 else "carry"
    return f"of {count} golden seeds of {carry_over.of}{drawn} {found.carried} {carry} over to {chance}"


def span(low: float | None, high: float | None) -> str:
    """`0.12 to 0.34`, or a dash."""
    return "-" if low is None or high is None else f"{low:.2f} to {high:.2f}"
