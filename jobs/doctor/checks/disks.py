"""Whether runs and downloads can be written, and how much is free."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from seedscope.jobs.doctor.finding import Facts, Finding, note, ok, problem
from seedscope.jobs.doctor.site import Site

RUN_GB, HUB_GB = 2, 20
"""Free space below which it is worth a word: a run of a few thousand pictures of 1024 x 1024; one large model."""


def check(site: Site) -> Iterator[Finding]:
    from huggingface_hub.constants import HF_HUB_CACHE

    yield _of("runs", site.out, RUN_GB, "Name another folder: --out.", vital=True)
    yield _of("hub cache", Path(HF_HUB_CACHE), HUB_GB, "Name another folder by HF_HUB_CACHE.", vital=False)
    yield _embeddings()


def _embeddings() -> Finding:
    from seedscope.pipeline.models.texts import FOLDER, cache_folder

    return _of("embeddings cache", cache_folder(), 1, f"Name another folder by {FOLDER}.", vital=False)


def _of(what: str, folder: Path, wanted_gb: float, remedy: str, *, vital: bool) -> Finding:
    """vital: nothing is drawn without it."""
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    refused = _refusal(there)
    free = shutil.disk_usage(there).free
    told = f"{folder}: {'can be written' if refused is None else f'cannot be written ({refused})'}, {free / 1e9:,.1f} GB free"
    facts: Facts = {"folder": str(folder), "writable": refused is None, "free_bytes": free}
    if refused is not None:
        return problem(what, told, remedy, facts=facts) if vital else note(what, told, remedy, facts=facts)
    if free < wanted_gb * 1e9:
        return note(what, told, f"{remedy} {wanted_gb:g} GB and more are better.", facts=facts)
    return ok(what, told, facts=facts)


def _refusal(folder: Path) -> str | None:
    """Why a file cannot be written into a folder; None: it was, and removed."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".seedscope-doctor-") as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror or type(error).__name__
    return None
