"""An S3 server on this machine (moto) that can be told to misbehave."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import boto3
import fsspec
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from seedscope.pipeline.storage.objects import ObjectStorage

Answer = Iterable[bytes]
BUCKET = "pictures"


@dataclass
class ObjectStore:
    """The server as WSGI application. Requests are served one at a time: moto looks whether a key is there, and writes it, in
    two steps, which real stores do in one.

    trouble: a function that is asked before each request; it may return the answer, or None for the real one.
    lost: how many answers to puts are still to be lost: the put is carried out, and a 503 is sent.
    rotten: end of the names of objects that are sent with bytes which do not match their checksum, and how often.
    halved: how many answers that bring a part of an object still bring half of it, as if that were all.
    conditions: `kept` as S3 does; `refused` with 501; `overlooked`, as by stores that do not know them.
    """

    trouble: Callable[[dict[str, Any]], tuple[str, bytes] | None] = lambda environ: None
    lost: int = 0
    rotten: tuple[str, int] = ("", 0)
    halved: int = 0
    conditions: str = "kept"
    asked: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    url: str = ""

    def __post_init__(self) -> None:
        self._app: Any = DomainDispatcherApplication(create_backend_app)
        self._turn = Lock()

    def __call__(self, environ: dict[str, Any], start: Any) -> Answer:
        method = environ["REQUEST_METHOD"]
        self.asked[method] += 1
        found = self.trouble(environ)
        if found is None and "HTTP_IF_NONE_MATCH" in environ and self.conditions != "kept":
            if self.conditions == "refused":
                found = ("501 Not Implemented", error("NotImplemented"))
            else:
                del environ["HTTP_IF_NONE_MATCH"]
        if found is not None:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start(found[0], [("Content-Type", "application/xml"), ("Content-Length", str(len(found[1])))])
            return [found[1]]
        with self._turn:
            if method == "PUT" and self.lost:
                self.lost -= 1
                list(self._app(environ, lambda *_: None))
                start("503 Service Unavailable", [("Content-Type", "application/xml")])
                return [error("SlowDown")]
            if method == "GET" and "HTTP_RANGE" in environ and self.halved:
                self.halved -= 1
                return self._half(environ, start)
            answer = list(self._app(environ, start))
            name, times = self.rotten
            if method == "GET" and times and environ["PATH_INFO"].endswith(name):
                self.rotten = (name, times - 1)
                answer = [bytes([part[0] ^ 1]) + part[1:] for part in answer if part]
            self.sent += sum(map(len, answer))
            return answer

    def _half(self, environ: dict[str, Any], start: Any) -> Answer:
        told: list[Any] = []
        content = b"".join(self._app(environ, lambda *told_now: told.extend(told_now)))
        content = content[: len(content) // 2]
        others = [(key, value) for key, value in told[1] if key.lower() not in ("content-length", "content-range")]
        start(told[0], [*others, ("Content-Length", str(len(content)))])
        return [content]

    def environment(self) -> dict[str, str]:
        """What a process needs to find the store."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }


class _Quiet(MotoRequestHandler):
    def log_request(self, *_: object) -> None: ...


def error(code: str) -> bytes:
    return f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>injected {code}</Message></Error>'.encode()


def busy(times: int, status: str = "503 Slow Down", code: str = "SlowDown") -> Callable[[dict[str, Any]], Any]:
    """Trouble with the first so many requests."""
    left = [times]

    def answer(environ: dict[str, Any]) -> tuple[str, bytes] | None:
        left[0] -= 1
        return (status, error(code)) if left[0] >= 0 else None

    return answer


def slow(times: int, seconds: float) -> Callable[[dict[str, Any]], Any]:
    """The first so many requests hang."""
    left = [times]

    def answer(environ: dict[str, Any]) -> None:
        left[0] -= 1
        if left[0] >= 0:
            time.sleep(seconds)

    return answer


@contextmanager
def served(store: ObjectStore, port: int = 0) -> Iterator[ObjectStore]:
    """The store on a port of this machine, until the end of the block."""
    server = make_server("127.0.0.1", port, store, threaded=True, request_handler=_Quiet)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    store.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def run_store(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """A store with its bucket, in the environment of this process, working in `folder`; a driver is dead after 4 seconds."""
    with served(ObjectStore()) as found:
        for name, value in found.environment().items():
            patch.setenv(name, value)
        patch.chdir(folder)
        patch.setattr(ObjectStorage, "at", classmethod(lambda cls, url: cls(url, beat=0.5, stale=4.0)))
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield found
    fsspec.get_filesystem_class("s3").clear_instance_cache()
