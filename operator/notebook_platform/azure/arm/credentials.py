"""Build the credential with which a platform signs in to Azure: a service principal's secret or certificate, a federated or a
managed identity, or the operator's own identity."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import (
    CertificateCredential,
    ClientSecretCredential,
    DefaultAzureCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)

from notebook_platform.api.arm_ids import GUID, fits
from notebook_platform.api.azure import Credentials
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.cloud import Cloud
from notebook_platform.azure.arm.transport import BoundedTransport
from notebook_platform.engine.outcome import StepError
from notebook_platform.kube.secrets import SecretStore

FIELD = "spec.azure.credentials.secretRef"
KEYS = ("tenantId", "clientId", "clientSecret")
CERTIFICATE_FIELD = "spec.azure.credentials.certificateRef"
CERTIFICATE_KEYS = ("tenantId", "clientId", "clientCertificate")


class FederatedTokenRefused(ClientAuthenticationError):
    """Entra ID refuses the projected token of the operator's ServiceAccount."""


class FederatedCredential(WorkloadIdentityCredential):
    """A credential whose refusals say that they are about a token file."""

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """Get a token. Raises FederatedTokenRefused."""
        with _of_token_file():
            return await super().get_token(*scopes, **options)

    async def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """Get a token. Raises FederatedTokenRefused."""
        with _of_token_file():
            return await super().get_token_info(*scopes, options=options)


@contextmanager
def _of_token_file() -> Iterator[None]:
    try:
        yield
    except ClientAuthenticationError as error:
        raise FederatedTokenRefused(str(error), response=error.response) from None


class SignIn:
    """The inputs of a credential. `digest` distinguishes two of them without holding a secret; `principal` is whom Azure
    counts requests for, which a new secret does not change."""

    def __init__(self, kind: str, cloud: Cloud, parts: dict[str, str]) -> None:
        self.kind = kind
        self._cloud = cloud
        self._parts = parts
        text = "\0".join([kind, cloud.authority, *(f"{k}={v}" for k, v in sorted(parts.items()))])
        self.digest = hashlib.sha256(text.encode()).hexdigest()
        self.principal = "/".join([kind, parts.get("tenantId", ""), parts.get("clientId", "")])

    def credential(self, transport: BoundedTransport) -> AsyncTokenCredential:
        """Create a credential with an empty token cache over a transport. Its own retries are off: a reconcile never sleeps.

        Raises StepError (CertificateUnreadable).
        """
        options: dict[str, Any] = {
            "authority": self._cloud.authority,
            "disable_instance_discovery": True,
            "transport": transport,
            "retry_total": 0,
        }
        return _MAKERS[self.kind](self._parts, options)


def _service_principal(parts: dict[str, str], options: dict[str, Any]) -> AsyncTokenCredential:
    return ClientSecretCredential(parts["tenantId"], parts["clientId"], parts["clientSecret"], **options)


def _certificate(parts: dict[str, str], options: dict[str, Any]) -> AsyncTokenCredential:
    data, password = parts["clientCertificate"].encode(), parts.get("clientCertificatePassword")
    try:
        return CertificateCredential(
            parts["tenantId"], parts["clientId"], certificate_data=data, password=password or None, **options
        )
    except (ValueError, TypeError) as error:
        raise StepError(
            Reason.CERTIFICATE_UNREADABLE,
            f"{CERTIFICATE_FIELD}: the key clientCertificate cannot be read ({type(error).__name__})",
            "Set it to the certificate and its private key in PEM, and clientCertificatePassword if the key has a password.",
        ) from None


def _managed_identity(parts: dict[str, str], options: dict[str, Any]) -> AsyncTokenCredential:
    options.pop("authority")  # the token comes from the machine, not from Entra ID
    return ManagedIdentityCredential(client_id=parts.get("clientId"), **options)


def _workload_identity(parts: dict[str, str], options: dict[str, Any]) -> AsyncTokenCredential:
    try:
        return FederatedCredential(tenant_id=parts["tenantId"], client_id=parts["clientId"], **options)
    except ValueError:
        raise StepError(
            Reason.NO_FEDERATED_TOKEN,
            "spec.azure.credentials.workloadIdentity: the operator's pod has no projected token of its ServiceAccount",
            "Set workloadIdentity.clientId in the operator's chart, or apply deploy/kustomize/overlays/workload-identity.",
            retry_in=60,
        ) from None


def _own(parts: dict[str, str], options: dict[str, Any]) -> AsyncTokenCredential:
    options.pop("disable_instance_discovery")
    try:
        return DefaultAzureCredential(**options)
    except ValueError as error:
        raise StepError(
            Reason.OWN_IDENTITY_MISCONFIGURED,
            f"spec.azure.credentials is not set, and the operator's own identity is not configured: {error}",
            "Correct the AZURE_* variables of the operator, or set spec.azure.credentials.",
        ) from None


_MAKERS = {
    "ServicePrincipal": _service_principal,
    "Certificate": _certificate,
    "WorkloadIdentity": _workload_identity,
    "ManagedIdentity": _managed_identity,
    "Own": _own,
}


def guid_of(data: Mapping[str, str], key: str, *, field: str, secret: str) -> str:
    """Return a GUID from a Secret that the spec names at `field`: it becomes part of an address. Raises StepError
    (SecretValueInvalid)."""
    value = data[key].strip()
    if not fits(GUID, value):
        raise StepError(
            Reason.SECRET_VALUE_INVALID,
            f"{field} names the Secret {secret!r}, whose key {key} does not hold a GUID",
            f"Set {key} to the id that Entra ID shows, such as 11111111-2222-3333-4444-555555555555. The operator reads it at once.",
        )
    return value


async def sign_in(spec: Credentials | None, cloud: Cloud, secrets: SecretStore) -> SignIn:
    """Read what spec.azure.credentials names. Raises StepError (SecretNotFound, SecretKeyMissing, SecretValueInvalid)."""
    if spec is not None and spec.secret_ref is not None:
        data = await secrets.read(spec.secret_ref.name, *KEYS, field=FIELD)
        ids = {key: guid_of(data, key, field=FIELD, secret=spec.secret_ref.name) for key in KEYS[:2]}
        return SignIn("ServicePrincipal", cloud, {**ids, "clientSecret": data["clientSecret"].strip()})
    if spec is not None and spec.certificate_ref is not None:
        data = await secrets.read(spec.certificate_ref.name, *CERTIFICATE_KEYS, field=CERTIFICATE_FIELD)
        ids = {key: guid_of(data, key, field=CERTIFICATE_FIELD, secret=spec.certificate_ref.name) for key in CERTIFICATE_KEYS[:2]}
        keys = ("clientCertificate", "clientCertificatePassword")
        return SignIn("Certificate", cloud, {**ids, **{key: data[key].strip() for key in keys if data.get(key)}})
    if spec is not None and spec.managed_identity is not None:
        chosen = spec.managed_identity.client_id
        return SignIn("ManagedIdentity", cloud, {"clientId": chosen} if chosen else {})
    if spec is not None and spec.workload_identity is not None:
        wanted = spec.workload_identity
        return SignIn("WorkloadIdentity", cloud, {"tenantId": wanted.tenant_id, "clientId": wanted.client_id})
    return SignIn("Own", cloud, {})
