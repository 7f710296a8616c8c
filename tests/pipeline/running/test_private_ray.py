"""The Ray that a command starts for itself: who lacks its token cannot join it, and it listens on the loopback alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import ray
import ray._raylet

from seedscope.pipeline.errors import UserError
from seedscope.pipeline.running import cluster

STARTS = """
import json, os, subprocess, sys
import psutil
from seedscope.pipeline.running.cluster import Cluster
import ray

Cluster(None)
ray.get(ray.remote(lambda: None).options(num_cpus=0).remote())
own = [psutil.Process(), *psutil.Process().children(recursive=True)]
listens = {c.laddr.ip for p in own for c in p.net_connections("inet") if c.status == "LISTEN"}
address = ray.get_runtime_context().gcs_address
# `ray.init` would knock for minutes.
asks = f"from ray._raylet import GcsClient; print('nodes', len(GcsClient(address={address!r}).get_all_node_info(timeout=20)))"
strange = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
asked = {}
for who, token in {"own": os.environ["RAY_AUTH_TOKEN"], "none": None, "wrong": "a" * 64}.items():
    given = {} if token is None else {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
    asked[who] = subprocess.Popen(
        [sys.executable, "-c", asks], env=strange | given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
said = {who: process.communicate(timeout=200)[0] for who, process in asked.items()}
print(json.dumps({"listens": sorted(listens), **said}))
"""


def test_a_process_without_the_token_cannot_join(tmp_path: Path) -> None:
    """Whatever the environment says, and whatever Ray does by default."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    environment |= {"HOME": str(tmp_path), "RAY_AUTH_MODE": "disabled"}
    done = subprocess.run([sys.executable, "-c", STARTS], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert "nodes 1\n" in found["own"]
    for who in ("none", "wrong"):
        assert "nodes 1\n" not in found[who] and "AuthenticationError" in found[who]
    assert found["listens"] and {ip.removeprefix("::ffff:") for ip in found["listens"]} == {"127.0.0.1"}


def test_a_ray_without_tokens_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ray._raylet, "AuthenticationTokenLoader")
    monkeypatch.setattr(ray, "__version__", "2.49.2")
    with pytest.raises(UserError, match=r"Ray 2\.49\.2 would let any process.*pip install 'ray>=2\.52'"):
        cluster._start()
    assert cluster.NEEDED in (Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8")
