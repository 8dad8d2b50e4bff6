"""Access to the management cluster, which holds the NotebookPlatforms, for the commands."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
from kubernetes.aio import client, config
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.cli.flags import DEFAULT_NAMESPACE
from notebook_platform.kube.fenced import fenced

NO_ANSWER = (aiohttp.ClientError, OSError, TimeoutError)
"""Exceptions of a call when the API server cannot be reached."""


POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/"""


class UsageError(Exception):
    """Ends a command with exit code 1; its text is printed to standard error."""


async def management_api() -> client.ApiClient | None:
    """Return a client of the management cluster, from the pod's ServiceAccount or KUBECONFIG; None when both are absent."""
    configuration = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException:
        try:
            await config.load_kube_config(client_configuration=configuration)
        except (config.ConfigException, OSError):
            return None
    return fenced(client.ApiClient(configuration))


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
def reading(what: str) -> Iterator[None]:
    """Raise UsageError when the API server refuses a call in the block or does not answer."""
    try:
        yield
    except ApiException as error:
        raise UsageError(f"{what} cannot be read: {error.status} {error.reason}") from None
    except NO_ANSWER as error:
        raise UsageError(f"the cluster of KUBECONFIG does not answer ({type(error).__name__})") from None


def own_namespace() -> str:
    """Return the namespace of the process's pod, or outside a cluster that of the kubeconfig's context."""
    try:
        return POD_NAMESPACE.read_text().strip()
    except OSError:
        return context_namespace()


def context_namespace() -> str:
    """Return the namespace of the kubeconfig's context, as kubectl uses it."""
    try:
        _, active = config.list_kube_config_contexts()
    except (config.ConfigException, OSError):
        return DEFAULT_NAMESPACE
    return str((active or {}).get("context", {}).get("namespace") or DEFAULT_NAMESPACE)
