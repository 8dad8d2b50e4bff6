"""The first platform.yaml of a new user: from eight answers and the region's offers to a commented NotebookPlatform. Pure."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from notebook_platform.api import GROUP, KIND, VERSION
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.api.spec_errors import sentences
from notebook_platform.azure.checks.vm_sizes import LEAST_SYSTEM_GIB, Sizes
from notebook_platform.bounded.writer import write_yaml
from notebook_platform.hubs.chart.versions import GENERATIONS, NEWEST_KNOWN, newest_for
from notebook_platform.versions import parse

SYSTEM_SIZES = (
    "Standard_D2s_v5",
    "Standard_D2as_v5",
    "Standard_D2s_v4",
    "Standard_D2s_v3",
    "Standard_D2ds_v5",
    "Standard_D2s_v6",
)
USER_SIZES = (
    *("Standard_E8s_v5", "Standard_E8as_v5", "Standard_E8s_v4", "Standard_E8s_v3", "Standard_E4s_v5", "Standard_E4s_v3"),
    *("Standard_D8s_v5", "Standard_D8as_v5", "Standard_D8s_v3", "Standard_D4s_v5", "Standard_D4s_v3", "Standard_D2s_v3"),
)
"""VM sizes that suit small notebooks, the preferred ones first: much memory for each vCPU, premium disks."""

MEMORY_GIB = 1
"""Memory that the hub reserves for each user's server."""

USABLE = 0.75
"""Share of a node's memory that pods can use; AKS reserves the rest
(https://learn.microsoft.com/azure/aks/node-resource-reservations)."""

SEATS = 90
"""Most servers on a node: Azure CNI overlay allows 110 pods by default, and each node has pods of its own."""

TRIAL = "trial"
ISSUER = re.compile(r"https://\S+")
SIGN_INS = ("entra", "github", TRIAL)


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a user answers. `sign_in`: one of SIGN_INS, or the address of an OpenID Connect issuer; `people`: users at once."""

    subscription: str
    location: str
    name: str
    people: int
    sign_in: str
    client_id: str = ""
    administrator: str = ""
    contact: str = ""


@dataclass(frozen=True, kw_only=True)
class Offers:
    """What Azure offers for the answers: the tenant, versions of Kubernetes (oldest first), and VM sizes."""

    tenant: str
    versions: Sequence[str]
    sizes: Sizes


class NotOffered(Exception):
    """The region offers nothing that suits; the text names what."""


def kubernetes_version(offers: Offers) -> str:
    """Return the second newest minor version, which has had its first patches, or the only one. Raises NotOffered."""
    if not offers.versions:
        raise NotOffered("no version of Kubernetes")
    return sorted(offers.versions, key=parse)[-2:][0]


def chart_version(kubernetes: str) -> str:
    """Return the newest tested chart of the hub for a version of Kubernetes."""
    newest = newest_for(kubernetes)
    first = NEWEST_KNOWN if newest is GENERATIONS[-1] else newest.first
    return ".".join(map(str, (*first, 0)[:3]))


def chosen_size(sizes: Sizes, preferred: Sequence[str], least_gib: float) -> str:
    """Return the first preferred VM size that is offered; otherwise the smallest with enough memory and two vCPUs, and no GPU.

    An empty list of sizes means that Azure does not show them: the first preferred one. Raises NotOffered.
    """
    if not sizes:
        return preferred[0]
    suitable = [size for size in sizes.values() if size.vcpus >= 2 and size.memory_gib >= least_gib and not size.gpus]
    names = {size.name for size in suitable}
    if offered := [name for name in preferred if name in names]:
        return offered[0]
    if not suitable:
        raise NotOffered(f"no VM size with 2 vCPUs and {least_gib:g} GiB of memory")
    return min(suitable, key=lambda size: (size.memory_gib, size.vcpus, size.name)).name


def seats(sizes: Sizes, size: str) -> int:
    """Return how many users' servers fit on a node of a VM size, by memory."""
    found = sizes.get(size)
    memory = found.memory_gib if found and found.memory_gib else 8.0
    return max(1, min(SEATS, math.floor(memory * USABLE / MEMORY_GIB)))


def document(answers: Answers, offers: Offers, namespace: str, credentials: str) -> str:
    """Return the commented YAML. `credentials`: name of the Secret with the platform's credentials; empty: the operator's identity.

    Raises NotOffered, and ValueError with the fields that the API would reject.
    """
    spec: dict[str, Any] = {}
    text = [
        f"apiVersion: {GROUP}/{VERSION}",
        f"kind: {KIND}",
        f"metadata: {{name: {answers.name}, namespace: {namespace}}}",
        "spec:",
    ]
    for comment, part in _parts(answers, offers, credentials):
        spec |= part
        text += [*(f"  # {line}" for line in comment), *_indented(write_yaml(part))]
    try:
        NotebookPlatformSpec.model_validate(spec)
    except ValidationError as error:
        raise ValueError(sentences(error)) from None
    return "\n".join(text) + "\n"


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.splitlines()]


def _parts(answers: Answers, offers: Offers, credentials: str) -> Iterator[tuple[Sequence[str], Mapping[str, Any]]]:
    """Yield the comment and the members of each part of the spec."""
    name, kubernetes = answers.name, kubernetes_version(offers)
    azure = {"subscriptionId": answers.subscription, "location": answers.location, "resourceGroup": name}
    if credentials:
        yield _credentials_comment(credentials), {"azure": {**azure, "credentials": {"secretRef": {"name": credentials}}}}
    else:
        yield ["The operator signs in with its own identity, which its configuration must allow."], {"azure": azure}
    others = ", ".join(version for version in offers.versions if version != kubernetes)
    network = {"plugin": "azure", "pluginMode": "overlay", "policy": "cilium", "podCidr": "10.244.0.0/16"}
    network |= {"serviceCidr": "10.96.0.0/16", "dnsServiceIP": "10.96.0.10"}
    offered = [f"{answers.location} also offers Kubernetes {others}."] if others else []
    yield (
        [*offered, "Pods have addresses from a separate range; change it if it overlaps networks that users must reach."],
        {"cluster": {"name": name, "kubernetesVersion": kubernetes, "network": network}},
    )
    yield _pools(answers, offers.sizes)
    yield _hub(answers, offers, kubernetes)
    yield ["Set it to false before you delete the platform."], {"deletionProtection": True}


def _credentials_comment(secret: str) -> list[str]:
    return [f"The Secret {secret} holds tenantId, clientId and clientSecret of a service principal."]


def _pools(answers: Answers, sizes: Sizes) -> tuple[Sequence[str], Mapping[str, Any]]:
    system, users = chosen_size(sizes, SYSTEM_SIZES, LEAST_SYSTEM_GIB), chosen_size(sizes, USER_SIZES, LEAST_SYSTEM_GIB)
    each = seats(sizes, users)
    most = math.ceil(answers.people / each)
    comment = [
        "The hub runs on `system`. Users' servers run on `users`, whose nodes are added and removed as needed.",
        f"A node of {users} has room for {each} servers of {MEMORY_GIB} GiB: {answers.people} users at once need {most}.",
    ]
    pools = [
        {"name": "system", "mode": "System", "purpose": "Core", "vmSize": system, "count": 2},
        {"name": "users", "purpose": "User", "vmSize": users, "autoscaling": {"minCount": 0, "maxCount": most}},
    ]
    return comment, {"nodePools": pools}


def _hub(answers: Answers, offers: Offers, kubernetes: str) -> tuple[Sequence[str], Mapping[str, Any]]:
    comment, auth = _sign_in(answers, offers.tenant)
    hub: dict[str, Any] = {"chart": {"version": chart_version(kubernetes)}}
    if contact := answers.contact or (answers.administrator if "@" in answers.administrator else ""):
        comment = [f"Users open https://{answers.name}.{answers.location}.cloudapp.azure.com.", *comment]
        hub["expose"] = {"loadBalancer": {"dnsLabel": answers.name}, "tls": {"letsEncrypt": {"contactEmail": contact}}}
    hub["auth"] = auth
    hub["singleUser"] = {
        "memory": {"guarantee": f"{MEMORY_GIB}G", "limit": f"{2 * MEMORY_GIB}G"},
        "storage": {"capacity": "10Gi"},
    }
    return comment, {"jupyterhub": hub}


def _sign_in(answers: Answers, tenant: str) -> tuple[list[str], Mapping[str, Any]]:
    """Return the comment and spec.jupyterhub.auth."""
    if answers.sign_in == TRIAL:
        note = "Sign-in for a trial: one password for all users, which the operator generates and stores in the Secret"
        return [f"{note} {answers.name}-hub."], {"dummy": {"insecure": True}}
    callback = f"https://{answers.name}.{answers.location}.cloudapp.azure.com/hub/oauth_callback"
    comment = [f"Register the callback {callback} at the provider.", "The Secret hub-sign-in holds its clientSecret."]
    common = {"clientId": answers.client_id, "clientSecretRef": {"name": "hub-sign-in"}, "adminUsers": [answers.administrator]}
    comment.append("Only the administrator may sign in until you add allowedUsers or groups.")
    if answers.sign_in == "entra":
        return comment, {"entra": {"tenantId": tenant, **common}}
    if answers.sign_in == "github":
        return comment, {"github": common}
    return comment, {"oidc": {"issuer": answers.sign_in, **common}}
