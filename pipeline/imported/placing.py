"""From a folder to cells: which file is the picture of which prompt and seed, and why some files have no place."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from seedscope.pipeline.images import ImageError, decode, endings
from seedscope.pipeline.imported.formats.embedded import Header, read_header, recipe_of
from seedscope.pipeline.imported.formats.recipe import Recipe, Unplaceable
from seedscope.pipeline.imported.listed import Entry
from seedscope.pipeline.study.prompts import Prompt, prompt
from seedscope.pipeline.study.schema import Json

READERS = 16
Key = tuple[str, int]
Made = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Placed:
    """A picture's cell. `made` is how it was made: the settings, and `pixels`, its (width, height)."""

    file: Path
    prompt: Prompt
    seed: int
    made: Made

    @property
    def key(self) -> Key:
        return self.prompt.id, self.seed


@dataclass
class Placing:
    """What was found in a folder: a picture for each of some cells, and the reason for every file that has none."""

    made: Made | None
    cells: dict[Key, Placed] = field(default_factory=dict)
    unplaced: dict[Path, str] = field(default_factory=dict)


def place(
    folder: Path,
    table: Mapping[Path, Entry],
    *,
    outside: Path,
    made: Made | None = None,
    mixed: bool = False,
    taken: Mapping[Key, Path] | None = None,
) -> Placing:
    """Give every picture below a folder its cell.

    Pictures that were made in another way than the rest have no place among them, for a seed is compared with others on
    the same model, size and sampler. What counts is what `made` says, or, without it, what most of the files say; a
    setting that a file does not record is no difference. Of several files for one cell the one that has the cell already
    (`taken`) keeps it, else the first by name.

    Args:
        table: what a table says of files; it goes before what is embedded in them.
        outside: the run folder; pictures below it are not looked at.
        made: how the pictures of the run were made, where it has some.
        mixed: accept pictures whatever their settings.
    """
    files = _picture_files(folder, outside)
    with ThreadPoolExecutor(READERS) as readers:
        found = list(readers.map(lambda file: _read(file, table.get(file)), files))
    placing = Placing(made)
    placing.unplaced |= {file: why for file, why in zip(files, found, strict=True) if isinstance(why, str)}
    missing = table.keys() - set(files)
    placing.unplaced |= dict.fromkeys(sorted(missing), "the table names it, but there is no such picture")
    readable = [item for item in found if isinstance(item, Placed)]
    if mixed:
        placing.made = None
    elif made is None and readable:
        placing.made = _most_common(readable)
    _give_cells(placing, readable, taken or {})
    return placing


def _picture_files(folder: Path, outside: Path) -> list[Path]:
    readable = endings()
    run = outside.resolve()
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.suffix.lower() in readable and file.is_file() and not file.resolve().is_relative_to(run)
    ]


def _read(file: Path, entry: Entry | None) -> Placed | str:
    """A file's cell, or why it has none."""
    try:
        header: Header | None = read_header(file)
    except ImageError as reason:
        if entry is None:
            return str(reason)
        header = None
    try:
        embedded: Recipe | Unplaceable = recipe_of(header.texts if header else {})
    except Unplaceable as reason:
        embedded = reason
    found = _filled(entry.recipe, embedded) if entry else embedded
    if isinstance(found, Unplaceable):
        return str(found)
    return Placed(file, prompt(found.prompt, entry.group if entry else None), found.seed, _made(found, header))


def _filled(listed: Recipe | Unplaceable, embedded: Recipe | Unplaceable) -> Recipe | Unplaceable:
    """What a table says of a picture, with those of its own settings that the table does not tell."""
    if isinstance(listed, Unplaceable) or isinstance(embedded, Unplaceable):
        return listed
    told = {key: value for key, value in asdict(listed.settings).items() if value is not None}
    return replace(listed, settings=replace(embedded.settings, **told))


def _made(found: Recipe, header: Header | None) -> Made:
    made: Made = asdict(found.settings) | {"pixels": (header.width, header.height) if header else None}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in made.items()}


def _most_common(found: list[Placed]) -> Made:
    counts = Counter(json.dumps(item.made) for item in found)
    made: Made = json.loads(counts.most_common(1)[0][0])
    return made


def _give_cells(placing: Placing, found: list[Placed], taken: Mapping[Key, Path]) -> None:
    for item in sorted(found, key=lambda item: (taken.get(item.key) != item.file, item.file)):
        holder = placing.cells[item.key].file if item.key in placing.cells else taken.get(item.key)
        if differences := list(_differences(placing.made or {}, item.made)):
            placing.unplaced[item.file] = f"it was made in another way than the rest: {'; '.join(differences)}"
        elif holder is not None and holder != item.file and holder.is_file():
            placing.unplaced[item.file] = f"it has the prompt and seed of {holder}, and {_likeness(holder, item.file)}"
        else:
            placing.cells[item.key] = item


def _differences(rest: Made, this: Made) -> Iterator[str]:
    """`steps is 30, not 20`, for settings that both record."""
    for name, value in this.items():
        if value is not None and rest.get(name) is not None and rest[name] != value:
            yield f"{name.replace('_', ' ')} is {_short(value)}, not {_short(rest[name])}"


def _short(value: Json) -> str:
    shown = " x ".join(map(str, value)) if isinstance(value, list) else str(value) or "empty"
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _likeness(one: Path, other: Path) -> str:
    try:
        first, second = (decode(file.read_bytes()) for file in (one, other))
    except (ImageError, OSError):
        return "one of the two cannot be read"
    same = first.shape == second.shape and bool((first == second).all())
    return "is the same picture" if same else "is another picture"
