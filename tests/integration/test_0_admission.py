"""What a real API server refuses: each refusal names the field."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from notebook_platform.api.patches import PLACES, refusal

from sandbox.operator_process import ROOT, kubectl
from tests.api_server import Refused
from tests.integration.conftest import Field, runbook

DROP = object()

SUBNET_ID = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/v/subnets/s"
ZONE_ID = SUBNET_ID.partition("virtualNetworks")[0] + "privateDnsZones/privatelink.eastus.azmk8s.io"
CAPACITY = {"minimum": 3, "maximum": 6, "default": 3}
GUID = "11111111-1111-1111-1111-111111111111"
OAUTH = {"clientId": "hub", "clientSecretRef": {"name": "oidc"}}
ACME = {"letsEncrypt": {"contactEmail": "admin@example.org"}}
CHOICES = [{"name": "c", "displayName": "c", "image": "untagged"}]
DUMMY_HUB = {"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True}}}
VOLUME = {"name": "course", "claim": "course", "mountPath": "/srv/course"}

CHART = {"name": "cert-manager", "version": "1.16.2"}


def release(**more: Any) -> list[dict[str, Any]]:
    return [{"name": "certs", "namespace": "certs", "chart": CHART, **more}]


BAD: list[tuple[str, Any, str]] = [
    (
        "jupyterhub",
        {
            "chart": {"version": "4.4.0"},
            "host": "hub.example.org",
            "auth": {"oidc": {**OAUTH, "issuer": "https://login.example.org", "allowAll": True, "caBundle": "nothing"}},
        },
        "spec.jupyterhub.auth.oidc.caBundle must be certificates in PEM, without private keys",
    ),
    (
        "cluster.autoscalerProfile",
        {"scaleDownDelayAfterAdd": "90s"},
        "spec.cluster.autoscalerProfile.scaleDownDelayAfterAdd must be whole minutes, as AKS requires",
    ),
    (
        "cluster.autoscalerProfile",
        {"maxNodeProvisionTime": "61s"},
        "spec.cluster.autoscalerProfile.maxNodeProvisionTime must be whole minutes",
    ),
    ("cluster.supportPlan", "AKSLongTermSupport", "spec.cluster.supportPlan AKSLongTermSupport needs spec.cluster.tier Premium"),
    ("releases", release(name="Certs"), "spec.releases[].name must be a Helm release name"),
    ("releases", release(name="jupyterhub"), "spec.releases[].name cannot be jupyterhub, binderhub or begin with aks-managed-"),
    (
        "releases",
        release(name="aks-managed-x"),
        "spec.releases[].name cannot be jupyterhub, binderhub or begin with aks-managed-",
    ),
    ("releases", release(namespace="no dots."), "spec.releases[].namespace must be a namespace name"),
    ("releases", release(chart={**CHART, "version": "1.x"}), "spec.releases[].chart.version must be one exact version"),
    ("releases", release(chart={**CHART, "name": "repo/chart"}), "spec.releases[].chart.name must be the name of a chart"),
    ("releases", release(chart={**CHART, "repository": "http://x.example.org"}), "chart.repository must be an https or oci URL"),
    ("releases", release(needs=["certs"]), "spec.releases[].needs cannot name the release itself"),
    ("jupyterhub.needs", ["ghost"], "spec.jupyterhub.needs must name releases of spec.releases, or binderhub"),
    ("releases", release(needs=["ghost"]), "spec.releases[].needs must name releases of spec.releases, or jupyterhub"),
    ("releases", release(name="jhub", namespace="jhub"), "spec.releases[] cannot be the release of spec.jupyterhub"),
    ("releases", release(remediation={"retries": 11}), "spec.releases[0].remediation.retries"),
    ("releases", release(remediation={"wait": "soon"}), "spec.releases[].remediation.wait must be a duration"),
    ("jupyterhub.remediation", {"strategy": "Hope"}, "spec.jupyterhub.remediation.strategy: Unsupported value"),
    ("jupyterhub.remediation", {"stalledAfter": "soon"}, "spec.jupyterhub.remediation.stalledAfter must be a duration"),
    ("releases", release(remediation={"stalledAfter": "soon"}), "spec.releases[].remediation.stalledAfter must be a duration"),
    ("azure.subscriptionId", "not-a-guid", "spec.azure.subscriptionId must be the id (GUID) of a subscription"),
    ("azure.subscriptionId", DROP, "spec.azure.subscriptionId: Required value"),
    ("azure.location", "East US", "spec.azure.location must be a region in lower case"),
    ("azure.location", DROP, "spec.azure.location: Required value"),
    ("azure.resourceGroup", "ends.with.", "spec.azure.resourceGroup must be 1-90"),
    ("azure.resourceGroup", "has spaces", "spec.azure.resourceGroup must be 1-90"),
    (
        "azure.credentials",
        {},
        "spec.azure.credentials must have exactly one of secretRef, certificateRef, workloadIdentity, managedIdentity",
    ),
    ("azure.credentials.secretRef.name", "", "spec.azure.credentials.secretRef.name"),
    (
        "azure.credentials",
        {"workloadIdentity": {"tenantId": "x", "clientId": "11111111-1111-1111-1111-111111111111"}},
        "spec.azure.credentials.workloadIdentity.tenantId must be a GUID",
    ),
    ("azure.features", ["VMSSPreview"], "spec.azure.features[] must be written as Namespace/Feature"),
    ("network.virtualNetwork.name", "-net", "spec.network.virtualNetwork.name must be 1-64"),
    (
        "network.virtualNetwork.addressPrefixes",
        ["10.0.0.0/33"],
        "spec.network.virtualNetwork.addressPrefixes[] must be an IPv4 network",
    ),
    (
        "network.virtualNetwork.addressPrefixes",
        ["10.1.0.0/8"],
        "spec.network.virtualNetwork.addressPrefixes[] must be an IPv4 network",
    ),
    ("network.virtualNetwork.addressPrefixes", [], "spec.network.virtualNetwork.addressPrefixes"),
    ("network.subnet.addressPrefix", "fd00::/64", "spec.network.subnet.addressPrefix"),
    ("network.subnet.addressPrefix", "192.168.0.0/24", "must lie inside spec.network.virtualNetwork.addressPrefixes"),
    ("network.subnet.addressPrefix", "10.240.0.0/30", "spec.network.subnet.addressPrefix must be /29 or larger"),
    ("network.subnet.addressPrefix", "10.0.0.0/12", "serviceCidr must not overlap spec.network.subnet.addressPrefix"),
    ("network.subnet.name", "_", "spec.network.subnet.name must be 1-80"),
    (
        "identity",
        {"type": "ServicePrincipal"},
        "spec.identity.servicePrincipal is required with type ServicePrincipal and only allowed with it",
    ),
    (
        "identity",
        {"type": "UserAssigned"},
        "spec.identity.userAssigned is required with type UserAssigned and only allowed with it",
    ),
    ("identity.type", "Anonymous", "spec.identity.type: Unsupported value"),
    ("identity.servicePrincipal", {"name": "a", "secretRef": {"name": "b"}}, "exactly one of name, secretRef"),
    ("identity.servicePrincipal.role", "Owner", "spec.identity.servicePrincipal.role: Unsupported value"),
    ("cluster.name", "prd_aks_jhub", "Azure does not allow underscores in cluster names"),
    ("cluster.name", "-aks", "spec.cluster.name must be 1-63"),
    ("cluster.name", "a" * 64, "spec.cluster.name: Too long"),
    ("cluster.kubernetesVersion", "latest", "spec.cluster.kubernetesVersion must be a version"),
    ("cluster.kubernetesVersion", "v1.35", "spec.cluster.kubernetesVersion must be a version"),
    ("cluster.sshPublicKey", "not a key", "spec.cluster.sshPublicKey must be a public key"),
    ("cluster.sshPublicKeyFrom", {"name": "a", "key": "b"}, "must not have both sshPublicKey and sshPublicKeyFrom"),
    ("cluster.nodeResourceGroup", "has spaces", "spec.cluster.nodeResourceGroup must be 1-80"),
    ("cluster.network.dnsServiceIP", "10.1.0.10", "dnsServiceIP must lie inside spec.cluster.network.serviceCidr"),
    ("cluster.network.dnsServiceIP", "10.0.0.0", "dnsServiceIP must not be the first address of serviceCidr"),
    ("cluster.network.dnsServiceIP", "ten", "spec.cluster.network.dnsServiceIP must be an IPv4 address"),
    ("cluster.network.serviceCidr", "10.0.0.0/8", "spec.cluster.network.serviceCidr must be /12 or smaller"),
    ("cluster.network.plugin", "weave", "spec.cluster.network.plugin: Unsupported value"),
    ("cluster.network", {"plugin": "kubenet", "policy": "azure"}, "spec.cluster.network.policy azure needs plugin azure"),
    (
        "cluster.network",
        {"plugin": "kubenet", "policy": "calico", "pluginMode": "overlay"},
        "pluginMode overlay needs plugin azure",
    ),
    (
        "cluster.network.dockerBridgeCidr",
        "172.17.0.1",
        "spec.cluster.network.dockerBridgeCidr must be an address in CIDR notation",
    ),
    (
        "azure.credentials",
        {"managedIdentity": {"clientId": "x"}},
        "spec.azure.credentials.managedIdentity.clientId must be a GUID",
    ),
    ("network.subnetId", SUBNET_ID, "spec.network must have exactly one of virtualNetwork, subnetId"),
    (
        "network",
        {"subnetId": "default"},
        "spec.network.subnetId must be the ARM id of a Microsoft.Network/virtualNetworks/subnets",
    ),
    ("network.subnet", DROP, "spec.network.subnet is required with spec.network.virtualNetwork and only allowed with it"),
    (
        "network.subnets",
        [{"name": "gpu", "addressPrefix": "192.168.0.0/24"}],
        "spec.network.subnets[].addressPrefix must lie inside",
    ),
    (
        "network.subnets",
        [{"name": "gpu", "addressPrefix": "10.240.1.0/24"}],
        "spec.network.subnets[].addressPrefix must not overlap spec.network.subnet.addressPrefix",
    ),
    ("identity", {"type": "UserAssigned", "userAssigned": {"name": "abc", "resourceId": "x"}}, "exactly one of name, resourceId"),
    ("identity.servicePrincipal.renewBefore", "soon", "spec.identity.servicePrincipal.renewBefore must be a duration"),
    ("cluster.localAccounts", False, "spec.cluster.localAccounts false needs spec.cluster.entra for sign-in"),
    ("cluster.nodeProvisioning", "Sometimes", "spec.cluster.nodeProvisioning: Unsupported value"),
    ("cluster.nodeProvisioning", "Auto", "spec.nodePools[].autoscaling needs spec.cluster.nodeProvisioning Manual"),
    ("cluster.nodeProvisioning", "Auto", "spec.cluster.nodeProvisioning Auto needs spec.identity.type SystemAssigned"),
    ("monitoring", {"prometheus": "Managed"}, "spec.monitoring.prometheus Managed needs spec.identity.type SystemAssigned"),
    (
        "monitoring",
        {"workspaceId": f"/subscriptions/{GUID}/resourceGroups/g/providers/Microsoft.Monitor/accounts/metrics"},
        "spec.monitoring.workspaceId needs spec.monitoring.prometheus Managed",
    ),
    ("monitoring", {"prometheus": "Managed", "workspaceId": "metrics"}, "spec.monitoring.workspaceId must be the ARM id of a"),
    (
        "monitoring",
        {"prometheus": "Managed", "alerts": {"actionGroups": ["pager"]}},
        "spec.monitoring.alerts.actionGroups[] must be the ARM id of a",
    ),
    (
        "cluster",
        {
            "name": "aks",
            "kubernetesVersion": "1.35",
            "nodeProvisioning": "Auto",
            "network": {"plugin": "kubenet", "policy": "none"},
        },
        "spec.cluster.nodeProvisioning Auto does not support network plugin kubenet",
    ),
    (
        "cluster",
        {"name": "aks", "kubernetesVersion": "1.35", "nodeProvisioning": "Auto", "powerState": "Stopped"},
        "spec.cluster.nodeProvisioning Auto: AKS cannot stop such a cluster",
    ),
    ("cluster.workloadIdentity", True, "spec.cluster.workloadIdentity needs spec.cluster.oidcIssuer: true"),
    (
        "cluster.apiServer",
        {"private": True, "authorizedIPRanges": ["203.0.113.0/24"]},
        "authorizedIPRanges are for public clusters",
    ),
    ("cluster.apiServer", {"authorizedIPRanges": ["here"]}, "spec.cluster.apiServer.authorizedIPRanges[] must be a network"),
    ("cluster.maintenanceWindow", {"days": ["Someday"]}, "spec.cluster.maintenanceWindow.days[0]: Unsupported value"),
    (
        "cluster.maintenanceWindow",
        {"days": ["Sunday"], "start": "25:00"},
        "spec.cluster.maintenanceWindow.start must be a time of day",
    ),
    (
        "cluster.maintenanceWindow",
        {"days": ["Sunday"], "duration": "2h"},
        "spec.cluster.maintenanceWindow.duration must be 4h to 24h",
    ),
    (
        "cluster.maintenanceWindow",
        {"days": ["Saturday", "Sunday"]},
        "spec.cluster.maintenanceWindow.autoUpgradeDay is needed with two to six days",
    ),
    (
        "cluster.maintenanceWindow",
        {"days": ["Saturday", "Sunday"], "autoUpgradeDay": "Friday"},
        "spec.cluster.maintenanceWindow.autoUpgradeDay must be one of days",
    ),
    ("cluster.upgrades", {"channel": "yearly"}, "spec.cluster.upgrades.channel: Unsupported value"),
    (
        "cluster.registries",
        ["myregistry"],
        "spec.cluster.registries[] must be the ARM id of a Microsoft.ContainerRegistry/registries",
    ),
    (
        "cluster.powerSchedules",
        [{"cron": "at night", "powerState": "Stopped"}],
        "spec.cluster.powerSchedules[].cron must be cron: minute hour day month weekday",
    ),
    ("cluster.autoscalerProfile", {"scaleDownUtilizationThreshold": "50"}, 'scaleDownUtilizationThreshold must be "0" to "1"'),
    ("nodePools.0.spot", {"maxPrice": -1}, "spec.nodePools[].spot is for mode User"),
    ("nodePools.0.spot", {"maxPrice": "-2"}, "spec.nodePools[].spot.maxPrice must be -1 to 1000"),
    ("nodePools.0.availabilityZones", ["1", "1"], "spec.nodePools[0].availabilityZones[1]: Duplicate value"),
    ("autoscale.0.rules.0.threshold", "half", "spec.autoscale[0].rules[0].threshold: Invalid value"),
    ("autoscale.0.rules.0.threshold", 0.5, "spec.autoscale[0].rules[0].threshold: Invalid value"),
    ("nodePools.0.purpose", "User", "spec.nodePools[].purpose User is for mode User"),
    ("nodePools.0.subnet", "nosuch", "spec.nodePools[].subnet must name a subnet of spec.network"),
    ("nodePools.0.maxSurge", "0", "spec.nodePools[].maxSurge must be a number of nodes or 1% to 100%"),
    (
        "nodePools.0.schedules",
        [{"cron": "30 8 * * 1-5", "minCount": 20, "maxCount": 10}],
        "spec.nodePools[].schedules[].minCount must not be above maxCount",
    ),
    (
        "autoscale.0.recurring",
        [{"name": "lecture", "days": ["Monday"], "start": "10:00", "end": "08:30", "capacity": CAPACITY}],
        "spec.autoscale[].recurring[].end must be later than start",
    ),
    ("autoscale.0.notifications", {"emails": ["nobody"]}, "spec.autoscale[].notifications.emails[] must be an e-mail address"),
    ("driftIgnore", ["tags"], "spec.driftIgnore[] must be Step.path"),
    ("disruption", "Never", "spec.disruption: Unsupported value"),
    ("nodePools", [], "spec.nodePools"),
    ("nodePools.0.name", "node_pool", "spec.nodePools[].name must be 1-12"),
    ("nodePools.0.name", "Pool1", "spec.nodePools[].name must be 1-12"),
    ("nodePools.0.mode", "User", "spec.nodePools must have a pool with mode System"),
    ("nodePools.0.count", 9, "spec.nodePools[].count must lie between autoscaling.minCount and autoscaling.maxCount"),
    ("nodePools.0.autoscaling", {"minCount": 7, "maxCount": 6}, "minCount must not be above maxCount"),
    ("nodePools.0.vmSize", "big", "spec.nodePools[].vmSize must be a VM size"),
    ("nodePools.0.maxPods", 5, "spec.nodePools[0].maxPods"),
    ("nodePools.0.nodeTaints", ["dedicated"], "spec.nodePools[].nodeTaints[] must be written as key=value:NoSchedule"),
    ("nodePools.0.availabilityZones", ["4"], 'must be "1", "2" or "3"'),
    ("autoscale.0.pool", "nosuch", "spec.autoscale[].pool must name a pool of spec.nodePools"),
    ("autoscale.0.capacity.minimum", 7, "spec.autoscale[].capacity.minimum must not be above maximum"),
    ("autoscale.0.capacity.default", 9, "spec.autoscale[].capacity.default must lie between minimum and maximum"),
    ("autoscale.0.rules.0.window", "1m", "spec.autoscale[].rules[].window must be 5m to 12h"),
    ("autoscale.0.rules.0.window", "soon", "spec.autoscale[].rules[].window must be a duration"),
    ("autoscale.0.rules.0.operator", "Above", "spec.autoscale[0].rules[0].operator: Unsupported value"),
    ("autoscale.0.rules.0.change", 0, "spec.autoscale[].rules[].change must not be 0"),
    ("jupyterhub.chart.version", "^4", "spec.jupyterhub.chart.version must be one exact version"),
    ("jupyterhub.chart.repository", "http://charts.example.org", "spec.jupyterhub.chart.repository must be an https or oci URL"),
    ("jupyterhub.host", "https://hub.example.org", "spec.jupyterhub.host must be a DNS name"),
    ("jupyterhub.host", DROP, "spec.jupyterhub.host is needed with auth.oidc"),
    ("jupyterhub.auth", {}, "spec.jupyterhub.auth must have exactly one of oidc, entra, github, dummy, fromValues"),
    ("jupyterhub.auth", {"dummy": {"insecure": False}}, "spec.jupyterhub.auth.dummy.insecure"),
    ("jupyterhub.auth.oidc.adminUsers", [], "admits no user: set adminUsers, allowedUsers or allowAll"),
    (
        "jupyterhub.auth.oidc.tokenUrl",
        "http://login.example.org/token",
        "spec.jupyterhub.auth.oidc.tokenUrl must be an https URL",
    ),
    ("jupyterhub.singleUser", {"image": "no-tag"}, "spec.jupyterhub.singleUser.image must be an image with a tag"),
    (
        "jupyterhub.singleUser",
        {"memory": {"limit": "2 gigabytes"}},
        "spec.jupyterhub.singleUser.memory.limit must be an amount of memory such as",
    ),
    ("jupyterhub.culling", {"timeout": "never"}, "spec.jupyterhub.culling.timeout must be a duration"),
    ("jupyterhub.release", "Hub", "spec.jupyterhub.release must be a Helm release name"),
    ("jupyterhub.auth.oidc.issuer", "http://login.example.org", "spec.jupyterhub.auth.oidc.issuer must be an https URL"),
    ("jupyterhub.auth.oidc.issuer", "https://a@login.example.org", "spec.jupyterhub.auth.oidc.issuer must be a host and a path"),
    ("jupyterhub.auth.oidc", {**OAUTH, "allowAll": True}, "spec.jupyterhub.auth.oidc must have issuer, or authorizeUrl"),
    ("jupyterhub.auth.oidc.allowedGroups", ["staff"], "spec.jupyterhub.auth.oidc.allowedGroups and adminGroups need groupsClaim"),
    ("jupyterhub.auth", {"entra": {**OAUTH, "tenantId": "x"}}, "spec.jupyterhub.auth.entra.tenantId must be a GUID"),
    ("jupyterhub.auth", {"entra": {**OAUTH, "tenantId": GUID}}, "spec.jupyterhub.auth.entra admits no user"),
    (
        "jupyterhub.auth",
        {"entra": {**OAUTH, "tenantId": GUID, "adminGroups": ["a"]}},
        "spec.jupyterhub.auth.entra.allowedGroups and adminGroups need groupsClaim",
    ),
    ("jupyterhub.auth", {"github": OAUTH}, "spec.jupyterhub.auth.github admits no user"),
    (
        "jupyterhub.auth",
        {"github": {**OAUTH, "allowedOrganizations": ["not one"]}},
        "spec.jupyterhub.auth.github.allowedOrganizations[] must be an organization",
    ),
    (
        "jupyterhub.singleUser",
        {"image": "a/b@sha256:12"},
        "spec.jupyterhub.singleUser.image must be an image with a tag or a digest",
    ),
    ("jupyterhub.singleUser", {"cpu": {"limit": "two"}}, "spec.jupyterhub.singleUser.cpu.limit must be CPUs"),
    ("jupyterhub.singleUser", {"startTimeout": "5"}, "spec.jupyterhub.singleUser.startTimeout must be a duration"),
    ("jupyterhub.singleUser", {"defaultUrl": "lab"}, "spec.jupyterhub.singleUser.defaultUrl must begin with a slash"),
    ("jupyterhub.singleUser", {"env": {"A B": "1"}}, "spec.jupyterhub.singleUser.env must have names of environment variables"),
    (
        "jupyterhub.singleUser",
        {"storage": {"extraVolumes": [{**VOLUME, "secret": "s"}]}},
        "extraVolumes[] must have exactly one of claim, configMap, secret, emptyDir",
    ),
    (
        "jupyterhub.singleUser",
        {"storage": {"extraVolumes": [{**VOLUME, "name": "home"}]}},
        "extraVolumes[].name must not be home",
    ),
    (
        "jupyterhub.singleUser",
        {"storage": {"extraVolumes": [{**VOLUME, "name": "A b"}]}},
        "extraVolumes[].name must be lower-case",
    ),
    ("jupyterhub.singleUser", {"storage": {"extraVolumes": [VOLUME, VOLUME]}}, "extraVolumes[1]: Duplicate value"),
    (
        "jupyterhub.singleUser",
        {"storage": {"extraVolumes": [VOLUME, {**VOLUME, "name": "more"}]}},
        "extraVolumes must have different mountPaths",
    ),
    *(
        ("jupyterhub.singleUser", {"storage": {"extraVolumes": [{**VOLUME, "mountPath": path}], **home}}, sentence)
        for path, home, sentence in (
            ("/home/jovyan", {}, "extraVolumes[].mountPath must not be the home or a directory above it"),
            ("/srv", {"mountPath": "/srv/home"}, "extraVolumes[].mountPath must not be the home or a directory above it"),
            ("/srv/", {}, "extraVolumes[].mountPath must be an absolute path"),
            ("/srv/../etc", {}, "extraVolumes[].mountPath must not contain . or .. as a directory"),
        )
    ),
    (
        "jupyterhub.singleUser",
        {"storage": {"extraVolumes": [{**VOLUME, "subPath": "../all"}]}},
        "extraVolumes[].subPath must be a path within the volume",
    ),
    (
        "jupyterhub.singleUser",
        {"storage": {"extraVolumes": [{"name": "shm", "emptyDir": {"sizeLimit": "much"}, "mountPath": "/dev/shm"}]}},
        "extraVolumes[].emptyDir.sizeLimit must be a quantity",
    ),
    (
        "jupyterhub.singleUser",
        {"profiles": [{"name": "A b", "displayName": "x"}]},
        "spec.jupyterhub.singleUser.profiles[].name must",
    ),
    (
        "jupyterhub.singleUser",
        {"profiles": [{"name": n, "displayName": n, "default": True} for n in "ab"]},
        "spec.jupyterhub.singleUser.profiles must have at most one default",
    ),
    (
        "jupyterhub.singleUser",
        {"profiles": [{"name": "a", "displayName": "a"}] * 2},
        "spec.jupyterhub.singleUser.profiles[1]: Duplicate value",
    ),
    (
        "jupyterhub.singleUser",
        {"profiles": [{"name": "a", "displayName": "a", "memory": {"limit": "2"}}]},
        "spec.jupyterhub.singleUser.profiles[].memory.limit must be an amount of memory such as",
    ),
    (
        "jupyterhub.singleUser",
        {"profiles": [{"name": "a", "displayName": "a", "options": [{"name": "b", "displayName": "b", "choices": CHOICES}]}]},
        "spec.jupyterhub.singleUser.profiles[].options[].choices[].image must be an image with a tag or a digest",
    ),
    (
        "jupyterhub.singleUser",
        {"storage": {"type": "static"}},
        "spec.jupyterhub.singleUser.storage.type static needs shared.claim",
    ),
    (
        "jupyterhub.singleUser",
        {"storage": {"shared": {"claim": "homes"}}},
        "spec.jupyterhub.singleUser.storage.shared is for type static",
    ),
    (
        "jupyterhub.singleUser",
        {"storage": {"type": "static", "shared": {"claim": "homes", "subPath": "../all"}}},
        "spec.jupyterhub.singleUser.storage.shared.subPath must be a path within the volume",
    ),
    ("jupyterhub.singleUser", {"storage": {"mountPath": "home"}}, "spec.jupyterhub.singleUser.storage.mountPath must begin with"),
    (
        "jupyterhub",
        {**DUMMY_HUB, "culling": {"users": True}, "singleUser": {"storage": {"keepOnUserDelete": False}}},
        "spec.jupyterhub.culling.users would delete idle users' homes",
    ),
    (
        "jupyterhub.placement",
        {"userPods": "Require"},
        "spec.jupyterhub.placement.userPods Require needs a pool with purpose User",
    ),
    ("jupyterhub.placement", {"userPods": "Always"}, "spec.jupyterhub.placement.userPods: Unsupported value"),
    ("jupyterhub.scaling", {"spareSeats": -1}, "spec.jupyterhub.scaling.spareSeats"),
    ("jupyterhub.prePull", {"images": ["a"]}, "spec.jupyterhub.prePull.images[] must be an image with a tag or a digest"),
    (
        "jupyterhub.network",
        {"userEgress": {"to": [{"cidr": "10.0.0.1/8"}]}},
        "spec.jupyterhub.network.userEgress.to[].cidr must be an IPv4 network",
    ),
    ("jupyterhub.network", {"isolate": False, "userEgress": {}}, "spec.jupyterhub.network.userEgress needs isolate: true"),
    (
        "jupyterhub.network",
        {"isolate": False, "blockMetadata": "NetworkPolicy"},
        "spec.jupyterhub.network.blockMetadata NetworkPolicy needs isolate: true",
    ),
    (
        "jupyterhub.database",
        {"volume": {}, "urlRef": {"name": "a", "key": "b"}},
        "spec.jupyterhub.database must not have both volume and urlRef",
    ),
    ("jupyterhub.database", {"volume": {"size": "1"}}, "spec.jupyterhub.database.volume.size must be a quantity"),
    ("jupyterhub.services", [{"name": "A"}], "spec.jupyterhub.services[].name must be lower-case letters"),
    ("jupyterhub.services", [{"name": "a", "url": "a:80"}], "spec.jupyterhub.services[].url must be an http or https URL"),
    (
        "jupyterhub.services",
        [{"name": "a", "oauthRedirectUri": "back"}],
        "spec.jupyterhub.services[].oauthRedirectUri must be a path or a URL",
    ),
    ("jupyterhub.roles", [{"name": "reader"}], "spec.jupyterhub.roles[] must have scopes"),
    ("jupyterhub.roles", [{"name": "Reader", "scopes": ["read:hub"]}], "spec.jupyterhub.roles[].name must be lower-case letters"),
    ("jupyterhub.extraConfig", {"a b": "pass"}, "spec.jupyterhub.extraConfig must have names of letters, digits"),
    (
        "jupyterhub.extraFiles",
        [{"name": "a", "mountPath": "srv", "content": ""}],
        "spec.jupyterhub.extraFiles[].mountPath must begin with a slash",
    ),
    ("jupyterhub.imagePullSecrets", ["Mine"], "spec.jupyterhub.imagePullSecrets[] must be the name of an object"),
    ("jupyterhub.resources", {"hub": {"memory": "much"}}, "spec.jupyterhub.resources.hub.memory must be a quantity"),
    (
        "jupyterhub.expose",
        {"loadBalancer": {}, "ingress": {}},
        "spec.jupyterhub.expose must have at most one of loadBalancer, ingress, httpRoute",
    ),
    ("jupyterhub.expose", {"tls": {}}, "spec.jupyterhub.expose.tls must have exactly one of letsEncrypt"),
    ("jupyterhub.expose", {"tls": {"offload": True}, "ingress": {}}, "spec.jupyterhub.expose.tls is for the load balancer"),
    (
        "jupyterhub.expose",
        {"tls": ACME, "loadBalancer": {"internal": True}},
        "spec.jupyterhub.expose.tls.letsEncrypt cannot reach an internal load balancer",
    ),
    (
        "jupyterhub.expose",
        {"tls": ACME, "loadBalancer": {"allowCIDRs": ["203.0.113.0/24"]}},
        "spec.jupyterhub.expose.tls.letsEncrypt must be reachable from everywhere",
    ),
    (
        "jupyterhub.expose",
        {"tls": {"letsEncrypt": {"contactEmail": "nobody"}}},
        "spec.jupyterhub.expose.tls.letsEncrypt.contactEmail must be an e-mail address",
    ),
    ("jupyterhub", {**DUMMY_HUB, "expose": {"tls": ACME}}, "spec.jupyterhub.expose.tls.letsEncrypt needs a name"),
    (
        "jupyterhub",
        {**DUMMY_HUB, "auth": {"github": {**OAUTH, "allowAll": True}}, "expose": {"loadBalancer": {"dnsLabel": "hub"}}},
        "spec.jupyterhub.expose.tls is needed with auth.oidc, auth.entra and auth.github on a DNS label",
    ),
    ("jupyterhub.expose", {"loadBalancer": {"dnsLabel": "Hub"}}, "spec.jupyterhub.expose.loadBalancer.dnsLabel must be 3-63"),
    (
        "jupyterhub.expose",
        {"loadBalancer": {"dnsLabel": "hub", "internal": True}},
        "spec.jupyterhub.expose.loadBalancer.dnsLabel is for public addresses",
    ),
    (
        "jupyterhub.expose",
        {"loadBalancer": {"internalSubnet": "a"}},
        "spec.jupyterhub.expose.loadBalancer.internalSubnet needs internal: true",
    ),
    (
        "jupyterhub.expose",
        {"loadBalancer": {"staticIP": "x"}},
        "spec.jupyterhub.expose.loadBalancer.staticIP must be an IP address",
    ),
    (
        "jupyterhub.expose",
        {"loadBalancer": {"staticIPResourceGroup": "a"}},
        "spec.jupyterhub.expose.loadBalancer.staticIPResourceGroup needs staticIP",
    ),
    (
        "jupyterhub.expose",
        {"loadBalancer": {"allowCIDRs": ["here"]}},
        "spec.jupyterhub.expose.loadBalancer.allowCIDRs[] must be a network in CIDR notation",
    ),
    ("jupyterhub.expose", {"basePath": "jupyter"}, "spec.jupyterhub.expose.basePath must be a path that begins with a slash"),
    ("jupyterhub.expose", {"moreHosts": ["Hub"]}, "spec.jupyterhub.expose.moreHosts[] must be a DNS name"),
    ("deletionPolicy", "Keep", "spec.deletionPolicy: Unsupported value"),
    ("interval", "0m", "spec.interval must be a duration"),
]

FIXED: list[tuple[str, Any, str]] = [
    ("azure.location", "westeurope", "spec.azure.location cannot change"),
    ("azure.resourceGroup", "another", "spec.azure.resourceGroup cannot change"),
    ("cluster.name", "another", "spec.cluster.name cannot change"),
    ("cluster.nodeResourceGroup", "another", "spec.cluster.nodeResourceGroup cannot change"),
    ("cluster.network.serviceCidr", "10.1.0.0/16", "spec.cluster.network.serviceCidr cannot change"),
    ("network.virtualNetwork.name", "another", "spec.network.virtualNetwork.name cannot change"),
    ("jupyterhub.release", "another", "spec.jupyterhub.release cannot change"),
    ("jupyterhub.naming", {"scheme": "Escape"}, "spec.jupyterhub.naming.scheme cannot change"),
    ("cluster.apiServer", {"private": True}, "spec.cluster.apiServer.private cannot change"),
    ("cluster.network.outboundType", "userDefinedRouting", "spec.cluster.network.outboundType cannot change"),
]


def changed(path: str, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(runbook("bad"))
    node: Any = document["spec"]
    *parents, last = path.split(".")
    for part in parents:
        node = node[int(part)] if isinstance(node, list) else node[part]
    if value is DROP:
        del node[last]
    else:
        node[last] = value
    return document


TAKEN = "created (server dry run)"


def attempt(site: Field, document: dict[str, Any]) -> str:
    """Create a platform as a server-side dry run, with strict validation as kubectl asks for it. Returns TAKEN or the API server's
    message."""
    return _tried(site.api.create, document)


def attempt_change(site: Field, document: dict[str, Any]) -> str:
    """Apply a platform that exists already as a server-side dry run. Returns TAKEN or the API server's message."""
    return _tried(site.api.apply, document)


def _tried(write: Callable[..., Any], document: dict[str, Any]) -> str:
    try:
        write({**document, "metadata": {"namespace": "platforms", **document["metadata"]}}, dryRun="All")
    except Refused as refused:
        return str(refused)
    return TAKEN


@pytest.mark.parametrize(
    ("path", "value", "sentence"), BAD, ids=[f"{p}={'(left out)' if v is DROP else v}"[:60] for p, v, _ in BAD]
)
def test_a_bad_value_is_refused_with_a_sentence_that_names_the_field(site: Field, path: str, value: Any, sentence: str) -> None:
    answer = attempt(site, changed(path, value))
    assert "invalid" in answer.lower() and sentence in answer, answer


def test_metadata_is_blocked_by_network_policies_only_where_something_enforces_them(site: Field) -> None:
    document = changed("jupyterhub.network", {"blockMetadata": "NetworkPolicy"})
    assert attempt(site, document) == TAKEN
    document["spec"]["cluster"]["network"]["policy"] = "none"
    assert "blockMetadata NetworkPolicy needs spec.cluster.network.policy azure, calico or cilium" in attempt(site, document)


def test_a_private_dns_zone_needs_an_identity_before_the_cluster(site: Field) -> None:
    document = changed("cluster.apiServer", {"private": True, "privateDNSZone": ZONE_ID})
    assert attempt(site, document) == TAKEN
    document["spec"]["identity"] = {"type": "SystemAssigned"}
    assert "privateDNSZone with the id of a zone needs spec.identity.type UserAssigned or ServicePrincipal" in attempt(
        site, document
    )
    document["spec"]["cluster"]["apiServer"]["privateDNSZone"] = "system"
    assert attempt(site, document) == TAKEN


def test_at_least_forty_bad_values_are_tried() -> None:
    assert len(BAD) >= 40


@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "deploy" / "examples").glob("*.yaml")))
def test_every_example_is_accepted(site: Field, name: str) -> None:
    answer = kubectl(site.environment, "apply", "--dry-run=server", "-f", str(ROOT / "deploy" / "examples" / name))
    assert "notebookplatform.notebookplatform.io/" in answer


def test_immutable_fields_cannot_be_changed(site: Field) -> None:
    document = changed("suspend", True)
    document["spec"]["jupyterhub"]["naming"] = {"scheme": "Safe"}
    site.apply(document)
    try:
        for path, value, sentence in FIXED:
            other = changed(path, value)
            other["spec"]["suspend"] = True
            assert sentence in attempt_change(site, other), path
    finally:
        site.kubectl("delete", "nbp", "bad", "-n", "platforms", "--timeout=60s")


def test_defaults_are_filled_in_and_unknown_fields_refused(site: Field) -> None:
    spec = site.api.create(runbook("defaults"), dryRun="All")["spec"]
    assert (spec["deletionPolicy"], spec["driftPolicy"], spec["adoption"], spec["suspend"]) == (
        "Delete",
        "Correct",
        "Never",
        False,
    )
    assert spec["jupyterhub"]["culling"]["timeout"] == "1h"
    document = runbook("unknown")
    document["spec"]["cluster"]["nodeCount"] = 3
    assert 'unknown field "spec.cluster.nodeCount"' in attempt(site, document)
    document = runbook("unknown")
    document["spec"]["jupyterhub"]["singleUser"] = {"storage": {"extraVolumes": [{**VOLUME, "hostPath": {"path": "/"}}]}}
    assert 'extraVolumes[0].hostPath"' in attempt(site, document)


def test_a_platform_that_the_operator_has_not_seen_says_so_to_kstatus(site: Field) -> None:
    document = runbook("unseen")
    document["metadata"]["namespace"] = "default"  # the operator may not work there
    site.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(document))
    found = json.loads(site.kubectl("get", "nbp", "unseen", "-n", "default", "-o", "json"))
    site.kubectl("delete", "nbp", "unseen", "-n", "default", "--timeout=30s")
    assert found["status"] == {"observedGeneration": -1} and found["metadata"]["generation"] == 1


def test_platforms_are_selected_by_region_and_cluster(site: Field) -> None:
    site.apply(changed("suspend", True))
    try:
        for selector, found in (
            ("spec.azure.location=eastus", True),
            ("spec.azure.location=westeurope", False),
            ("spec.cluster.name=aks-bad", True),
            ("spec.cluster.name=another", False),
        ):
            names = site.kubectl("get", "nbp", "-n", "platforms", "--field-selector", selector, "-o", "name").split()
            assert ("notebookplatform.notebookplatform.io/bad" in names) is found, selector
    finally:
        site.kubectl("delete", "nbp", "bad", "-n", "platforms", "--timeout=60s")


def test_two_managers_own_entries_of_one_list(site: Field) -> None:
    """Server-side apply by one manager keeps the users and pools of another."""
    document = changed("suspend", True)
    head = {key: document[key] for key in ("apiVersion", "kind", "metadata")}
    oidc = document["spec"]["jupyterhub"]["auth"]["oidc"]
    oidc["adminUsers"] = ["ada@example.org"]
    pool = {"name": "more", "vmSize": "Standard_D2s_v3", "count": 1}
    part = {"jupyterhub": {"auth": {"oidc": {"adminUsers": ["bob@example.org"]}}}, "nodePools": [pool]}

    def apply(wanted: dict[str, Any], manager: str) -> None:
        more = ("--server-side", f"--field-manager={manager}", "--validate=ignore", "-f", "-")
        site.kubectl("apply", *more, stdin=yaml.safe_dump(wanted))

    try:
        apply(document, "one")
        apply({**head, "spec": part}, "two")
        apply(document, "one")
        spec = yaml.safe_load(site.kubectl("get", "nbp", "bad", "-n", "platforms", "-o", "json"))["spec"]
        assert set(spec["jupyterhub"]["auth"]["oidc"]["adminUsers"]) == {"ada@example.org", "bob@example.org"}
        assert {pool["name"] for pool in spec["nodePools"]} == {"nodepool1", "more"}
    finally:
        site.kubectl("delete", "nbp", "bad", "-n", "platforms", "--timeout=60s")


EXAMPLES: dict[str, Any] = {"string": "x", "object": {}, "array": [{"name": "x"}], "integer": 1, "boolean": True}


@pytest.mark.parametrize("place", PLACES)
def test_a_patch_cannot_set_a_guarded_member(site: Field, place: str) -> None:
    patch: dict[str, Any] = {}
    for path, guarded in PLACES[place].items():
        *above, name = path.split(".")
        holder = patch
        for step in above:
            holder = holder.setdefault(step, {})
        holder[name] = EXAMPLES[guarded.type]
    document = runbook("bad")
    node = document["spec"][place.split(".")[1].removesuffix("[]")]
    (node[0] if isinstance(node, list) else node)["patch"] = patch
    answer = attempt(site, document)
    for path, guarded in PLACES[place].items():
        assert f"{refusal(place, path, guarded)}. {guarded.remedy}" in answer, path


def test_a_patch_keeps_members_that_the_schema_does_not_know_and_null(site: Field) -> None:
    wanted = {"properties": {"httpProxyConfig": {"noProxy": ["10.0.0.0/8"]}, "dnsPrefix": None}, "sku": {"name": "Base"}}
    more = ("--dry-run=server", "-o", "json", "-f", "-")
    for way in (("apply", "--server-side"), ("create",)):
        answer = site.kubectl(*way, *more, stdin=yaml.safe_dump(changed("cluster.patch", wanted)))
        assert yaml.safe_load(answer)["spec"]["cluster"]["patch"] == wanted


def test_only_server_side_apply_keeps_null_in_a_patch_of_an_existing_platform(site: Field) -> None:
    document = changed("suspend", True)
    document["spec"]["cluster"]["patch"] = {"properties": {"dnsPrefix": None}}

    def patch_after(*way: str) -> Any:
        site.kubectl("apply", *way, "-f", "-", stdin=yaml.safe_dump(document))
        return yaml.safe_load(site.kubectl("get", "nbp", "bad", "-n", "platforms", "-o", "json"))["spec"]["cluster"]["patch"]

    try:
        patch_after()
        document["spec"]["cluster"]["patch"]["properties"]["fqdnSubdomain"] = "hub"
        assert patch_after() == {"properties": {"fqdnSubdomain": "hub"}}
        assert patch_after("--server-side", "--force-conflicts") == {"properties": {"dnsPrefix": None, "fqdnSubdomain": "hub"}}
    finally:
        site.kubectl("delete", "nbp", "bad", "-n", "platforms", "--timeout=60s")


def test_the_columns_of_kubectl_get(site: Field) -> None:
    head = site.kubectl("get", "nbp", "-A", "-o", "wide", check=False)
    crd = yaml.safe_load(site.kubectl("get", "crd", "notebookplatforms.notebookplatform.io", "-o", "yaml"))
    columns = [c["name"] for c in crd["spec"]["versions"][0]["additionalPrinterColumns"] if not c.get("priority")]
    assert columns == ["READY", "STATUS", "URL", "K8S", "NODES", "HUB", "AGE"], head
    assert crd["spec"]["names"]["shortNames"] == ["nbp"] and crd["spec"]["names"]["categories"] == ["all"]
