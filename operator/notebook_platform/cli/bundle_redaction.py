"""Keep secrets out of a support bundle, which leaves the cluster. Pure.

Two rules work together. Free parts of the spec, whose members the CRD does not list (chart values, patches, environment variables),
may hold a password in any place: their structure stays and every value in them is hidden. And whatever the platform's Secrets and these
free parts hold is redacted in all other text, as the operator redacts its status and log.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from notebook_platform.api.crd import crd
from notebook_platform.bounded.documents import DocumentRefused, parse_json
from notebook_platform.bounded.writer import write_yaml
from notebook_platform.kube.redaction import HIDDEN, SecretRedactor, TooManySecrets

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
OWN_ANNOTATIONS = "notebookplatform.io/"
"""Prefix of the annotations whose values are shown: they approve and confirm changes."""

DROPPED = ("managedFields", "selfLink")
"""Members of metadata that say nothing about a problem."""

Schema = Mapping[str, Any]


class BundleRedactor:
    """Redacts one bundle. `unlearned` names the sources with more values than can be redacted: their texts are left out."""

    def __init__(self) -> None:
        self._redactor = SecretRedactor()
        self.unlearned: list[str] = []

    def learn(self, source: str, data: Mapping[str, str]) -> None:
        """Learn the values of a Secret's data, or of another part that is hidden."""
        try:
            self._redactor.add(data, source=source)
        except TooManySecrets:
            self.unlearned.append(source)

    def learn_free_parts(self, body: Mapping[str, Any]) -> None:
        """Learn the free parts of a platform's spec, and of the spec that kubectl applied last."""
        for where, spec in (("spec", body.get("spec")), ("last applied spec", _last_applied(body))):
            parts = dict(_free_parts(spec, _spec_schema(), ""))
            self.learn(where, {path: write_yaml({"part": part}) for path, part in parts.items()})

    def text(self, text: str) -> str:
        """Return text as one printable line without secrets; a fixed word when not all secrets could be learned."""
        return HIDDEN if self.unlearned else self._redactor.sanitize(text)

    def clean(self, value: Any) -> Any:
        """Return a document with all its texts redacted, keys too."""
        if isinstance(value, Mapping):
            return {self._redactor.sanitize(str(key)): self.clean(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.clean(inner) for inner in value]
        return value if isinstance(value, int | float | None) else self.text(str(value))

    def platform(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return a NotebookPlatform without the values of its free parts and of other tools' annotations, redacted."""
        metadata = {key: value for key, value in body["metadata"].items() if key not in DROPPED}
        annotations = metadata.get("annotations") or {}
        shown = {key: value if key.startswith(OWN_ANNOTATIONS) else HIDDEN for key, value in annotations.items()}
        metadata |= {"annotations": shown} if shown else {}
        spec = _without_values(body.get("spec"), _spec_schema())
        cleaned: dict[str, Any] = self.clean({**body, "metadata": metadata, "spec": spec})
        return cleaned


def _spec_schema() -> Schema:
    schema: Schema = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema


def _last_applied(body: Mapping[str, Any]) -> Any:
    text = (body["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    try:
        found = parse_json(text) if isinstance(text, str) else None
    except DocumentRefused:
        return None
    return found.get("spec") if isinstance(found, dict) else None


def _member(schema: Schema, name: str) -> Schema | None:
    """Return the schema of a member; None: it is free. Of a patch the CRD lists the members that it refuses: they are free too."""
    found: Schema | None = schema.get("properties", {}).get(name)
    return None if schema.get("x-kubernetes-preserve-unknown-fields") else found


def _free_parts(value: Any, schema: Schema | None, path: str) -> Iterator[tuple[str, Any]]:
    """Yield (path, value) of what the schema does not list."""
    if schema is None:
        yield path, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _free_parts(inner, _member(schema, name), f"{path}.{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _free_parts(inner, schema.get("items"), f"{path}[{index}]")


def _without_values(value: Any, schema: Schema | None) -> Any:
    """Return a document with each scalar hidden that the schema does not list."""
    if isinstance(value, Mapping):
        return {name: _without_values(inner, schema and _member(schema, name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_values(inner, schema and schema.get("items")) for inner in value]
    return HIDDEN if schema is None and value is not None else value


def log_lines(text: str, platform: str) -> Iterator[dict[str, Any]]:
    """Yield the log lines that concern a platform (`namespace/name`): those in JSON, and those in text as a message."""
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            if f" platform={platform} " in f"{line} ":
                yield {"message": line}
            continue
        if isinstance(found, dict) and found.get("platform") == platform:
            yield found
