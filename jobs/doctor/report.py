"""All findings as one record, which programs read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from seedscope.jobs.doctor.examine import Checked
from seedscope.jobs.doctor.finding import Verdict
from seedscope.pipeline.storage.local import make_folder, refusals, replacing

FORMAT = "seedscope-doctor/1"


@dataclass(frozen=True)
class Report:
    """
    Attributes:
        made: when, ISO 8601, UTC.
        verdict: the worst of all; what was not tried is not counted.
        counts: how many findings there are of each verdict.
    """

    format: str
    made: str
    seconds: float
    verdict: Verdict
    counts: dict[Verdict, int]
    checks: list[Checked]

    @classmethod
    def of(cls, checks: Sequence[Checked], seconds: float) -> "Report":
        verdicts = [finding.verdict for check in checks for finding in check.findings]
        order: tuple[Verdict, ...] = ("problem", "note", "ok", "not tried")
        counts: dict[Verdict, int] = {verdict: verdicts.count(verdict) for verdict in order}
        worst: Verdict = next((verdict for verdict in order if counts[verdict]), "not tried")
        made = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(FORMAT, made, round(seconds, 1), worst, counts, list(checks))

    def write(self, file: Path) -> None:
        """
        Raises:
            StorageError: the folder cannot be written.
        """
        with refusals(file.parent):
            make_folder(file.parent)
        with replacing(file) as scratch:
            scratch.write_bytes(TypeAdapter(Report).dump_json(self, indent=1))
