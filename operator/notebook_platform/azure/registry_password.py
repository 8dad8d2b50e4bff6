"""The password of the token with which a builder pushes images to the platform's container registry.

A repository-scoped token needs no application in the directory, expires, and reaches only the images of the builder, where the registry's
administrator reaches all. A token has two passwords: the operator renews one while the other stays valid until its end, and keeps the
current one in the Secret `<platform>-registry`. Azure returns a password once, as the result of the operation that makes it.
https://learn.microsoft.com/azure/container-registry/container-registry-token-based-repository-permissions
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from azure.core.exceptions import HttpResponseError

from notebook_platform.api.binderhub import AzureRegistry
from notebook_platform.api.durations import parse_duration
from notebook_platform.azure.arm.answer import document_of
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.operations import in_progress, lro_from_headers, next_poll
from notebook_platform.azure.arm.resource_types import REGISTRIES, REGISTRY_API
from notebook_platform.azure.scope import AzureScope
from notebook_platform.azure.tagged_resource import Wire
from notebook_platform.engine import Action, Change, Progressing
from notebook_platform.engine.change import Scheduled
from notebook_platform.kube.validated import HOST_NAME, MOMENT

FIELD = "spec.binderhub.registry.azure"
BUILDER = "notebook-platform-builder"
"""Name of the scope map and of the token, and so the builder's user name."""

PASSWORDS = ("password1", "password2")
CHILD_SECONDS = 5.0
KEPT = {
    "registry": re.compile(r"[A-Za-z0-9]{5,50}"),
    "server": HOST_NAME,
    "passwordName": re.compile("|".join(PASSWORDS)),
    "created": MOMENT,
    "expires": MOMENT,
}
"""What is read back of the Secret with the builder's login."""
SECONDS_OF_TIME = len("2026-01-01T00:00:00")


@dataclass(frozen=True)
class BuilderPassword:
    """`registry_id`: the Azure id of the registry; `secret_name`: the Secret with the login; `key`: that of the recorded operation."""

    scope: AzureScope
    spec: AzureRegistry
    registry_id: str
    secret_name: str
    key: str

    def changes(self, token: Wire, kept: Mapping[str, str], server: str) -> list[Change]:
        """Return the change that makes or renews the password. Pure.

        Args:
            token: the token as Azure returns it.
            kept: what the Secret holds, without the password.
            server: the address to which images are pushed.
        """
        path = f"passwords/{BUILDER}"
        if not _is_current(token, kept, server):
            return [Change(path=path, action=Action.CREATE, after="a new one", drift=False)]
        ends = kept["expires"]
        if datetime.fromisoformat(ends) - self.scope.now < parse_duration(self.spec.renew_before):
            return [Change(path=path, action=Action.UPDATE, before=f"ends {ends}", after="a new one", gate=Scheduled())]
        return []

    async def renew(self, kept: Mapping[str, str]) -> Progressing | None:
        """Make the other password; the one in use stays valid until its end. Returns the operation; None: Azure answered at once."""
        name = next(p for p in PASSWORDS if p != kept.get("passwordName"))
        ends = (self.scope.now + parse_duration(self.spec.token_lifetime)).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {"tokenId": f"{self.registry_id}/tokens/{BUILDER}", "name": name, "expiry": ends}
        path = f"{self.registry_id}/generateCredentials"
        answer = await self.scope.session.send("POST", path, json=body, api_version=REGISTRY_API)
        kind = f"create {name} of {BUILDER}"
        busy = lro_from_headers(answer.headers, answer.request.url, kind=kind, expected=CHILD_SECONDS, key=self.key)
        if answer.status_code == 202 and busy is not None:
            return busy
        await self._keep(document_of(answer))
        return None

    async def in_progress(self) -> Progressing | None:
        """Poll the operation that generates a password, and store its result. None: there is none, or it has ended.

        Azure returns the result once; if it is lost, the next plan makes another password. Raises StepError.
        """
        operation = self.scope.operations.get(self.key)
        if operation is None or self.scope.deleting or self.scope.planning:
            return None
        async with azure_errors(FIELD):
            try:
                answer = await self.scope.session.send("GET", operation.url)
            except HttpResponseError as error:
                if error.status_code in (404, 409, 410):
                    return None
                raise
            if answer.status_code == 202:
                return in_progress(operation, next_poll(answer.headers))
            await self._keep(document_of(answer))
        return None

    async def _keep(self, credentials: Mapping[str, Any]) -> None:
        made = next((p for p in credentials.get("passwords") or () if p and p.get("value") and p.get("name") in PASSWORDS), None)
        if made is None:
            return
        registry = await self.scope.get(REGISTRIES, self.spec.name, fresh=True)
        await self.scope.secrets.apply(
            self.secret_name,
            {
                "registry": self.spec.name,
                "server": str((registry or {}).get("properties", {}).get("loginServer")),
                "username": credentials.get("username") or BUILDER,
                "password": made["value"],
                "passwordName": made["name"],
                "created": made["creationTime"],
                "expires": made["expiry"],
            },
        )


def _is_current(token: Wire, kept: Mapping[str, str], server: str) -> bool:
    """Return whether the token still has the password that the operator keeps."""
    known = (token.get("properties", {}).get("credentials") or {}).get("passwords") or ()
    ours = (kept.get("passwordName"), kept.get("created", "")[:SECONDS_OF_TIME])
    same = any((p["name"], str(p.get("creationTime"))[:SECONDS_OF_TIME]) == ours for p in known)
    return same and kept.get("server") == server and "expires" in kept
