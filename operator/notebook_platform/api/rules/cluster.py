"""Rules of spec.cluster."""

from collections.abc import Mapping

from notebook_platform.api.rules.helpers import Rule, cidr, clock, cron, duration, fixed, matches, whole_minutes

RULES: Mapping[str, tuple[Rule, ...]] = {
    "spec.cluster": (
        (
            "!(has(self.sshPublicKey) && has(self.sshPublicKeyFrom))",
            "spec.cluster must not have both sshPublicKey and sshPublicKeyFrom",
        ),
        ("self.localAccounts || has(self.entra)", "spec.cluster.localAccounts false needs spec.cluster.entra for sign-in"),
        ("!self.workloadIdentity || self.oidcIssuer", "spec.cluster.workloadIdentity needs spec.cluster.oidcIssuer: true"),
        (
            "self.nodeProvisioning == 'Manual' || (self.network.plugin != 'kubenet' && self.network.policy != 'calico')",
            "spec.cluster.nodeProvisioning Auto does not support network plugin kubenet or policy calico; "
            "use plugin azure with policy cilium, azure or none",
        ),
        (
            "self.nodeProvisioning == 'Manual' || (self.powerState == 'Running' && "
            "!self.powerSchedules.exists(s, s.powerState == 'Stopped'))",
            "spec.cluster.nodeProvisioning Auto: AKS cannot stop such a cluster; remove powerState Stopped from spec.cluster",
        ),
        (
            "self.supportPlan != 'AKSLongTermSupport' || self.tier == 'Premium'",
            "spec.cluster.supportPlan AKSLongTermSupport needs spec.cluster.tier Premium",
        ),
        ("has(self.entra) || !has(oldSelf.entra)", "spec.cluster.entra cannot be removed once it is set"),
        ("self.oidcIssuer || !oldSelf.oidcIssuer", "spec.cluster.oidcIssuer cannot be set to false once it is true"),
    ),
    "spec.cluster.name": (fixed("spec.cluster.name"),),
    "spec.cluster.nodeResourceGroup": (fixed("spec.cluster.nodeResourceGroup"),),
    "spec.cluster.kubernetesVersion": (
        matches("spec.cluster.kubernetesVersion", r"^1\.[0-9]+(\.[0-9]+)?$", 'must be a version such as "1.34" or "1.34.2"'),
    ),
    "spec.cluster.dnsPrefix": (
        matches("spec.cluster.dnsPrefix", "^[a-zA-Z]([-a-zA-Z0-9]{0,52}[a-zA-Z0-9])?$", "must be 1-54 letters, digits, hyphens"),
        fixed("spec.cluster.dnsPrefix"),
    ),
    "spec.cluster.adminUsername": (
        matches(
            "spec.cluster.adminUsername",
            "^[A-Za-z][-A-Za-z0-9_]{0,31}$",
            "must be 1-32 letters, digits, - or _, starting with a letter",
        ),
        fixed("spec.cluster.adminUsername"),
    ),
    "spec.cluster.sshPublicKey": (
        matches(
            "spec.cluster.sshPublicKey", r"^(ssh-|ecdsa-)[^ ]+ [A-Za-z0-9+/=]+( .*)?\n?$", "must be a public key in OpenSSH form"
        ),
    ),
    "spec.cluster.network": (
        (
            "!isCIDR(self.serviceCidr) || !isIP(self.dnsServiceIP) || cidr(self.serviceCidr).containsIP(self.dnsServiceIP)",
            "spec.cluster.network.dnsServiceIP must lie inside spec.cluster.network.serviceCidr",
        ),
        (
            "!self.serviceCidr.startsWith(self.dnsServiceIP + '/')",
            "spec.cluster.network.dnsServiceIP must not be the first address of serviceCidr",
        ),
        (
            "!has(self.pluginMode) || self.plugin == 'azure'",
            "spec.cluster.network.pluginMode overlay needs plugin azure",
        ),
        (
            "!(self.plugin == 'kubenet' && self.policy == 'azure')",
            "spec.cluster.network.policy azure needs plugin azure; kubenet supports calico or none",
        ),
    ),
    "spec.cluster.maintenanceWindow": (
        (
            "size(self.days) in [1, 7] || has(self.autoUpgradeDay)",
            "spec.cluster.maintenanceWindow.autoUpgradeDay is needed with two to six days: AKS's schedules have one day of the week or every "
            "day",
        ),
        (
            "!has(self.autoUpgradeDay) || self.autoUpgradeDay in self.days",
            "spec.cluster.maintenanceWindow.autoUpgradeDay must be one of days",
        ),
    ),
    "spec.cluster.maintenanceWindow.start": (clock("spec.cluster.maintenanceWindow.start"),),
    "spec.cluster.maintenanceWindow.duration": (
        matches(
            "spec.cluster.maintenanceWindow.duration",
            "^([4-9]|1[0-9]|2[0-4])h$",
            "must be 4h to 24h, in whole hours, as AKS requires",
        ),
    ),
    "spec.cluster.apiServer": (
        (
            "!(self.private && size(self.authorizedIPRanges) > 0)",
            "spec.cluster.apiServer: authorizedIPRanges are for public clusters, not with private: true",
        ),
        ("!has(self.privateDNSZone) || self.private", "spec.cluster.apiServer.privateDNSZone needs private: true"),
    ),
    "spec.cluster.apiServer.private": (fixed("spec.cluster.apiServer.private"),),
    "spec.cluster.apiServer.authorizedIPRanges[]": (
        (
            "isCIDR(self) || isIP(self)",
            "spec.cluster.apiServer.authorizedIPRanges[] must be a network in CIDR notation, such as 203.0.113.0/24",
        ),
    ),
    "spec.cluster.autoscalerProfile.scaleDownUtilizationThreshold": (
        matches(
            "spec.cluster.autoscalerProfile.scaleDownUtilizationThreshold", "^(0([.][0-9]+)?|1([.]0+)?)$", 'must be "0" to "1"'
        ),
    ),
    "spec.cluster.autoscalerProfile.scanInterval": (duration("spec.cluster.autoscalerProfile.scanInterval"),),
    "spec.cluster.autoscalerProfile.scaleDownDelayAfterAdd": whole_minutes(
        "spec.cluster.autoscalerProfile.scaleDownDelayAfterAdd"
    ),
    "spec.cluster.autoscalerProfile.scaleDownUnneededTime": whole_minutes("spec.cluster.autoscalerProfile.scaleDownUnneededTime"),
    "spec.cluster.autoscalerProfile.maxNodeProvisionTime": whole_minutes("spec.cluster.autoscalerProfile.maxNodeProvisionTime"),
    "spec.cluster.powerSchedules[].cron": (cron("spec.cluster.powerSchedules[].cron"),),
    "spec.cluster.powerSchedules[].duration": (duration("spec.cluster.powerSchedules[].duration"),),
    "spec.cluster.network.outboundType": (fixed("spec.cluster.network.outboundType"),),
    "spec.cluster.network.plugin": (fixed("spec.cluster.network.plugin"),),
    "spec.cluster.network.serviceCidr": (
        cidr("spec.cluster.network.serviceCidr"),
        ("!isCIDR(self) || cidr(self).prefixLength() >= 12", "spec.cluster.network.serviceCidr must be /12 or smaller"),
        fixed("spec.cluster.network.serviceCidr"),
    ),
    "spec.cluster.network.dnsServiceIP": (
        ("isIP(self) && ip(self).family() == 4", "spec.cluster.network.dnsServiceIP must be an IPv4 address"),
        fixed("spec.cluster.network.dnsServiceIP"),
    ),
    "spec.cluster.network.podCidr": (cidr("spec.cluster.network.podCidr"), fixed("spec.cluster.network.podCidr")),
    "spec.cluster.network.dockerBridgeCidr": (
        ("isCIDR(self)", "spec.cluster.network.dockerBridgeCidr must be an address in CIDR notation, such as 172.17.0.1/16"),
    ),
}
