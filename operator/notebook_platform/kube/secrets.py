"""Secrets and ConfigMaps of the platform's own namespace: those a user refers to, and those the operator keeps."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.api import GROUP, KIND, VERSION
from notebook_platform.bounded.documents import beside_the_loop
from notebook_platform.engine.outcome import Refused
from notebook_platform.kube.redaction import MOST_LEAVES, REDACTORS, SecretRedactor, TooManySecrets, leaves_of

MANAGED_BY = {"app.kubernetes.io/managed-by": "notebook-platform"}


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Which object a step works for."""

    namespace: str
    name: str
    uid: str


class SecretStore:
    """Reads what the spec refers to and keeps what the operator makes, in one namespace and no other."""

    def __init__(self, api: client.ApiClient, platform: Platform) -> None:
        self._core = client.CoreV1Api(api)
        self.platform = platform
        self.redactor: SecretRedactor = REDACTORS.of(platform.uid)
        """Keeps the platform's secrets out of messages: it knows all that was read or kept here."""

    async def find(self, name: str) -> Mapping[str, str] | None:
        """The decoded data of a Secret; None when there is no such Secret. Raises Refused (SecretTooLarge)."""
        secret = await self._read(self._core.read_namespaced_secret, name)
        if secret is None:
            return None
        data = _decoded(secret.data)
        await self.redact_from_now_on(name, data)
        return data

    async def redact_from_now_on(self, name: str, data: Mapping[str, str]) -> None:
        """Keep the values of a Secret out of the platform's messages. Raises Refused (SecretTooLarge): then it must not be used."""
        if not (fresh := self.redactor.unknown(data, source=name)):
            return
        try:
            found = await beside_the_loop(sum(map(len, fresh.values())), partial(leaves_of, fresh))
            self.redactor.learn(found, source=name)
        except TooManySecrets:
            raise Refused.because(
                "SecretTooLarge",
                f"the Secret {name!r}, with the other Secrets of this platform, holds more than {MOST_LEAVES} values: "
                "the operator does not use what it cannot keep out of messages",
                "Move what is not secret to a ConfigMap.",
            ) from None

    async def read(self, name: str, *keys: str, field: str) -> Mapping[str, str]:
        """The data of a Secret that the spec names at `field`.

        Raises Refused (SecretNotFound, SecretKeyMissing) with a sentence that names the field, the Secret and the keys.
        """
        data = await self.find(name)
        if data is None:
            raise Refused.because(
                "SecretNotFound",
                f"{field} names the Secret {name!r}, which does not exist in namespace {self.platform.namespace!r}",
                f"Create it with the keys {', '.join(keys) or 'it needs'}; it is picked up at once.",
            )
        if missing := [key for key in keys if not data.get(key)]:
            raise Refused.because(
                "SecretKeyMissing",
                f"{field} names the Secret {name!r}, which lacks the keys {', '.join(missing)}",
                "Add them; they are picked up at once.",
            )
        return data

    async def config_map(self, name: str, key: str, *, field: str) -> str:
        """One key of a ConfigMap that the spec names at `field`. Raises Refused (ConfigMapNotFound, ConfigMapKeyMissing)."""
        found = await self._read(self._core.read_namespaced_config_map, name)
        if found is None:
            raise Refused.because(
                "ConfigMapNotFound",
                f"{field} names the ConfigMap {name!r}, which does not exist in namespace {self.platform.namespace!r}",
                "Create it; it is picked up at once.",
            )
        if key not in (found.data or {}):
            raise Refused.because(
                "ConfigMapKeyMissing",
                f"{field} names the ConfigMap {name!r}, which lacks the key {key}",
                "Add it; it is picked up at once.",
            )
        return str(found.data[key])

    async def keep(self, name: str, data: Mapping[str, str], *, type_: str = "Opaque") -> None:
        """Make the operator's own Secret hold exactly `data`; it is owned by the platform and goes with it.

        Raises Refused (SecretNameTaken) when a Secret of that name belongs to somebody else.
        """
        await self.redact_from_now_on(name, data)
        metadata = client.V1ObjectMeta(
            name=name,
            namespace=self.platform.namespace,
            labels=MANAGED_BY,
            owner_references=[self._owner()],
        )
        body = client.V1Secret(metadata=metadata, type=type_, string_data=dict(data))
        existing = await self._read(self._core.read_namespaced_secret, name)
        if existing is None:
            await self._core.create_namespaced_secret(self.platform.namespace, body)
            return
        self._check_ours(existing, name)
        if _decoded(existing.data) == dict(data) and self._owns(existing):
            return
        metadata.resource_version = existing.metadata.resource_version
        await self._core.replace_namespaced_secret(name, self.platform.namespace, body)

    async def drop(self, name: str) -> None:
        """Delete the operator's own Secret if it is there. Raises Refused (SecretNameTaken) for another's."""
        existing = await self._read(self._core.read_namespaced_secret, name)
        if existing is None:
            return
        self._check_ours(existing, name)
        await self._core.delete_namespaced_secret(name, self.platform.namespace)

    async def let_go(self) -> None:
        """The platform goes and what it made stays: the operator's own Secrets do not go with it, for they are needed to use it."""
        selector = ",".join(f"{key}={value}" for key, value in MANAGED_BY.items())
        listed = await self._core.list_namespaced_secret(self.platform.namespace, label_selector=selector)
        for secret in listed.items:
            owners = secret.metadata.owner_references or []
            if self._owns(secret):
                secret.metadata.owner_references = [owner for owner in owners if owner.uid != self.platform.uid]
                await self._core.replace_namespaced_secret(secret.metadata.name, self.platform.namespace, secret)

    def _check_ours(self, secret: Any, name: str) -> None:
        owners, labels = secret.metadata.owner_references or (), secret.metadata.labels or {}
        let_go = not owners and MANAGED_BY.items() <= labels.items()  # by a platform of this name that was orphaned
        if not self._owns(secret) and not let_go:
            raise Refused.because(
                "SecretNameTaken",
                f"the Secret {name!r} that the operator keeps its data in belongs to somebody else",
                "Rename or delete that Secret.",
                retry_in=30,
            )

    def _owns(self, secret: Any) -> bool:
        return any(owner.uid == self.platform.uid for owner in secret.metadata.owner_references or ())

    def _owner(self) -> client.V1OwnerReference:
        return client.V1OwnerReference(
            api_version=f"{GROUP}/{VERSION}",
            kind=KIND,
            name=self.platform.name,
            uid=self.platform.uid,
            controller=True,
            block_owner_deletion=False,
        )

    async def _read(self, call: Any, name: str) -> Any:
        try:
            return await call(name, self.platform.namespace)
        except ApiException as error:
            if error.status == 404:
                return None
            raise


class ReadOnlySecrets(SecretStore):
    """For plans: reads what is there, and what would be kept is remembered and not written."""

    def __init__(self, real: SecretStore) -> None:
        self._real = real
        self.platform = real.platform
        self.redactor = real.redactor
        self._kept: dict[str, Mapping[str, str] | None] = {}

    async def find(self, name: str) -> Mapping[str, str] | None:
        """What would be there."""
        return self._kept[name] if name in self._kept else await self._real.find(name)

    async def config_map(self, name: str, key: str, *, field: str) -> str:
        """As it is."""
        return await self._real.config_map(name, key, field=field)

    async def keep(self, name: str, data: Mapping[str, str], *, type_: str = "Opaque") -> None:
        """Remembered for the rest of the plan."""
        await self.redact_from_now_on(name, data)
        self._kept[name] = dict(data)

    async def drop(self, name: str) -> None:
        """Remembered for the rest of the plan."""
        self._kept[name] = None


def _decoded(data: Mapping[str, str] | None) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in (data or {}).items()}
