"""The chart values of `expose`."""

from tests.unit.hubs.mapping.rows import ABSENT, REFUSED, Row

GENERIC = "hub.config.GenericOAuthenticator"
AZURE = "service.beta.kubernetes.io/azure"


def annotation(name: str) -> tuple[str, ...]:
    return ("proxy", "service", "annotations", f"{AZURE}-{name}")


FIELDS_OF_EXPOSE: dict[str, Row] = {
    "expose, by default": ({}, {"0.11": {"proxy.service": {"type": "LoadBalancer"}, "proxy.https": ABSENT}}),
    "expose.loadBalancer": (
        {
            "expose": {
                "loadBalancer": {
                    "dnsLabel": "my-hub",
                    "staticIP": "203.0.113.7",
                    "staticIPResourceGroup": "net",
                    "allowCIDRs": ["203.0.113.0/24"],
                    "idleTimeoutMinutes": 30,
                    "annotations": {"own": "1"},
                }
            }
        },
        {
            "0.11": {
                "proxy.service": {
                    "type": "LoadBalancer",
                    "loadBalancerIP": "203.0.113.7",
                    "loadBalancerSourceRanges": ["203.0.113.0/24"],
                    "annotations": {
                        "own": "1",
                        f"{AZURE}-dns-label-name": "my-hub",
                        f"{AZURE}-load-balancer-ipv4": "203.0.113.7",
                        f"{AZURE}-load-balancer-resource-group": "net",
                        f"{AZURE}-load-balancer-tcp-idle-timeout": "30",
                    },
                }
            }
        },
    ),
    "expose.loadBalancer.internal": (
        {"expose": {"loadBalancer": {"internal": True, "internalSubnet": "doors"}}},
        {"0.11": {annotation("load-balancer-internal"): "true", annotation("load-balancer-internal-subnet"): "doors"}},
    ),
    "expose.tls.letsEncrypt": (
        {
            "expose": {
                "moreHosts": ["www.example.org"],
                "tls": {"letsEncrypt": {"contactEmail": "a@example.org", "environment": "Staging"}},
            }
        },
        {
            "0.11": {
                "proxy.https": {
                    "enabled": True,
                    "type": "letsencrypt",
                    "hosts": ["hub.example.org", "www.example.org"],
                    "letsencrypt": {
                        "contactEmail": "a@example.org",
                        "acmeServer": "https://acme-staging-v02.api.letsencrypt.org/directory",
                    },
                }
            }
        },
    ),
    "expose.tls.secretName": (
        {"expose": {"tls": {"secretName": "door"}}},
        {"0.11": {"proxy.https": {"enabled": True, "type": "secret", "hosts": ["hub.example.org"], "secret": {"name": "door"}}}},
    ),
    "expose.tls.certificateRef": (
        {"expose": {"tls": {"certificateRef": {"name": "door"}}}},
        {"0.11": {"proxy.https.type": "manual", "proxy.https.manual": {"cert": "certificate-1", "key": "private-key-1"}}},
    ),
    "expose.tls.offload": (
        {"expose": {"tls": {"offload": True}}},
        {"0.11": {"proxy.https": {"enabled": True, "type": "offload", "hosts": ["hub.example.org"]}}},
    ),
    "expose.ingress": (
        {
            "expose": {
                "ingress": {"className": "web", "tlsSecret": "door", "annotations": {"own": "1"}},
                "moreHosts": ["b.example.org"],
            }
        },
        {
            "0.11": {
                "proxy.service.type": "ClusterIP",
                "ingress": {
                    "enabled": True,
                    "hosts": ["hub.example.org", "b.example.org"],
                    "annotations": {"own": "1", "kubernetes.io/ingress.class": "web"},
                    "tls": [{"hosts": ["hub.example.org", "b.example.org"], "secretName": "door"}],
                },
            },
            "2": {"ingress.ingressClassName": "web", "ingress.annotations": {"own": "1"}},
        },
    ),
    "expose.httpRoute": (
        {
            "expose": {
                "httpRoute": {
                    "gateway": "web",
                    "gatewayNamespace": "doors",
                    "sectionName": "https",
                    "annotations": {"own": "1"},
                }
            }
        },
        {
            "0.11": REFUSED,
            "4.3": {
                "proxy.service.type": "ClusterIP",
                "httpRoute": {
                    "enabled": True,
                    "hostnames": ["hub.example.org"],
                    "annotations": {"own": "1"},
                    "gateway": {"name": "web", "namespace": "doors", "sectionName": "https"},
                },
            },
            "5": {
                "httpRoute": {
                    "enabled": True,
                    "hostnames": ["hub.example.org"],
                    "annotations": {"own": "1"},
                    "parentRefs": [{"name": "web", "namespace": "doors", "sectionName": "https"}],
                },
            },
        },
    ),
    "expose.httpRoute, the name alone": (
        {"expose": {"httpRoute": {"gateway": "web"}}},
        {
            "0.11": REFUSED,
            "4.3": {"httpRoute.gateway": {"name": "web"}, "httpRoute.parentRefs": ABSENT},
            "5": {"httpRoute.parentRefs": [{"name": "web"}], "httpRoute.gateway": ABSENT},
        },
    ),
    "expose.basePath": (
        {"expose": {"basePath": "/jupyter"}},
        {
            "0.11": {
                "hub.baseUrl": "/jupyter/",
                f"{GENERIC}.oauth_callback_url": "https://hub.example.org/jupyter/hub/oauth_callback",
            }
        },
    ),
}
