"""What the tests of pages ask of a browser."""

from typing import Any


def failure(request: Any) -> list[str]:
    """What is wrong about a request of playwright's that failed: nothing, where the page was left while it was loading."""
    return [] if request.failure == "net::ERR_ABORTED" else [f"failed: {request.url} ({request.failure})"]
