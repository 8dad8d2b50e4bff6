"""Check what `import` describes with the operator's own plan: every difference that the spec leaves goes into a patch or into
spec.driftIgnore.

A spec has no field for everything that Azure has. What it cannot say must not be changed by the first reconcile of an imported platform,
whatever field it is, now or in a later version of Azure.
"""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.arm.ownership import Owner, holder_of
from notebook_platform.azure.arm.session_pool import SignedIn
from notebook_platform.azure.importing.scan import Taken
from notebook_platform.azure.principal_secret import PrincipalSecret
from notebook_platform.azure.role_assignment import ClusterRoles, RoleAssignment
from notebook_platform.azure.scope import AzureScope
from notebook_platform.cli.import_fit import fitting_model
from notebook_platform.cli.import_patches import patch_difference
from notebook_platform.cli.target_platform import FileSecrets
from notebook_platform.engine import Action, Change
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.outcome import Failed
from notebook_platform.engine.reconcile import Mode, Policy, reconcile
from notebook_platform.engine.result import Result
from notebook_platform.kube.secrets import Platform
from notebook_platform.steps import azure_steps

GIVE_ROLES = (RoleAssignment.name, ClusterRoles.name)

MAX_AGE = 60.0
"""Seconds. The scan has just read the same lists."""

MOST_IGNORED = 60
"""Entries of spec.driftIgnore; beyond them a whole agent pool or step is named."""


async def keep_differences(azure: SignedIn, taken: Taken, namespace: str) -> None:
    """Add patches, `driftIgnore` and remarks to what was taken."""
    results = await _plan(azure, fitting_model(taken), taken, namespace)
    patched = [change for step, change in _left(results) if patch_difference(taken, step, change)]
    if patched:
        results = await _plan(azure, fitting_model(taken), taken, namespace)
    for step, result in results.items():
        if isinstance(result.outcome, Failed):
            taken.remarks.append(f"{step} could not be compared: {result.outcome.message}")
    left = _without_roles(list(_left(results)), taken)
    created = [f"{step}.{change.path}" for step, change in left if change.action is Action.CREATE or step == "Providers"]
    if created:
        taken.remarks.append(f"The operator will add {', '.join(created)}")
    kept = [(step, change) for step, change in left if f"{step}.{change.path}" not in created]
    for step, change in kept:
        if change.path.endswith(".orchestratorVersion"):
            continue  # the scan has named the pool with its version
        taken.remarks.append(
            f"spec.driftIgnore keeps {step}.{change.path} as it is ({_shown(change.before)}): otherwise the operator would change "
            f"it to {_shown(change.after)}"
        )
    if kept:
        taken.spec["driftIgnore"] = _patterns(kept)


def _without_roles(left: list[tuple[str, Change]], taken: Taken) -> list[tuple[str, Change]]:
    """Return the differences without roles that the operator would give; spec.identity.roleScope None leaves them out."""
    roles = [change.path for step, change in left if step in GIVE_ROLES and change.action is Action.CREATE]
    if roles:
        taken.spec["identity"]["roleScope"] = "None"
        taken.remarks.append(
            f"With spec.identity.roleScope None the operator does not add {', '.join(roles)}: add the assignment yourself, or remove the line"
        )
    return [(step, change) for step, change in left if not (roles and step in GIVE_ROLES)]


async def _plan(azure: SignedIn, spec: NotebookPlatformSpec, taken: Taken, namespace: str) -> Mapping[str, Result]:
    """Return the plan of the steps in Azure, for the owner that the cluster has, if any."""
    platform = Platform(namespace=namespace, name=taken.name, uid="import")
    scope = AzureScope(
        spec=spec,
        owner=_owner(holder_of(taken.cluster.get("tags")), platform, taken.remarks),
        signed_in=azure,
        secrets=FileSecrets(None, platform, _secrets(spec, taken.cluster)),
        operations={},
        planning=True,
        max_age=MAX_AGE,
    )
    return await reconcile(Graph(azure_steps(scope)), Policy(mode=Mode.PLAN))


def _owner(holder: str | None, platform: Platform, remarks: list[str]) -> Owner:
    parts = (holder or "").split("/")
    if len(parts) != 4:
        return Owner(cluster_id="import", namespace=platform.namespace, name=platform.name, uid=platform.uid)
    cluster_id, namespace, name, uid = parts
    remark = (
        f"The managed cluster belongs to the platform {namespace}/{name}: release it there first (spec.deletionPolicy Orphan)"
    )
    if remark not in remarks:
        remarks.append(remark)
    return Owner(cluster_id=cluster_id, namespace=namespace, name=name, uid=uid)


def _secrets(spec: NotebookPlatformSpec, cluster: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a stand-in for the Secret of an existing principal, whose password Azure does not show; the plan does not use it."""
    principal = spec.identity.service_principal
    if principal is None or principal.secret_ref is None:
        return []
    client_id = cluster["properties"]["servicePrincipalProfile"]["clientId"]
    data = {"clientId": client_id, "clientSecret": uuid.uuid4().hex}
    return [{"kind": "Secret", "metadata": {"name": principal.secret_ref.name}, "stringData": data}]


def _left(results: Mapping[str, Result]) -> Iterator[tuple[str, Change]]:
    """Yield (step, change) of what the operator would change besides tags. The principal's password cannot be compared."""
    for step, result in results.items():
        for change in result.changes:
            tags = change.keys[:1] == ("tags",) or ".tags." in f".{change.path}."
            if not tags and step != PrincipalSecret.name:
                yield step, change


def _shown(value: object) -> str:
    text = "nothing" if value in (None, "", [], {}) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _patterns(kept: list[tuple[str, Change]]) -> list[str]:
    """Return the entries of spec.driftIgnore, which have no spaces."""
    paths = [f"{step}.{change.path}".replace(" ", "*") for step, change in kept]
    if len(paths) > MOST_IGNORED:
        paths = [f"{path.split(']')[0]}].*" if "]" in path else f"{path.split('.')[0]}.*" for path in paths]
    return list(dict.fromkeys(paths))
