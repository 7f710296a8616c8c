"""`seedscope submit`: a study goes to a Ray cluster, to Slurm or to Kubernetes."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from seedscope.jobs.commands.options import DASHBOARD, Dashboard, StudyFile
from seedscope.jobs.console import notes
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from seedscope.jobs.submit.submission import Submission

TARGETS_OF = {
    "address": ["ray"],
    "detach": ["ray"],
    "runtime_env": ["ray"],
    "again": ["ray", "kuberay"],
    "include": ["ray", "kuberay"],
    "nodes": ["slurm", "kuberay"],
    "gpus": ["slurm", "kuberay"],
    "slices": ["slurm"],
    "sbatch": ["slurm"],
    "scripts": ["slurm"],
    "image": ["kuberay"],
    "secret": ["kuberay"],
    "apply": ["slurm", "kuberay"],
}

_RAY, _SLURM, _KUBERAY, _BOTH = (f"With --to {name}" for name in ("ray", "slurm", "kuberay", "slurm or kuberay"))
Target = Annotated[Literal["ray", "slurm", "kuberay"], typer.Option("--to", help="Who gets it.", show_default=False)]
Lasting = Annotated[
    str | None,
    typer.Option(
        "--out", help="Run folder that outlives the job: s3://..., gs://..., or an absolute path that all see."
    ),
]
RunOptions = Annotated[
    list[str] | None, typer.Argument(metavar="RUN_OPTIONS", help="After --: further options of `seedscope run`.")
]
Again = Annotated[bool, typer.Option("--again", help="Even if it has finished: what is damaged or gone is made again.")]
Include = Annotated[
    list[Path] | None,
    typer.Option(metavar="PATH", help="A file or folder outside the study's folder that may travel; may be repeated."),
]
Detach = Annotated[bool, typer.Option("--detach", rich_help_panel=_RAY, help="Do not follow the log.")]
RuntimeEnv = Annotated[
    Path | None,
    typer.Option(metavar="FILE", rich_help_panel=_RAY, help="YAML of a Ray runtime environment: pip, env_vars, ..."),
]
Nodes = Annotated[str, typer.Option(rich_help_panel=_BOTH, help="Machines; for kuberay also a range such as 0-8.")]
Gpus = Annotated[int, typer.Option(min=0, rich_help_panel=_BOTH, help="GPUs of a machine.")]
Apply = Annotated[
    bool, typer.Option("--apply", rich_help_panel=_BOTH, help="Also hand it over, by `sbatch` or `kubectl apply`.")
]
Slices = Annotated[
    int | None, typer.Option(min=1, rich_help_panel=_SLURM, help="So many jobs without Ray, instead of a Ray cluster.")
]
Sbatch = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE", rich_help_panel=_SLURM, help="For sbatch: time=08:00:00; may be repeated."),
]
Scripts = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        rich_help_panel=_SLURM,
        help="Where to write them.  \\[default: slurm/<study>]",
        show_default=False,
    ),
]
Image = Annotated[
    str | None, typer.Option(rich_help_panel=_KUBERAY, help="What the Dockerfile builds, as pods pull it.")
]
Secret = Annotated[
    str | None,
    typer.Option(rich_help_panel=_KUBERAY, help="Kubernetes Secret with the variables that the store needs."),
]


def submit_study(
    context: typer.Context,
    study: StudyFile,
    target: Target,
    folder: Lasting = None,
    options: RunOptions = None,
    again: Again = False,
    include: Include = None,
    address: Dashboard = DASHBOARD,
    detach: Detach = False,
    runtime_env: RuntimeEnv = None,
    nodes: Nodes = "1",
    gpus: Gpus = 1,
    apply: Apply = False,
    slices: Slices = None,
    sbatch: Sbatch = None,
    scripts: Scripts = None,
    image: Image = None,
    secret: Secret = None,
) -> None:
    """Run a study on a cluster. Submit it again after any mishap: it goes on where it was, and never runs twice at once.

    What the study names by relative paths travels with it, if it lies in the study's folder or is named by --include, and is
    not hidden; absolute paths, and seedscope itself, are expected on all nodes.

    Example: seedscope submit configs/demo.yaml --to ray --address http://head:8265 --out s3://bucket/runs/demo
    """
    from seedscope.jobs.submit.bundle import Bundle
    from seedscope.jobs.submit.submission import Submission, lasting
    from seedscope.pipeline.study.file import load_study
    from seedscope.pipeline.study.sweep import Sweep

    _refuse_foreign(context, target)
    where = lasting(folder, url=target == "kuberay")
    if slices is not None and isinstance(getattr(load_study(study), "seeds", None), Sweep):
        raise UserError(
            "--slices: jobs of an array do not wait for each other, and the rounds of a sweep do. Leave --slices out: a Ray "
            "cluster over the nodes makes one round after another."
        )
    submission = Submission(Bundle.of(study, include or []), where, tuple(options or ()))
    if target == "ray":
        _to_ray(submission, address, runtime_env, detach=detach, again=again)
    elif target == "slurm":
        fewest, most = _range(nodes)
        if fewest != most or not fewest:
            raise UserError(f"--nodes {nodes}: Slurm gives a fixed number of nodes, 1 or more.")
        _to_slurm(submission, study, most, gpus, slices, sbatch or [], scripts, apply=apply)
    else:
        _to_kuberay(submission, image, _range(nodes), gpus, secret, apply=apply, again=again)


def _refuse_foreign(context: typer.Context, target: str) -> None:
    """Refuse options that the target knows nothing of."""
    for name, targets in TARGETS_OF.items():
        source = context.get_parameter_source(name)
        if target not in targets and source is not None and source.name == "COMMANDLINE":
            raise UserError(
                f"--{name.replace('_', '-')} is for --to {' and --to '.join(targets)}, not for --to {target}."
            )


def _range(nodes: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", nodes)
    if not match or int(match[2] or match[1]) < max(1, int(match[1])):
        raise UserError(f"--nodes {nodes}: give a number such as 4, or a range such as 0-8.")
    return int(match[1]), int(match[2] or match[1])


def _to_ray(submission: "Submission", address: str, runtime_env: Path | None, *, detach: bool, again: bool) -> None:
    from seedscope.jobs.submit.ray_jobs import RayJobs

    environment = _environment(runtime_env)
    cluster = RayJobs(address)
    found = cluster.submit(submission, environment, again=again)
    if found.before == "SUCCEEDED":
        _say(f"{found.job} has finished already; its run is at {submission.out}. --again has it checked and repaired.")
        return
    if found.before is None:
        _say(f"Submitted {found.job}.")
    else:
        older = (
            " with an earlier version of the study: submit this one when it has ended" if found.other_version else ""
        )
        _say(f"{found.job} is {found.before.lower()} already{older}.")
    at = "" if cluster.address == DASHBOARD else f" --address {cluster.address}"
    if detach:
        _say(f"Its log: seedscope logs {found.job} --follow{at}. To stop it: seedscope stop {found.job}{at}")
        return
    _say("Following its log. Ctrl-C leaves the job running; the same command follows it again.")
    cluster.follow(found.job, lambda text: print(text, end="", flush=True))
    _say(f"{found.job} has finished; its run is at {submission.out}.")


def _environment(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    import yaml

    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"--runtime-env {file}: cannot be read as YAML: {error}.") from None
    if not isinstance(found, dict) or "working_dir" in found:
        raise UserError(
            f"--runtime-env {file}: wants a mapping such as `pip: [...]` or `env_vars: {{...}}`, and no working_dir: that is "
            "the study with its files."
        )
    return found


def _to_slurm(
    submission: "Submission",
    study: Path,
    nodes: int,
    gpus: int,
    slices: int | None,
    directives: list[str],
    folder: Path | None,
    *,
    apply: bool,
) -> None:
    from seedscope.jobs.submit import slurm

    batch = slurm.Batch(submission, study, nodes, gpus, slices, directives)
    scripts = batch.write(folder or Path("slurm") / submission.bundle.name)
    for script in scripts:
        _say(f"wrote {script}")
    if apply:
        for script, job in zip(scripts, slurm.submit(scripts), strict=True):
            _say(f"{script.name} is job {job}.")
        return
    _say("Look at them, then:")
    for line in slurm.by_hand(scripts):
        _say(f"  {line}")


def _to_kuberay(
    submission: "Submission",
    image: str | None,
    nodes: tuple[int, int],
    gpus: int,
    secret: str | None,
    *,
    apply: bool,
    again: bool,
) -> None:
    from seedscope.jobs.submit.kuberay import RayJob

    if image is None:
        raise UserError(
            "--image is missing: the image that the Dockerfile builds, such as registry.example/seedscope:0.1."
        )
    job = RayJob(submission, image, nodes, gpus, secret)
    if not apply:
        print(job.manifest(), end="")
        return
    done = job.apply(again=again)
    if done == "finished":
        _say(f"{job.name} has finished already; its run is at {submission.out}. --again has it checked and repaired.")
        return
    _say(
        f"{job.name} {'runs already' if done == 'runs' else 'is started'}. Its log: kubectl logs --follow job/{job.name}"
    )


def _say(text: str) -> None:
    notes.print(text, soft_wrap=True)
