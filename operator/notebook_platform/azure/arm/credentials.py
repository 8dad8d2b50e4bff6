"""How a platform signs in to Azure: a service principal's secret, a federated identity, or the operator's own identity."""

import hashlib
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.identity.aio import ClientSecretCredential, DefaultAzureCredential, WorkloadIdentityCredential

from notebook_platform.api.azure import Credentials
from notebook_platform.azure.arm.cloud import Cloud
from notebook_platform.kube.secrets import SecretStore

FIELD = "spec.azure.credentials.secretRef"
KEYS = ("tenantId", "clientId", "clientSecret")


class SignIn:
    """What a credential is made from. `digest` tells two of them apart without holding a secret."""

    def __init__(self, kind: str, cloud: Cloud, parts: dict[str, str]) -> None:
        self.kind = kind
        self._cloud = cloud
        self._parts = parts
        text = "\0".join([kind, cloud.authority, *(f"{k}={v}" for k, v in sorted(parts.items()))])
        self.digest = hashlib.sha256(text.encode()).hexdigest()

    def credential(self) -> AsyncTokenCredential:
        """A new credential with an empty token cache. Its own retries are off: a pass never sleeps."""
        options: dict[str, Any] = {
            "authority": self._cloud.authority,
            "disable_instance_discovery": True,
            "connection_verify": self._cloud.verify,
            "retry_total": 0,
        }
        return _MAKERS[self.kind](self._parts, options)


def _service_principal(parts: dict[str, str], options: dict[str, Any]) -> AsyncTokenCredential:
    return ClientSecretCredential(parts["tenantId"], parts["clientId"], parts["clientSecret"], **options)


def _workload_identity(parts: dict[str, str], options: dict[str, Any]) -> AsyncTokenCredential:
    return WorkloadIdentityCredential(tenant_id=parts["tenantId"], client_id=parts["clientId"], **options)


def _own(parts: dict[str, str], options: dict[str, Any]) -> AsyncTokenCredential:
    options.pop("disable_instance_discovery")
    return DefaultAzureCredential(**options)


_MAKERS = {"ServicePrincipal": _service_principal, "WorkloadIdentity": _workload_identity, "Own": _own}


async def sign_in(spec: Credentials | None, cloud: Cloud, secrets: SecretStore) -> SignIn:
    """Read what spec.azure.credentials names. Raises Refused (SecretNotFound, SecretKeyMissing)."""
    if spec is not None and spec.secret_ref is not None:
        data = await secrets.read(spec.secret_ref.name, *KEYS, field=FIELD)
        return SignIn("ServicePrincipal", cloud, {key: data[key].strip() for key in KEYS})
    if spec is not None and spec.workload_identity is not None:
        wanted = spec.workload_identity
        return SignIn("WorkloadIdentity", cloud, {"tenantId": wanted.tenant_id, "clientId": wanted.client_id})
    return SignIn("Own", cloud, {})
