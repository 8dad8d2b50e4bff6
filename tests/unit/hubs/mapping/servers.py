"""The chart values of the users' servers: `singleUser`, naming, culling, placement, scaling and prePull."""

from typing import Any

from tests.unit.hubs.mapping.rows import ABSENT, REFUSED, Row

PROFILE = {
    "name": "big",
    "displayName": "Big",
    "description": "Much",
    "default": True,
    "image": "a/b:1",
    "memory": {"limit": "8G"},
}
BIG = {
    "display_name": "Big",
    "slug": "big",
    "description": "Much",
    "default": True,
    "kubespawner_override": {"image": "a/b:1", "mem_limit": "8G"},
}
CHOICE = {"name": "one", "displayName": "One", "gpus": 1, "cpu": {"guarantee": "500m"}, "nodeSelector": {"gpu": "yes"}}
OPTION = {"name": "size", "displayName": "Size", "choices": [CHOICE]}
ONE = {"cpu_guarantee": 0.5, "extra_resource_limits": {"nvidia.com/gpu": "1"}, "node_selector": {"gpu": "yes"}}
EXTRA_VOLUMES = [
    {"name": "course", "claim": "course", "mountPath": "/srv/course", "subPath": "u/{username}", "readOnly": True},
    {"name": "profile", "configMap": "profile", "mountPath": "/etc/profile.d/hub.sh", "subPath": "hub.sh"},
    {"name": "license", "secret": "license", "mountPath": "/etc/license"},
    {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}, "mountPath": "/dev/shm"},
    {"name": "scratch", "emptyDir": {}, "mountPath": "/scratch"},
]
COURSE_MOUNT = {"name": "course", "mountPath": "/srv/course", "subPath": "u/{username}", "readOnly": True}
DEDICATED = [
    {"key": f"hub.jupyter.org{joint}dedicated", "operator": "Equal", "value": "user", "effect": "NoSchedule"} for joint in "/_"
]


def plain_profile(environment: dict[str, str]) -> dict[str, Any]:
    """Return the chart's form of a profile without processors and with tolerations of its own."""
    own = [{"key": "sku", "operator": "Equal", "value": "big", "effect": "NoSchedule"}, {"key": "any", "operator": "Exists"}]
    return {
        "display_name": "Plain",
        "slug": "plain",
        "kubespawner_override": {
            "extra_resource_limits": {"nvidia.com/gpu": "0"},
            "tolerations": [*DEDICATED, *own],
            "environment": environment,
        },
    }


FIELDS_OF_SERVERS: dict[str, Row] = {
    "singleUser.image": (
        {"singleUser": {"image": "registry.example.org:5000/team/notebook:2026-10"}},
        {"0.11": {"singleuser.image": {"name": "registry.example.org:5000/team/notebook", "tag": "2026-10"}}},
    ),
    "singleUser.image by digest": (
        {"singleUser": {"image": f"a/b@sha256:{'0' * 64}"}},
        {"0.11": {"singleuser.image": {"name": "a/b@sha256", "tag": "0" * 64}}},
    ),
    "singleUser.cpu and memory": (
        {"singleUser": {"cpu": {"guarantee": "500m", "limit": "4"}, "memory": {"guarantee": "2G", "limit": "8G"}}},
        {
            "0.11": {
                "singleuser.cpu": {"guarantee": 0.5, "limit": 4.0},
                "singleuser.memory": {"guarantee": "2G", "limit": "8G"},
            }
        },
    ),
    "singleUser.gpus": (
        {"singleUser": {"gpus": 2}},
        {"0.11": {("singleuser", "extraResource", "limits", "nvidia.com/gpu"): "2"}},
    ),
    "singleUser.profiles": ({"singleUser": {"profiles": [PROFILE]}}, {"0.11": {"singleuser.profileList": [BIG]}}),
    "singleUser.profiles[].gpus 0, env and tolerations": (
        {
            "singleUser": {
                "gpus": 1,
                "env": {"A": "1", "B": "{x}"},
                "profiles": [
                    {
                        "name": "plain",
                        "displayName": "Plain",
                        "gpus": 0,
                        "env": {"B": "{y}"},
                        "tolerations": [{"key": "sku", "value": "big", "effect": "NoSchedule"}, {"key": "any"}],
                    }
                ],
            }
        },
        {
            "0.11": {"singleuser.profileList": [plain_profile({"A": "1", "B": "{y}"})]},
            "3": {"singleuser.profileList": [plain_profile({"A": "1", "B": "{{y}}"})]},
        },
    ),
    "singleUser.profiles[].options": (
        {"singleUser": {"profiles": [{**PROFILE, "options": [OPTION]}]}},
        {
            "0.11": REFUSED,
            "3": {
                "singleuser.profileList": [
                    {
                        **BIG,
                        "profile_options": {
                            "size": {
                                "display_name": "Size",
                                "choices": {"one": {"display_name": "One", "kubespawner_override": ONE}},
                            }
                        },
                    }
                ]
            },
        },
    ),
    "singleUser.startTimeout": ({}, {"0.11": {"singleuser.startTimeout": 600}}),
    "singleUser.defaultUrl": ({"singleUser": {"defaultUrl": "/lab"}}, {"0.11": {"singleuser.defaultUrl": "/lab"}}),
    "singleUser.env": (
        {"singleUser": {"env": {"GREETING": "{hello}"}}},
        {"0.11": {"singleuser.extraEnv": {"GREETING": "{hello}"}}, "3": {"singleuser.extraEnv": {"GREETING": "{{hello}}"}}},
    ),
    "singleUser.allowSudo": (
        {"singleUser": {"allowSudo": True}},
        {"0.11": {"singleuser.allowPrivilegeEscalation": ABSENT}, "2": {"singleuser.allowPrivilegeEscalation": True}},
    ),
    "singleUser.namedServers": (
        {"singleUser": {"namedServers": 3}},
        {"0.11": {"hub.allowNamedServers": True, "hub.namedServerLimitPerUser": 3}},
    ),
    "singleUser.storage": (
        {"singleUser": {"storage": {"capacity": "20Gi", "storageClass": "managed-csi", "mountPath": "/home/u"}}},
        {
            "0.11": {
                "singleuser.storage.type": "dynamic",
                "singleuser.storage.capacity": "20Gi",
                "singleuser.storage.dynamic.storageClass": "managed-csi",
                "singleuser.storage.homeMountPath": "/home/u",
            }
        },
    ),
    "singleUser.storage none": (
        {"singleUser": {"storage": {"type": "none"}}},
        {"0.11": {"singleuser.storage.type": "none", "singleuser.storage.capacity": ABSENT}},
    ),
    "singleUser.storage.shared": (
        {"singleUser": {"storage": {"type": "static", "shared": {"claim": "homes", "subPath": "h/{username}"}}}},
        {
            "0.11": {
                "singleuser.storage.type": "static",
                "singleuser.storage.static": {"pvcName": "homes", "subPath": "h/{username}"},
                "singleuser.storage.capacity": ABSENT,
            }
        },
    ),
    "singleUser.storage.shared by the old names": (
        {"singleUser": {"storage": {"type": "static", "shared": {"claim": "homes"}}}, "naming": {"scheme": "Escape"}},
        {
            "0.11": {"singleuser.storage.static.subPath": "{username}"},
            "4": {"singleuser.storage.static.subPath": "{escaped_username}"},
        },
    ),
    "singleUser.storage.extraVolumes": (
        {"singleUser": {"storage": {"extraVolumes": EXTRA_VOLUMES}}},
        {
            "0.11": {
                "singleuser.storage.extraVolumes": [
                    {"name": "course", "persistentVolumeClaim": {"claimName": "course"}},
                    {"name": "profile", "configMap": {"name": "profile"}},
                    {"name": "license", "secret": {"secretName": "license"}},
                    {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
                    {"name": "scratch", "emptyDir": {}},
                ],
                "singleuser.storage.extraVolumeMounts": [
                    COURSE_MOUNT,
                    {"name": "profile", "mountPath": "/etc/profile.d/hub.sh", "subPath": "hub.sh"},
                    {"name": "license", "mountPath": "/etc/license"},
                    {"name": "shm", "mountPath": "/dev/shm"},
                    {"name": "scratch", "mountPath": "/scratch"},
                ],
            }
        },
    ),
    "singleUser.storage.extraVolumes by the old names": (
        {"singleUser": {"storage": {"extraVolumes": EXTRA_VOLUMES[:1]}}, "naming": {"scheme": "Escape"}},
        {
            "0.11": {"singleuser.storage.extraVolumeMounts": [COURSE_MOUNT]},
            "4": {"singleuser.storage.extraVolumeMounts": [COURSE_MOUNT | {"subPath": "u/{escaped_username}"}]},
        },
    ),
    "homes stay by default": (
        {},
        {"0.11": {"hub.config.KubeSpawner.delete_pvc": ABSENT}, "1": {"hub.config.KubeSpawner.delete_pvc": False}},
    ),
    "singleUser.storage.keepOnUserDelete": (
        {"singleUser": {"storage": {"keepOnUserDelete": False}}},
        {"0.11": REFUSED, "1": {"hub.config.KubeSpawner.delete_pvc": True}},
    ),
    "naming of a new hub": (
        {},
        {
            "0.11": {"hub.config.KubeSpawner.slug_scheme": ABSENT},
            "4": {"hub.config.KubeSpawner.slug_scheme": "safe", "singleuser.storage.dynamic": ABSENT},
        },
    ),
    "naming.scheme": (
        {"naming": {"scheme": "Escape"}},
        {
            "0.11": {"hub.config.KubeSpawner.slug_scheme": ABSENT},
            "4": {
                "hub.config.KubeSpawner.slug_scheme": "escape",
                "singleuser.storage.dynamic.pvcNameTemplate": "claim-{username}{servername}",
                "singleuser.storage.dynamic.volumeNameTemplate": "volume-{username}{servername}",
            },
        },
    ),
    "naming.scheme Safe": (
        {"naming": {"scheme": "Safe"}},
        {"0.11": REFUSED, "4": {"hub.config.KubeSpawner.slug_scheme": "safe"}},
    ),
    "culling": (
        {"culling": {"timeout": "2h", "every": "5m", "maxAge": "7d", "removeNamedServers": True, "users": True}},
        {
            "0.11": {
                "cull": {
                    "enabled": True,
                    "timeout": 7200,
                    "every": 300,
                    "maxAge": 604800,
                    "users": True,
                    "removeNamedServers": True,
                }
            }
        },
    ),
    "culling.adminUsers": ({"culling": {"adminUsers": False}}, {"0.11": REFUSED, "2": {"cull.adminUsers": False}}),
    "placement": (
        {"placement": {"userPods": "Require", "corePods": "Ignore"}},
        {
            "0.11": {
                "scheduling.userPods.nodeAffinity.matchNodePurpose": "require",
                "scheduling.corePods.nodeAffinity.matchNodePurpose": "ignore",
            }
        },
    ),
    "placement.userTolerations": (
        {"placement": {"userTolerations": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]}},
        {
            "0.11": REFUSED,
            "1": {
                "scheduling.userPods.tolerations": [
                    {"key": "hub.jupyter.org/dedicated", "operator": "Equal", "value": "user", "effect": "NoSchedule"},
                    {"key": "hub.jupyter.org_dedicated", "operator": "Equal", "value": "user", "effect": "NoSchedule"},
                    {"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"},
                ]
            },
        },
    ),
    "placement.coreTolerations": (
        {"placement": {"coreTolerations": [{"key": "CriticalAddonsOnly"}]}},
        {
            "0.11": REFUSED,
            "1": {
                "scheduling.corePods.tolerations": [
                    {"key": "hub.jupyter.org/dedicated", "operator": "Equal", "value": "core", "effect": "NoSchedule"},
                    {"key": "hub.jupyter.org_dedicated", "operator": "Equal", "value": "core", "effect": "NoSchedule"},
                    {"key": "CriticalAddonsOnly", "operator": "Exists"},
                ]
            },
        },
    ),
    "scaling.packUsers": ({"scaling": {"packUsers": False}}, {"0.11": {"scheduling.userScheduler.enabled": False}}),
    "prePull": (
        {"prePull": {"onDeploy": False, "onNewNode": False, "profileImages": False, "images": ["a/b:1"]}},
        {
            "0.11": {
                "prePuller.hook.enabled": False,
                "prePuller.continuous.enabled": False,
                "prePuller.pullProfileListImages": False,
                "prePuller.extraImages": {"image-0": {"name": "a/b", "tag": "1"}},
            }
        },
    ),
    "prePull.onlyOnChanges": (
        {"prePull": {"onlyOnChanges": False}},
        {"0.11": {"prePuller.hook": ABSENT}, "1": {"prePuller.hook.pullOnlyOnChanges": False}},
    ),
}
