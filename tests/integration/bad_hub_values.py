"""Values of `spec.jupyterhub` that the API server refuses, each with a part of the message."""

from typing import Any

from tests.integration.admission import DROP

GUID = "11111111-1111-1111-1111-111111111111"
OAUTH = {"clientId": "hub", "clientSecretRef": {"name": "oidc"}}
ACME = {"letsEncrypt": {"contactEmail": "admin@example.org"}}
CHOICES = [{"name": "c", "displayName": "c", "image": "untagged"}]
DUMMY_HUB = {"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True}}}
VOLUME = {"name": "course", "claim": "course", "mountPath": "/srv/course"}

BAD_OF_HUBS: list[tuple[str, Any, str]] = [
    (
        "jupyterhub",
        {
            "chart": {"version": "4.4.0"},
            "host": "hub.example.org",
            "auth": {"oidc": {**OAUTH, "issuer": "https://login.example.org", "allowAll": True, "caBundle": "nothing"}},
        },
        "spec.jupyterhub.auth.oidc.caBundle must be certificates in PEM, without private keys",
    ),
    ("jupyterhub.needs", ["ghost"], "spec.jupyterhub.needs must name releases of spec.releases, or binderhub"),
    ("jupyterhub.remediation", {"strategy": "Hope"}, "spec.jupyterhub.remediation.strategy: Unsupported value"),
    ("jupyterhub.remediation", {"stalledAfter": "soon"}, "spec.jupyterhub.remediation.stalledAfter must be a duration"),
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
]
