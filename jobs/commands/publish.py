"""`seedscope publish`: a run as a data set on the Hugging Face hub."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.filesize import decimal
from rich.table import Table

from seedscope.jobs.commands.options import Json, Out, StudyFile
from seedscope.jobs.console import notes, out
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from seedscope.analysis.dataset.uploads import Upload

SHOWN = 40
"""Files that a dry run names; --json names all."""


def publish_run(
    study: StudyFile,
    repo: Annotated[
        str, typer.Option(metavar="OWNER/NAME", help="The data set on the hub; made if need be.", show_default=False)
    ],
    folder: Out = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="Upload the pictures, too.")] = False,
    public: Annotated[bool, typer.Option("--public", help="For all to see; without it, for you alone.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be uploaded, and upload nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Upload a run as a data set to the Hugging Face hub: its tables, its card and its golden list.

    What is there already is not sent again. HF_TOKEN is a token that may write.

    Example: seedscope publish runs/demo --repo me/demo-seeds --dry-run
    """
    from seedscope.analysis.dataset.uploads import uploads
    from seedscope.analysis.judging.run_view import open_run
    from seedscope.analysis.run.opened import folder_of
    from seedscope.pipeline.storage.hub_dataset import publish

    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo, re.ASCII):
        raise UserError(f"--repo {repo}: is no name of a data set; it is OWNER/NAME, such as me/seeds.")
    files = uploads(open_run(folder_of(study, folder)).folder, repo, pictures=pictures)
    if dry_run:
        _say(files, repo, as_json=as_json)
        return
    done = publish(repo, files, public=public, told=_told)
    if as_json:
        print(json.dumps({"url": done.url, "sent": done.sent, "there": done.there}))
    else:
        out.print(f"{len(done.sent):,} files sent, {done.there:,} were there already: {done.url}", soft_wrap=True)


def _told(sent: int, of: int) -> None:
    notes.print(f"{sent:,} of {of:,} files sent")


def _say(files: list[Upload], repo: str, *, as_json: bool) -> None:
    total = sum(file.size for file in files)
    if as_json:
        listed = [{"path": file.path, "size": file.size} for file in files]
        print(json.dumps({"repository": repo, "files": listed, "bytes": total}))
        return
    grid = Table(box=SIMPLE, pad_edge=False)
    grid.add_column("file")
    grid.add_column("size", justify="right", no_wrap=True)
    for file in files[:SHOWN]:
        grid.add_row(file.path, decimal(file.size))
    out.print(grid)
    if len(files) > SHOWN:
        out.print(f"{SHOWN} of {len(files):,} files; --json names all.")
    out.print(f"{len(files):,} files, {decimal(total)}, would be uploaded to {repo}.", soft_wrap=True)
