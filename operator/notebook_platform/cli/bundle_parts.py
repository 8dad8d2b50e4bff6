"""Collect the parts of a support bundle from the management cluster, each redacted.

A part that the user of the command may not read is missing from the bundle, and the bundle names it.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from pydantic import ValidationError

from notebook_platform import __version__
from notebook_platform.api import GROUP, KIND, PLURAL
from notebook_platform.api.references import references
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.bounded import nesting
from notebook_platform.cli.bundle_redaction import BundleRedactor, log_lines
from notebook_platform.cli.elsewhere import read_platform
from notebook_platform.cli.management import NO_ANSWER
from notebook_platform.cli.operator_place import OPERATOR
from notebook_platform.cli.watch_stream import Place
from notebook_platform.kube.secret_data import decoded
from notebook_platform.workload.response import body_of

MOST_PODS = 10
MOST_EVENTS = 1000
LOG_LINES, LOG_BYTES = 50_000, 64 * 1024 * 1024
"""The newest lines of one container, and how many of their bytes are read."""

HELM_SECONDS = 10.0

CALL_SECONDS = 30


@dataclass
class Bundle:
    """The parts by file name, and why other parts are missing."""

    parts: dict[str, Any] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


class Collector:
    """Collects one bundle. `operator_namespace`: where the operator's pods are."""

    def __init__(self, api: client.ApiClient, place: Place, operator_namespace: str, helm: str) -> None:
        self._api, self._place, self._helm = api, place, helm
        self._operator_namespace = operator_namespace
        self._core = client.CoreV1Api(api)
        self._redactor = BundleRedactor()
        self._bundle = Bundle()

    async def collect(self) -> Bundle:
        """Return the bundle. Raises UsageError when the platform itself cannot be read."""
        body = await read_platform(self._api, self._place)
        if nesting.exceeds(body.get("spec")):  # a part of it may be missing
            self._redactor.unlearned.append("the spec, which is too large")
            body = {**body, "spec": None}
        self._redactor.learn_free_parts(body)
        secrets = await self._secrets(body)  # first: the other parts are redacted with what they hold
        pods = await self._pods()
        parts = self._bundle.parts
        parts["platform.yaml"] = self._redactor.platform(body)
        parts["secrets.yaml"] = secrets
        parts["releases.yaml"] = self._redactor.clean((body.get("status") or {}).get("releases") or [])
        parts["events.yaml"] = await self._events(body["metadata"]["uid"])
        parts["journal.jsonl"] = [line for pod in pods for line in await self._log(pod)]
        parts["versions.yaml"] = await self._versions(pods)
        if sources := self._redactor.unlearned:
            what = "All texts are hidden: there are more secret values than can be searched for in"
            self._bundle.missing.append(f"{what} {', '.join(sources)}.")
        return self._bundle

    async def _secrets(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return name, type, owner and keys of the platform's Secrets, and learn their values."""
        uid, named = body["metadata"]["uid"], _named_secrets(body)
        if named is None:
            self._bundle.missing.append("The Secrets that the spec names are not listed: this command cannot read the spec.")
        listed = await self._optional(
            "The Secrets of the namespace",
            self._listed(self._core.list_namespaced_secret_without_preload_content, self._place.namespace),
        )
        found = []
        for secret in listed or []:
            metadata = secret["metadata"]
            own = any(owner.get("uid") == uid for owner in metadata.get("ownerReferences") or ())
            if not own and named is not None and metadata["name"] not in named:
                continue
            self._redactor.learn(f"the Secret {metadata['name']}", decoded(secret.get("data")))
            if own or named is not None:
                keys = sorted(secret.get("data") or {})
                found.append({"name": metadata["name"], "type": secret.get("type"), "ofOperator": own, "keys": keys})
        missing = sorted((named or set()) - {one["name"] for one in found}) if listed is not None else []
        return [*found, *({"name": name, "exists": False} for name in missing)]

    async def _events(self, uid: str) -> list[dict[str, Any]]:
        """Return the Events of the platform, the oldest first."""
        select = f"involvedObject.kind={KIND},involvedObject.name={self._place.name},involvedObject.uid={uid}"
        listing = self._core.list_namespaced_event_without_preload_content
        call = self._listed(listing, self._place.namespace, field_selector=select, limit=MOST_EVENTS)
        listed = await self._optional("The Events", call) or []
        members = ("type", "reason", "message", "count", "firstTimestamp", "lastTimestamp", "reportingComponent")
        shown = [self._redactor.clean({name: event.get(name) for name in members}) for event in listed]
        return sorted(shown, key=lambda event: event["lastTimestamp"] or "")

    async def _pods(self) -> list[dict[str, Any]]:
        """Return the operator's pods."""
        listing = self._core.list_namespaced_pod_without_preload_content
        call = self._listed(listing, self._operator_namespace, label_selector=OPERATOR, limit=MOST_PODS)
        return await self._optional(f"The operator's pods in the namespace {self._operator_namespace}", call) or []

    async def _log(self, pod: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the log lines of a pod that concern the platform, those of a restarted container first."""
        name, lines = pod["metadata"]["name"], []
        statuses = (pod.get("status") or {}).get("containerStatuses") or ()
        for previous in (True, False) if any(one.get("restartCount") for one in statuses) else (False,):
            text = await self._optional(f"The log of the pod {name}", self._text_of_log(name, previous=previous)) or b""
            if len(text) >= LOG_BYTES:
                self._bundle.missing.append(f"The newest lines of the log of the pod {name} are left out: it is too large.")
            found = log_lines(text.decode(errors="replace"), str(self._place))
            lines += [self._redactor.clean({"pod": name, **line}) for line in found]
        return lines

    async def _text_of_log(self, pod: str, *, previous: bool) -> bytes:
        """Return the newest lines of a pod's log. Raises ApiException."""
        answer = await self._core.read_namespaced_pod_log_without_preload_content(
            pod,
            self._operator_namespace,
            previous=previous,
            tail_lines=LOG_LINES,
            limit_bytes=LOG_BYTES,
            _request_timeout=CALL_SECONDS,
        )
        return await body_of(answer)

    async def _versions(self, pods: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the versions of the command, the operator, helm, the CRD and Kubernetes."""
        version = await self._optional("The version of Kubernetes", client.VersionApi(self._api).get_code())
        definition = await self._optional("The CustomResourceDefinition", self._definition())
        operators = [
            {
                "pod": pod["metadata"]["name"],
                "images": [container.get("image") for container in pod["spec"]["containers"]],
                "phase": (pod.get("status") or {}).get("phase"),
                "started": (pod.get("status") or {}).get("startTime"),
                "restarts": [one.get("restartCount") for one in (pod.get("status") or {}).get("containerStatuses") or ()],
            }
            for pod in pods
        ]
        found = {
            "command": __version__,
            "operator": operators,
            "helmOfThisMachine": await _helm_version(self._helm),
            "customResourceDefinition": definition,
            "kubernetes": version and version.git_version,
        }
        shown: dict[str, Any] = self._redactor.clean(found)
        return shown

    async def _definition(self) -> dict[str, Any]:
        found = await client.ApiextensionsV1Api(self._api).read_custom_resource_definition(f"{PLURAL}.{GROUP}")
        raw = self._api.sanitize_for_serialization(found)
        return {
            "generation": raw["metadata"].get("generation"),
            "served": [one["name"] for one in raw["spec"]["versions"] if one["served"]],
            "stored": (raw.get("status") or {}).get("storedVersions"),
        }

    async def _listed(self, call: Callable[..., Awaitable[Any]], namespace: str, **options: Any) -> list[dict[str, Any]]:
        """Return the items of a list as JSON: the client's models refuse a whole list for one odd object. Raises ApiException."""
        body = await body_of(await call(namespace, _request_timeout=CALL_SECONDS, **options))
        items: list[dict[str, Any]] = nesting.read(body.decode())["items"]
        return items or []

    async def _optional(self, what: str, call: Awaitable[Any]) -> Any:
        """Return the answer of a call; None, and a line in the bundle, when it is refused or not answered."""
        try:
            return await call
        except ApiException as error:
            self._bundle.missing.append(f"{what} could not be read: {error.status} {error.reason}.")
        except (*NO_ANSWER, ValueError) as error:
            self._bundle.missing.append(f"{what} could not be read: {type(error).__name__}.")
        return None


def _named_secrets(body: Mapping[str, Any]) -> set[str] | None:
    """Return the Secrets that a spec names; None when the spec cannot be read: then any Secret may be one."""
    try:
        spec = NotebookPlatformSpec.model_validate(body.get("spec"))
    except ValidationError:
        return None
    return {name for kind, name in references(spec) if kind == "Secret"}


async def _helm_version(executable: str) -> str:
    """Return what helm on this machine reports as its version; the operator's own is part of its image."""
    if (path := shutil.which(executable)) is None:
        return "not found"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(path, "version", "--short", stdout=pipe, stderr=asyncio.subprocess.DEVNULL)
    try:
        output, _ = await asyncio.wait_for(process.communicate(), HELM_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        return "no answer"
    return output.decode(errors="replace").strip()[:100]
