"""The platform that `plan` and `doctor` check, from a file or the cluster, with read-only access to its Secrets."""

import argparse
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from pydantic import ValidationError

from notebook_platform.api import GROUP, KIND, PLURAL, VERSION
from notebook_platform.api.reasons import Reason
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.api.spec_errors import sentences
from notebook_platform.bounded.documents import DocumentRefused, parse_json
from notebook_platform.bounded.local import read_local_yaml
from notebook_platform.cli import program
from notebook_platform.cli.api_warnings import warnings
from notebook_platform.cli.apply_request import apply_request
from notebook_platform.cli.elsewhere import read_platform
from notebook_platform.cli.file_checks import file_problems
from notebook_platform.cli.logs import configure
from notebook_platform.cli.management import NoContext, UsageError, context_namespace, management_api
from notebook_platform.cli.operator_config import configuration
from notebook_platform.cli.output import show_error
from notebook_platform.cli.silence import warn_of_silence
from notebook_platform.cli.watch_stream import Place
from notebook_platform.clients import SharedClients
from notebook_platform.engine.outcome import StepError
from notebook_platform.helm.plan import approved
from notebook_platform.kube.redaction import CURRENT, REDACTORS
from notebook_platform.kube.secrets import Contents, Platform, SecretStore

NOT_APPLIED = "known-after-apply"
"""The uid of an object that is not applied yet."""


@dataclass(frozen=True, kw_only=True)
class TargetPlatform:
    """The platform that a command works on, its Secrets, the shared clients, and the approved chart versions."""

    platform: Platform
    spec: NotebookPlatformSpec
    secrets: SecretStore
    shared: SharedClients
    approved: frozenset[str] = frozenset()
    admitted: bool = True
    """Whether an API server has checked the object."""


@asynccontextmanager
async def target_platform(arguments: argparse.Namespace) -> AsyncIterator[TargetPlatform]:
    """Yield the platform that the arguments name. Raises UsageError."""
    chosen = configuration()
    configure("text", "ERROR")
    api = await _api(arguments)
    try:
        documents = _documents(arguments.filename) if arguments.filename else []
        body, admitted = await _body(arguments, documents, api)
        if api is not None:
            await warn_of_silence(api, body, arguments.operator_namespace)
        metadata = body["metadata"]
        platform = Platform(namespace=metadata["namespace"], name=metadata["name"], uid=metadata.get("uid") or NOT_APPLIED)
        try:
            spec = NotebookPlatformSpec.model_validate(body["spec"])
        except ValidationError as error:
            raise UsageError(f"the spec cannot be read: {sentences(error)}") from None
        shared = SharedClients(chosen, is_operator=False)
        try:
            in_file = FileSecrets(api, platform, documents)
            yield TargetPlatform(
                platform=platform, spec=spec, secrets=in_file, shared=shared, approved=approved(metadata), admitted=admitted
            )
        finally:
            await shared.close()
    finally:
        if api is not None:
            await api.close()


async def _api(arguments: argparse.Namespace) -> client.ApiClient | None:
    """Return a client of the management cluster; None when there is none, or when a file is given and the kubeconfig has no context."""
    try:
        return await management_api()
    except NoContext:
        if arguments.filename:
            return None
        raise


def _documents(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a YAML file; `-` is standard input, as for kubectl. Raises UsageError."""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        found = [document for document in read_local_yaml(text) if document is not None]
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist; `{program()} init -o {path}` writes a first platform") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path} is not YAML: {_yaml_problem(error)}") from None
    for document in found:
        if not isinstance(document, dict) or not isinstance((document.get("metadata") or {}).get("name"), str):
            raise UsageError(f"{path} holds a document that is not a Kubernetes object: kind and metadata.name are required")
    return found


def _yaml_problem(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark and error.problem:
        place = f"line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
        return f"{place}: {error.problem}; check the indentation of this line and the one before it"
    return " ".join(str(error).split())


async def _body(
    arguments: argparse.Namespace, documents: list[dict[str, Any]], api: client.ApiClient | None
) -> tuple[Mapping[str, Any], bool]:
    """Return the object that the command works on, and whether an API server has admitted it. Raises UsageError."""
    if arguments.filename:
        platforms = [d for d in documents if d.get("kind") == KIND and arguments.name in (None, d["metadata"]["name"])]
        if len(platforms) != 1:
            raise UsageError(_not_one(arguments, documents, len(platforms)))
        body = platforms[0]
        body["metadata"].setdefault("namespace", context_namespace())
        if arguments.namespace:
            body["metadata"]["namespace"] = arguments.namespace
        applied = await _as_applied(body, api) if api is not None else None
        if applied is None and (problems := file_problems(body)):
            raise UsageError(f"{arguments.filename}: {'; '.join(problems)}")
        return applied or body, applied is not None
    if not arguments.name:
        raise UsageError("name a NotebookPlatform, or give a file with -f")
    if api is None:
        raise UsageError("no kubeconfig found; set KUBECONFIG, or give a file with -f")
    return await read_platform(api, Place(arguments.namespace or context_namespace(), arguments.name)), True


def _not_one(arguments: argparse.Namespace, documents: list[dict[str, Any]], count: int) -> str:
    """Return the error for a file without the platform, or with several."""
    if count:
        return f"{arguments.filename} holds {count} NotebookPlatforms; name the one"
    named = f" called {arguments.name}" if arguments.name else ""
    kinds = ", ".join(dict.fromkeys(str(document.get("kind", "an object without kind")) for document in documents)) or "nothing"
    return f"{arguments.filename} holds no {KIND}{named}, only: {kinds}"


async def _as_applied(body: Mapping[str, Any], api: client.ApiClient) -> Mapping[str, Any] | None:
    """Return the object as the API server would store it (dry run); None when the server cannot run it.

    Raises UsageError when the server rejects the object.
    """
    metadata = body["metadata"]
    path = (GROUP, VERSION, metadata["namespace"], PLURAL, metadata["name"])
    custom = client.CustomObjectsApi(api)
    try:
        live = await custom.get_namespaced_custom_object(*path)
    except (ApiException, aiohttp.ClientError, OSError):
        live = {"metadata": {}}  # the uid that a dry run returns is not the one that the object will have
    request = apply_request(body, live)
    try:
        answer = await custom.patch_namespaced_custom_object_without_preload_content(
            *path,
            request.body,
            dry_run="All",
            field_manager=request.manager,
            **({"force": True} if request.force else {}),
            _content_type=request.content_type,
        )
        document = await answer.text()
    except (aiohttp.ClientError, OSError, UnicodeDecodeError):
        return None
    if answer.status in (400, 422):
        raise UsageError(_refusal(document, answer))
    if not answer.ok:
        if refusal := _namespace_refusal(document):
            show_error(f"Warning: kubectl apply would be refused: {refusal}")
        return None
    for warning in warnings(answer.headers.getall("Warning", ())):  # the client's own parser keeps one header of a name
        show_error(f"Warning: {warning}")
    applied = parse_json(document)
    return {**applied, "metadata": {**applied["metadata"], "uid": live["metadata"].get("uid")}}


def _refusal(document: str, answer: aiohttp.ClientResponse) -> str:
    try:
        return str(parse_json(document)["message"])
    except (DocumentRefused, KeyError, TypeError):
        return f"the API server refuses it: {answer.status} {answer.reason}"


def _namespace_refusal(document: str) -> str:
    """Return the API server's message about a namespace that does not exist or is being deleted; empty for another refusal.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
    """
    try:
        status = parse_json(document)
        details = status["details"]
        causes = [cause.get("reason") for cause in details.get("causes", ())]
        return str(status["message"]) if details.get("kind") == "namespaces" or "NamespaceTerminating" in causes else ""
    except (DocumentRefused, KeyError, TypeError, AttributeError):
        return ""


class FileSecrets(SecretStore):
    """Reads Secrets and ConfigMaps from the file, else from the cluster."""

    def __init__(self, api: client.ApiClient | None, platform: Platform, documents: list[dict[str, Any]]) -> None:
        if api is not None:
            super().__init__(api, platform)
        self.platform = platform
        self.redactor = REDACTORS.of(platform.uid)
        CURRENT.set(self.redactor)
        self._cluster = api is not None
        self._in_file = {
            (d["kind"], d["metadata"]["name"]): {**_decoded(d), **(d.get("stringData") or {})}
            for d in documents
            if d.get("kind") in ("Secret", "ConfigMap")
        }

    async def get(self, name: str) -> Mapping[str, str] | None:
        """Return the Secret's data from the file, else from the cluster; None when neither has it."""
        in_file = self._in_file.get(("Secret", name))
        if in_file is not None:
            await self.redact_from_now_on(name, in_file)
            return in_file
        try:
            return await super().get(name) if self._cluster else None
        except (ApiException, aiohttp.ClientError, OSError):
            return None

    async def own(self, name: str, *, orphaned: bool = True, plain: bool = False) -> Mapping[str, str] | None:
        """Return the data of the operator's own Secret from the file, else from the cluster. Raises StepError (SecretNameTaken)."""
        in_file = self._in_file.get(("Secret", name))
        if in_file is not None:
            await self.redact_from_now_on(name, in_file)
            return in_file
        try:
            return await super().own(name, orphaned=orphaned, plain=plain) if self._cluster else None
        except (ApiException, aiohttp.ClientError, OSError):
            return None

    async def compare(self, name: str, data: Callable[[], Mapping[str, str]], *, basis: int) -> Contents:
        """Compare data with the file's Secret, else with the cluster's. Raises StepError (SecretNameTaken)."""
        in_file = self._in_file.get(("Secret", name))
        if in_file is not None:
            return "current" if in_file == data() else "different"
        try:
            return await super().compare(name, data, basis=basis) if self._cluster else "missing"
        except (ApiException, aiohttp.ClientError, OSError):
            return "missing"

    async def config_map(self, name: str, key: str, *, field: str) -> str:
        """Return a key of a ConfigMap from the file, else from the cluster. Raises StepError."""
        in_file = self._in_file.get(("ConfigMap", name), {})
        if key in in_file:
            return str(in_file[key])
        if not self._cluster:
            raise StepError(
                Reason.CONFIG_MAP_NOT_FOUND, f"{field} names the ConfigMap {name!r}, which is not in the file", "Add it."
            )
        return await super().config_map(name, key, field=field)


def _decoded(document: Mapping[str, Any]) -> dict[str, str]:
    import base64

    data = document.get("data") or {}
    return {k: base64.b64decode(v).decode() if document["kind"] == "Secret" else str(v) for k, v in data.items()}
