"""What travels with a job: the study file and the files that it names by relative paths. Absolute paths do not travel."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seedscope.pipeline.errors import UserError
from seedscope.pipeline.images import endings
from seedscope.pipeline.study.file import load_study
from seedscope.pipeline.study.schema import FileSource, ImportedStudy, Study


@dataclass(frozen=True)
class Bundle:
    """A study file and the files that it names, placed to each other as they are here.

    name: the study's. study: where its file lies in the bundle. files: place in the bundle -> file here. uninvited: those
    of the files that a person has not agreed to: a study of somebody else's may name what it likes.
    """

    name: str
    study: str
    files: Mapping[str, Path]
    uninvited: Sequence[Path] = ()

    @classmethod
    def of(cls, study_file: Path, include: Sequence[Path] = ()) -> "Bundle":
        """The bundle of a study file. What is hidden in a folder that it names stays, and what is no picture in a reference.

        Args:
            include: files and folders outside the study's own whose content may travel, as what lies in that may.

        Raises:
            UserError: the study is not valid, or a prompt file that it names is not there.
        """
        # Loaded by a relative path, a study keeps apart what it names relatively and what it names absolutely.
        study_file = Path(os.path.relpath(study_file))
        study = load_study(study_file)
        given = study.prompts if isinstance(study, Study) else []
        prompts = [source.file for source in given if isinstance(source, FileSource) and not source.file.is_absolute()]
        if missing := [file for file in prompts if not file.is_file()]:
            raise UserError(f"{missing[0]}: there is no such prompt file. Paths are relative to the study file.")
        named = [*prompts, *(Path(text) for text in _texts(study) if _is_relative_path(text))]
        found = [_absolute(path) for path in (study_file, *named)]
        root = Path(os.path.commonpath([path.parent for path in found]))
        pictures = _absolute(Path(study.reference)) if study.reference is not None else None
        carried = [file for path in found for file in _files(path, pictures=path == pictures)]
        files = {file.relative_to(root).as_posix(): file for file in carried}
        homes = [path.resolve() for path in (study_file.parent, *include)]
        uninvited = [file for file in files.values() if not _lies_openly(file.resolve(), homes)]
        return cls(study.name, found[0].relative_to(root).as_posix(), files, uninvited)

    def refuse_uninvited(self) -> None:
        """Refuse to carry what lies outside the study's folder, or is hidden in it, unless somebody has agreed to it.

        Raises:
            UserError: it names such files, and the way around.
        """
        if not self.uninvited:
            return
        names = [os.path.relpath(file) for file in self.uninvited]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise UserError(
            f"{self.study} names what is hidden or lies outside its folder: {', '.join(names[:3])}{more}. None of it travels "
            "unless you say so: look at it, then add --include PATH for each such file or folder. What all nodes see may be "
            "named by an absolute path instead."
        )

    def fingerprint(self) -> str:
        """sha256 (hex) over the places and the bytes of all files."""
        digest = hashlib.sha256()
        for place, file in sorted(self.files.items()):
            digest.update(f"{place}\n{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
        return digest.hexdigest()

    def refuse_above(self, limit: int, carrier: str) -> None:
        """Refuse a bundle of more than `limit` bytes.

        Raises:
            UserError: it names the largest file, and the way around.
        """
        sizes = {file: file.stat().st_size for file in self.files.values()}
        if (total := sum(sizes.values())) > limit:
            largest = max(sizes, key=lambda file: sizes[file])
            raise UserError(
                f"The study and the {len(sizes) - 1} files that it names have {total / 1e6:,.1f} MB ({largest} has the most); "
                f"{carrier} carries {limit / 1e6:,.1f}. Put large ones where all nodes see them, and name them in the study "
                "by absolute paths."
            )

    def write(self, folder: Path) -> None:
        """Copy all files to their places below a folder, which is a temporary one.

        Raises:
            UserError: one cannot be read, or the disk is full.
        """
        for place, file in self.files.items():
            try:
                (folder / place).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, folder / place)
            except OSError as error:
                raise UserError(
                    f"{file}: cannot be copied to {folder}: {error.strerror}. Where there is no room, name a folder that has "
                    "some by TMPDIR."
                ) from error


def _texts(study: Study | ImportedStudy) -> Iterator[str]:
    """What a study names besides prompt files: each a bundled name, a hub id or a path."""
    if study.reference is not None:
        yield study.reference
    for choice in study.features:
        yield from (value for value in choice.options.values() if isinstance(value, str))
    if isinstance(study, Study):
        yield from study.places


def _is_relative_path(text: str) -> bool:
    return bool(re.search(r"[/.]", text)) and not Path(text).is_absolute() and Path(text).exists()


def _absolute(path: Path) -> Path:
    """Not resolved: a link keeps the place that the study knows."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def _files(path: Path, *, pictures: bool) -> list[Path]:
    """A file, or what a folder holds and does not hide; `pictures`: only what can be read as a picture."""
    if not path.is_dir():
        return [path]
    kinds = endings() if pictures else None
    return [
        file
        for file in sorted(path.rglob("*"))
        if file.is_file() and not _hidden(file.relative_to(path)) and (kinds is None or file.suffix.lower() in kinds)
    ]


def _hidden(place: Path) -> bool:
    return any(part.startswith(".") for part in place.parts)


def _lies_openly(file: Path, homes: Sequence[Path]) -> bool:
    """Whether a file is one of `homes`, or lies in one of them, hidden nowhere on the way."""
    return any(file.is_relative_to(home) and not _hidden(file.relative_to(home)) for home in homes)
