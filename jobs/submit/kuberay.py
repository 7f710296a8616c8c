"""KubeRay: a RayJob that starts a Ray cluster in Kubernetes, runs the study, and takes the cluster down again."""

import base64
import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any

import yaml

from seedscope.jobs.submit.submission import Submission
from seedscope.pipeline.errors import UserError

# Kubernetes takes 1 MiB, and what is not text grows by a third.
LARGEST_BUNDLE = 700 * 2**10
MOUNTED = "/study"
FINGERPRINT = "seedscope/fingerprint"
RETRIES = 3


class _Readable(yaml.SafeDumper):
    """Writes texts of several lines as they are, and nothing by reference."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _text)


@dataclass(frozen=True)
class RayJob:
    """A study as a RayJob (ray.io/v1) and the ConfigMap that brings the study file.

    Args:
        image: of the Dockerfile, where the cluster can pull it.
        nodes: (fewest, most) worker pods; where they differ, Ray asks for pods as it has work, and lets go of idle ones.
        gpus: of a worker pod; 0: none.
        secret: name of a Kubernetes Secret whose entries become environment variables, such as keys of an object store.

    Source: KubeRay's API reference for ray.io/v1. The token authentication of `authOptions` needs KubeRay 1.5.1.
    """

    submission: Submission
    image: str
    nodes: tuple[int, int] = (1, 1)
    gpus: int = 1
    secret: str | None = None

    @property
    def name(self) -> str:
        return self.submission.name

    def manifest(self) -> str:
        """Both objects as YAML.

        Raises:
            UserError: the study and its files are too large for a ConfigMap, or some of them are not to travel.
        """
        self.submission.bundle.refuse_uninvited()
        self.submission.bundle.refuse_above(LARGEST_BUNDLE, "a ConfigMap")
        objects = [self.config_map(), self.job()]
        return str(yaml.dump_all(objects, Dumper=_Readable, sort_keys=False, allow_unicode=True, width=120))

    def config_map(self) -> dict[str, Any]:
        """The files of the study; keys of a ConfigMap have no slashes, so that they are numbered."""
        text: dict[str, str] = {}
        binary: dict[str, str] = {}
        for key, place in self._keys().items():
            content = self.submission.bundle.files[place].read_bytes()
            try:
                text[key] = content.decode("utf-8")
            except UnicodeDecodeError:
                binary[key] = base64.b64encode(content).decode("ascii")
        found = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": self.name}, "data": text}
        return found | ({"binaryData": binary} if binary else {})

    def _keys(self) -> dict[str, str]:
        return {f"file-{number}": place for number, place in enumerate(self.submission.bundle.files)}

    def job(self) -> dict[str, Any]:
        """The RayJob."""
        import ray

        bundle, (fewest, most) = self.submission.bundle, self.nodes
        command = self.submission.run(f"{MOUNTED}/{bundle.study}", "auto")
        if fewest < most:
            # Ray asks for pods for workers that wait for a place: they are all hired at the start.
            command += f" --workers {most * max(1, self.gpus)}"
        cluster = {
            "rayVersion": ray.__version__,
            "authOptions": {"mode": "token"},
            "headGroupSpec": {
                "rayStartParams": {"num-cpus": "0", "dashboard-host": "0.0.0.0"},
                "template": self._pod("ray-head", {"cpu": "2", "memory": "8Gi"}),
            },
            "workerGroupSpecs": [
                {
                    "groupName": "workers",
                    "replicas": fewest,
                    "minReplicas": fewest,
                    "maxReplicas": most,
                    "rayStartParams": {},
                    "template": self._pod("ray-worker", self._worker_resources()),
                }
            ],
        }
        return {
            "apiVersion": "ray.io/v1",
            "kind": "RayJob",
            "metadata": {"name": self.name, "annotations": {FINGERPRINT: bundle.fingerprint()}},
            "spec": {
                "entrypoint": command,
                "shutdownAfterJobFinishes": True,
                "backoffLimit": RETRIES,
                "rayClusterSpec": cluster | ({"enableInTreeAutoscaling": True} if fewest < most else {}),
            },
        }

    def _worker_resources(self) -> dict[str, str]:
        size = max(1, self.gpus)
        found = {"cpu": str(4 * size), "memory": f"{16 * size}Gi"}
        return found | ({"nvidia.com/gpu": str(self.gpus)} if self.gpus else {})

    def _pod(self, name: str, resources: dict[str, str]) -> dict[str, Any]:
        container: dict[str, Any] = {
            "name": name,
            "image": self.image,
            "env": [{"name": "RAY_USAGE_STATS_ENABLED", "value": "0"}],
            "resources": {"limits": resources, "requests": resources},
            "volumeMounts": [{"name": "study", "mountPath": MOUNTED, "readOnly": True}],
        }
        if self.secret is not None:
            container["envFrom"] = [{"secretRef": {"name": self.secret}}]
        items = [{"key": key, "path": place} for key, place in self._keys().items()]
        return {
            "spec": {
                "containers": [container],
                "volumes": [{"name": "study", "configMap": {"name": self.name, "items": items}}],
            }
        }

    def apply(self, *, again: bool = False) -> str:
        """Hand the RayJob to the cluster of kubectl's context, unless it is there and runs, or has finished as it is.

        Returns:
            What was found or done: `started`, `runs` or `finished`.

        Raises:
            UserError: there is no kubectl here, or it refuses.
        """
        manifest = self.manifest()
        found = _kubectl(["get", "rayjob", self.name, "--ignore-not-found", "--output", "json"])
        if found.strip():
            job = json.loads(found)
            state = job.get("status") or {}
            same = job["metadata"].get("annotations", {}).get(FINGERPRINT) == self.submission.bundle.fingerprint()
            if state.get("jobDeploymentStatus") not in ("Complete", "Failed"):
                return "runs"
            if state.get("jobStatus") == "SUCCEEDED" and same and not again:
                return "finished"
            # A RayJob runs once: to go on, it makes way for a new one.
            _kubectl(["delete", "rayjob", self.name, "--wait"])
        _kubectl(["apply", "--filename", "-"], manifest)
        return "started"


def _kubectl(arguments: list[str], given: str | None = None) -> str:
    if shutil.which("kubectl") is None:
        raise UserError("There is no kubectl here. Without --apply the manifest is printed, to be applied elsewhere.")
    done = subprocess.run(["kubectl", *arguments], input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"kubectl {arguments[0]} fails: {done.stderr.strip() or 'without a word'}")
    return done.stdout
