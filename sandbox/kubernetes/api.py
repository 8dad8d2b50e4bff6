"""A client of a simulated cluster from its kubeconfig text."""

import yaml
from kubernetes.aio import client, config


async def api_client(kubeconfig: str) -> client.ApiClient:
    """A client; close it when done."""
    configuration = client.Configuration()
    await config.load_kube_config_from_dict(yaml.safe_load(kubeconfig), client_configuration=configuration)
    configuration.client_session_kwargs = {"trust_env": False}  # the search of a proxy takes two threads for each request
    return client.ApiClient(configuration)
