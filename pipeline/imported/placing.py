"""From a folder to cells: which file is the picture of which prompt and seed, and why some files have no place."""

import hashlib
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from seedscope.pipeline.images import ImageError, endings, read
from seedscope.pipeline.imported.formats.embedded import Header, read_header, recipe_of
from seedscope.pipeline.imported.formats.recipe import NoMetadata, Recipe, Unplaceable
from seedscope.pipeline.imported.listed import Entry, spelt_as_found
from seedscope.pipeline.imported.looking import find_pictures
from seedscope.pipeline.imported.sameness import MISREAD, Made, Rest, interned
from seedscope.pipeline.study.prompts import Prompt, prompt

READERS = 16
Key = tuple[str, int]
_GRID = re.compile(r"(grid|xyz?_grid|xyz?-grid|prompt_matrix)-\d+", re.IGNORECASE)
_BETWEEN = re.compile(
    r"-(ad-(before|preview)|before-(high-?res-?fix|hires(-fix)?|face-restoration|color-correction|refiner?|detailer|restore)"
    r"|mask(-composite)?|init-image)(-\d+)?$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Placed:
    """A picture's cell. `made` is how it was made: the settings, and `pixels`, its (width, height). `saved` is how many
    pictures, one made from another, carry its recipe. `of_another` and `later_seeds` are as in `Recipe`."""

    file: Path
    prompt: Prompt
    seed: int
    made: Made
    saved: int = 1
    of_another: bool = False
    later_seeds: Mapping[str, int] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        return self.prompt.id, self.seed


@dataclass
class Placing:
    """What was found in a folder: a picture for each of some cells, and the reason for every file that has none.

    `untold` are files that a table places, with the reason why what they say of their settings cannot be read.
    """

    made: Made | None
    cells: dict[Key, Placed] = field(default_factory=dict)
    unplaced: dict[Path, str] = field(default_factory=dict)
    untold: dict[Path, str] = field(default_factory=dict)


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
    (`taken`) keeps it, else the first by name; of several that one run saved one after another, the last.

    Args:
        table: what a table says of files; it goes before what is embedded in them.
        outside: the run folder; pictures below it are not looked at.
        made: how the pictures of the run were made, where it has some.
        mixed: accept pictures whatever their settings.
    """
    files, unseen = find_pictures(folder, outside, endings())
    table, alike = spelt_as_found(table, files)
    reader = _Reader(table)
    with ThreadPoolExecutor(READERS) as readers:
        found = list(readers.map(reader.read, files))
    placing = Placing(made, unplaced=dict(unseen))
    placing.unplaced |= {file: why for file, why in zip(files, found, strict=True) if isinstance(why, str)}
    missing = table.keys() - set(files) - unseen.keys()
    placing.unplaced |= {
        file: f"the table names it, but there is no such picture{alike.get(file, '')}" for file in sorted(missing)
    }
    readable = [item for item in found if isinstance(item, Placed)]
    known = {item.file for item in readable if (taken or {}).get(item.key) == item.file}
    ways = [item.made for item in readable if item.file in known] or [item.made for item in readable]
    rest = None if mixed else Rest.of(made, ways, kept=made is not None)
    placing.untold = reader.untold
    placing.made = rest.made if rest and readable and made is None else None if mixed else made
    _give_cells(placing, readable, taken or {}, rest)
    return placing


@dataclass
class _Reader:
    """Reads files one by one, and keeps what they have in common once."""

    table: Mapping[Path, Entry]
    ways: dict[str, Made] = field(default_factory=dict)
    prompts: dict[tuple[str, str | None], Prompt] = field(default_factory=dict)
    untold: dict[Path, str] = field(default_factory=dict)

    def read(self, file: Path) -> Placed | str:
        """A file's cell, or why it has none."""
        entry = self.table.get(file)
        try:
            header: Header | None = read_header(file)
        except ImageError as reason:
            if entry is None:
                return str(reason)
            header = None
        embedded = _embedded(file, header)
        if (
            entry
            and embedded.settings is None
            and not isinstance(embedded, NoMetadata)
            and isinstance(entry.recipe, Recipe)
        ):
            self.untold[file] = str(embedded)
        found = _filled(entry.recipe, embedded) if entry else embedded
        if isinstance(found, Unplaceable):
            return str(found)
        if entry is None and header and (other := _no_final_picture(file, header, found)):
            return other
        group = entry.group if entry else None
        text = self.prompts.setdefault((found.prompt, group), prompt(found.prompt, group))
        made = interned(_made(found, header), self.ways)
        return Placed(file, text, found.seed, made, found.saved, found.of_another, found.later_seeds)


def _embedded(file: Path, header: Header | None) -> Recipe | Unplaceable:
    """What a file says of itself, or why that is nothing."""
    try:
        return recipe_of(header.texts if header else {}, file.name)
    except Unplaceable as reason:
        return reason


def _no_final_picture(file: Path, header: Header, found: Recipe) -> str | None:
    """Why a picture is not the one that its settings describe, if so; web UIs write the same settings into others too."""
    if _GRID.match(file.stem):
        return "its name is that of a grid of pictures, and a cell is one"
    if _BETWEEN.search(file.stem):
        return "its name is that of a picture between the first and the final one, which has its prompt and seed too"
    asked, seen = sorted(found.settings.size or ()), sorted((header.width, header.height))
    if asked and not found.enlarged and any(abs(a - b) >= 8 for a, b in zip(asked, seen, strict=True)):
        size = " x ".join(map(str, found.settings.size or ()))
        return (
            f"it is {header.width} x {header.height}, where its settings say {size}: a grid, or cut or enlarged since"
        )
    return None


def _filled(listed: Recipe | Unplaceable, embedded: Recipe | Unplaceable) -> Recipe | Unplaceable:
    """What a table says of a picture, with those of its own settings that the table does not tell."""
    if isinstance(listed, Unplaceable) or embedded.settings is None:
        return listed
    told = {key: value for key, value in asdict(listed.settings).items() if value is not None}
    filled = replace(listed, settings=replace(embedded.settings, **told), further=embedded.further)
    if isinstance(embedded, Unplaceable):
        return filled
    return replace(filled, of_another=embedded.of_another, later_seeds=embedded.later_seeds, misread=embedded.misread)


def _made(found: Recipe, header: Header | None) -> Made:
    made: Made = asdict(found.settings) | {"pixels": (header.width, header.height) if header else None}
    made = {key: list(value) if isinstance(value, tuple) else value for key, value in made.items()}
    made |= {MISREAD: [*sorted(found.misread)]} if found.misread else {}
    return made if found.further is None else made | {"settings": dict(found.further)}


def _give_cells(placing: Placing, found: list[Placed], taken: Mapping[Key, Path], rest: Rest | None) -> None:
    keys = {item.file: item.key for item in found}
    several = sorted((item for item in found if item.saved > 1), key=lambda item: item.file, reverse=True)
    single = [item for item in found if item.saved == 1]
    for item in [*several, *sorted(single, key=lambda item: (taken.get(item.key) != item.file, item.file))]:
        has = taken.get(item.key)
        if has is not None and (has in placing.unplaced or keys.get(has, item.key) != item.key or item.saved > 1):
            has = None  # that file is another picture by now, or has lost its place
        holder = placing.cells[item.key].file if item.key in placing.cells else has
        if rest and (differences := rest.differences(item.made, known=taken.get(item.key) == item.file)):
            placing.unplaced[item.file] = f"it was made in another way than the rest: {differences}"
        elif holder is not None and holder != item.file and holder.is_file():
            placing.unplaced[item.file] = f"it has the prompt and seed of {holder}, and {_likeness(holder, item.file)}"
        else:
            placing.cells[item.key] = item


def _likeness(one: Path, other: Path) -> str:
    try:
        first, second = map(_seen, (one, other))
    except ImageError:
        return "one of the two cannot be read"
    return "is the same picture" if first == second else "is another picture"


def _seen(file: Path) -> tuple[tuple[int, int], bytes]:
    """A picture's size and the sha256 of its pixels: two large pictures at once would take much memory."""
    picture = read(file)
    return picture.size, hashlib.sha256(picture.tobytes()).digest()
