"""Prompt sources: a list, an object x modifier grid, or a text, CSV, TSV, JSONL or Parquet file."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.study.records import FORMATS as TABLES
from seedscope.pipeline.study.records import UNREADABLE, BadRow, records
from seedscope.pipeline.study.schema import FileSource, Grid, GridSource

PROMPT_COLUMNS = ("prompt", "caption", "text")
FORMATS = (".txt", *TABLES)


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
    identity = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Prompt(identity, text, identity if group is None else group, facts or {})


def read_prompts(sources: list[str | GridSource | FileSource]) -> list[Prompt]:
    """All prompts of a study, in order.

    Raises:
        StudyError: a file that is missing, empty or lacks the column; an empty prompt; a prompt that stands twice.
    """
    prompts: list[Prompt] = []
    seen: dict[str, str] = {}
    for number, source in enumerate(sources):
        for place, item in _read(source, f"prompts.{number}"):
            if not item.text.strip():
                raise StudyError(f"{place}: the prompt is empty. Remove it, or write what the picture shall show.")
            if item.text in seen:
                raise StudyError(
                    f"{place}: the prompt {item.text!r} stands twice (first at {seen[item.text]}). Remove one of them: "
                    "a prompt that counts double would bias every seed's score."
                )
            seen[item.text] = place
            prompts.append(item)
    return prompts


def _read(source: str | GridSource | FileSource, place: str) -> Iterator[tuple[str, Prompt]]:
    if isinstance(source, str):
        yield place, prompt(source)
    elif isinstance(source, GridSource):
        yield from ((place, item) for item in _grid(source.grid))
    else:
        yield from _file(source)


def _grid(grid: Grid) -> Iterator[Prompt]:
    for name in grid.objects:
        for modifier in grid.modifiers:
            template = modifier if "{object}" in modifier else f"{modifier} {{object}}"
            yield prompt(template.replace("{object}", name).strip(), name, {"object": name, "modifier": modifier})


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
        raise StudyError(f'{path}:{row.number}: every line must be a JSON object, such as {{"prompt": ...}}.') from None
    except UNREADABLE as error:
        raise StudyError(f"{path}: cannot be read as a {kind} file: {error}.") from None
    if not count:
        raise StudyError(f"{path}: the prompt file has no prompts in it.")


def _rows(path: Path, kind: str, source: FileSource) -> Iterator[tuple[str, Prompt]]:
    if kind == ".txt":
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield f"{path}:{number}", prompt(line.strip())
        return
    for number, record in records(path, ragged=True):
        column = _column(path, source.column, list(record))
        if source.group is not None and source.group not in record:
            raise StudyError(f"{path}: has no column {source.group!r} for groups; it has {', '.join(record)}.")
        text = record[column]
        if not isinstance(text, str):
            raise StudyError(f"{path}:{number}: column {column!r} holds {text!r}, which is not text.")
        group = None if source.group is None else str(record[source.group])
        facts = {key: value for key, value in record.items() if key != column and isinstance(value, Fact)}
        yield f"{path}:{number}", prompt(text.strip(), group, facts)


def _column(path: Path, wanted: str | None, columns: list[str]) -> str:
    if wanted is not None:
        if wanted not in columns:
            raise StudyError(f"{path}: has no column {wanted!r}; it has {', '.join(columns)}.")
        return wanted
    found = [column for name in PROMPT_COLUMNS for column in columns if column.lower() == name]
    if not found:
        raise StudyError(
            f"{path}: none of its columns ({', '.join(columns)}) is called {', '.join(PROMPT_COLUMNS)}. "
            "Name the column of the prompts by `column:`."
        )
    return found[0]
