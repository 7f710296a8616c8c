"""Prompt sources: a list, an object x modifier grid, or a text, CSV, TSV, JSONL or Parquet file."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.study.given import LONGEST, BadRow, is_text, not_text, opened_text, trimmed
from seedscope.pipeline.study.records import FORMATS as TABLES
from seedscope.pipeline.study.records import columns, records
from seedscope.pipeline.study.schema import MOST_PROMPTS, FileSource, Grid, GridSource, Json
from seedscope.pipeline.study.separated import quoted
from seedscope.pipeline.study.untrusted_parquet import UNREADABLE, reason

PROMPT_COLUMNS = ("prompt", "caption", "text", "positive_prompt")
FORMATS = (".txt", *TABLES)
_SHOWN = 5
_CONTROL = re.compile(r"[\x01-\x08\x0e-\x1f\x7f]")

Fact = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt: what the model reads, and the group (object, category, source) that it is resampled and split with.

    `facts` are what else its source says of it, by name, for features that measure its pictures. Runs do not record them.
    """

    id: str
    text: str
    group: str
    facts: Mapping[str, Fact] = field(default_factory=dict, compare=False, repr=False)

    @property
    def has_named_group(self) -> bool:
        """Whether its source names its group."""
        return self.group != self.id

    def record(self) -> dict[str, str]:
        """What a run records of it."""
        return {"id": self.id, "text": self.text, "group": self.group}


def prompt(text: str, group: str | None = None, facts: Mapping[str, Fact] | None = None) -> Prompt:
    """The id is a hash of the text, so that it survives reordering and growth; no group: a group of its own."""
    identity = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
    return Prompt(identity, text, identity if group is None else group, facts or {})


def read_prompts(sources: list[str | GridSource | FileSource]) -> list[Prompt]:
    """All prompts of a study, in order, without white space at their ends.

    Raises:
        StudyError: a file that is missing, empty or lacks the column; an empty prompt; prompts that stand twice.
    """
    found: dict[str, tuple[str, Prompt]] = {}
    twice: list[str] = []
    for number, source in enumerate(sources):
        for place, item in _read(source, f"prompts.{number}"):
            _check(place, item)
            if item.text not in found:
                found[item.text] = place, item
            elif not (isinstance(source, FileSource) and source.repeats == "drop"):
                twice.append(f"{place}: the prompt {_shown(item.text)} stands twice (first at {found[item.text][0]}).")
            if len(found) + len(twice) > MOST_PROMPTS:
                raise StudyError(f"{place}: there are more than {MOST_PROMPTS:,} prompts. Set a `limit`.")
    if twice:
        of_files = any(isinstance(source, FileSource) for source in sources)
        raise StudyError("\n".join([*twice[:_SHOWN], _about_repeats(len(twice), of_files)]))
    return [item for _, item in found.values()]


def _check(place: str, item: Prompt) -> None:
    if not item.text.strip():
        raise StudyError(f"{place}: the prompt is empty. Remove it, or write what the picture shall show.")
    if len(item.text) > LONGEST:
        raise StudyError(f"{place}: the prompt has more than {LONGEST:,} characters.")
    if not is_text(item.text + item.group):
        raise StudyError(
            f"{place}: the prompt {_shown(item.text)} or its group has half of a character (of a surrogate pair) or a zero, "
            "which no model can read. Write it anew."
        )
    if control := _CONTROL.search(item.text):
        raise StudyError(
            f"{place}: the prompt {_shown(item.text)} has the control character {control[0]!r}. Remove it."
        )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 100 else f"{text[:97]}...")


def _about_repeats(count: int, of_files: bool) -> str:
    remedy = f"There are {count:,} such prompts. Remove them" if count > 1 else "Remove one of them"
    drop = " In a file's entry, `repeats: drop` leaves them out." if of_files else ""
    return f"{remedy}: a prompt that counts double would bias every seed's score.{drop}"


def _read(source: str | GridSource | FileSource, place: str) -> Iterator[tuple[str, Prompt]]:
    if isinstance(source, str):
        yield place, prompt(trimmed(source))
    elif isinstance(source, GridSource):
        yield from _grid(source.grid, f"{place}.grid")
    else:
        yield from _file(source)


def _grid(grid: Grid, place: str) -> Iterator[tuple[str, Prompt]]:
    for i, name in enumerate(grid.objects):
        for j, modifier in enumerate(grid.modifiers):
            template = modifier if "{object}" in modifier else f"{modifier} {{object}}"
            item = prompt(template.replace("{object}", name).strip(), name, {"object": name, "modifier": modifier})
            yield f"{place}.objects.{i} x modifiers.{j}", item


def _file(source: FileSource) -> Iterator[tuple[str, Prompt]]:
    path, kind = source.file, source.file.suffix.lower()
    if kind not in FORMATS:
        raise StudyError(f"{path}: prompts are read from {', '.join(FORMATS)} files, not from {kind or 'this'}.")
    count = 0
    try:
        for place, row in _rows(path, kind, source):
            yield place, row
            count += 1
            if count == source.limit:
                return
    except FileNotFoundError:
        raise StudyError(f"{path}: there is no such prompt file. Paths are relative to the study file.") from None
    except BadRow as row:
        raise StudyError(f"{path}:{row.number}: {row}") from None
    except UNREADABLE as error:
        raise StudyError(f"{path}: cannot be read as a {kind} file: {reason(error)}.") from None
    if not count:
        raise StudyError(f"{path}: the prompt file has no prompts in it.")


def _rows(path: Path, kind: str, source: FileSource) -> Iterator[tuple[str, Prompt]]:
    if kind == ".txt":
        yield from ((f"{path}:{number}", prompt(line)) for number, line in _lines(path))
        return

    if not (names := columns(path)):
        return
    needed = {_column(str(path), source.column, names), _group(str(path), source.group, names)}
    most = None if source.limit else MOST_PROMPTS
    for number, record in records(path, ragged=True, needed=needed.__contains__, most=most):
        place = f"{path}:{number}"
        column, group = (_column(place, source.column, [*record]), _group(place, source.group, [*record]))
        text = record[column]
        if not isinstance(text, str):
            raise StudyError(f"{place}: column {column!r} holds {text!r}, which is not text.")
        if kind in (".csv", ".tsv") and _is_cut([*record.values()][[*record].index(column) + 1 :]):
            raise StudyError(
                f"{place}: nothing follows the prompt {_shown(text)}, which may go on in the next line. Put a text with a line "
                "break in it into quotes, or write JSONL; and where columns are empty, all their marks."
            )
        if kind == ".tsv" and (wrong := quoted(text)):
            raise StudyError(f"{place}: column {column!r} {wrong}. Save the file as CSV or JSONL: {_shown(text)}.")
        facts = {key: value for key, value in record.items() if key != column and isinstance(value, Fact)}
        yield place, prompt(trimmed(text), None if group is None else _named(record[group]), facts)


def _is_cut(others: Sequence[Json]) -> bool:
    """Whether a row ends with its prompt, where other columns should follow."""
    return bool(others) and all(value is None for value in others)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number, text) of each line that is not empty."""
    with opened_text(path) as lines:
        number = 0
        try:
            while line := lines.readline(LONGEST + 1):
                number += 1
                if text := trimmed(line):
                    yield number, text
        except UnicodeDecodeError:
            raise not_text(path) from None


def _named(group: Json) -> str | None:
    """A group by its name; None for a cell without one, so that such prompts stand alone."""
    return None if group is None or group != group else trimmed(str(group)) or None


def _group(place: str, wanted: str | None, names: list[str]) -> str | None:
    if wanted is not None and wanted not in names:
        raise StudyError(f"{place}: has no column {wanted!r} for groups; it has {', '.join(names)}.")
    return wanted


def _column(place: str, wanted: str | None, names: list[str]) -> str:
    if wanted is not None:
        if wanted not in names:
            raise StudyError(f"{place}: has no column {wanted!r}; it has {', '.join(names)}.")
        return wanted
    plain = {column: re.sub("[ -]", "_", column.lower()) for column in names}
    found = [column for name in PROMPT_COLUMNS for column in names if plain[column] == name]
    if len(found) > 1 and plain[found[0]] == plain[found[1]]:
        raise StudyError(
            f"{place}: has the columns {found[0]!r} and {found[1]!r}. Name the one of the prompts by `column:`."
        )
    if not found:
        raise StudyError(
            f"{place}: none of its columns ({', '.join(names)}) is called {', '.join(PROMPT_COLUMNS)}. "
            "Name the column of the prompts by `column:`."
        )
    return found[0]
