"""What an audit found, in lines."""

from collections.abc import Iterator, Mapping, Sequence

from seedscope.jobs.planning.redraw import Audited, Picture, Redrawn
from seedscope.pipeline.study.schema import Json

SHOWN = 8
"""Pictures that are named where they differ."""
KNOWN_BY = ("host", "gpu", "cpu", "cpu_capability", "driver", "cuda", "torch", "diffusers")


def told(audited: Audited) -> list[str]:
    """All of it: the answer, where the difference arose, the machines, and the pictures that differ most."""
    return [_answer(audited), *_noise(audited), *_machines(audited), *_named(audited)]


def _answer(audited: Audited) -> str:
    pictures, same = audited.pictures, audited.same
    units = len({batch.unit for batch in audited.batches})
    drawn = f"{len(pictures)} cells drawn again, in {len(audited.batches)} batches of {units} units as they were: "
    if same == len(pictures):
        return f"{drawn}all are the same, bit for bit."
    return f"{drawn}{same} are the same, bit for bit, and {len(pictures) - same} differ.{_by_how_much(pictures)}"


def _by_how_much(pictures: Sequence[Picture]) -> str:
    largest = [picture.largest for picture in pictures if picture.largest is not None]
    means = [picture.mean for picture in pictures if picture.mean is not None]
    psnr = [picture.psnr for picture in pictures if picture.psnr is not None]
    failed = sum(not picture.same and picture.largest is None for picture in pictures)
    text = f" {failed} failed on one of the two machines only." if failed else ""
    if not largest:
        return text
    return (
        f"{text} Of 255, their values differ by {max(largest)} at most, by {sum(means) / len(means):.2g} on average; PSNR "
        f"{min(psnr):.1f} dB or more."
    )


def _noise(audited: Audited) -> Iterator[str]:
    """Whether the pictures that differ began with the same noise."""
    differing = [batch for batch in audited.batches if not all(picture.same for picture in batch.pictures)]
    if not differing:
        return
    if any(batch.latents is False for batch in differing):
        yield "Their initial latents differ here too, bit for bit: the difference begins with the noise."
    elif all(batch.latents for batch in differing):
        yield "Their initial latents are the same, bit for bit: the difference arises in the network."
    else:
        yield "Their receipts do not tell their initial latents."
    if audited.contract is not None:
        yield from audited.contract or ["The noise contract of golden.json holds here, up to rounding."]


def _machines(audited: Audited) -> Iterator[str]:
    """Each machine that drew some of the pictures, how many of them this one draws the same, and what is another here."""
    groups: dict[str, list[Redrawn]] = {}
    for batch in audited.batches:
        groups.setdefault(_known_by(batch.made), []).append(batch)
    for name, batches in groups.items():
        pictures = [picture for batch in batches for picture in batch.pictures]
        yield f"Drawn on {name}: {sum(picture.same for picture in pictures)} of {len(pictures)} the same."
        differs = ", ".join(f"{key} {there} is {here}" for key, (there, here) in batches[0].differs.items())
        yield f"  Here {differs}." if differs else "  Nothing that its receipts tell is another here."


def _known_by(made: Mapping[str, Json]) -> str:
    sizes = made.get("batches")
    batch = f"batches of {max(int(str(size)) for size in sizes)}" if isinstance(sizes, list) else "batches unknown"
    parts = [f"{key} {made[key]}" for key in KNOWN_BY if made.get(key) is not None]
    return ", ".join([*parts, f"{made.get('threads')} threads", batch])


def _named(audited: Audited) -> Iterator[str]:
    differing = [(batch.unit, picture) for batch in audited.batches for picture in batch.pictures if not picture.same]
    differing.sort(key=lambda one: one[1].psnr or 0.0)
    for unit, picture in differing[:SHOWN]:
        how = "failed on one machine only"
        if picture.largest is not None and picture.mean is not None:
            how = f"{picture.largest} at most, {picture.mean:.2g} on average, PSNR {picture.psnr:.1f} dB"
        yield f"  prompt {picture.prompt_id}, seed {picture.seed} (unit {unit}): {how}"
    if len(differing) > SHOWN:
        yield f"  and {len(differing) - SHOWN} more; --json names all."
