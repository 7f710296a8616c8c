"""Commands that are killed by `crash.py`, each with where it starts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from PIL import Image
from PIL.PngImagePlugin import PngInfo

STUDY = {
    "name": "crash",
    "model": "sprout-turbo",
    "sampling": {"scheduler": "model", "steps": 1, "guidance": {"scale": 0}},
    "compute": {"device": "cpu", "batch_size": 4},
    "prompts": [{"grid": {"objects": ["cat", "car", "tree", "duck"], "modifiers": ["a {object}"]}}],
    "seeds": "0-3",
    "unit": {"prompts": 4, "seeds": 2},
    "features": ["looks", {"clip_score": {"model": "sprout-clip"}}, "style_efficientnet_lite0"],
    "ranking": {"by": "clip_score", "rule": "top", "golden": 2, "shuffles": 20, "bootstrap": 20},
}
INLINE = ("--executor", "inline", "--threads", "1")
RUN = ("study.yaml", "--out", "run")
Change = Callable[[Path], object]


@dataclass(frozen=True)
class Command:
    """A command, with the commands that have been run before it, what was changed since, and what was changed before them."""

    name: str
    arguments: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    change: Change | None = None
    first: Change | None = None


def _grown(place: Path) -> None:
    write_study(place, seeds="0-5", ranking={**STUDY["ranking"], "golden": 3})  # type: ignore[dict-item]


def damaged(place: Path) -> None:
    shard = sorted(place.glob("run/looks-*/*.parquet"))[0]
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)


def _more_pictures(place: Path) -> None:
    draw(place, range(6, 8))


_EXPERIMENTS = {
    "model": "sprout",
    "sampling": {"steps": 2, "guidance": {"scale": 3.0}},
    "prompts": [{"grid": {"objects": ["cat", "car", "tree", "duck", "bus", "key", "cow", "rose"]}}],
    "seeds": "0-17",
    "unit": {"prompts": 4, "seeds": 9},
}


def _of_experiments(place: Path) -> None:
    write_study(place, **_EXPERIMENTS)
    (place / "others.txt").write_text("a fish\na pig\na clock\na horse\n")
    (place / "pairs.csv").write_text(
        "prompt,negative,word,null\na cat,grass,cat,key\na car,red,car,key\na rose,snow,rose,key\n"
    )


THINGS = ("cat car tree duck", "bus rose dog fish", "house key cup cake", "pig cow bee owl")


def of_sweep(place: Path) -> None:
    write_study(
        place,
        prompts=[f"a {thing}" for things in THINGS for thing in things.split()],
        seeds={"among": "0-15", "golden": 3, "budget": 160, "random": 9, "anyway": True},
        unit={"prompts": 3, "seeds": 8},
        features=["looks", {"clip_score": {"model": "sprout-clip"}}],
        ranking={"by": "clip_score", "shuffles": 20},
    )


_MADE = (("run", *RUN, *INLINE),)
_IMPORT = ("import", "pictures", "--out", "run")


def _experiment(name: str, *arguments: str) -> Command:
    where = () if name == "identify" else INLINE
    return Command(name, (*name.split(), *RUN, *where, *arguments), _MADE, first=_of_experiments)


COMMANDS = {
    command.name: command
    for command in (
        Command("run", ("run", *RUN, *INLINE)),
        Command("sweep", ("run", *RUN, *INLINE), first=of_sweep),
        Command("generate", ("generate", *RUN, *INLINE)),
        Command("features", ("features", *RUN, *INLINE), (("generate", *RUN, *INLINE),)),
        Command("seeds", ("seeds", *RUN), _MADE),
        Command("export", ("export", *RUN), _MADE),
        Command("first report", ("report", *RUN), _MADE),
        Command("report", ("report", *RUN), (*_MADE, ("report", *RUN))),
        Command("report --to", ("report", *RUN, "--to", "page"), (*_MADE, ("report", *RUN, "--to", "page"))),
        Command("map", ("map", *RUN), _MADE),
        Command("diverse", ("diverse", *RUN, "--count", "2"), _MADE),
        Command("resize", ("resize", *RUN, "--seeds", "3", "--prompts", "2", "--sizes", "80x64"), _MADE),
        Command("variations", ("variations", *RUN, "--seeds", "3", "--prompts", "2"), _MADE),
        Command("import", _IMPORT),
        Command("import again", _IMPORT, (_IMPORT,), _more_pictures),
        Command("grow", ("run", *RUN, *INLINE), _MADE, _grown),
        Command("verify --deep", ("verify", *RUN, "--deep"), _MADE, damaged),
        _experiment("identify", "--epochs", "2", "--minutes", "600"),
        _experiment("swap", "--seeds", "3", "--step-seeds", "3", "--prompts", "3", "--samplers", "own, ddim 1"),
        _experiment("table golden", "--prompts", "others.txt", "--random", "16", "--best", "2"),
        _experiment("table diverse", "--prompts", "4", "--sets", "1", "--kernel", "latent", "--strengths", "0.3"),
        _experiment("table guidance", "--prompts", "4", "--seeds", "1", "--strengths", "0.5", "--negative", "grass"),
        _experiment("negatives", "--pairs", "pairs.csv", "--seeds", "3", "--onsets", "0"),
    )
}


def write_study(place: Path, **changes: object) -> None:
    (place / "study.yaml").write_text(yaml.safe_dump(STUDY | changes), encoding="utf-8")


def draw(place: Path, numbers: Sequence[int]) -> None:
    """Pictures of some prompts with two seeds each, with the metadata that A1111 writes."""
    (place / "pictures").mkdir(exist_ok=True)
    for number in numbers:
        said = PngInfo()
        said.add_text(
            "parameters", f"prompt {number // 2}\nSteps: 20, Sampler: Euler, Seed: {number % 2}, Size: 64x64, Model: x"
        )
        pixels = np.random.default_rng(number).integers(0, 256, (64, 64, 3), np.uint8)
        Image.fromarray(pixels).save(place / "pictures" / f"{number}.png", pnginfo=said)
