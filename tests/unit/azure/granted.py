"""Entries of the operator's allow-list of identities, and what it decides of a spec."""

from typing import Any

from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.arm.grants import IdentityGrant, Scope, allowed
from notebook_platform.engine.outcome import Failed

from sandbox.azure.world import SUBSCRIPTION
from tests.unit.azure.specs import runbook_spec

OTHER = "00000000-0000-0000-0000-00000000000f"
CLIENT = "33333333-3333-3333-3333-333333333333"
NODES = "prd_rg_jhub_infra"


def grant(**changes: Any) -> IdentityGrant:
    entry = {"identity": "own", "namespaces": ["team-a"], "subscriptions": [SUBSCRIPTION], "resourceGroups": ["prd_rg_*"]}
    return IdentityGrant.model_validate({**entry, **changes})


def spec_of(credentials: Any = None, **changes: Any) -> NotebookPlatformSpec:
    spec = runbook_spec(**changes)
    spec["azure"] = {**spec["azure"], "features": []}
    spec["azure"].pop("credentials")
    if credentials is not None:
        spec["azure"]["credentials"] = credentials
    return NotebookPlatformSpec.model_validate(spec)


def verdict(grants: list[IdentityGrant], spec: NotebookPlatformSpec, namespace: str = "team-a") -> Scope | Failed | None:
    return allowed(grants, namespace, spec, NODES)


def refusal(grants: list[IdentityGrant], spec: NotebookPlatformSpec, namespace: str = "team-a") -> Failed:
    found = verdict(grants, spec, namespace)
    assert isinstance(found, Failed) and found.reason == "IdentityNotAllowed" and found.retry_in is None
    return found


def id_in(group: str, type_: str, *names: str, subscription: str = SUBSCRIPTION) -> str:
    provider, *kinds = type_.split("/")
    path = "/".join(f"{kind}/{name}" for kind, name in zip(kinds, names, strict=True))
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{provider}/{path}"
