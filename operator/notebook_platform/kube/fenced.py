"""Give the generated Kubernetes client fenced connections: it writes only while the lease is held (`fencing.py`)."""

from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from kubernetes.aio import client
from kubernetes.aio.client import rest

from notebook_platform.bounded import nesting
from notebook_platform.bounded.http import proxy_of
from notebook_platform.fencing import FencedConnector

USER_AGENT = f"notebook-platform/{version('notebook-platform')}"
"""The part before the slash is the field manager of what the operator writes
(https://kubernetes.io/docs/reference/using-api/server-side-apply/#managers); audit logs have the whole."""


class FencedRest(rest.RESTClientObject):  # type: ignore[misc]
    """The transport of the generated client, over fenced connections. It finds the proxy of its host once."""

    def __init__(self, configuration: client.Configuration) -> None:
        super().__init__(configuration)
        self._use(configuration)

    def _use(self, configuration: client.Configuration) -> None:
        self.configuration = configuration
        configuration.client_session_kwargs = {**(configuration.client_session_kwargs or {}), "trust_env": False}
        address = urlsplit(configuration.host)
        self.proxy = configuration.proxy or proxy_of(address.scheme, address.hostname or "")

    def _create_connector(self) -> FencedConnector:
        return FencedConnector(limit=self.maxsize, ssl=self.ssl_context)


def _deserialized(deserialize: Callable[..., Any], text: str, *how: Any) -> Any:
    """Return the object of an answer, cut if it is nested too deep to be decoded."""
    return nesting.read(text, lambda found: deserialize(found, *how))


def fenced(api: client.ApiClient) -> client.ApiClient:
    """Give a client that has sent no request fenced connections and the operator's name; return it."""
    api.user_agent = USER_AGENT
    api.deserialize = partial(_deserialized, api.deserialize)
    api.rest_client = FencedRest(api.configuration)
    return api
