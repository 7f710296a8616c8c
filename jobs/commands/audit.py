"""`seedscope audit`: whether this machine draws the pictures of a run as they were drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from seedscope.jobs.commands.options import Json, Out, StudyFile
from seedscope.jobs.console import out
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from seedscope.jobs.planning.redraw import Audited, Picture, Redrawn
    from seedscope.pipeline.study import schema

SHOWN = 8
"""Pictures that are named where they differ."""
KNOWN_BY = ("host", "gpu", "cpu", "cpu_capability", "driver", "cuda", "torch", "diffusers")


def audit_study(
    study: StudyFile,
    folder: Out = None,
    cells: Annotated[int, typer.Option(min=1, help="Pictures to draw again, at least; whole batches are.")] = 64,
    as_json: Json = False,
) -> None:
    """Draw a sample of a run's pictures again on this machine, and say how many are the same and how far the others are off.

    They are drawn in the batches in which they were drawn, so that what differs is the machine. A difference is a finding, not
    an error; the run, which may be at work, stays as it is.

    Example: seedscope audit configs/demo.yaml --cells 64
    """
    from seedscope.analysis.run.opened import run_of
    from seedscope.analysis.run.run import DrawnRun
    from seedscope.jobs.planning.redraw import audit

    run = run_of(study, folder)
    if not isinstance(run, DrawnRun):
        raise UserError(
            f"{study}: its pictures were imported, and what drew them is not known; only pictures that seedscope drew can be "
            "drawn again."
        )
    audited = audit(run, cells)
    if as_json:
        print(json.dumps({"cells": len(audited.pictures), "same": audited.same} | asdict(audited)))
        return
    for line in describe(audited):
        out.print(line, soft_wrap=True)


def describe(audited: Audited) -> list[str]:
    """An audit in lines: the answer, where the difference arose, the machines, and the pictures that differ most."""
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
    ssim = [picture.ssim for picture in pictures if picture.ssim is not None]
    failed = sum(not picture.same and picture.largest is None for picture in pictures)
    text = f" {failed} failed on one of the two machines only." if failed else ""
    if not largest:
        return text
    return (
        f"{text} Of 255, their values differ by {max(largest)} at most, by {sum(means) / len(means):.2g} on average; PSNR "
        f"{min(psnr):.1f} dB and SSIM {min(ssim):.4f} or more."
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


def _known_by(made: Mapping[str, schema.Json]) -> str:
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
            how += f", SSIM {picture.ssim:.4f}"
        yield f"  prompt {picture.prompt_id}, seed {picture.seed} (unit {unit}): {how}"
    if len(differing) > SHOWN:
        yield f"  and {len(differing) - SHOWN} more; --json names all."
