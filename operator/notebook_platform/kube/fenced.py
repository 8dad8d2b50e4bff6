"""Give the generated Kubernetes client fenced connections: it writes only while the lease is held (`fencing.py`)."""

from kubernetes.aio import client
from kubernetes.aio.client import rest

from notebook_platform.fencing import FencedConnector


class FencedRest(rest.RESTClientObject):  # type: ignore[misc]
    """The transport of the generated client, over fenced connections."""

    def _create_connector(self) -> FencedConnector:
        return FencedConnector(limit=self.maxsize, ssl=self.ssl_context)


def fenced(api: client.ApiClient) -> client.ApiClient:
    """Give a client that has sent no request fenced connections; return it."""
    api.rest_client = FencedRest(api.configuration)
    return api
