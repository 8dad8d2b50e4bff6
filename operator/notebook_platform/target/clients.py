"""Clients of target clusters stay open over passes; each belongs to one platform and one kubeconfig."""

import yaml
from kubernetes.aio import client, config

TIMEOUT_SECONDS = 20


async def connect(kubeconfig: str) -> client.ApiClient:
    """A client from kubeconfig text; nothing is written to disk but the CA file that the library makes."""
    configuration = client.Configuration()
    await config.load_kube_config_from_dict(yaml.safe_load(kubeconfig), client_configuration=configuration)
    configuration.retries = None
    return client.ApiClient(configuration)


class Targets:
    """One client for each platform, by its uid."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[str, client.ApiClient]] = {}

    async def of(self, uid: str, kubeconfig: str) -> client.ApiClient:
        """The client for this kubeconfig; one for an older kubeconfig is closed."""
        known = self._open.get(uid)
        if known and known[0] == kubeconfig:
            return known[1]
        await self.drop(uid)
        api = await connect(kubeconfig)
        self._open[uid] = (kubeconfig, api)
        return api

    async def drop(self, uid: str) -> None:
        """Close the client of a platform."""
        known = self._open.pop(uid, None)
        if known:
            await known[1].close()

    async def close(self) -> None:
        """Close all."""
        for uid in list(self._open):
            await self.drop(uid)
