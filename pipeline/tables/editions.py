"""What a run was asked for, and how it grew."""

from dataclasses import dataclass
from typing import Any

from seedscope.pipeline.errors import RunBusy, RunChanged
from seedscope.pipeline.storage.base import Storage
from seedscope.pipeline.study.plan import Edition, as_named
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import Json, fingerprint
from seedscope.pipeline.tables.agreement import TO_THE_LETTER, Agreement
from seedscope.pipeline.tables.records import Records

EDITIONS = "editions"


@dataclass(frozen=True)
class Editions:
    """`editions/0001.json` and so on of a run say what it was asked for; a run only grows.

    Attributes:
        storage: where its shards, receipts and editions lie.
    """

    storage: Storage

    def editions(self) -> list[tuple[Json, Edition]]:
        """(cause of the images, prompts and seeds) of each edition, oldest first.

        Raises:
            StorageError: a file of the run cannot be read.
        """
        records = self._editions
        return [_edition(records, number) for number in records.numbers()]

    @property
    def _editions(self) -> Records:
        return Records(self.storage, EDITIONS)

    def record(self, number: int) -> dict[str, Any]:
        """What `editions/<number>.json` says, from 1.

        Raises:
            StorageError: it cannot be read.
        """
        return self._editions.read(number)

    def add(self, number: int, record: dict[str, Any]) -> None:
        """Write `editions/<number>.json`.

        Raises:
            FileExistsError: another process has done so.
            StorageError: the folder cannot be written.
        """
        self._editions.add(number, record)

    def grow(self, cause: Json, wanted: Edition, agreement: Agreement = TO_THE_LETTER) -> list[Edition]:
        """Record what a study wants of this run, unless it is known; return all editions.

        Prompts that have come into other groups are recorded too, as an edition that asks for no further pictures, and so is a
        cause that says the same in other words, as in more of them than an older version had.

        Raises:
            RunChanged: the run was made with other settings, or has prompts or seeds that the study no longer names.
        """
        known = self.editions()
        editions = [edition for _, edition in known]
        if known:
            self._refuse_other_settings(known[-1][0], cause, agreement)
            self._refuse_shrinking(editions[-1], wanted)
            if same_wish(editions[-1], wanted) and fingerprint(known[-1][0]) == fingerprint(cause):
                return editions
            wanted = _known_first(editions[-1], wanted)
        record = {
            "cause": cause,
            "prompts": [prompt.record() for prompt in wanted.prompts],
            "seeds": list(wanted.seeds),
        }
        try:
            self.add(len(known) + 1, record)
        except FileExistsError:
            # Another part of the run was first to record the same.
            found = self.editions()
            if fingerprint(found[-1][0]) == fingerprint(cause) and same_wish(found[-1][1], wanted):
                return [edition for _, edition in found]
            raise RunBusy(
                f"{self.storage.url}: another process has just started on this run. Try again when it is done."
            ) from None
        return [*editions, wanted]

    def refuse_other_study(self, cause: Json, agreement: Agreement = TO_THE_LETTER) -> None:
        """Refuse settings with which this run was not made; a run that has not begun takes any.

        Raises:
            RunChanged: it was made with others.
        """
        if known := self.editions():
            self._refuse_other_settings(known[-1][0], cause, agreement)

    def _refuse_other_settings(self, old: Json, new: Json, agreement: Agreement) -> None:
        if fingerprint(old) == fingerprint(new):
            return
        found = list(agreement.differences(old, new))
        if not found:
            return
        tables = self.storage.names()
        was, now = (f"images-{fingerprint(agreement.naming(each))[:8]}" for each in (old, new))
        if now in tables and was not in tables:  # as where a bit of a record without checksum has flipped
            raise self._editions.damaged(1, ValueError(f"its settings are not those of {now}, which it has"))
        raise RunChanged(
            f"{self.storage.url}: was made by another study ({'; '.join(found)}). Pictures of both must not mix: choose "
            "another folder with --out, or another name in the study."
        )

    def _refuse_shrinking(self, old: Edition, new: Edition) -> None:
        prompts = {prompt.id for prompt in new.prompts}
        lost_prompts = [prompt.text for prompt in old.prompts if prompt.id not in prompts]
        lost_seeds = set(old.seeds) - set(new.seeds)
        if not lost_prompts and not lost_seeds:
            return
        lost = [f"the prompt {lost_prompts[0]!r}"] if lost_prompts else []
        lost += [f"the seed {min(lost_seeds)}"] if lost_seeds else []
        count = len(lost_prompts) + len(lost_seeds)
        raise RunChanged(
            f"{self.storage.url}: has pictures of {' and '.join(lost)}{f' ({count} in all)' if count > len(lost) else ''} that "
            "the study no longer names. A run only grows: put them back, or choose another folder with --out."
        )


def same_wish(one: Edition, other: Edition) -> bool:
    """Whether two editions name the same prompts, in the same groups, and the same seeds, in any order."""
    return set(one.prompts) == set(other.prompts) and set(one.seeds) == set(other.seeds)


def _known_first(old: Edition, new: Edition) -> Edition:
    known_prompts, known_seeds = {prompt.id for prompt in old.prompts}, set(old.seeds)
    (known,) = as_named([old], new.prompts)
    return Edition(
        known.prompts + tuple(prompt for prompt in new.prompts if prompt.id not in known_prompts),
        old.seeds + tuple(seed for seed in new.seeds if seed not in known_seeds),
    )


def _edition(records: Records, number: int) -> tuple[Json, Edition]:
    record: dict[str, Any] = records.read(number)
    try:
        prompts = tuple(Prompt(**prompt) for prompt in record["prompts"])
        if not all(isinstance(text, str) for prompt in prompts for text in (prompt.id, prompt.text, prompt.group)):
            raise ValueError("a prompt in it is no text")
        if not all(isinstance(seed, int) for seed in record["seeds"]):
            raise ValueError("a seed in it is no whole number")
        return record["cause"], Edition(prompts, tuple(record["seeds"]))
    except (ValueError, KeyError, TypeError) as error:
        raise records.unreadable(number, error) from error
