"""A kept connection to an API server.

Tests poll and write with it: a start of kubectl costs a fifth of a second of processor time, a request a hundredth. What kubectl itself
prints, and how it deletes or waits, is tested with kubectl.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import urllib3
import yaml

MANAGER = "kubectl"
"""The field manager of `kubectl apply --server-side`, so that it and these requests own the same fields."""
SECONDS = 30
"""How long a request may take."""


class Refused(RuntimeError):
    """An answer of 400 or more; the message is that of the server's Status."""


@dataclass
class ApiServer:
    """An API server as the user of a kubeconfig reaches it."""

    url: str
    http: urllib3.PoolManager
    places: dict[tuple[str, str], tuple[str, bool]] = field(default_factory=dict)
    """Resource, and whether it is namespaced, by apiVersion and kind."""

    @classmethod
    def of(cls, kubeconfig: Path) -> "ApiServer":
        """Return the server that a kubeconfig with a token names."""
        document = yaml.load(kubeconfig.read_text(), Loader=yaml.CSafeLoader)
        cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        headers = {"Authorization": f"Bearer {user['token']}"}
        return cls(cluster["server"], urllib3.PoolManager(headers=headers, ca_cert_data=authority, timeout=SECONDS))

    def request(self, method: str, path: str, body: Any = None, *, type_: str = "application/json", **query: str) -> Any:
        """Send a request, its body as JSON, and return the answer's JSON. Raises Refused."""
        headers = {**self.http.headers, "Content-Type": type_}
        answer = self.http.request(
            method, self._address(path, query), body=None if body is None else json.dumps(body), headers=headers
        )
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise Refused(_message(answer.data))
        return json.loads(answer.data)

    def _address(self, path: str, query: Mapping[str, str]) -> str:
        return f"{self.url}{path}" + ("?" + "&".join(f"{key}={value}" for key, value in query.items()) if query else "")

    def read(self, path: str) -> Any:
        """Return the object or list; None when it does not exist."""
        answer = self.http.request("GET", f"{self.url}{path}")
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise Refused(_message(answer.data))
        return json.loads(answer.data)

    def delete(self, path: str) -> None:
        """Delete the object and return at once; it may not exist."""
        answer = self.http.request("DELETE", f"{self.url}{path}")
        if answer.status >= HTTPStatus.BAD_REQUEST and answer.status != HTTPStatus.NOT_FOUND:
            raise Refused(_message(answer.data))

    def apply(self, document: Mapping[str, Any], **query: str) -> Any:
        """Apply an object as `kubectl apply --server-side --force-conflicts` does, and return it. Raises Refused."""
        wanted = {"fieldManager": MANAGER, "force": "true", "fieldValidation": "Strict", **query}
        path = f"{self._collection(document)}/{document['metadata']['name']}"
        return self.request("PATCH", path, document, type_="application/apply-patch+yaml", **wanted)

    def create(self, document: Mapping[str, Any], **query: str) -> Any:
        """Create an object, and return it. Raises Refused."""
        return self.request("POST", self._collection(document), document, **{"fieldValidation": "Strict", **query})

    def _collection(self, document: Mapping[str, Any]) -> str:
        version, kind = document["apiVersion"], document["kind"]
        place = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if (version, kind) not in self.places:
            for one in self.request("GET", place)["resources"]:
                if "/" not in one["name"]:
                    self.places[version, one["kind"]] = (one["name"], one["namespaced"])
        resource, namespaced = self.places[version, kind]
        return f"{place}/namespaces/{document['metadata']['namespace']}/{resource}" if namespaced else f"{place}/{resource}"


def _message(answer: bytes) -> str:
    """Return the message of a Status; an answer of another kind as it is."""
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return answer.decode(errors="replace")
