"""Parse and render kubeconfigs strictly.

A kubeconfig can run programs, read files and send credentials elsewhere; the operator needs five facts. `parse_kubeconfig` takes
those facts (server, CA, certificate, key, token) and refuses every other feature of a kubeconfig. `ClusterAccess.kubeconfig` and
`kubelogin_kubeconfig` render new documents; text from outside is never passed on. Pure.

https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from notebook_platform.api.reasons import Reason
from notebook_platform.bounded.documents import Budget, DocumentRefused, parse_yaml
from notebook_platform.bounded.writer import write_yaml
from notebook_platform.engine.outcome import StepError

FIELD = "spec.cluster"
BUDGET = Budget(bytes=256 * 1024, nodes=2000, depth=10)

AKS_SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""Application id of AKS's API servers in every tenant; their tokens are issued for it."""
AKS_CLIENT = "80faf920-1908-4b52-b5ef-a8e7bedfc67a"
"""Application id with which kubelogin signs users in (https://azure.github.io/kubelogin/concepts/aks.html)."""

TOP = frozenset({"apiVersion", "kind", "clusters", "users", "contexts", "current-context", "preferences", "extensions"})
CLUSTER = frozenset({"server", "certificate-authority-data", "disable-compression", "extensions"})
USER = frozenset({"client-certificate-data", "client-key-data", "token", "extensions"})
CONTEXT = frozenset({"cluster", "user", "namespace", "extensions"})
"""Members that are allowed. Those without a use here (preferences, extensions, namespace, compression) have no effect either."""

PLACEHOLDER = "base64"
"""Stands for the text of a `-data` member while a kubeconfig is written."""

MEMBER = re.compile(r"[A-Za-z][A-Za-z-]{0,39}")
SERVER = re.compile(r"https://[A-Za-z0-9.:\[\]-]{1,280}/?")
TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
CERTIFICATES = re.compile(r"(-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+")
KEY = re.compile(r"-----BEGIN (RSA |EC )?PRIVATE KEY-----[A-Za-z0-9+/=\s]+-----END (RSA |EC )?PRIVATE KEY-----\s*")


@dataclass(frozen=True, kw_only=True)
class ClusterAddress:
    """The address of the API server (`server`, an https URL) and the CA certificates (PEM) that verify it; empty: the
    system's."""

    server: str
    ca_data: str = ""


@dataclass(frozen=True, kw_only=True)
class ClusterAccess(ClusterAddress):
    """An address and the credential for it: a client certificate with its key (PEM), or a bearer token, or both.

    `expires` is when the token ends, in Unix time; None: no known end. `stored`: an earlier process has kept it, so that it may be outdated.
    """

    client_certificate: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    expires: float | None = None
    stored: bool = field(default=False, compare=False)

    @property
    def has_credential(self) -> bool:
        """Return whether it has a token or a certificate, and no half of a certificate with its key."""
        return bool(self.client_certificate) == bool(self.client_key) and bool(self.token or self.client_key)

    @property
    def secrets(self) -> Mapping[str, str]:
        """Return the values that must never be shown."""
        return {"token": self.token, "key": self.client_key}

    def kubeconfig(self, cluster: str = "workload", user: str = "admin") -> str:
        """Render a kubeconfig of these facts and nothing else. The same facts give the same text."""
        parts = {
            "client-certificate-data": _encoded(self.client_certificate),
            "client-key-data": _encoded(self.client_key),
            "token": self.token,
        }
        return _rendered(self, {key: value for key, value in parts.items() if value}, cluster, user)


def kubelogin_kubeconfig(
    address: ClusterAddress, *, environment: str, tenant_id: str | None, cluster: str = "workload", user: str = "user"
) -> str:
    """Render a kubeconfig that holds no credential: kubelogin signs its user in to Entra ID.

    Args:
        environment: kubelogin's name of the cloud, as `AzurePublicCloud`.
        tenant_id: the cluster's tenant; without one kubelogin uses the Azure CLI's sign-in, which needs none.

    https://learn.microsoft.com/azure/aks/kubelogin-authentication
    """
    login = (
        ["--client-id", AKS_CLIENT, "--tenant-id", tenant_id, "--login", "devicecode"] if tenant_id else ["--login", "azurecli"]
    )
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "kubelogin",
        "args": ["get-token", "--environment", environment, "--server-id", AKS_SERVER, *login],
        "interactiveMode": "IfAvailable",
        "provideClusterInfo": False,
        "installHint": "Install kubelogin: https://azure.github.io/kubelogin/install.html",
    }
    return _rendered(address, {"exec": plugin}, cluster, user)


def parse_kubeconfig(text: str | bytes) -> ClusterAccess:
    """Return server, CA and credential of the current context.

    Raises StepError (KubeconfigRefused) for anything but inline data, in any of the document's clusters, users and contexts.
    """
    document, context, address = _current(text)
    found: dict[str, ClusterAccess] = {}
    for path, name, user in _entries(document, "users", "user"):
        _only(USER, user, path)
        found[name] = ClusterAccess(
            server=address.server,
            ca_data=address.ca_data,
            client_certificate=_pem(user, "client-certificate-data", path, CERTIFICATES),
            client_key=_pem(user, "client-key-data", path, KEY),
            token=_token(user, path),
        )
    access = found.get(context["user"])
    if access is None:
        raise _refusal("the user of the current context is missing")
    if not access.has_credential:
        raise _refusal("the current user has neither a token nor a client certificate with its key")
    return access


def is_usable(access: ClusterAccess, *, local_accounts: bool) -> bool:
    """Return whether stored access is what `parse_kubeconfig` could have returned: `local_accounts` with a credential, else an address."""
    certificates = (access.ca_data, access.client_certificate)
    return (
        sum(map(len, (access.server, *certificates, access.client_key, access.token))) < BUDGET.bytes
        and bool(SERVER.fullmatch(access.server))
        and _has_host(access.server)
        and all(not text or CERTIFICATES.fullmatch(text.lstrip()) for text in certificates)
        and (not access.client_key or KEY.fullmatch(access.client_key.lstrip()) is not None)
        and (not access.token or TOKEN.fullmatch(access.token) is not None)
        and (access.has_credential if local_accounts else not (access.client_certificate or access.client_key or access.token))
    )


def parse_address(text: str | bytes) -> ClusterAddress:
    """Return server and CA of the current context; users are not read, since the caller has its own credential. Raises
    StepError."""
    return _current(text)[2]


def _current(text: str | bytes) -> tuple[Mapping[str, Any], Mapping[str, Any], ClusterAddress]:
    try:
        document = parse_yaml(text, BUDGET)
    except DocumentRefused as error:
        raise _refusal(f"it cannot be read: {error}") from None
    if not isinstance(document, dict):
        raise _refusal("it is not a mapping")
    _only(TOP, document, "")
    contexts: dict[str, Mapping[str, Any]] = {}
    for path, name, context in _entries(document, "contexts", "context"):
        _only(CONTEXT, context, path)
        contexts[name] = context
    addresses = {name: _address(path, cluster) for path, name, cluster in _entries(document, "clusters", "cluster")}
    chosen = document.get("current-context")
    current = contexts.get(chosen) if isinstance(chosen, str) else None
    if current is None:
        raise _refusal("current-context names no context")
    address = addresses.get(current["cluster"]) if isinstance(current.get("cluster"), str) else None
    if address is None or not isinstance(current.get("user"), str):
        raise _refusal("the cluster or the user of the current context is missing")
    return document, current, address


def _entries(document: Mapping[str, Any], plural: str, singular: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield (path, name, content) of each entry of a list. Raises StepError for other shapes and for a duplicate name."""
    entries = document.get(plural)
    if not isinstance(entries, Sequence) or isinstance(entries, str | bytes):
        raise _refusal(f"{plural} is not a list")
    known: set[str] = set()
    for place, entry in enumerate(entries):
        path = f"{plural}[{place}]"
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not isinstance(entry.get(singular), dict):
            raise _refusal(f"{path} lacks name or {singular}")
        _only(frozenset({"name", singular}), entry, path)
        if entry["name"] in known:
            raise _refusal(f"{path}.name is a duplicate")
        known.add(entry["name"])
        yield f"{path}.{singular}", entry["name"], entry[singular]


def _address(path: str, cluster: Mapping[str, Any]) -> ClusterAddress:
    _only(CLUSTER, cluster, path)
    server = cluster.get("server")
    if not isinstance(server, str) or not SERVER.fullmatch(server) or not _has_host(server):
        raise _refusal(f"{path}.server is not an https address of a host (https://HOST:PORT)")
    return ClusterAddress(server=server, ca_data=_pem(cluster, "certificate-authority-data", path, CERTIFICATES))


def _has_host(server: str) -> bool:
    try:
        parts = urlsplit(server)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _token(user: Mapping[str, Any], path: str) -> str:
    token = user.get("token", "")
    if token != "" and not (isinstance(token, str) and TOKEN.fullmatch(token)):
        raise _refusal(f"{path}.token is not a bearer token")
    return str(token)


def _pem(node: Mapping[str, Any], member: str, path: str, form: re.Pattern[str]) -> str:
    """Return the PEM text in a base64 member; empty when it is absent."""
    value = node.get(member, "")
    if value == "":
        return ""
    try:
        text = base64.b64decode("".join(value.split()), validate=True).decode("ascii")
    except (AttributeError, TypeError, binascii.Error, ValueError):
        raise _refusal(f"{path}.{member} is not base64 of PEM") from None
    if not form.fullmatch(text.lstrip()):
        raise _refusal(f"{path}.{member} is not PEM of the right kind")
    return text


def _only(allowed: frozenset[str], node: Mapping[Any, Any], path: str) -> None:
    """Raise StepError for a member that is not allowed. The message names it if its name has the usual form."""
    for member in node:
        if member not in allowed:
            named = member if isinstance(member, str) and MEMBER.fullmatch(member) else "a member with an unusual name"
            raise _refusal(f"{path}.{named} is not allowed".lstrip("."))


def _refusal(problem: str) -> StepError:
    return StepError(
        Reason.KUBECONFIG_REFUSED,
        f"{FIELD}: the kubeconfig of the managed cluster is refused: {problem}",
        "Provide only an https server, a CA, a client certificate with its key, and a token, each as inline data; "
        "compare with `az aks get-credentials --admin --file -`.",
        retry_in=300,
    )


def _rendered(address: ClusterAddress, user: Mapping[str, Any], cluster: str, name: str) -> str:
    """Write the document. Texts in base64 are put in afterwards: the YAML writer examines each character, and takes 3 ms for them."""
    place = {"server": address.server}
    if address.ca_data:
        place["certificate-authority-data"] = _encoded(address.ca_data)
    texts = {f"{key}: {PLACEHOLDER}": value for part in (place, user) for key, value in part.items() if key.endswith("-data")}
    place, user = (
        {key: PLACEHOLDER if key.endswith("-data") else value for key, value in part.items()} for part in (place, user)
    )
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": place}],
        "users": [{"name": name, "user": dict(user)}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": name}}],
        "current-context": cluster,
    }
    lines = write_yaml(document, width=2**20).split("\n")
    return "\n".join(line.replace(PLACEHOLDER, texts[line.strip()]) if line.strip() in texts else line for line in lines)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
