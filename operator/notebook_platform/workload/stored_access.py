"""Keep the access to workload clusters in Secrets of the operator's own namespace, so that an operator that starts does not ask Azure for it again.

Azure counts that request as a write, and AKS allows one a second in a subscription: a thousand platforms would wait for a quarter of an hour.
The Secret that a platform's users have is never read (`access.py`). These lie where no author of a platform may write. What they hold is
checked all the same, serves only the cluster and the identity that it was issued for, and is replaced when the cluster refuses it.
"""

import hashlib
import logging
from dataclasses import astuple

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.fencing import LeaseLost
from notebook_platform.kube.existing import existing
from notebook_platform.kube.secret_data import decoded
from notebook_platform.kube.secrets import MANAGED_BY, Platform
from notebook_platform.workload.access import ClusterKey
from notebook_platform.workload.kubeconfig import ClusterAccess, is_usable

log = logging.getLogger(__name__)

FORBIDDEN, INVALID = 403, 422

KEY, SERVER, CA, CERTIFICATE, PRIVATE_KEY, TOKEN = "issued-for", "server", "ca.crt", "client.crt", "client.key", "token"
"""The members of the Secret. `issued-for` is a digest of the cluster and the identity."""


class AccessStore:
    """The Secrets `cluster-access-<uid>` in one namespace. Without the rights in it nothing is kept, and Azure is asked at each start."""

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self._core = client.CoreV1Api(api)
        self._namespace = namespace
        self._reported = False

    async def load(self, uid: str, key: ClusterKey) -> ClusterAccess | None:
        """Return the access that was kept for a platform, without a token that ends; None: there is none for this cluster and identity."""
        try:
            secret = await existing(self._core.read_namespaced_secret(_name(uid), self._namespace))
        except ApiException as error:
            self._report("read", error)
            return None
        data = decoded(secret.data) if secret is not None else {}
        if data.get(KEY) != _digest(key):
            return None
        access = ClusterAccess(
            server=data.get(SERVER, ""),
            ca_data=data.get(CA, ""),
            client_certificate=data.get(CERTIFICATE, ""),
            client_key=data.get(PRIVATE_KEY, ""),
            token=data.get(TOKEN, ""),
            stored=True,
        )
        return access if is_usable(access, local_accounts=key.local_accounts) else None

    async def save(self, platform: Platform, key: ClusterKey, access: ClusterAccess) -> None:
        """Keep the access of a platform, but for a token that ends."""
        data = {KEY: _digest(key), SERVER: access.server, CA: access.ca_data}
        if access.expires is None:
            data |= {CERTIFICATE: access.client_certificate, PRIVATE_KEY: access.client_key, TOKEN: access.token}
        names = {"notebookplatform.io/platform": f"{platform.namespace}/{platform.name}"}
        metadata = client.V1ObjectMeta(name=_name(platform.uid), labels=MANAGED_BY, annotations=names)
        body = client.V1Secret(metadata=metadata, string_data={name: value for name, value in data.items() if value})
        try:
            if not await self._replaced(platform.uid, body):
                await self._core.create_namespaced_secret(self._namespace, body)
        except ApiException as error:
            self._report("written", error)

    async def _replaced(self, uid: str, body: client.V1Secret) -> bool:
        """Replace the Secret; return whether it exists. One that cannot be replaced, because it is immutable or of another type, is deleted."""
        try:
            return await existing(self._core.replace_namespaced_secret(_name(uid), self._namespace, body)) is not None
        except ApiException as error:
            if error.status != INVALID:
                raise
        await self.delete(uid)
        return False

    async def delete(self, uid: str) -> None:
        """Delete what was kept for a platform. Raises ApiException, but not where the operator has no rights: nothing was kept there."""
        try:
            await existing(self._core.delete_namespaced_secret(_name(uid), self._namespace))
        except ApiException as error:
            if error.status != FORBIDDEN:
                raise

    async def delete_left(self, uid: str) -> None:
        """Delete what was kept for a platform that no longer exists, whose finalizer may have been removed by hand. No later reconcile would
        repeat it, so a failure is logged."""
        try:
            await self.delete(uid)
        except (ApiException, aiohttp.ClientError, OSError, TimeoutError, LeaseLost) as error:
            log.warning(
                "The Secret %s in the namespace %s may be left, although its platform is deleted (%s). Delete it",
                _name(uid),
                self._namespace,
                type(error).__name__,
            )

    def _report(self, done: str, error: ApiException) -> None:
        """Log once in a process that nothing can be kept. Platforms are reconciled all the same."""
        if not self._reported:
            self._reported = True
            log.warning(
                "Access to clusters is not kept across restarts: Secrets in the namespace %s cannot be %s (HTTP %s). The Role "
                "notebook-platform-access allows it",
                self._namespace,
                done,
                error.status,
            )


def _name(uid: str) -> str:
    return f"cluster-access-{uid}"


def _digest(key: ClusterKey) -> str:
    return hashlib.sha256(repr(astuple(key)).encode()).hexdigest()
