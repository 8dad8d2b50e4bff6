"""Checks of a hub's values before Helm runs: values that the chart accepts but that do harm, or rejects with an unclear error.
Pure, a row each.

Judged are the values as they would go to helm, so that `values` and `valuesFrom` are no way around; named is where the value
comes from.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from notebook_platform.api.hubs import JupyterHubSpec
from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import StepError
from notebook_platform.helm.values import has, path_of
from notebook_platform.hubs import sign_in
from notebook_platform.hubs.case import Case, Violation
from notebook_platform.hubs.chart.versions import RENAMED, Generation
from notebook_platform.hubs.database_checks import DATABASE_REFUSALS
from notebook_platform.hubs.inputs import HubContext
from notebook_platform.hubs.metrics.checks import check_metrics
from notebook_platform.hubs.roles import check_roles
from notebook_platform.hubs.trait_checks import check_traits
from notebook_platform.hubs.upgrades import allows_named
from notebook_platform.hubs.users.changes import mappings_in

INTERNAL = "service.beta.kubernetes.io/azure-load-balancer-internal"
LOWER_CASE_KILLS = (4, 3)


def check(
    spec: JupyterHubSpec,
    chosen: Generation,
    kubernetes: tuple[int, ...],
    hub_context: HubContext,
    values: Mapping[str, Any],
    origins: Mapping[tuple[str, ...], str],
) -> Case:
    """Return the case of the values. Raises StepError for the first violation: its reason, a sentence that names the field, and the
    remedy."""
    case = Case(spec, chosen, kubernetes, hub_context, values, origins)
    for reason, violations in REFUSALS.items():
        for sentence, remedy in violations(case):
            raise StepError(reason, sentence, remedy)
    return case


def _renamed(case: Case) -> Iterator[Violation]:
    for path, (version, new) in RENAMED.items():
        if case.version >= version and has(case.values, path_of(path)):
            where = case.from_(path)
            yield (
                f"{where}: charts since {'.'.join(map(str, version))} do not accept {path}",
                f"Write it under {case.fields.value(new)}, or remove it." if new else "Remove it.",
            )


def _extra_config(case: Case) -> Iterator[Violation]:
    if isinstance(case.at("hub.extraConfig"), str) and case.version >= (1, 0):
        yield (
            f"{case.from_('hub.extraConfig')} is a text, but charts since 1.0 need a map of names to texts",
            f"Use {case.fields.path('extraConfig')}.",
        )


def _lower_case(case: Case) -> Iterator[Violation]:
    sections = case.at("hub.config")
    for section in sections if isinstance(sections, Mapping) and case.version >= LOWER_CASE_KILLS else ():
        if section[:1].islower():
            yield (
                f"{case.from_(f'hub.config.{section}')}: hub.config.{section} is not a class, and the hub would not start",
                "Classes begin with a capital letter, such as JupyterHub.",
            )


def _would_show(case: Case) -> Iterator[Violation]:
    if case.at("global.safeToShowValues"):
        yield f"{case.from_('global.safeToShowValues')} true would print secrets into messages", "Remove it."


def _lets_encrypt(case: Case) -> bool:
    return bool(case.at("proxy.https.enabled")) and case.at("proxy.https.type") in (None, "letsencrypt")


def _acme(case: Case) -> Iterator[Violation]:
    if not _lets_encrypt(case):
        return
    where = case.from_("proxy.https.enabled")
    if not case.at("proxy.https.hosts"):
        yield (
            f"{where}: Let's Encrypt needs a name for the certificate",
            f"Set {case.fields.path('host')}, or {case.fields.value('proxy.https.hosts')}.",
        )
    if not case.at("proxy.https.letsencrypt.contactEmail"):
        yield (
            f"{where}: Let's Encrypt needs an e-mail address as contact",
            f"Set {case.fields.path('expose.tls.letsEncrypt.contactEmail')}.",
        )


def _acme_internal(case: Case) -> Iterator[Violation]:
    annotations = case.at("proxy.service.annotations") or {}
    if _lets_encrypt(case) and str(annotations.get(INTERNAL, "")).lower() == "true":
        yield (
            f"{case.from_('proxy.https.enabled')}: Let's Encrypt cannot reach an internal load balancer",
            f"Use {case.fields.path('expose.tls.secretName')}, or a public load balancer.",
        )


def _open_door(case: Case) -> Iterator[Violation]:
    kinds = [kind for kind in ("ingress", "httpRoute") if case.at(f"{kind}.enabled")]
    if kinds and case.at("proxy.service.type") in (None, "LoadBalancer"):
        yield (
            f"{case.from_(f'{kinds[0]}.enabled')}: in addition to {kinds[0]}, a public load balancer stays open in plain HTTP",
            f"Use {case.fields.path(f'expose.{kinds[0]}')}, or set {case.fields.value('proxy.service.type')}: ClusterIP.",
        )


def _static(case: Case) -> Iterator[Violation]:
    if case.at("singleuser.storage.type") == "static" and not case.at("singleuser.storage.static.pvcName"):
        yield (
            f"{case.from_('singleuser.storage.type')}: static storage needs the volume that holds the homes",
            f"Set {case.fields.path('singleUser.storage.shared.claim')}.",
        )


def _culls_homes(case: Case) -> Iterator[Violation]:
    """Yield a culler that deletes servers for good: then the spawner deletes their volumes
    (https://jupyterhub-kubespawner.readthedocs.io/en/latest/spawner.html#kubespawner.KubeSpawner.delete_pvc)."""
    keeps = case.version < (1, 0) or case.config("KubeSpawner").get("delete_pvc") is False
    if keeps or case.at("singleuser.storage.type") not in (None, "dynamic"):
        return
    for path, field, who in (
        ("cull.users", "culling.users", "users"),
        ("cull.removeNamedServers", "culling.removeNamedServers", "named servers"),
    ):
        if case.at(path) and (who == "users" or allows_named(case.values)):
            yield (
                f"{case.from_(path)}: idle {who} are deleted, and their homes with them",
                f"Set {case.fields.setting('singleUser.storage.keepOnUserDelete', 'true')}, or "
                f"{case.fields.setting(field, 'false')}.",
            )


def _blocks(case: Case) -> bool:
    """Return whether users' servers get the chart's privileged init container."""
    if case.version < (1, 0):
        return case.at("singleuser.cloudMetadata.enabled") is not True
    return case.at("singleuser.cloudMetadata.blockWithIptables") is not False


def _metadata(case: Case) -> Iterator[Violation]:
    rule = "singleuser.networkPolicy.egressAllowRules.cloudMetadataServer"
    if case.version >= (3, 0) and _blocks(case) and case.at(rule):
        yield (
            f"{case.from_(rule)}: the nodes' metadata server is both allowed and blocked",
            f"Set {case.fields.setting('network.blockMetadata', 'NetworkPolicy')}, or remove the rule.",
        )


def _mounts(case: Case) -> Iterator[Violation]:
    """Yield a mount of the typed fields whose volume a list in the values has replaced: Kubernetes would refuse each server."""
    volumes, mounts = (
        {str(one.get("name")) for one in mappings_in(case.at(f"singleuser.storage.{name}"))}
        for name in ("extraVolumes", "extraVolumeMounts")
    )
    own = [volume.name for volume in case.spec.single_user.storage.extra_volumes]
    elsewhere = case.coded or "volumes" in case.config("KubeSpawner")
    if lost := [name for name in own if name in mounts and name not in volumes and not elsewhere]:
        where = case.from_("singleuser.storage.extraVolumes")
        yield (
            f"{where} replaces the volumes of {case.fields.path('singleUser.storage.extraVolumes')}, and {lost[0]!r} is mounted without a volume",
            "Write all volumes and their mounts in one of the two places.",
        )


def _refused_values(case: Case) -> Iterator[Violation]:
    yield from check_traits(case)
    yield from _mounts(case)


def _pod_security(case: Case) -> Iterator[Violation]:
    if case.hub_context.pod_security in ("restricted", "baseline") and _blocks(case):
        where = f"namespace {case.spec.namespace!r}"
        yield (
            f"{case.fields.path('network.blockMetadata')}: {where} enforces Pod Security {case.hub_context.pod_security}, and users' servers "
            "would not start with the privileged init container that blocks the metadata server",
            f"Set {case.fields.setting('network.blockMetadata', 'NetworkPolicy')}, or choose another {case.fields.path('namespace')}.",
        )


def _neighbours(case: Case) -> Iterator[Violation]:
    others = [name for name in case.hub_context.neighbours if name != case.spec.release]
    if others and not case.at("fullnameOverride"):
        yield (
            f"{case.fields.path('namespace')}: {case.spec.namespace!r} has another hub already, the release {others[0]!r}, and both would be named "
            "`hub` and `proxy`",
            f"Choose another {case.fields.path('namespace')}.",
        )


REFUSALS: Mapping[Reason, Callable[[Case], Iterator[Violation]]] = {
    Reason.VALUE_RENAMED: _renamed,
    Reason.EXTRA_CONFIG_NOT_A_MAP: _extra_config,
    Reason.CONFIG_SECTION_LOWER_CASE: _lower_case,
    Reason.SECRETS_EXPOSED: _would_show,
    Reason.VALUES_REFUSED: _refused_values,
    Reason.DUMMY_WITHOUT_PASSWORD: sign_in.check_dummy,
    Reason.SIGN_IN_OPEN: sign_in.check_open,
    Reason.NO_USERS_ALLOWED: sign_in.check_no_users,
    Reason.GROUPS_NOT_MANAGED: sign_in.check_groups,
    Reason.USERNAME_NOT_UNIQUE: sign_in.check_unique,
    Reason.METRICS_CONFLICT: check_metrics,
    Reason.ROLE_REFUSED: check_roles,
    Reason.LETS_ENCRYPT_INCOMPLETE: _acme,
    Reason.LETS_ENCRYPT_NOT_REACHABLE: _acme_internal,
    Reason.PLAIN_HTTP_EXPOSED: _open_door,
    Reason.STATIC_STORAGE_WITHOUT_CLAIM: _static,
    Reason.CULLING_DELETES_HOMES: _culls_homes,
    Reason.METADATA_RULE_CONTRADICTS: _metadata,
    Reason.POD_SECURITY_FORBIDS: _pod_security,
    Reason.NAMESPACE_TAKEN: _neighbours,
    **DATABASE_REFUSALS,
}
"""Reason -> its check, in the order of weight."""
