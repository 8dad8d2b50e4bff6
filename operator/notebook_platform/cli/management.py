"""Access to the management cluster, which holds the NotebookPlatforms, for the commands."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import yaml
from kubernetes.aio import client, config
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.api import PLURAL
from notebook_platform.cli.flags import DEFAULT_NAMESPACE
from notebook_platform.kube.fenced import fenced

NO_ANSWER = (aiohttp.ClientError, OSError, TimeoutError)
"""Exceptions of a call when the API server cannot be reached."""


NOT_A_KUBECONFIG = (config.ConfigException, yaml.YAMLError, OSError, ValueError, TypeError, AttributeError, LookupError)
"""Exceptions of the client when a kubeconfig file is no kubeconfig."""

UNAUTHORIZED, FORBIDDEN = 401, 403

REMEDIES = {
    UNAUTHORIZED: "Sign in to the cluster again.",
    FORBIDDEN: f"Name its namespace with -n, or let an administrator grant `get`, `list` and `watch` on {PLURAL} in this one.",
    404: f"`kubectl get {PLURAL} -A` lists the platforms; with an error it says that the CustomResourceDefinition is not installed.",
}
"""What to do after the API server refused to read a platform, by the status of its answer."""

POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/"""


class UsageError(Exception):
    """Ends a command with exit code 1; its text is printed to standard error."""


class NoContext(UsageError):
    """The kubeconfig has no current context, or lacks what the context names."""


async def management_api() -> client.ApiClient | None:
    """Return a client of the management cluster, from the pod's ServiceAccount or KUBECONFIG; None when both are absent.

    Raises UsageError when there is a kubeconfig that cannot be used.
    """
    configuration = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException:
        if not _kubeconfigs():
            return None
        with _kubeconfig():
            await config.load_kube_config(config_file=_kubeconfigs(), client_configuration=configuration)
    return fenced(client.ApiClient(configuration))


def _kubeconfigs() -> str:
    """Return the kubeconfig files that exist, joined as in KUBECONFIG."""
    named = os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
    return os.pathsep.join(path for path in named.split(os.pathsep) if Path(path).expanduser().exists())


@contextmanager
def _kubeconfig() -> Iterator[None]:
    """Raise UsageError when the block finds no usable context in the kubeconfig."""
    try:
        yield
    except NOT_A_KUBECONFIG as error:
        why = " ".join(str(error).split()) if isinstance(error, config.ConfigException | OSError) else "it is not a kubeconfig"
        kind = NoContext if isinstance(error, config.ConfigException) else UsageError
        raise kind(f"{_kubeconfigs()} cannot be used: {why}. Correct it, or set KUBECONFIG to another file") from None


@asynccontextmanager
async def connected() -> AsyncIterator[client.ApiClient]:
    """Yield a client of the management cluster and close it. Raises UsageError when no kubeconfig is found."""
    api = await management_api()
    if api is None:
        raise UsageError("no kubeconfig found; set KUBECONFIG")
    try:
        yield api
    finally:
        await api.close()


@contextmanager
def reading(what: str, remedies: Mapping[int, str] = REMEDIES) -> Iterator[None]:
    """Raise UsageError when the API server refuses a call in the block or does not answer. `remedies`: by the status of its answer."""
    try:
        yield
    except ApiException as error:
        remedy = remedies.get(error.status, "")
        raise UsageError(f"{what} cannot be read: {error.status} {error.reason}" + (f". {remedy}" if remedy else "")) from None
    except NO_ANSWER as error:
        kind = type(error).__name__
        raise UsageError(f"the cluster of KUBECONFIG does not answer ({kind}); check it with `kubectl cluster-info`") from None


def own_namespace() -> str:
    """Return the namespace of the process's pod, or outside a cluster that of the kubeconfig's context."""
    try:
        return POD_NAMESPACE.read_text().strip()
    except OSError:
        return context_namespace()


def context_namespace(otherwise: str = DEFAULT_NAMESPACE) -> str:
    """Return the namespace of the kubeconfig's context, as kubectl uses it; `otherwise` when it names none. Raises UsageError."""
    if not _kubeconfigs():
        return otherwise
    try:
        with _kubeconfig():
            _, active = config.list_kube_config_contexts(config_file=_kubeconfigs())
    except NoContext:
        return otherwise
    return str((active or {}).get("context", {}).get("namespace") or otherwise)
