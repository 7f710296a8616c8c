"""A table beside the pictures: a CSV, TSV, JSONL or Parquet file with the columns `file`, `prompt` and `seed`.

It says more than the files themselves: where it names a file, its prompt and seed go before what is embedded in that file.
"""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from seedscope.pipeline.errors import UserError
from seedscope.pipeline.imported.formats.named import SPELLINGS, plain_name
from seedscope.pipeline.imported.formats.recipe import Recipe, Settings, Unplaceable, number, recipe, text, whole
from seedscope.pipeline.study.given import BadRow, is_there, regular, trimmed
from seedscope.pipeline.study.records import FORMATS, Record, columns, records
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.study.separated import quoted
from seedscope.pipeline.study.untrusted_parquet import UNREADABLE, reason

_SPELLINGS = {"file": ("file", "file_name", "filename", "image_name"), "group": ("group",)} | SPELLINGS
"""What is read -> the names by which Hugging Face image folders and others call it."""
_REQUIRED = ("file", "prompt", "seed")
_LONGEST_NAME = 4096
"""Characters of a path on common systems."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a table says of a file: a recipe, or why there is none; and the group of its prompt."""

    recipe: Recipe | Unplaceable
    group: str | None


@dataclass(frozen=True)
class Listed:
    """The table of a folder, if any; and, a sentence each, what lies there and is not used."""

    path: Path | None = None
    entries: dict[Path, Entry] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def find_table(folder: Path, named: Path | None = None) -> Listed:
    """What a table says of the pictures of a folder: of the one that is named, or the one that lies in the folder.

    Raises:
        UserError: several tables lie there, or the table cannot be read whole.
    """
    if named is not None:
        return Listed(named, *_read(named))
    notes: list[str] = []
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not (path.suffix.lower() in FORMATS or _is_other_table(path)):
            continue
        if path.suffix.lower() not in FORMATS:
            notes.append(f"{path}: lies there and is not used: tables are {', '.join(FORMATS)}.")
        elif reason := _why_no_table(path):
            notes.append(f"{path}: lies there and is not used: {reason}")
        else:
            found.append(path)
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise UserError(f"{folder}: {names} have columns file, prompt and seed. Name one of them by --table.")
    if not found:
        return Listed(None, {}, [*notes, *_below(folder)])
    entries, more = _read(found[0])
    return Listed(found[0], entries, [*notes, *more])


def read_table(path: Path) -> dict[Path, Entry]:
    """File -> entry, files relative to the table's folder.

    Besides `file` (or `file_name`, `filename`), `prompt` and `seed`, the columns `group`, `negative_prompt`, `model`,
    `sampler`, `steps`, `guidance`, `width` and `height` are read where they are there, capitals and some other spellings too.

    Raises:
        UserError: it cannot be read whole, lacks one of the three columns, or names a file twice.
    """
    return _read(path)[0]


def _below(folder: Path) -> Iterator[str]:
    """Tables of image folders that lie further down, where their names are relative to another folder."""
    for path in sorted(folder.glob("*/**/metadata.*")):
        if path.suffix.lower() in FORMATS and not _why_no_table(path):
            yield (
                f"{path}: lies further down and is not used. Name it by --table, or import the folder that it lies in: "
                f"{path.parent}."
            )


def _is_other_table(path: Path) -> bool:
    """Whether a file may be a table of a kind that is not read: of a spreadsheet, or a list in JSON."""
    if path.suffix.lower() != ".json":
        return path.suffix.lower() in (".xlsx", ".xls", ".ods")
    with suppress(OSError, ValueError), regular(path).open("rb") as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"[")
    return False


def _why_no_table(path: Path) -> str | None:
    """Why a file is no table of pictures, by its columns alone."""
    try:
        names = columns(path)
        lacking = [name for name in _REQUIRED if name not in _meanings(names).values()]
    except BadRow as row:
        return f"line {row.number} {row}"
    except UNREADABLE as error:
        return f"it cannot be read: {reason(error)}."
    if not lacking:
        return None
    return f"it has no column {' or '.join(lacking)}; it has {', '.join(names)[:200] or 'none'}."


def _meanings(names: Sequence[str], line: int = 1) -> dict[str, str]:
    """Column -> what it means, of the columns that are read; of several spellings of one, the first of `_SPELLINGS`.

    Raises:
        BadRow: two columns are spelt the same, but for capitals.
    """
    plain = {name: plain_name(name) for name in names}
    found: dict[str, str] = {}
    for meaning, spellings in _SPELLINGS.items():
        columns_of = [name for spelling in spellings for name in names if plain[name] == spelling]
        if len(columns_of) > 1 and plain[columns_of[0]] == plain[columns_of[1]]:
            raise BadRow(
                line, f"has the columns {columns_of[0]!r} and {columns_of[1]!r}. Rename or remove one of them."
            )
        if columns_of:
            found[columns_of[0]] = meaning
    return found


def _read(path: Path) -> tuple[dict[Path, Entry], list[str]]:
    """File -> entry, and what else has to be said of a table."""
    try:
        if path.suffix.lower() not in FORMATS:
            raise ValueError(f"tables are {', '.join(FORMATS)}")
        names = columns(path)
        meanings = _meanings(names)
        lacking = [name for name in _REQUIRED if name not in meanings.values()]
        if lacking:
            has = f"it has {', '.join(names)}" if names else "it has no rows"
            raise UserError(f"{path}: a table of pictures has the columns file, prompt and seed; {has}.")
        entries, others, nameless = _entries(path, names)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such table.") from None
    except BadRow as row:
        raise UserError(f"{path}:{row.number}: {row}") from None
    except UNREADABLE as error:
        raise UserError(f"{path}: cannot be read as a {path.suffix} table: {reason(error)}.") from None
    if not entries:
        raise UserError(f"{path}: a table of pictures has the columns file, prompt and seed; it has no rows.")
    notes = [f"{path}: columns that are not read: {', '.join(others)}."] if others else []
    if nameless:
        notes.append(f"{path}: {len(nameless):,} rows name no file and are left out; the first is line {nameless[0]}.")
    return entries, notes


def _entries(path: Path, names: Sequence[str]) -> tuple[dict[Path, Entry], list[str], list[int]]:
    """File -> entry; the columns that are not read; and the lines that name no file. Lines of JSONL have columns of their own.

    Raises:
        BadRow: a file that is named twice, or a cell that could be read in two ways.
    """
    entries: dict[Path, Entry] = {}
    lines: dict[Path, int] = {}
    nameless: list[int] = []
    spelt = {tuple(names): _meanings(names)}
    for line, record in records(path, needed=spelt[tuple(names)].__contains__):
        if (keys := tuple(record)) not in spelt:
            spelt[keys] = _meanings(keys, line)
        known = dict.fromkeys(_SPELLINGS) | {meaning: record[name] for name, meaning in spelt[keys].items()}
        if path.suffix.lower() == ".tsv":
            for value in known.values():
                if isinstance(value, str) and (wrong := quoted(value)):
                    raise BadRow(line, f"has a cell that {wrong}: {value[:60]}. Save the table as CSV or JSONL.")
        name = known["file"]
        if not isinstance(name, str) or not name.strip():
            nameless.append(line)
            continue
        file = _located(path.parent, name)
        if file in entries:
            raise BadRow(line, f"names the file {name!r} twice (first on line {lines[file]}). Remove one of the rows.")
        entries[file], lines[file] = _entry(known), line
    others = dict.fromkeys(name for keys, meanings in spelt.items() for name in keys if name not in meanings)
    return entries, [*others], nameless


def _located(folder: Path, name: str) -> Path:
    """The file that a name stands for: if there is none of that name, one without white space around it, with slashes for its
    backslashes, spaces for `%20`, or accents that are letters of their own, as macOS writes them."""
    if name.isascii() and not re.search(r"^\s|\s$|[\\%]|\.\.", name):
        return folder / name
    plain = trimmed(name)
    if len(plain) > _LONGEST_NAME:
        return folder / plain
    forms = (unicodedata.normalize(form, plain) for form in ("NFC", "NFD"))
    spelt = (name, plain, plain.replace("\\", "/"), unquote(plain), *forms)
    return Path(os.path.normpath(folder / next((each for each in spelt if is_there(folder / each)), plain)))


def spelt_as_found(table: Mapping[Path, Entry], files: Sequence[Path]) -> tuple[dict[Path, Entry], dict[Path, str]]:
    """A table whose names have the capitals of the files: Windows and macOS find `b.JPG` by `b.jpg`.

    Returns:
        File -> entry; and, of names that stand for no file or for several, what there is, as the end of a sentence.
    """
    entries, alike = dict(table), dict[Path, str]()
    lost = table.keys() - set(files)
    if not lost:
        return entries, alike
    spelt: dict[str, list[Path]] = {}
    for file in files:
        if file not in table:
            spelt.setdefault(_folded(file), []).append(file)
    names = Counter(map(_folded, lost))
    for name in sorted(lost):
        found = spelt.get(folded := _folded(name), [])
        if len(found) == 1 and names[folded] == 1:
            entries[found[0]] = entries.pop(name)
        elif found:
            alike[name] = f"; there is {' and '.join(file.name for file in found)}"
    return entries, alike


def _folded(file: Path) -> str:
    """A name without its capitals, and in one of the spellings that `_located` tries."""
    return os.path.normpath(unicodedata.normalize("NFC", unquote(str(file).replace("\\", "/"))).casefold())


def _entry(known: Record) -> Entry:
    try:
        found: Recipe | Unplaceable = recipe(known.get("prompt"), known.get("seed"), _settings(known))
    except Unplaceable as reason:
        found = reason
    return Entry(found, text(_spelt(known.get("group"))))


def _settings(known: Record) -> Settings:
    """The settings of a row.

    Raises:
        Unplaceable: one of them is written as it cannot be read, and so could not be compared.
    """
    steps, width, height = (_number(known, name, whole(known.get(name))) for name in ("steps", "width", "height"))
    guidance = _number(known, "guidance", number(known.get("guidance")))
    return Settings(
        negative_prompt=text(_spelt(known.get("negative_prompt"))),
        model=text(_spelt(known.get("model"))),
        sampler=text(_spelt(known.get("sampler"))),
        steps=None if steps is None else int(steps),
        guidance=guidance,
        size=None if width is None or height is None else (int(width), int(height)),
    )


def _number(known: Record, name: str, found: float | None) -> float | None:
    written = known.get(name)
    if found is None and not (written is None or written != written or str(written).strip() == ""):
        raise Unplaceable(f"its {name} in the table is {str(written)[:40]!r}, which is no number")
    return found


def _spelt(value: Json) -> Json:
    """A number as text: some tables number their samplers and models."""
    return str(value) if isinstance(value, int | float) and value == value else value
