"""What a bench found, as a file: read again by `seedscope plan`, and by sweeps whose budget is in hours."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from seedscope.pipeline.study.schema import Json, Measured, fingerprint
from seedscope.pipeline.tables.run_folder import RunFolder

FILE = "bench.json"


class Drawn(Protocol):
    """What of a run whose pictures a model draws says how fast that goes."""

    @property
    def cause(self) -> Json: ...

    @property
    def study(self) -> Measured: ...

    @property
    def folder(self) -> RunFolder: ...


class Spread(BaseModel):
    """The median of several measurements of one thing, with the least and the most."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Raises ValueError where there are no values."""
        if not values:
            raise ValueError("a spread needs at least one value")
        return cls(median=median(values), least=min(values), most=max(values))


class Bench(BaseModel):
    """The speed of one GPU, or of one CPU worker, at the work of a study.

    conditions: what the speed depends on, `fingerprint` its hash. machine: as in receipts. rounds: how often `pictures` were
    drawn and measured. rate: pictures a second, of the stages `images` and `features`, and of all that one worker does in
    turn (`worker`). seconds: of a picture, in each feature by itself (in the median round). bytes: of a picture in the shards
    of its stage. memory: peak of the process (`rss`) and of the GPU (`gpu`), in bytes. loading: seconds that it takes to load
    the model and the features.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    study: str
    fingerprint: str
    conditions: dict[str, JsonValue]
    machine: dict[str, JsonValue]
    device: str
    threads: int = Field(ge=1)
    measured: str
    rounds: int = Field(ge=1)
    pictures: int = Field(ge=1)
    rate: dict[str, Spread]
    seconds: dict[str, float]
    bytes: dict[str, float]
    memory: dict[str, int | None]
    loading: float = Field(ge=0)

    @classmethod
    def load(cls, file: Path) -> Self | None:
        """The bench in a file; None where there is none that this version reads."""
        try:
            return cls.model_validate_json(file.read_bytes())
        except (OSError, ValidationError):
            return None

    @property
    def on_gpu(self) -> bool:
        return self.device == "cuda"


def conditions(run: Drawn) -> dict[str, Json]:
    """What the speed of a study depends on, beside the machine: model, sampling, computing, features. No prompts, no seeds."""
    cause = run.cause if isinstance(run.cause, dict) else {}
    drawn: dict[str, Json] = {key: value for key, value in cause.items() if key != "unit"}
    return drawn | {"features": [choice.model_dump(mode="json") for choice in run.study.features]}


def last_bench(run: Drawn) -> tuple[Path, Bench] | None:
    """The last bench of the same model, sampling and features: of the run itself, or of a run beside it."""
    wanted = fingerprint(conditions(run))
    found = [(file, bench) for file, bench in _benches(run.folder.path) if bench.fingerprint == wanted]
    return max(found, key=lambda one: one[1].measured, default=None)


def _benches(folder: Path) -> Iterator[tuple[Path, Bench]]:
    for file in sorted({folder / FILE, *folder.parent.glob(f"*/{FILE}")}):
        bench = Bench.load(file)
        if bench is not None:
            yield file, bench
