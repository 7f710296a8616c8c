"""Which seeds are good for your text-to-image model? Golden seeds, and the runs in which they were found.

    from seedscope import GoldenSeeds, open_run

    golden = GoldenSeeds.load("runs/demo/golden.json")
    golden.check(pipe, **golden.call_kwargs(pipe))  # or GoldenMismatch, with every reason
    pictures = pipe(["a red fox"] * len(golden.seeds), **golden.call_kwargs(pipe, seeds=golden.seeds)).images

    study = Study(name="mine", model="sprout", prompts=["a cat", "a red car"], seeds=range(16))
    seedscope.run(study)  # as `seedscope run` does; or a study file

    run = open_run("runs/demo")  # or s3://bucket/runs/demo
    run.seeds().to_pandas()
    run.picture(seed=7, prompt="a cat").show()
    run.show(seeds=[7, 8])  # in a notebook: a row a seed

Names are loaded when they are asked for: `import seedscope` needs no torch. `run` and `open_run` need the extra:
`pip install 'seedscope[run]'`.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

from seedscope.pipeline.run_extra import told_if_missing

if TYPE_CHECKING:
    from seedscope.analysis.judging.run_view import open_run
    from seedscope.analysis.select.golden import GoldenMismatch, GoldenSeeds
    from seedscope.jobs.in_python import run
    from seedscope.pipeline.study.file import load_study
    from seedscope.pipeline.study.schema import Study

    __version__: str

__all__ = ["GoldenMismatch", "GoldenSeeds", "Study", "__version__", "load_study", "open_run", "run"]

_PLACES = {
    "GoldenMismatch": "seedscope.analysis.select.golden",
    "GoldenSeeds": "seedscope.analysis.select.golden",
    "Study": "seedscope.pipeline.study.schema",
    "load_study": "seedscope.pipeline.study.file",
    "open_run": "seedscope.analysis.judging.run_view",
    "run": "seedscope.jobs.in_python",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        return version("seedscope")
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with told_if_missing():
        return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
