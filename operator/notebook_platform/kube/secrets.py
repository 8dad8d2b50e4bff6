"""Read and write Secrets and ConfigMaps of the platform's own namespace: those that the spec refers to, and the operator's
own."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from kubernetes.aio import client

from notebook_platform.api import GROUP, KIND, VERSION
from notebook_platform.api.reasons import Reason
from notebook_platform.bounded.documents import beside_the_loop
from notebook_platform.engine.outcome import StepError
from notebook_platform.engine.trace import Read, note, note_request, note_write
from notebook_platform.kube.existing import existing
from notebook_platform.kube.redaction import MOST_LEAVES, REDACTORS, SecretRedactor, TooManySecrets, learnable
from notebook_platform.kube.secret_data import decoded, encoded
from notebook_platform.kube.secret_versions import ABSENT, SecretVersions

Contents = Literal["missing", "different", "current"]
"""How a Secret compares with its wanted content."""

SOURCE = "secret"
"""Where a step's reads of own Secrets come from (`engine/trace.py`)."""

MANAGED_BY = {"app.kubernetes.io/managed-by": "notebook-platform"}


@dataclass(frozen=True, kw_only=True)
class Platform:
    """The object that a step works for."""

    namespace: str
    name: str
    uid: str


class SecretStore:
    """Reads what the spec refers to and stores what the operator generates, in one namespace and no other.

    `versions`: those of the operator's own Secrets, while a watch reports them; None: each is read whenever it is asked for.
    """

    def __init__(self, api: client.ApiClient, platform: Platform, versions: SecretVersions | None = None) -> None:
        self._core = client.CoreV1Api(api)
        self._versions = versions
        self._own_names: set[str] = set()
        self._compared: dict[str, tuple[str, int]] = {}
        """The version of an own Secret that was current, and the basis of its content."""
        self.platform = platform
        self.redactor: SecretRedactor = REDACTORS.of(platform.uid)
        """Keeps the platform's secrets out of messages: it knows all that was read or stored here."""

    async def get(self, name: str) -> Mapping[str, str] | None:
        """Return the decoded data of a Secret that the spec refers to, without values that are not text; None when it does not
        exist.

        Raises StepError (SecretTooLarge).
        """
        secret = await self._read(self._core.read_namespaced_secret, name)
        return None if secret is None else await self._content(name, secret)

    async def own(self, name: str, *, orphaned: bool = True, plain: bool = False) -> Mapping[str, str] | None:
        """Return the decoded data of a Secret that the operator created; None when it does not exist.

        `plain`: it holds nothing secret, and its values may appear in messages. Its controller must be this very platform object.
        A Secret that a platform left behind (deletionPolicy: Orphan) has no owner and counts too, unless `orphaned` is False:
        then the result is None. Users who may edit Secrets in the namespace can forge both, so callers validate the data as
        untrusted.

        Raises StepError (SecretNameTaken) for a Secret of another owner, of which nothing is read.
        """
        secret = await self._read_own(name)
        if secret is None:
            return None
        self._check_ours(secret, name)
        if not (orphaned or self._owns(secret)):
            return None
        return decoded(secret.data) if plain else await self._content(name, secret)

    async def compare(self, name: str, data: Callable[[], Mapping[str, str]], *, basis: int) -> Contents:
        """Compare the operator's own Secret with its wanted content, byte by byte and without using what it holds.

        `basis`: the hash of all that the content follows from. A Secret that was current for it is not read again while the watch reports
        no other version, and `data` is not called. Raises StepError (SecretNameTaken).
        """
        version = self._version(name)
        if version and self._compared.get(name) == (version, basis):
            return "current"
        secret = await self._read_own(name)
        if secret is None:
            return "missing"
        self._check_ours(secret, name)
        if not self._owns(secret) or (secret.data or {}) != encoded(data()):
            return "different"
        self._compared[name] = (secret.metadata.resource_version, basis)
        return "current"

    async def verify(self, read: Read) -> bool:
        """Return whether an own Secret has the version that a step has read."""
        version = self._version(read.key[0])
        return version is not None and hash(version) == read.digest

    def forget_versions(self) -> None:
        """Drop what is known of the operator's own Secrets of the platform."""
        for name in self._own_names:
            self._forget_version(name)

    def _forget_version(self, name: str) -> None:
        """Have a Secret read again that was written: the watch reports its new version later, if at all."""
        if self._versions is not None:
            self._versions.forget(self.platform.namespace, name)

    def _version(self, name: str) -> str | None:
        return self._versions.of(self.platform.namespace, name) if self._versions else None

    async def _read_own(self, name: str) -> Any:
        """Read an own Secret, unless it is known to be absent, and learn its version."""
        if self._versions is None:
            return await self._read(self._core.read_namespaced_secret, name)
        if self._version(name) == ABSENT:
            note(SOURCE, name, digest=hash(ABSENT))
            return None
        self._expect_version(self._versions, name)
        secret = await existing(self._core.read_namespaced_secret(name, self.platform.namespace))
        version = ABSENT if secret is None else str(secret.metadata.resource_version)
        self._versions.learn(self.platform.namespace, name, version)
        note(SOURCE, name, digest=hash(version))
        return secret

    def _expect_version(self, versions: SecretVersions, name: str) -> None:
        self._own_names.add(name)
        versions.expect(self.platform.namespace, name)

    async def _content(self, name: str, secret: Any) -> dict[str, str]:
        data = decoded(secret.data)
        await self.redact_from_now_on(name, data)
        return data

    async def redact_from_now_on(self, name: str, data: Mapping[str, str]) -> None:
        """Keep the values of a Secret out of the platform's messages. Raises StepError (SecretTooLarge): then it must not be
        used."""
        if not (fresh := self.redactor.unknown(data, source=name)):
            return
        try:
            found = await beside_the_loop(sum(map(len, fresh.values())), partial(learnable, fresh))
            for _ in self.redactor.learn(found, source=name):
                await asyncio.sleep(0)
        except TooManySecrets:
            raise StepError(
                Reason.SECRET_TOO_LARGE,
                f"the Secret {name!r}, with the other Secrets of this platform, holds more than {MOST_LEAVES} values, "
                "more than the operator can redact",
                "Move values that are not secret to a ConfigMap.",
            ) from None

    async def read(self, name: str, *keys: str, field: str) -> Mapping[str, str]:
        """Return the data of a Secret that the spec names at `field`.

        Raises StepError (SecretNotFound, SecretKeyMissing, SecretTooLarge) with a sentence that names the field, the Secret
        and the keys.
        """
        try:
            data = await self.get(name)
        except StepError as refused:
            raise StepError.of(replace(refused.failed, message=f"{field}: {refused.failed.message}")) from None
        if data is None:
            literals = " ".join(f"--from-literal={key}=..." for key in keys or ["KEY"])
            raise StepError(
                Reason.SECRET_NOT_FOUND,
                f"{field} names the Secret {name!r}, which does not exist in namespace {self.platform.namespace!r}",
                f"Create it: `kubectl create secret generic {name} -n {self.platform.namespace} {literals}`. The operator reads it at once.",
            )
        if missing := [key for key in keys if not data.get(key)]:
            raise StepError(
                Reason.SECRET_KEY_MISSING,
                f"{field} names the Secret {name!r}, which lacks the keys {', '.join(missing)} or holds other data than UTF-8 text in them",
                "Add them; the operator reads them at once.",
            )
        return data

    async def config_map(self, name: str, key: str, *, field: str) -> str:
        """Return one key of a ConfigMap that the spec names at `field`. Raises StepError (ConfigMapNotFound,
        ConfigMapKeyMissing)."""
        found = await self._read(self._core.read_namespaced_config_map, name)
        if found is None:
            raise StepError(
                Reason.CONFIG_MAP_NOT_FOUND,
                f"{field} names the ConfigMap {name!r}, which does not exist in namespace {self.platform.namespace!r}",
                "Create it. The operator reads it at once.",
            )
        if key not in (found.data or {}):
            raise StepError(
                Reason.CONFIG_MAP_KEY_MISSING,
                f"{field} names the ConfigMap {name!r}, which lacks the key {key}",
                "Add it. The operator reads it at once.",
            )
        return str(found.data[key])

    async def apply(
        self, name: str, data: Mapping[str, str], *, type_: str = "Opaque", hidden: Mapping[str, str] | None = None
    ) -> None:
        """Create or update the operator's own Secret so that it holds exactly `data`. The platform owns it, and it is deleted
        with it.

        `hidden`: the values to keep out of messages. Default: all of them.

        Raises StepError (SecretNameTaken) for a Secret of another owner.
        """
        await self.redact_from_now_on(name, data if hidden is None else hidden)
        if self._versions is not None:
            self._expect_version(self._versions, name)
        try:
            written = await self._write(name, data, type_)
        except BaseException:
            self._forget_version(name)
            raise
        if self._versions is None:
            note_request()
        else:
            version = str(written.metadata.resource_version)
            self._versions.learn(self.platform.namespace, name, version)
            note_write(SOURCE, name, digest=hash(version))

    async def _write(self, name: str, data: Mapping[str, str], type_: str) -> client.V1Secret:
        metadata = client.V1ObjectMeta(
            name=name,
            namespace=self.platform.namespace,
            labels=MANAGED_BY,
            owner_references=[self._owner()],
        )
        body = client.V1Secret(metadata=metadata, type=type_, string_data=dict(data))
        found = await existing(self._core.read_namespaced_secret(name, self.platform.namespace))
        if found is None:
            return await self._core.create_namespaced_secret(self.platform.namespace, body)
        self._check_ours(found, name)
        if self._owns(found) and (found.data or {}) == encoded(data):
            return found
        metadata.resource_version = found.metadata.resource_version
        return await self._core.replace_namespaced_secret(name, self.platform.namespace, body)

    async def delete(self, name: str) -> None:
        """Delete the operator's own Secret if it exists; a Secret of another owner is left unchanged."""
        try:
            existing = await self._read(self._core.read_namespaced_secret, name)
            if existing is not None and self._is_ours(existing):
                await self._core.delete_namespaced_secret(name, self.platform.namespace)
        finally:
            self._forget_version(name)

    async def orphan(self) -> None:
        """Remove the platform's ownership of the operator's own Secrets, which are needed to use what outlives the platform."""
        selector = ",".join(f"{key}={value}" for key, value in MANAGED_BY.items())
        listed = await self._core.list_namespaced_secret(self.platform.namespace, label_selector=selector)
        for secret in listed.items:
            owners = secret.metadata.owner_references or []
            if self._owns(secret):
                secret.metadata.owner_references = [owner for owner in owners if owner.uid != self.platform.uid]
                await self._core.replace_namespaced_secret(secret.metadata.name, self.platform.namespace, secret)

    def _is_ours(self, secret: Any) -> bool:
        owners, labels = secret.metadata.owner_references or (), secret.metadata.labels or {}
        orphaned = not owners and MANAGED_BY.items() <= labels.items()  # left behind by a platform of this name
        return orphaned or self._owns(secret)

    def _check_ours(self, secret: Any, name: str) -> None:
        if not self._is_ours(secret):
            raise StepError(
                Reason.SECRET_NAME_TAKEN,
                f"metadata.name: the operator stores data of this platform in the Secret {name!r}, which has another owner",
                "Rename or delete that Secret, or give the platform another name.",
                retry_in=30,
            )

    def _owns(self, secret: Any) -> bool:
        """Return whether the Secret's controller is this very object."""
        return any(
            owner.controller
            and owner.kind == KIND
            and owner.api_version.split("/")[0] == GROUP
            and owner.uid == self.platform.uid
            for owner in secret.metadata.owner_references or ()
        )

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
        note_request()
        return await existing(call(name, self.platform.namespace))
