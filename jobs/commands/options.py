"""Arguments and options that several commands share. In help texts `\\[` is a bracket: rich takes others for markup."""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from seedscope.pipeline.running.runner import Executor
    from seedscope.pipeline.study.slice import Slice

StudyFile = Annotated[
    Path, typer.Argument(metavar="STUDY", help="The study: a YAML file; or the folder of its run.", show_default=False)
]
Out = Annotated[
    str | None,
    typer.Option(
        "--out", help="Run folder, or its URL (s3://, gs://, ...).  \\[default: runs/<study name>]", show_default=False
    ),
]
CompletePrompts = Annotated[
    bool,
    typer.Option(
        "--complete-prompts",
        help="Of an unfinished run, judge the prompts that are complete: drawn with all seeds, and measured.",
    ),
]
Part = Annotated[
    str | None,
    typer.Option(
        "--slice", metavar="I/N", help="Only every N-th unit, from the I-th on, beside processes with the other slices."
    ),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Make at most so many units now.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OtherVersions = Annotated[
    bool,
    typer.Option(
        "--other-versions", help="Go on although torch, diffusers or transformers are not those of the run's pictures."
    ),
]
DASHBOARD = "http://127.0.0.1:8265"
Dashboard = Annotated[
    str, typer.Option(envvar="RAY_API_SERVER_ADDRESS", help="Dashboard of the Ray cluster, http://HOST:8265.")
]

# Where stages run: what `executor` makes of these is given to a run.
Kind = Annotated[Literal["ray", "inline"], typer.Option(help="Ray workers, or this process alone.")]
Address = Annotated[
    str | None,
    typer.Option(
        help="A Ray cluster, HOST:PORT, or `auto` on a node of one.  \\[default: RAY_ADDRESS, or else this machine alone]",
        show_default=False,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Number of workers.  \\[default: one a GPU, or one a core, wherever there are]"),
]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads a worker.  \\[default: cores / workers]")]
GpusPerWorker = Annotated[
    float | None,
    typer.Option(min=0.01, help="GPUs of a worker; 0.5 puts two on one.  \\[default: 1, where there are any]"),
]
Resource = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[STAGE:]NAME=AMOUNT",
        help="Only on nodes with this named resource of Ray's, such as `features:cheap=1`; STAGE is images or features, "
        "without it all. May be repeated.",
        show_default=False,
    ),
]
Deadline = Annotated[
    float | None,
    typer.Option(
        min=1,
        metavar="SECONDS",
        help="A unit that takes longer is begun again by another worker.  \\[default: ten times what others took, "
        "10 minutes at least]",
        show_default=False,
    ),
]


def runs_stages(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, in place of its parameter `where`, the options that say where stages run."""
    options = signature(executor_of).parameters.values()

    @wraps(command)
    def with_options(**given: Any) -> None:
        where = executor_of(**{option.name: given.pop(option.name) for option in options})
        command(**given, where=where)

    own = signature(command)
    places = [[item] if item.name != "where" else options for item in own.parameters.values()]
    flat = [item.replace(kind=Parameter.KEYWORD_ONLY) for place in places for item in place]
    with_options.__signature__ = own.replace(parameters=flat)  # type: ignore[attr-defined]  # read by typer
    del with_options.__wrapped__  # its parameters are not those of the command
    with_options.__annotations__ = {item.name: item.annotation for item in flat}
    return with_options


def executor_of(
    executor: Kind = "ray",
    address: Address = None,
    workers: Workers = None,
    threads: Threads = None,
    gpus_per_worker: GpusPerWorker = None,
    resource: Resource = None,
    deadline: Deadline = None,
) -> "Executor":
    """Where stages run, from the options of a command, which `runs_stages` gives to it.

    Raises:
        UserError: options that exclude each other, or that cannot be read.
    """
    from seedscope.pipeline.running.runner import Executor

    if executor == "inline" and (address or workers or gpus_per_worker or resource or deadline):
        raise UserError(
            "--address and --workers are for Ray, and so are --gpus-per-worker, --resource and --deadline: leave them out, or "
            "use --executor ray."
        )
    if gpus_per_worker is not None and gpus_per_worker > 1 and gpus_per_worker % 1:
        raise UserError(f"--gpus-per-worker {gpus_per_worker:g}: Ray gives out a part of one GPU, or whole ones.")
    return Executor(executor, address, workers, threads, gpus_per_worker, _resources(resource or []), deadline)


def _resources(options: list[str]) -> dict[str, dict[str, float]]:
    """stage -> name -> amount; the stage "" means all."""
    found: dict[str, dict[str, float]] = {}
    for option in options:
        named, _, amount = option.rpartition("=")
        stage, _, name = named.rpartition(":")
        try:
            wanted = float(amount)
        except ValueError:
            wanted = 0.0
        if not name or wanted <= 0 or stage not in ("", "images", "features"):
            raise UserError(
                f"--resource {option}: is not NAME=AMOUNT, images:NAME=AMOUNT or features:NAME=AMOUNT with an amount above 0."
            )
        found.setdefault(stage, {})[name] = wanted
    return found


def numbers_of(option: str, text: str, most: float) -> list[float]:
    """Numbers from 0 to `most` with commas between, each once, in order.

    Raises:
        UserError: they cannot be read.
    """
    try:
        found = sorted({float(part) for part in text.split(",")})
    except ValueError:
        found = []
    if not found or not 0 <= found[0] <= found[-1] <= most:
        raise UserError(f"{option} {text}: name numbers from 0 to {most:g}, such as 0.03,0.1,0.3.")
    return found


def slice_of(part: str | None) -> "Slice":
    """The slice that `--slice` names; without it the whole.

    Raises:
        UserError: it cannot be read.
    """
    from seedscope.pipeline.study.slice import WHOLE, Slice

    return WHOLE if part is None else Slice.parse(part)
