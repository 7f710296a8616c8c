"""Which troubles of an object store pass by themselves, and how long they are waited for."""

import errno
import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from seedscope.pipeline.errors import AccessDenied, DamagedObject, StorageError

T = TypeVar("T")
_log = logging.getLogger(__name__)

RETRY_SECONDS = 240.0
LONGEST_WAIT = 20.0
WARN_AT_ATTEMPT = 5
CHECKSUM_TRIES = 5
"""Reads of an object whose bytes do not match their checksum, or of a part that comes cut: on the way that passes at once, in
the store it never does."""
_BUSY = {408, 409, 425, 429, 500, 502, 503, 504}
_PASSING = {
    errno.EBUSY,
    errno.EPIPE,
    errno.ETIMEDOUT,
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.ECONNABORTED,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.ENETDOWN,
}
# By name, so that one list does for the libraries of all stores, none of which has to be installed: botocore, aiohttp,
# requests, urllib3 and google-auth call what happens on the way to a server by these.
_ON_THE_WAY = {
    "HTTPClientError",
    "ConnectionError",
    "ClientConnectionError",
    "ClientPayloadError",
    "IncompleteRead",
    "ResponseParserError",
    "ChunkedEncodingError",
    "TransportError",
    "FSTimeoutError",
}
_CHECKSUMS = {"FlexibleChecksumError", "ChecksumError"}
"""What botocore and gcsfs call bytes that do not match their checksum."""


def with_retries(call: Callable[[], T], where: str, *, seconds: float = RETRY_SECONDS) -> T:
    """The result of a request to a store; trouble that passes is waited for, longer and longer, with jitter.

    Args:
        where: the URL that is asked for.
        seconds: how long to go on trying. One try may itself take as long as the store's library lets it.

    Raises:
        FileNotFoundError: there is no such file; FileExistsError: there is one already.
        StorageError: the store cannot be used, or not within that time.
        AccessDenied: the store does not let this process do that.
        DamagedObject: what is read does not match its checksum, several times.
    """
    tries = Retrying(
        retry=retry_if_exception(passes),
        wait=partial(_wait, wait_random_exponential(multiplier=0.2, max=LONGEST_WAIT)),
        stop=partial(_over, stop_after_delay(seconds)),
        before_sleep=partial(_warn_once, where, seconds),
        reraise=True,
    )
    try:
        return tries(call)
    except (StorageError, FileExistsError):
        raise
    except Exception as error:
        if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in _codes(error):
            raise
        kind = DamagedObject if _mismatch(error) else AccessDenied if _denied(error) else StorageError
        raise kind(_sentence(error, where, seconds)) from error


def _warn_once(where: str, seconds: float, state: RetryCallState) -> None:
    """Say once of a request that it is being tried again: minutes of silence look like a hang."""
    if state.attempt_number == WARN_AT_ATTEMPT and state.outcome is not None:
        reason = _first_line(state.outcome.exception() or RuntimeError())
        _log.warning(
            "%s: the store does not answer as it should (%s); trying again for %.0f s.", where, reason, seconds
        )


def _wait(busy: Callable[[RetryCallState], float], state: RetryCallState) -> float:
    """How long to wait for the next try, in seconds: for a store that is busy, and not where bytes were flipped."""
    return 0.0 if _flipped(state) else busy(state)


def _over(too_late: Callable[[RetryCallState], bool], state: RetryCallState) -> bool:
    """Whether to try no more: it is too late, or the last try failed as all do of an object that is damaged in the store."""
    return (_flipped(state) and state.attempt_number >= CHECKSUM_TRIES) or too_late(state)


def _flipped(state: RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome is not None else None
    return error is not None and _mismatch(error)


def _mismatch(error: BaseException) -> bool:
    return any(_CHECKSUMS & {kind.__name__ for kind in type(each).__mro__} for each in _causes(error))


def _denied(error: BaseException) -> bool:
    return any(isinstance(each, PermissionError) or _status(each) in (401, 403) for each in _causes(error))


def passes(error: BaseException) -> bool:
    """Whether a store's error is one that goes away by itself: it is busy, broke down, was too slow, or is not reached."""
    for each in _causes(error):
        status = _status(each)
        if status is not None:
            return status in _BUSY
        if isinstance(each, (ConnectionError, TimeoutError)):
            return True
        if isinstance(each, OSError) and each.errno in _PASSING:
            return True
        if (_ON_THE_WAY | _CHECKSUMS) & {kind.__name__ for kind in type(each).__mro__}:
            return True
    return False


def lacks_conditions(error: BaseException) -> bool:
    """Whether a store has said that it does not know conditional puts."""
    return any(_status(each) == 501 for each in _causes(error)) or "NotImplemented" in _codes(error)


def _sentence(error: BaseException, where: str, seconds: float) -> str:
    causes, codes = list(_causes(error)), _codes(error)
    reason = _first_line(error)
    if _mismatch(error):
        return (
            f"{where}: is damaged: its bytes do not match the checksum that the store keeps of it. Restore it from an earlier "
            "version or a copy; or delete it, if the run can make it again."
        )
    if passes(error):
        return (
            f"{where}: the store has not answered as it should for {seconds:.0f} s ({reason}). What is published is safe. When "
            "it works again, run the same command again: it goes on where it stopped."
        )
    if any("Credentials" in type(each).__name__ for each in causes):
        return f"{where}: no credentials were found ({reason}). Set those of the store, such as AWS_PROFILE, and run again."
    if _denied(error):
        return (
            f"{where}: the store denies access ({reason}). Check the credentials and what they may do there (list, read, "
            "write, delete); then run the same command again."
        )
    if isinstance(error, FileNotFoundError) or "NoSuchBucket" in codes:
        return f"{where}: there is no such bucket. Create it, or choose another place with --out."
    return f"{where}: cannot be used: {reason}. What is published is safe; choose another place with --out, or repair this one."


def _first_line(error: BaseException) -> str:
    """The first line of an error, without its number."""
    text = str(getattr(error, "strerror", None) or error)
    return next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from: stores' libraries wrap the errors that they caught."""
    while error is not None:
        yield error
        error = error.__cause__


def _status(error: BaseException) -> int | None:
    """The HTTP status in an error of botocore (`response`), gcsfs (`code`) or aiohttp (`status`)."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    else:
        status = getattr(error, "code", None) or getattr(error, "status", None)
    return int(status) if isinstance(status, int) or (isinstance(status, str) and status.isdecimal()) else None


def _codes(error: BaseException) -> set[str]:
    """What an S3 store called the error."""
    responses = [getattr(each, "response", None) for each in _causes(error)]
    return {str(found.get("Error", {}).get("Code")) for found in responses if isinstance(found, dict)}
