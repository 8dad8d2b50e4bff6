"""The chart values of the hub itself: network, database, resources, files and metrics."""

from tests.unit.hubs.mapping.rows import ABSENT, REFUSED, Row


def egress_rules(*rules: str) -> tuple[str, ...]:
    return ("singleuser", "networkPolicy", *rules)


DNS = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
METADATA = "169.254.169.254/32"
ANYWHERE = {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}

FIELDS_OF_THE_HUB: dict[str, Row] = {
    "metrics.open": ({"metrics": {"open": True}}, {"0.11": {"hub.authenticatePrometheus": False}}),
    "network.isolate": (
        {"network": {"isolate": False}},
        {
            "0.11": {
                "hub.networkPolicy.enabled": False,
                "proxy.chp.networkPolicy.enabled": False,
                "singleuser.networkPolicy.enabled": False,
            }
        },
    ),
    "network.userEgress, closed but for one network": (
        {"network": {"userEgress": {"internet": False, "to": [{"cidr": "10.1.0.0/16", "ports": [443]}]}}},
        {
            "0.11": {
                egress_rules("egress"): [
                    DNS,
                    {"to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}], "ports": [{"port": 443, "protocol": "TCP"}]},
                ]
            },
            "2": {
                egress_rules("egress"): [
                    {"to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}], "ports": [{"port": 443, "protocol": "TCP"}]}
                ],
                egress_rules("egressAllowRules"): {"nonPrivateIPs": False, "privateIPs": False, "cloudMetadataServer": False},
            },
        },
    ),
    "network.userEgress, the Internet": (
        {"network": {"userEgress": {}}},
        {
            "0.11": {egress_rules("egress"): [DNS, {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": [*PRIVATE, METADATA]}}]}]},
            "2": {
                egress_rules("egress"): ABSENT,
                egress_rules("egressAllowRules"): {"nonPrivateIPs": True, "privateIPs": False, "cloudMetadataServer": False},
            },
        },
    ),
    "network.userEgress, private addresses": (
        {"network": {"userEgress": {"internet": False, "privateAddresses": True}}},
        {
            "0.11": {egress_rules("egress"): [DNS, {"to": [{"ipBlock": {"cidr": cidr}} for cidr in PRIVATE]}]},
            "2": {egress_rules("egressAllowRules", "privateIPs"): True, egress_rules("egressAllowRules", "nonPrivateIPs"): False},
        },
    ),
    "network.blockMetadata, by default": (
        {},
        {
            "0.11": {"singleuser.cloudMetadata.enabled": False},
            "1": {"singleuser.cloudMetadata.blockWithIptables": True, "singleuser.cloudMetadata.enabled": ABSENT},
        },
    ),
    "network.blockMetadata NetworkPolicy": (
        {"network": {"blockMetadata": "NetworkPolicy"}},
        {
            "0.11": {"singleuser.cloudMetadata.enabled": True},
            "1": {"singleuser.cloudMetadata.blockWithIptables": False},
            "2": {
                "singleuser.cloudMetadata.blockWithIptables": False,
                egress_rules("egressAllowRules", "cloudMetadataServer"): False,
            },
        },
    ),
    "network.blockMetadata No": (
        {"network": {"blockMetadata": "No"}},
        {
            "0.11": {"singleuser.cloudMetadata.enabled": True, egress_rules("egress"): [ANYWHERE]},
            "1": {"singleuser.cloudMetadata.blockWithIptables": False, egress_rules("egress"): [ANYWHERE]},
            "2": {egress_rules("egressAllowRules", "cloudMetadataServer"): True, egress_rules("egress"): ABSENT},
        },
    ),
    "network.blockMetadata No, without policies": (
        {"network": {"blockMetadata": "No", "isolate": False}},
        {"0.11": {egress_rules("egress"): ABSENT, egress_rules("enabled"): False}},
    ),
    "database in a volume": (
        {"database": {"volume": {"size": "2Gi", "storageClass": "managed-csi-premium"}}},
        {
            "0.11": {
                "hub.db": {
                    "type": "sqlite-pvc",
                    "pvc": {
                        "storage": "2Gi",
                        "storageClassName": "managed-csi-premium",
                        "annotations": {"helm.sh/resource-policy": "keep"},
                    },
                }
            }
        },
    ),
    "the hub's volume stays": (
        {},
        {"0.11": {("hub", "db", "pvc", "annotations", "helm.sh/resource-policy"): "keep", "hub.db.type": "sqlite-pvc"}},
    ),
    "database.volume.keepOnUninstall": (
        {"database": {"volume": {"keepOnUninstall": False}}},
        {"0.11": {"hub.db.pvc.annotations": ABSENT}},
    ),
    "database.urlRef": (
        {"database": {"urlRef": {"name": "db", "key": "url"}, "upgrade": True}},
        {
            "0.11": {
                "hub.db": {
                    "type": "postgres",
                    "url": "postgresql+psycopg2://hub@db.example.org:5432/hub?sslmode=require",
                    "password": "p@ss",
                    "upgrade": True,
                }
            }
        },
    ),
    "fsGroup": (
        {"fsGroup": 1000},
        {"0.11": {"hub.fsGid": 1000}, "2": {"hub.podSecurityContext.fsGroup": 1000, "hub.fsGid": ABSENT}},
    ),
    "rbac": ({"rbac": False}, {"0.11": {"rbac": {"enabled": False}}, "2": {"rbac": {"create": False}}}),
    "resources, by default": (
        {},
        {
            "0.11": {
                "hub.resources": {"requests": {"cpu": "200m", "memory": "512Mi"}},
                "proxy.chp.resources": {"requests": {"cpu": "200m", "memory": "512Mi"}},
                "scheduling.userScheduler.resources": {"requests": {"cpu": "50m", "memory": "256Mi"}},
            }
        },
    ),
    "resources.hub": (
        {"resources": {"hub": {"cpu": "1", "memory": "2Gi", "cpuLimit": "2", "memoryLimit": "4Gi"}}},
        {"0.11": {"hub.resources": {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"cpu": "2", "memory": "4Gi"}}}},
    ),
    "limits": (
        {"limits": {"concurrentSpawns": 10, "activeServers": 200}},
        {"0.11": {"hub.concurrentSpawnLimit": 10, "hub.activeServerLimit": 200}},
    ),
    "extraConfig": ({"extraConfig": {"10-own": "x = 1"}}, {"0.11": {"hub.extraConfig": {"10-own": "x = 1"}}}),
    "extraFiles": (
        {"extraFiles": [{"name": "motd", "mountPath": "/etc/motd", "content": "hello"}]},
        {"0.11": REFUSED, "1": {"hub.extraFiles": {"motd": {"mountPath": "/etc/motd", "stringData": "hello"}}}},
    ),
    "imagePull": (
        {
            "imagePull": {"registry": "r.example.org", "username": "u", "passwordRef": {"name": "r", "key": "p"}},
            "imagePullSecrets": ["other"],
        },
        {
            "0.11": {
                "imagePullSecret": {"create": True, "registry": "r.example.org", "username": "u", "password": "pull-password-1"},
                "imagePullSecrets": [{"name": "other"}],
            }
        },
    ),
}
