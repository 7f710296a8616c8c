"""Arguments and options that several commands share. In help texts `\\[` is a bracket: rich takes others for markup."""

from pathlib import Path
from typing import Annotated

import typer

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="The study: a YAML file.", show_default=False)]
Out = Annotated[
    Path | None, typer.Option("--out", help="Run folder.  \\[default: runs/<study name>]", show_default=False)
]
CompletePrompts = Annotated[
    bool,
    typer.Option("--complete-prompts", help="Of a run that is not finished, judge the prompts of which all is there."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
