"""The part of KubeRay's RayJob CRD that the manifest may use, as a JSON schema that knows no other field.

Source: the fields of RayJob and RayCluster are those of ray.io_rayjobs.yaml (v1, controller-gen v0.16.5) in
opendatahub-io/kuberay, a fork of ray-project/kuberay, at bffcc518; the fields of containers are those of Kubernetes core/v1.
"""

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
YES_NO: Schema = {"type": "boolean"}
TEXTS: Schema = {"type": "object", "additionalProperties": TEXT}
QUANTITY = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)
AMOUNTS: Schema = {
    "type": "object",
    "additionalProperties": {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": QUANTITY}]},
}


def fields(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def listed(item: Schema) -> Schema:
    return {"type": "array", "items": item}


CONTAINER = fields(
    ("name",),
    name=TEXT,
    image=TEXT,
    env=listed(fields(("name",), name=TEXT, value=TEXT)),
    envFrom=listed(fields(prefix=TEXT, secretRef=fields(name=TEXT, optional=YES_NO))),
    resources=fields(limits=AMOUNTS, requests=AMOUNTS),
    volumeMounts=listed(
        fields(("mountPath", "name"), mountPath=TEXT, name=TEXT, readOnly=YES_NO, subPath=TEXT),
    ),
)
VOLUME = fields(
    ("name",),
    name=TEXT,
    configMap=fields(
        name=TEXT, optional=YES_NO, items=listed(fields(("key", "path"), key=TEXT, path=TEXT, mode=WHOLE))
    ),
)
POD = fields(
    metadata=fields(annotations=TEXTS, labels=TEXTS, name=TEXT, namespace=TEXT),
    spec=fields(("containers",), containers=listed(CONTAINER), volumes=listed(VOLUME), serviceAccountName=TEXT),
)
CLUSTER = fields(
    ("headGroupSpec",),
    authOptions=fields(mode={"enum": ["disabled", "token"]}),
    enableInTreeAutoscaling=YES_NO,
    headGroupSpec=fields(("template",), rayStartParams=TEXTS, serviceType=TEXT, template=POD),
    rayVersion=TEXT,
    workerGroupSpecs=listed(
        fields(
            ("groupName", "maxReplicas", "minReplicas", "template"),
            groupName=TEXT,
            maxReplicas=WHOLE,
            minReplicas=WHOLE,
            numOfHosts=WHOLE,
            rayStartParams=TEXTS,
            replicas=WHOLE,
            template=POD,
        )
    ),
)
RAY_JOB = fields(
    ("apiVersion", "kind", "metadata", "spec"),
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayJob"},
    metadata=fields(
        ("name",), annotations=TEXTS, labels=TEXTS, name={"type": "string", "maxLength": 47}, namespace=TEXT
    ),
    spec=fields(
        activeDeadlineSeconds=WHOLE,
        backoffLimit=WHOLE,
        entrypoint=TEXT,
        rayClusterSpec=CLUSTER,
        runtimeEnvYAML=TEXT,
        shutdownAfterJobFinishes=YES_NO,
        submissionMode=TEXT,
        ttlSecondsAfterFinished=WHOLE,
    ),
)
