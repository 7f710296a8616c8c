"""JSON records with a checksum of their own: receipts and editions say so themselves when their bytes have changed."""

import hashlib
import json
import re

from pydantic_core import from_json

from seedscope.pipeline.study.schema import Json

CHECKSUM = "checksum"
_DIGITS = 16
_EMPTY = b"0" * _DIGITS
_LAST = re.compile(rb'(.*"checksum": ")[0-9a-f]{%d}(")' % _DIGITS, re.DOTALL)
"""The checksum of a record is its last one; a fact of a prompt may have the same name."""


def sealed(record: dict[str, Json], *, indent: int, inside: str | None = None) -> bytes:
    """The text of a record in ASCII, with its checksum as the last value of it, or of the object `inside` of it."""
    holder = record if inside is None else record[inside]
    if not isinstance(holder, dict):
        raise TypeError(f"{inside} is no object")
    holder = {key: value for key, value in holder.items() if key != CHECKSUM} | {CHECKSUM: _EMPTY.decode()}
    content = json.dumps(holder if inside is None else record | {inside: holder}, indent=indent).encode("ascii")
    return _with(content, _checksum(content))


def unsealed(content: bytes, *, inside: str | None = None) -> dict[str, Json]:
    """The record of a text, checked, without its checksum; those of earlier versions, which have none, are taken as they are.

    Raises:
        ValueError: it is no JSON object, or its bytes have changed since it was sealed.
    """
    record = _read(content)
    if not isinstance(record, dict):
        raise ValueError("it is no JSON object")
    holder = record if inside is None else record.get(inside)
    if not isinstance(holder, dict) or CHECKSUM not in holder:
        return record
    if holder.pop(CHECKSUM) != _checksum(_with(content, _EMPTY)).decode():
        raise ValueError("its bytes have changed since it was written (its checksum differs)")
    return record


def _read(content: bytes) -> object:
    try:
        return from_json(content)
    except ValueError:
        if b"\\ud" not in content:
            raise
        return json.loads(content)  # which takes lone surrogates: names of files need not be valid UTF-8


def _with(content: bytes, checksum: bytes) -> bytes:
    return _LAST.sub(rb"\g<1>%s\g<2>" % checksum, content, count=1)


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest()[:_DIGITS].encode()
