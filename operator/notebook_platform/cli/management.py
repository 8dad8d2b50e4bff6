"""The cluster that holds the NotebookPlatforms, as the commands for people reach it."""

import argparse
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import aiohttp
from kubernetes.aio import client, config
from kubernetes.aio.client.exceptions import ApiException
from pydantic import ValidationError

from notebook_platform.config import OperatorConfig

NO_ANSWER = (aiohttp.ClientError, OSError, TimeoutError)
"""What a call ends with when the API server cannot be reached."""

DEFAULT_NAMESPACE = "default"


class UsageError(Exception):
    """A command cannot go on; its text is for the person at the terminal."""


async def management_api() -> client.ApiClient | None:
    """A client of the management cluster: the pod's ServiceAccount, else KUBECONFIG; None when there is neither."""
    configuration = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException:
        try:
            await config.load_kube_config(client_configuration=configuration)
        except (config.ConfigException, OSError):
            return None
    return client.ApiClient(configuration)


def configuration() -> OperatorConfig:
    """How the operator runs here, from NOTEBOOK_PLATFORM_* variables and the file they name. Raises UsageError."""
    try:
        chosen = OperatorConfig.load([])
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise UsageError(f"the operator's configuration (NOTEBOOK_PLATFORM_* variables) cannot be read: {told}") from None
    if chosen.ca_file is not None and not chosen.ca_file.is_file():
        raise UsageError(f"there is no file {chosen.ca_file}, which NOTEBOOK_PLATFORM_CA_FILE names")
    return chosen


@asynccontextmanager
async def connected() -> AsyncIterator[client.ApiClient]:
    """The same for as long as the block. Raises UsageError when there is none."""
    api = await management_api()
    if api is None:
        raise UsageError("there is no KUBECONFIG to find the platform with")
    try:
        yield api
    finally:
        await api.close()


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Refusals and silence of the API server in the block become a UsageError."""
    try:
        yield
    except ApiException as error:
        raise UsageError(f"{what} cannot be read: {error.status} {error.reason}") from None
    except NO_ANSWER as error:
        raise UsageError(f"the cluster that KUBECONFIG leads to does not answer ({type(error).__name__})") from None


def add_namespace(parser: argparse.ArgumentParser, left_out: str = "") -> None:
    """The flag -n, as kubectl has it."""
    said = f"its namespace; left out: {left_out}that of the kubeconfig's context, else {DEFAULT_NAMESPACE}"
    parser.add_argument("-n", "--namespace", default=None, help=said)


def context_namespace() -> str:
    """The namespace that kubectl would take when none is named."""
    try:
        _, active = config.list_kube_config_contexts()
    except (config.ConfigException, OSError):
        return DEFAULT_NAMESPACE
    return str((active or {}).get("context", {}).get("namespace") or DEFAULT_NAMESPACE)
