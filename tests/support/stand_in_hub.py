"""A stand-in for the Hugging Face hub on loopback: the calls by which huggingface_hub makes a data set and commits files.

Source: huggingface_hub, `hf_api.py` (create_repo, repo_info, list_repo_tree), `_commit_api.py` (preupload, commit), `lfs.py`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

TOKEN = "hf_stand_in"


@dataclass
class Hub:
    """What the stand-in has: the files of each data set, and those that were sent to it.

    Attributes:
        fails_after: commits after which it answers 503; None: never.
    """

    url: str = ""
    private: dict[str, bool] = field(default_factory=dict)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    received: list[str] = field(default_factory=list)
    commits: int = 0
    fails_after: int | None = None


def is_large(path: str) -> bool:
    """Whether the hub takes a file by LFS, as .gitattributes of a data set have it."""
    return path.endswith(".parquet")


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        name, _, rest = self._repository()
        if name not in self.hub.files:
            return self._answer(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        if rest.startswith("/tree/main"):
            return self._answer(200, [_listed(path, data) for path, data in self.hub.files[name].items()])
        return self._answer(200, {"id": name, "sha": "0" * 40, "private": self.hub.private[name], "siblings": []})

    def do_PUT(self) -> None:
        data = self._body()
        oid = self.path.rpartition("/")[2]
        assert hashlib.sha256(data).hexdigest() == oid
        self.hub.large[oid] = data
        self._answer(200, {})

    def do_POST(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(401, {"error": "Invalid username or password."})
        body = self._body()
        if self.path == "/api/repos/create":
            return self._create(json.loads(body))
        if self.path == "/api/validate-yaml":
            return self._answer(200, {"errors": [], "warnings": []})
        name, _, rest = self._repository()
        if rest.startswith("/preupload/"):
            modes = [
                {
                    "path": each["path"],
                    "uploadMode": "lfs" if is_large(each["path"]) else "regular",
                    "shouldIgnore": False,
                }
                for each in json.loads(body)["files"]
            ]
            return self._answer(200, {"files": modes})
        if rest.endswith("/objects/batch"):
            places = [self._place(each) for each in json.loads(body)["objects"]]
            return self._answer(200, {"transfer": "basic", "objects": places})
        return self._commit(name, [json.loads(line) for line in body.splitlines()])

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization']}/{asked['name']}"
        if asked["organization"] != "me":
            return self._answer(403, {"error": "You don't have the rights to create a dataset under this namespace"})
        there = name in self.hub.files
        if not there:
            self.hub.files[name], self.hub.private[name] = (
                {},
                asked.get("visibility", asked.get("private")) in ("private", True),
            )
        return self._answer(409 if there else 200, {"url": f"{self.hub.url}/datasets/{name}"})

    def _place(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["oid"] in self.hub.large:
            return asked
        return {**asked, "actions": {"upload": {"href": f"{self.hub.url}/lfs/{asked['oid']}"}}}

    def _commit(self, name: str, lines: list[dict[str, Any]]) -> None:
        if self.hub.commits == self.hub.fails_after:
            return self._answer(503, {"error": "overloaded"})
        self.hub.commits += 1
        for line in lines[1:]:
            value = line["value"]
            data = base64.b64decode(value["content"]) if line["key"] == "file" else self.hub.large[value["oid"]]
            self.hub.files[name][value["path"]] = data
            self.hub.received.append(value["path"])
        url = f"{self.hub.url}/datasets/{name}/commit/{'0' * 40}"
        return self._answer(200, {"commitUrl": url, "commitOid": "0" * 40, "success": True})

    def _repository(self) -> tuple[str, str, str]:
        match = re.match(r"(?:/api)?/datasets/([^/]+/[^/?]+?)(\.git)?(/.*|\?.*)?$", self.path)
        assert match is not None, self.path
        return match[1], match[2] or "", match[3] or ""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, status: int, content: object, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        for key, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(data)


def _listed(path: str, data: bytes) -> dict[str, Any]:
    git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    entry: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": git}
    if is_large(path):
        entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
    return entry


@contextmanager
def stand_in_hub() -> Iterator[Hub]:
    """A hub on a free port of loopback, until the end of the block."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
