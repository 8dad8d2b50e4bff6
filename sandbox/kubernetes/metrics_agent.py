"""What the metrics agent of managed Prometheus brings to a cluster: the API of its PodMonitors. No agent runs, and nothing is scraped.

The schema has the members that a scrape needs, with the Prometheus operator's required ones and defaults.
https://learn.microsoft.com/azure/azure-monitor/containers/prometheus-metrics-scrape-crd
"""

from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

GROUP, PLURAL = "azmonitoring.coreos.com", "podmonitors"

TEXT, NUMBER = {"type": "string"}, {"type": "integer", "format": "int64"}
TEXTS = {"type": "object", "additionalProperties": TEXT}


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


SECRET_KEY = _object(("key",), name={**TEXT, "default": ""}, key=TEXT, optional={"type": "boolean"})
RELABELING = _object(
    action={**TEXT, "default": "replace"},
    sourceLabels=_list(TEXT),
    separator=TEXT,
    regex=TEXT,
    targetLabel=TEXT,
    replacement=TEXT,
    modulus=NUMBER,
)
ENDPOINT = _object(
    port=TEXT,
    path=TEXT,
    scheme={**TEXT, "enum": ["http", "https"]},
    interval=TEXT,
    scrapeTimeout=TEXT,
    authorization=_object(type=TEXT, credentials=SECRET_KEY),
    relabelings=_list(RELABELING),
    metricRelabelings=_list(RELABELING),
)
SPEC = _object(
    ("podMetricsEndpoints", "selector"),
    selector=_object(
        matchLabels=TEXTS, matchExpressions=_list(_object(("key", "operator"), key=TEXT, operator=TEXT, values=_list(TEXT)))
    ),
    namespaceSelector=_object(any={"type": "boolean"}, matchNames=_list(TEXT)),
    podMetricsEndpoints=_list(ENDPOINT),
    podTargetLabels=_list(TEXT),
    jobLabel=TEXT,
    labelLimit=NUMBER,
    labelNameLengthLimit=NUMBER,
    labelValueLengthLimit=NUMBER,
    sampleLimit=NUMBER,
    targetLimit=NUMBER,
)
DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"{PLURAL}.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"kind": "PodMonitor", "listKind": "PodMonitorList", "plural": PLURAL, "singular": "podmonitor"},
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": _object(("spec",), spec=SPEC)}}
        ],
    },
}


async def install(api: client.ApiClient) -> None:
    """Create the API of PodMonitors unless it exists. It stays when the agent is turned off, and with it what users made of it."""
    try:
        await client.ApiextensionsV1Api(api).create_custom_resource_definition(DEFINITION)
    except ApiException as error:
        if error.status != 409:
            raise
