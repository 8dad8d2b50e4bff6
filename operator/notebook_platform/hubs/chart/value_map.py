"""The value of the z2jh chart for each field of the spec, by chart version. The only place that knows; data only.

A row is named after its field (spec.jupyterhub.<name>; what follows a `#` tells rows of one field apart) and lists the versions
from which on a place is right. A field whose first place comes later than the chart is refused. Keys with dots stand in [].

Sources: the chart's changelog (https://z2jh.jupyter.org/en/stable/changelog.html), its values reference, and OAuthenticator's
changelog (https://oauthenticator.readthedocs.io/en/latest/reference/changelog.html).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from notebook_platform.versions import Version


@dataclass(frozen=True)
class Always:
    """The chart always behaves so: this value needs no place, and any other is rejected."""

    value: Any


class Elsewhere:
    """Another row of the same field covers these versions."""


ELSEWHERE: Final = Elsewhere()

Place = str | Always | Elsewhere
Row = tuple[tuple[Version, Place], ...]
Rows = Mapping[str, Row]

OLDEST: Version = (0, 11)

OIDC_CA = "notebook-platform-oidc-ca"
"""Name of the file with the CA of the OpenID Connect provider among hub.extraFiles. It is data of the operator, not code."""


def same(place: Place) -> Row:
    """Make a row for a value with one path in all charts."""
    return ((OLDEST, place),)


def since(version: Version, place: Place) -> Row:
    """Make a row for a value that newer charts have."""
    return ((version, place),)


def moved(old: Place, version: Version, new: Place) -> Row:
    """Make a row for a value that is at `old` before `version`, and at `new` from it on."""
    return ((OLDEST, old), (version, new))


_SECRETS: Rows = {
    "secrets.proxyToken": moved("proxy.secretToken", (1, 0), "hub.config.ConfigurableHTTPProxy.auth_token"),
    "secrets.cookie": moved("hub.cookieSecret", (1, 0), "hub.config.JupyterHub.cookie_secret"),
    "secrets.crypt": same("hub.config.CryptKeeper.keys"),
    "secrets.counter": same("hub.services"),
    "secrets.counter#admin": moved("hub.services", (2, 0), ELSEWHERE),
    "secrets.counter#hidden": moved(ELSEWHERE, (2, 0), "hub.services"),
    "secrets.counter#role": moved(ELSEWHERE, (2, 0), "hub.loadRoles"),
}


def _who(member: str) -> Rows:
    users = "hub.config.Authenticator"
    return {
        f"auth.{member}.adminUsers": same(f"{users}.admin_users"),
        f"auth.{member}.adminUsers#role": moved(ELSEWHERE, (2, 0), "hub.loadRoles.admin.users"),
        f"auth.{member}.allowedUsers": same(f"{users}.allowed_users"),
        f"auth.{member}.blockedUsers": same(f"{users}.blocked_users"),
    }


def _oauth(member: str, config: str) -> Rows:
    """Make the rows of an OAuth sign-in. Charts before 3 admit every user when none is named, so administrators are named to
    admit only these."""
    own, users = f"hub.config.{config}", "hub.config.Authenticator"
    return {
        **_who(member),
        f"auth.{member}.allowedUsers#closed": moved(f"{users}.allowed_users", (3, 0), ELSEWHERE),
        f"auth.{member}.allowAll": (*same(Always(True)), ((3, 0), f"{own}.allow_all"), ((4, 0), f"{users}.allow_all")),
        f"auth.{member}.allowExistingUsers": (
            *same(Always(True)),
            ((3, 0), f"{own}.allow_existing_users"),
            ((4, 0), f"{users}.allow_existing_users"),
        ),
        f"auth.{member}.clientId": same(f"{own}.client_id"),
        f"auth.{member}.clientSecretRef": same(f"{own}.client_secret"),
        f"auth.{member}#callback": same(f"{own}.oauth_callback_url"),
    }


_AUTH: Rows = {
    "auth": same("hub.config.JupyterHub.authenticator_class"),
    "auth.persistState": same("hub.config.Authenticator.enable_auth_state"),
    "auth.autoLogin": same("hub.config.Authenticator.auto_login"),
    **_oauth("oidc", "GenericOAuthenticator"),
    "auth.oidc.authorizeUrl": same("hub.config.GenericOAuthenticator.authorize_url"),
    "auth.oidc.tokenUrl": same("hub.config.GenericOAuthenticator.token_url"),
    "auth.oidc.userinfoUrl": same("hub.config.GenericOAuthenticator.userdata_url"),
    "auth.oidc.userinfoUrl#method": moved("hub.config.GenericOAuthenticator.userdata_method", (1, 0), ELSEWHERE),
    "auth.oidc.scopes": same("hub.config.GenericOAuthenticator.scope"),
    "auth.oidc.loginService": same("hub.config.GenericOAuthenticator.login_service"),
    "auth.oidc.usernameClaim": moved(
        "hub.config.GenericOAuthenticator.username_key", (3, 0), "hub.config.GenericOAuthenticator.username_claim"
    ),
    "auth.oidc.caBundle": since((3, 0), "hub.config.GenericOAuthenticator.http_request_kwargs.ca_certs"),
    "auth.oidc.caBundle#file": since((3, 0), f"hub.extraFiles.{OIDC_CA}"),
    "auth.oidc.tlsVerify": moved(
        "hub.config.GenericOAuthenticator.tls_verify", (3, 0), "hub.config.GenericOAuthenticator.validate_server_cert"
    ),
    "auth.oidc.groupsClaim": (((1, 0), "hub.config.GenericOAuthenticator.claim_groups_key"), ((4, 0), ELSEWHERE)),
    "auth.oidc.groupsClaim#state": (((1, 0), ELSEWHERE), ((4, 0), "hub.config.GenericOAuthenticator.auth_state_groups_key")),
    "auth.oidc.groupsClaim#managed": (((1, 0), ELSEWHERE), ((4, 0), "hub.config.Authenticator.manage_groups")),
    "auth.oidc.allowedGroups": since((1, 0), "hub.config.GenericOAuthenticator.allowed_groups"),
    "auth.oidc.adminGroups": since((1, 0), "hub.config.GenericOAuthenticator.admin_groups"),
    "auth.oidc.adminGroups#allowed": (((1, 0), "hub.config.GenericOAuthenticator.allowed_groups"), ((3, 0), ELSEWHERE)),
    **_oauth("entra", "AzureAdOAuthenticator"),
    "auth.entra.tenantId": same("hub.config.AzureAdOAuthenticator.tenant_id"),
    "auth.entra.usernameClaim": same("hub.config.AzureAdOAuthenticator.username_claim"),
    "auth.entra#authorize": same("hub.config.AzureAdOAuthenticator.authorize_url"),
    "auth.entra#token": same("hub.config.AzureAdOAuthenticator.token_url"),
    "auth.entra#scope": same("hub.config.AzureAdOAuthenticator.scope"),
    "auth.entra.groupsClaim#state": since((4, 0), "hub.config.AzureAdOAuthenticator.auth_state_groups_key"),
    "auth.entra.groupsClaim#managed": since((4, 0), "hub.config.Authenticator.manage_groups"),
    "auth.entra.allowedGroups": since((4, 0), "hub.config.AzureAdOAuthenticator.allowed_groups"),
    "auth.entra.adminGroups": since((4, 0), "hub.config.AzureAdOAuthenticator.admin_groups"),
    "auth.entra.adminGroups#allowed": since((4, 0), ELSEWHERE),
    **_oauth("github", "GitHubOAuthenticator"),
    "auth.github.allowedOrganizations": same("hub.config.GitHubOAuthenticator.allowed_organizations"),
    "auth.github.allowedOrganizations#scope": same("hub.config.GitHubOAuthenticator.scope"),
    **_who("dummy"),
    "auth.dummy.passwordRef": same("hub.config.DummyAuthenticator.password"),
    "auth.dummy.allowAll": moved(Always(True), (4, 0), "hub.config.Authenticator.allow_all"),
    "auth.dummy.allowExistingUsers": moved(Always(True), (4, 0), "hub.config.Authenticator.allow_existing_users"),
}

_SERVERS: Rows = {
    "singleUser.image": same("singleuser.image.name"),
    "singleUser.image#tag": same("singleuser.image.tag"),
    "singleUser.cpu.guarantee": same("singleuser.cpu.guarantee"),
    "singleUser.cpu.limit": same("singleuser.cpu.limit"),
    "singleUser.memory.guarantee": same("singleuser.memory.guarantee"),
    "singleUser.memory.limit": same("singleuser.memory.limit"),
    "singleUser.gpus": same("singleuser.extraResource.limits[nvidia.com/gpu]"),
    "singleUser.profiles": moved("singleuser.profileList", (3, 0), ELSEWHERE),
    "singleUser.profiles#expanded": moved(ELSEWHERE, (3, 0), "singleuser.profileList"),
    "singleUser.profiles[].options": since((3, 0), Always(True)),
    "singleUser.startTimeout": same("singleuser.startTimeout"),
    "singleUser.defaultUrl": same("singleuser.defaultUrl"),
    "singleUser.env": moved("singleuser.extraEnv", (3, 0), ELSEWHERE),
    "singleUser.env#expanded": moved(ELSEWHERE, (3, 0), "singleuser.extraEnv"),
    "singleUser.allowSudo": moved(Always(True), (2, 0), "singleuser.allowPrivilegeEscalation"),
    "singleUser.namedServers": same("hub.allowNamedServers"),
    "singleUser.namedServers#limit": same("hub.namedServerLimitPerUser"),
    "singleUser.storage.type": same("singleuser.storage.type"),
    "singleUser.storage.capacity": same("singleuser.storage.capacity"),
    "singleUser.storage.storageClass": same("singleuser.storage.dynamic.storageClass"),
    "singleUser.storage.mountPath": same("singleuser.storage.homeMountPath"),
    "singleUser.storage.shared.claim": same("singleuser.storage.static.pvcName"),
    "singleUser.storage.shared.subPath": moved("singleuser.storage.static.subPath", (4, 0), ELSEWHERE),
    "singleUser.storage.shared.subPath#named": moved(ELSEWHERE, (4, 0), "singleuser.storage.static.subPath"),
    "singleUser.storage.extraVolumes": same("singleuser.storage.extraVolumes"),
    "singleUser.storage.extraVolumes#mounts": moved("singleuser.storage.extraVolumeMounts", (4, 0), ELSEWHERE),
    "singleUser.storage.extraVolumes#named": moved(ELSEWHERE, (4, 0), "singleuser.storage.extraVolumeMounts"),
    "singleUser.storage.keepOnUserDelete": moved(Always(False), (1, 0), "hub.config.KubeSpawner.delete_pvc"),
    "naming.scheme": moved(Always("escape"), (4, 0), "hub.config.KubeSpawner.slug_scheme"),
    "naming.scheme#claims": moved(ELSEWHERE, (4, 0), "singleuser.storage.dynamic.pvcNameTemplate"),
    "naming.scheme#volumes": moved(ELSEWHERE, (4, 0), "singleuser.storage.dynamic.volumeNameTemplate"),
    "culling.enabled": same("cull.enabled"),
    "culling.timeout": same("cull.timeout"),
    "culling.every": same("cull.every"),
    "culling.maxAge": same("cull.maxAge"),
    "culling.users": same("cull.users"),
    "culling.adminUsers": moved(Always(True), (2, 0), "cull.adminUsers"),
    "culling.removeNamedServers": same("cull.removeNamedServers"),
    "placement.userPods": same("scheduling.userPods.nodeAffinity.matchNodePurpose"),
    "placement.corePods": same("scheduling.corePods.nodeAffinity.matchNodePurpose"),
    "placement.userTolerations#pools": same("singleuser.extraTolerations"),
    "placement.userTolerations": since((1, 0), "scheduling.userPods.tolerations"),
    "placement.coreTolerations": since((1, 0), "scheduling.corePods.tolerations"),
    "scaling.packUsers": same("scheduling.userScheduler.enabled"),
    "scaling.spareSeats": same("scheduling.userPlaceholder.replicas"),
    "scaling.spareSeats#enabled": same("scheduling.userPlaceholder.enabled"),
    "scaling.spareSeats#priority": same("scheduling.podPriority.enabled"),
    "prePull.onDeploy": same("prePuller.hook.enabled"),
    "prePull.onNewNode": same("prePuller.continuous.enabled"),
    "prePull.onlyOnChanges": moved(Always(False), (1, 0), "prePuller.hook.pullOnlyOnChanges"),
    "prePull.profileImages": same("prePuller.pullProfileListImages"),
    "prePull.images": same("prePuller.extraImages"),
}

_AZURE = "proxy.service.annotations[service.beta.kubernetes.io/azure-{}]"
"""https://cloud-provider-azure.sigs.k8s.io/topics/loadbalancer/"""

_DOOR: Rows = {
    "expose": same("proxy.service.type"),
    "expose.loadBalancer.annotations": same("proxy.service.annotations"),
    "expose.loadBalancer.internal": same(_AZURE.format("load-balancer-internal")),
    "expose.loadBalancer.internalSubnet": same(_AZURE.format("load-balancer-internal-subnet")),
    "expose.loadBalancer.dnsLabel": same(_AZURE.format("dns-label-name")),
    "expose.loadBalancer.staticIP": same("proxy.service.loadBalancerIP"),
    "expose.loadBalancer.staticIP#annotation": same(_AZURE.format("load-balancer-ipv4")),
    "expose.loadBalancer.staticIPResourceGroup": same(_AZURE.format("load-balancer-resource-group")),
    "expose.loadBalancer.idleTimeoutMinutes": same(_AZURE.format("load-balancer-tcp-idle-timeout")),
    "expose.loadBalancer.allowCIDRs": same("proxy.service.loadBalancerSourceRanges"),
    "expose.tls": same("proxy.https.enabled"),
    "expose.tls#type": same("proxy.https.type"),
    "expose.tls#hosts": same("proxy.https.hosts"),
    "expose.tls.letsEncrypt.contactEmail": same("proxy.https.letsencrypt.contactEmail"),
    "expose.tls.letsEncrypt.environment": same("proxy.https.letsencrypt.acmeServer"),
    "expose.tls.secretName": same("proxy.https.secret.name"),
    "expose.tls.certificateRef#key": same("proxy.https.manual.key"),
    "expose.tls.certificateRef#cert": same("proxy.https.manual.cert"),
    "expose.ingress": same("ingress.enabled"),
    "expose.ingress#hosts": same("ingress.hosts"),
    "expose.ingress.annotations": same("ingress.annotations"),
    "expose.ingress.className#annotation": moved("ingress.annotations[kubernetes.io/ingress.class]", (2, 0), ELSEWHERE),
    "expose.ingress.className": moved(ELSEWHERE, (2, 0), "ingress.ingressClassName"),
    "expose.ingress.tlsSecret": same("ingress.tls"),
    "expose.httpRoute": since((4, 3), "httpRoute.enabled"),
    "expose.httpRoute#hosts": since((4, 3), "httpRoute.hostnames"),
    "expose.httpRoute.annotations": since((4, 3), "httpRoute.annotations"),
    "expose.httpRoute.gateway": (((4, 3), "httpRoute.gateway.name"), ((5, 0), ELSEWHERE)),
    "expose.httpRoute.gatewayNamespace": (((4, 3), "httpRoute.gateway.namespace"), ((5, 0), ELSEWHERE)),
    "expose.httpRoute.sectionName": (((4, 3, 3), "httpRoute.gateway.sectionName"), ((5, 0), ELSEWHERE)),
    "expose.httpRoute.gateway#parents": (((4, 3), ELSEWHERE), ((5, 0), "httpRoute.parentRefs")),
    "expose.basePath": same("hub.baseUrl"),
}

_HUB: Rows = {
    "network.isolate#hub": same("hub.networkPolicy.enabled"),
    "network.isolate#proxy": same("proxy.chp.networkPolicy.enabled"),
    "network.isolate#users": same("singleuser.networkPolicy.enabled"),
    "network.userEgress": moved("singleuser.networkPolicy.egress", (2, 0), ELSEWHERE),
    "network.userEgress.to": moved(ELSEWHERE, (2, 0), "singleuser.networkPolicy.egress"),
    "network.userEgress.internet": moved(ELSEWHERE, (2, 0), "singleuser.networkPolicy.egressAllowRules.nonPrivateIPs"),
    "network.userEgress.privateAddresses": moved(ELSEWHERE, (2, 0), "singleuser.networkPolicy.egressAllowRules.privateIPs"),
    "network.blockMetadata#open": moved("singleuser.cloudMetadata.enabled", (1, 0), ELSEWHERE),
    "network.blockMetadata": moved(ELSEWHERE, (1, 0), "singleuser.cloudMetadata.blockWithIptables"),
    "network.blockMetadata#rule": moved(ELSEWHERE, (2, 0), "singleuser.networkPolicy.egressAllowRules.cloudMetadataServer"),
    "database": same("hub.db.type"),
    "database.volume.size": same("hub.db.pvc.storage"),
    "database.volume.storageClass": same("hub.db.pvc.storageClassName"),
    "database.volume.keepOnUninstall": same("hub.db.pvc.annotations[helm.sh/resource-policy]"),
    "database.urlRef": same("hub.db.url"),
    "database.urlRef#password": same("hub.db.password"),
    "database.upgrade": same("hub.db.upgrade"),
    "services": same("hub.services"),
    "services[].admin": moved("hub.services", (2, 0), ELSEWHERE),
    "services[].admin#role": moved(ELSEWHERE, (2, 0), "hub.loadRoles.admin.services"),
    "services[].display": since((2, 0), "hub.services"),
    "roles": since((2, 0), "hub.loadRoles"),
    "resources.hub": same("hub.resources"),
    "resources.proxy": same("proxy.chp.resources"),
    "resources.scheduler": same("scheduling.userScheduler.resources"),
    "limits.concurrentSpawns": same("hub.concurrentSpawnLimit"),
    "limits.activeServers": same("hub.activeServerLimit"),
    "metrics.open": same("hub.authenticatePrometheus"),
    "fsGroup": moved("hub.fsGid", (2, 0), "hub.podSecurityContext.fsGroup"),
    "rbac": moved("rbac.enabled", (2, 0), "rbac.create"),
    "imagePull": same("imagePullSecret.create"),
    "imagePull.registry": same("imagePullSecret.registry"),
    "imagePull.username": same("imagePullSecret.username"),
    "imagePull.passwordRef": same("imagePullSecret.password"),
    "imagePullSecrets": same("imagePullSecrets"),
    "extraConfig": same("hub.extraConfig"),
    "extraFiles": since((1, 0), "hub.extraFiles"),
}

_METRICS: Rows = {
    "monitoring#service": same("hub.services"),
    "monitoring#hidden": moved(ELSEWHERE, (2, 0), "hub.services"),
    "monitoring#role": moved(ELSEWHERE, (2, 0), "hub.loadRoles"),
    "monitoring#hub": same("hub.networkPolicy.ingress"),
    "monitoring#proxy": moved(ELSEWHERE, (1, 0), "proxy.chp.networkPolicy.ingress"),
    "monitoring#flags": moved(ELSEWHERE, (1, 0), "proxy.chp.extraCommandLineFlags"),
}
"""Set by the operator when spec.monitoring has hubs scraped. The proxy of charts before 1.0 serves no metrics for Prometheus
(https://github.com/jupyterhub/configurable-http-proxy/pull/314)."""

ROWS: Rows = {**_METRICS, **_SECRETS, **_AUTH, **_SERVERS, **_DOOR, **_HUB}
