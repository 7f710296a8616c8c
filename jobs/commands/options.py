"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="The study: a YAML file.", show_default=False)]
Out = Annotated[
    Path | None, typer.Option("--out", help="Run folder.  [default: runs/<study name>]", show_default=False)
]
VectorFeature = Annotated[
    str | None,
    typer.Option(
        metavar="FEATURE",
        help="Feature that gives a vector of each picture.  [default: a style feature, or else the study's first]",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
