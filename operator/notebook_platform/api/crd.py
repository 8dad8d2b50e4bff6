"""The CustomResourceDefinition, made from the models: structural schema, defaults, descriptions, CEL rules, columns.

`python -m notebook_platform.api.crd DIRECTORY` writes it.
"""

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from notebook_platform.api import GROUP, KIND, PLURAL, VERSION, lists
from notebook_platform.api.base import MAP_TYPE, SENTENCES
from notebook_platform.api.numbers import INT_OR_STRING
from notebook_platform.api.patches import KEEP_UNKNOWN
from notebook_platform.api.rules import RULES
from notebook_platform.api.rules.helpers import matches
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.api.status import UNOBSERVED, PlatformStatus
from notebook_platform.bounded.writer import write_yaml

Schema = dict[str, Any]

FREE_FORM = frozenset({"spec.jupyterhub.values", "spec.binderhub.values", "spec.releases[].values"})
STRING_LIMIT = 1024
LONGEST_NAME = 100
NAME_TOO_LONG = (
    f"metadata.name must be at most {LONGEST_NAME} characters: the names of the operator's Secrets and the owner tag contain it"
)
KEPT = (
    *("type", "format", "description", "enum", "default", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"),
    *(INT_OR_STRING, MAP_TYPE, KEEP_UNKNOWN, lists.TYPE, lists.KEYS),
)
"""What of a node of pydantic's schema stands in the CRD as it is."""


def _column(name: str, path: str, description: str, *, type_: str = "string", wide: bool = False) -> Schema:
    return {"name": name, "type": type_, "jsonPath": path, "description": description, "priority": 1 if wide else 0}


def _condition(type_: str, member: str) -> str:
    return f'.status.conditions[?(@.type=="{type_}")].{member}'


COLUMNS = [
    _column("READY", _condition("Ready", "status"), "Whether the platform is up to date."),
    _column("STATUS", _condition("Ready", "reason"), "Reason of the condition Ready."),
    _column("URL", ".status.url", "Address of the hub."),
    _column("K8S", ".status.cluster.kubernetesVersion", "Running Kubernetes version."),
    _column("NODES", ".status.cluster.nodes.ready", "Nodes that are Ready.", type_="integer"),
    _column("HUB", ".status.releases[0].chart", "Chart of the hub."),
    _column("LOCATION", ".spec.azure.location", "Azure region.", wide=True),
    _column("CLUSTER", ".spec.cluster.name", "Managed cluster.", wide=True),
    _column("DESIRED-K8S", ".spec.cluster.kubernetesVersion", "Kubernetes version of the spec.", wide=True),
    _column("ALL-NODES", ".status.cluster.nodes.total", "Nodes, Ready or not.", type_="integer", wide=True),
    _column("NEXT", ".status.next", "The next expected event.", wide=True),
    _column("AGE", ".metadata.creationTimestamp", "Age.", type_="date"),
]

SELECTABLE = (".spec.azure.location", ".spec.cluster.name")
"""Fields for `kubectl get nbp --field-selector`; an API server before Kubernetes 1.31 ignores them.
Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#crd-selectable-fields"""


def structural(model_schema: Mapping[str, Any], root: str) -> Schema:
    """Convert pydantic's JSON schema to a structural schema: no references, no nulls, limits and rules everywhere."""
    definitions: Mapping[str, Any] = model_schema.get("$defs", {})

    def convert(node: Mapping[str, Any], path: str) -> Schema:
        node = _resolved(node, definitions)
        result: Schema = {key: node[key] for key in KEPT if key in node}
        if "const" in node:
            result |= {"type": "boolean" if isinstance(node["const"], bool) else "string", "enum": [node["const"]]}
        if result.get("default", 0) is None:
            del result["default"]
        if path in FREE_FORM:
            result |= {"type": "object", KEEP_UNKNOWN: True}
        elif "properties" in node:
            defaults = path.startswith("spec") and KEEP_UNKNOWN not in node  # a patch has only what its author wrote
            required = [name for name in node.get("required", ()) if "default" not in node["properties"][name]]
            result["properties"] = {k: convert(v, f"{path}.{k}") for k, v in node["properties"].items()}
            for name, child in result["properties"].items():
                if name not in node.get("required", ()) and "default" not in node["properties"][name] and defaults:
                    child |= _empty(child)
            if required:
                result["required"] = sorted(required)
        elif node.get("type") == "object" and KEEP_UNKNOWN not in node:
            more = node.get("additionalProperties")
            result["additionalProperties"] = convert(more if isinstance(more, Mapping) else {"type": "string"}, f"{path}{{}}")
            result.setdefault("maxProperties", result.pop("maxLength", None) or 64)
        if node.get("type") == "array":
            result["items"] = convert(node["items"], f"{path}[]")
            result.setdefault("maxItems", 64)
            if lists.TYPE not in node:
                raise TypeError(f"{path} has no list type: annotate it as in api/lists.py (Atomic, SetOf, MapByName)")
        if result.get("type") == "string" and "enum" not in result:
            result.setdefault("maxLength", STRING_LIMIT)
        if result.get("type") == "integer":
            result["format"] = "int64"
        if INT_OR_STRING in result:
            result |= {"anyOf": [{"type": "integer"}, {"type": "string"}], "pattern": node["pattern"]}
        named = [matches(path, node["pattern"], SENTENCES[node["pattern"]])] if node.get("pattern") in SENTENCES else []
        if rules := [*named, *RULES.get(path, ())]:
            result["x-kubernetes-validations"] = [{"rule": rule, "message": message} for rule, message in rules]
        return result

    return convert(model_schema, root)


def _empty(child: Schema) -> Schema:
    """Return the default of a member that pydantic creates for each object: an empty list or map, or an object of defaults
    (spelled out, because the API server checks a default against the rules before it completes it)."""
    if child.get("type") == "array":
        return {"default": []}
    if child.get("type") != "object" or "required" in child:
        return {}
    return {"default": {name: inner["default"] for name, inner in child.get("properties", {}).items() if "default" in inner}}


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Follow references and drop the null of optional members; the description of the field takes precedence over the type's."""
    if "anyOf" in node:
        (choice,) = [option for option in node["anyOf"] if option.get("type") != "null"]
        node = {**{k: v for k, v in node.items() if k != "anyOf"}, **_resolved(choice, definitions), **_described(node)}
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[1]]
        node = {**_resolved(target, definitions), **{k: v for k, v in node.items() if k != "$ref"}}
    if "allOf" in node:
        node = {**_resolved(node["allOf"][0], definitions), **{k: v for k, v in node.items() if k != "allOf"}}
    return dict(node)


def _described(node: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"description": node["description"]} if "description" in node else {}


@cache
def crd() -> Schema:
    """Return the whole definition. It is built once for a process; callers do not change it."""
    spec = structural(NotebookPlatformSpec.model_json_schema(by_alias=True), "spec")
    status = structural(PlatformStatus.model_json_schema(by_alias=True), "status")
    status.pop("required", None)
    status["default"] = {"observedGeneration": UNOBSERVED}
    schema = {
        "type": "object",
        "description": "A notebook service on Azure: the cloud resources, the cluster and the hub on it.",
        "required": ["spec"],
        "x-kubernetes-validations": [{"rule": f"size(self.metadata.name) <= {LONGEST_NAME}", "message": NAME_TOO_LONG}],
        "properties": {
            "apiVersion": {"type": "string", "description": "Version of this schema."},
            "kind": {"type": "string", "description": "NotebookPlatform."},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
    }
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "selectableFields": [{"jsonPath": path} for path in SELECTABLE],
        "additionalPrinterColumns": COLUMNS,
        "schema": {"openAPIV3Schema": schema},
    }
    names = {"kind": KIND, "listKind": f"{KIND}List", "plural": PLURAL, "singular": KIND.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {**names, "shortNames": ["nbp"], "categories": ["all"]},
            "versions": [version],
        },
    }


def crd_yaml() -> str:
    """Return the definition as `crds/` has it."""
    head = "# Generated from operator/notebook_platform/api by `make crds`; do not edit.\n"
    return head + write_yaml(crd())


def editor_schema() -> Schema:
    """Return the JSON schema of a NotebookPlatform, by which editors complete and check a file. It rejects unknown fields, as the API
    server does with strict validation. The CEL rules are not part of it: editors do not know them."""
    schema = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    properties = {name: _closed(node) for name, node in schema["properties"].items() if name != "status"}
    fixed = {
        "apiVersion": {"const": f"{GROUP}/{VERSION}"},
        "kind": {"const": KIND},
        "metadata": {"type": "object", "required": ["name"]},
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "description": schema["description"],
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": properties | fixed,
        "additionalProperties": False,
    }


def _closed(node: Any) -> Any:
    """Return a structural schema as a JSON schema: without Kubernetes' own members, and with no unknown properties."""
    if isinstance(node, list):
        return [_closed(one) for one in node]
    if not isinstance(node, Mapping):
        return node
    kept = {name: member for name, member in node.items() if name != "properties" and not name.startswith("x-kubernetes-")}
    found = {name: _closed(member) for name, member in kept.items()}
    if node.get(INT_OR_STRING):
        found |= {"type": ["integer", "string"]}
    if "properties" in node:
        found["properties"] = {name: _closed(member) for name, member in node["properties"].items()}
        if not node.get(KEEP_UNKNOWN):
            found["additionalProperties"] = False
    return found


FILE = f"{PLURAL}.{GROUP}.yaml"

if __name__ == "__main__":
    (Path(sys.argv[1]) / FILE).write_text(crd_yaml())
