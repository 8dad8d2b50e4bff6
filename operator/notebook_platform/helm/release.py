"""A revision of a release as Helm stores it: gzipped JSON in a Secret of the release's namespace. Pure.

Whoever may write Secrets in that namespace can write such a record, so no part of it is trusted without proof. A record is decoded within a
budget, its members are checked, and its digest is compared with the one that the operator keeps of its own revisions
(`helm/ownership.py`). The digest covers all that an action uses: manifest, hooks, chart and values. `info` (status, times, description)
changes during a revision's life and is left out; it decides when something is done, never what is written.

https://helm.sh/docs/topics/advanced/#storage-backends
"""

import base64
import binascii
import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from notebook_platform.bounded.archive import gunzip
from notebook_platform.bounded.documents import Budget, DocumentRefused, parse_json, parse_yaml_all
from notebook_platform.helm.ignored_values import Mismatch, mismatches
from notebook_platform.helm.values import mapping_in

AKS_OWN = "aks-managed-"
"""Releases of these names are AKS's own (https://learn.microsoft.com/azure/aks/faq)."""

PREFIX = "sh.helm.release.v1."
"""Names of Helm's Secrets begin so; the release's name and `.v<revision>` follow."""

LARGEST_INTEGER = 2**53
"""Helm reads numbers as floats: larger integers lose digits."""

RELEASE_NAME = "meta.helm.sh/release-name"
"""Annotation of each object of a release; Helm refuses to change objects of another release. https://helm.sh/docs/topics/charts/"""

MOST_BYTES = 16 * 2**20
"""Of a decompressed record; the largest charts (kube-prometheus-stack) need about 5 MiB."""

DOCUMENT = Budget(bytes=MOST_BYTES, nodes=400_000, depth=100)
MOST_SEPARATORS = 1_000_000
"""Commas and brackets in a record, those in texts too. The JSON parser holds the interpreter's lock, so what is far beyond the budget of nodes
must not reach it."""

MANIFEST = Budget(bytes=8 * 2**20, nodes=400_000, depth=100)
LONGEST_DESCRIPTION = 4000

DID_NOT_WORK = re.compile(r'^(Release|Upgrade|Rollback) ".*" failed')
"""How Helm describes a failed revision; the description stays when the status becomes `superseded` after a rollback that failed."""

STATUS = re.compile(r"^[a-z-]{1,32}$")


class RecordUnreadable(ValueError):
    """A Secret does not hold a Helm record, or one over the budget. The text says which rule it breaks, never its content."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """One revision of a release. `config` are its values; they hold secrets and are never shown. `digest` is the hex SHA-256 of
    all but `info`; empty for one that was not decoded. `mismatches`: values of another kind than the chart's."""

    name: str
    namespace: str
    revision: int
    status: str
    chart: str
    chart_version: str
    description: str
    last_deployed: datetime | None
    config: Mapping[str, Any] = field(repr=False)
    manifest: str = field(repr=False)
    secret_name: str
    hooks: tuple[str, ...] = field(default=(), repr=False)
    deleted: datetime | None = None
    digest: str = ""
    mismatches: tuple[Mismatch, ...] = field(default=(), repr=False)

    @property
    def pending(self) -> bool:
        """Return whether Helm holds its lock: a process works, or worked, on it."""
        return self.status.startswith("pending-") or self.removing

    @property
    def removing(self) -> bool:
        """Return whether Helm uninstalls it, or did not finish. The revision is the last one: Helm writes none for an
        uninstallation."""
        return self.status == "uninstalling"

    @property
    def worked(self) -> bool:
        """Return whether Helm once completed this revision."""
        return self.status in ("deployed", "superseded") and not DID_NOT_WORK.match(self.description)

    @property
    def held_since(self) -> datetime | None:
        """Return when Helm began its current or interrupted work."""
        return self.deleted if self.removing and self.deleted else self.last_deployed

    def objects(self) -> list[dict[str, Any]]:
        """Return the objects of its manifest: each has an apiVersion, a kind and a name. Raises DocumentRefused."""
        return self._things

    def hook_objects(self) -> list[dict[str, Any]]:
        """Return the objects of its hooks, which the manifest lacks. Raises DocumentRefused."""
        return self._hook_things

    @cached_property
    def _things(self) -> list[dict[str, Any]]:
        return documents(self.manifest)

    @cached_property
    def _hook_things(self) -> list[dict[str, Any]]:
        return [obj for manifest in self.hooks for obj in documents(manifest)]


def documents(text: str) -> list[dict[str, Any]]:
    """Return the Kubernetes objects of a manifest, with those of a List one by one. Raises DocumentRefused."""
    return [obj for document in parse_yaml_all(text, MANIFEST) for obj in _flat(document)]


def _flat(document: Any) -> list[dict[str, Any]]:
    if not isinstance(document, dict):
        return []
    items = document.get("items")
    if isinstance(items, list) and document.get("kind") == "List":
        return [item for item in items if _is_object(item)]
    return [document] if _is_object(document) else []


def _is_object(obj: Any) -> bool:
    if not isinstance(obj, dict):
        return False
    metadata = obj.get("metadata")
    texts = (obj.get("apiVersion"), obj.get("kind"), metadata.get("name") if isinstance(metadata, dict) else None)
    if not all(isinstance(text, str) and text for text in texts):
        return False
    assert isinstance(metadata, dict)
    mappings = (metadata.get("annotations"), metadata.get("labels"))
    return isinstance(metadata.get("namespace", ""), str | None) and all(isinstance(m, dict | None) for m in mappings)


def with_helm_metadata(obj: Mapping[str, Any], release: Release) -> dict[str, Any]:
    """Return an object with the marks by which Helm recognizes its own objects: its stored manifest lacks them."""
    metadata = obj["metadata"]
    labels = {**(metadata.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"}
    annotations = {**(metadata.get("annotations") or {}), **helm_annotations(release)}
    return {**obj, "metadata": {**metadata, "labels": labels, "annotations": annotations}}


def helm_annotations(release: Release) -> dict[str, str]:
    """Return the annotations by which Helm recognizes the objects of a release."""
    return {RELEASE_NAME: release.name, "meta.helm.sh/release-namespace": release.namespace}


def as_stored_values(values: Any) -> Any:
    """Return values in the JSON form in which Helm stores them, so that both compare equal."""
    return _as_floats(json.loads(json.dumps(values, default=str)))


def _as_floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_floats(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_as_floats(child) for child in value]
    too_large = isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST_INTEGER
    return float(value) if too_large else value


def unpacked(data: str) -> dict[str, Any]:
    """Decode the `release` key of a Secret (base64 of base64 of gzip of JSON). Raises RecordUnreadable."""
    try:
        text = gunzip(base64.b64decode(base64.b64decode(data, validate=True)), MOST_BYTES)
        if sum(map(text.count, (b",", b"[", b"{"))) > MOST_SEPARATORS:
            raise RecordUnreadable("it has too many values")
        found = parse_json(text, DOCUMENT)
    except RecordUnreadable:
        raise
    except DocumentRefused as error:
        raise RecordUnreadable(str(error)) from None
    except (binascii.Error, OSError, EOFError, ValueError, RecursionError) as error:
        raise RecordUnreadable(f"not a record of Helm's ({type(error).__name__})") from None
    if not isinstance(found, dict):
        raise RecordUnreadable("not a record of Helm's: no JSON object")
    return found


def packed(document: Mapping[str, Any]) -> str:
    """Encode the `release` key of a Secret, as Helm writes it."""
    return base64.b64encode(base64.b64encode(gzip.compress(json.dumps(document).encode()))).decode()


def digest_of(document: Mapping[str, Any]) -> str:
    """Return the hex SHA-256 of a record's document without what changes during a revision's life: `info`, and when a hook last
    ran."""
    kept = {key: value for key, value in document.items() if key not in ("info", "hooks")}
    hooks = document.get("hooks")
    kept["hooks"] = [_without_runs(hook) for hook in hooks] if isinstance(hooks, list) else hooks
    return hashlib.sha256(json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _without_runs(hook: Any) -> Any:
    return {key: value for key, value in hook.items() if key != "last_run"} if isinstance(hook, dict) else hook


def revision_of(secret_name: str, release: str) -> int | None:
    """Return the revision of a release that a Secret of this name holds; None: it is no record of that release. Labels are
    ignored."""
    found = re.fullmatch(re.escape(f"{PREFIX}{release}.v") + r"([1-9][0-9]{0,8})", secret_name)
    return int(found[1]) if found else None


def decode(data: str, secret_name: str = "") -> Release:
    """Decode the `release` key of a Secret. The place that the document names must be the one that the Secret's name says, where that is
    given. Raises RecordUnreadable for anything but a record within the budget."""
    document = unpacked(data)
    info, config = _mapping(document, "info"), document.get("config") or {}
    chart = _mapping(_mapping(document, "chart"), "metadata")
    name, revision = _text(document, "name"), document.get("version")
    if not isinstance(revision, int) or isinstance(revision, bool) or not isinstance(config, dict):
        raise RecordUnreadable("the record's version is no integer, or its config no mapping")
    if secret_name and revision_of(secret_name, name) != revision:
        raise RecordUnreadable("the record names another release or revision than its Secret")
    status = _text(info, "status")
    hooks = document.get("hooks") or []
    if not STATUS.match(status) or not isinstance(hooks, list):
        raise RecordUnreadable("the record's status or hooks have another form than Helm's")
    return Release(
        name=name,
        namespace=_text(document, "namespace", ""),
        revision=revision,
        status=status,
        chart=_text(chart, "name"),
        chart_version=_text(chart, "version"),
        description=_text(info, "description", "")[:LONGEST_DESCRIPTION],
        last_deployed=_time(info.get("last_deployed")),
        config=_as_floats(config),
        manifest=_text(document, "manifest", ""),
        secret_name=secret_name,
        hooks=tuple(_text(hook, "manifest", "") for hook in hooks if isinstance(hook, dict)),
        deleted=_time(info.get("deleted")),
        digest=digest_of(document),
        mismatches=mismatches(config, mapping_in(_mapping(document, "chart").get("values"))),
    )


def _mapping(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key)
    if not isinstance(found, dict):
        raise RecordUnreadable(f"the record's {key} is no mapping")
    return found


def _text(document: Mapping[str, Any], key: str, default: str | None = None) -> str:
    found = document.get(key, default)
    if found is None and default is not None:
        return default
    if not isinstance(found, str):
        raise RecordUnreadable(f"the record's {key} is no text")
    return found


def _time(text: Any) -> datetime | None:
    """Return a time with a zone; None for anything else."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) and len(text) < 64 else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found
