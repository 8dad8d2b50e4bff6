"""The request by which `plan -f` and `doctor -f` let the API server apply a file in a dry run. Pure.

What an apply removes depends on who applied before: server-side apply removes what the same field manager owns and no longer sends;
`kubectl apply` on the client's side removes what its annotation has and the file has not. A dry run in another name would keep the member
or pool that is taken out of the file, and the plan would not show its removal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from notebook_platform.bounded.documents import DocumentRefused, parse_json

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""https://kubernetes.io/docs/tasks/manage-kubernetes-objects/declarative-config/#merge-patch-calculation"""

OWN = "notebook-platform-plan"
SERVER_SIDE, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"


@dataclass(frozen=True, kw_only=True)
class ApplyRequest:
    """A PATCH: its body, its content type, and the field manager."""

    body: Mapping[str, Any]
    content_type: str = SERVER_SIDE
    manager: str = OWN

    @property
    def force(self) -> bool | None:
        """Return whether conflicts are overridden, which only server-side apply knows."""
        return True if self.content_type == SERVER_SIDE else None


def apply_request(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> ApplyRequest:
    """Return how a file's object is applied to the live one, which is empty when it does not exist yet."""
    body = {key: value for key, value in wanted.items() if key != "status"}
    if manager := _applier(live):
        return ApplyRequest(body=body, manager=manager)
    if (before := _last_applied(live)) is not None:
        return ApplyRequest(body=_merge_patch(before, body), content_type=MERGE)
    return ApplyRequest(body=body)


def _applier(live: Mapping[str, Any]) -> str:
    """Return the field manager that applied the spec on the server's side; empty: none did."""
    entries = live.get("metadata", {}).get("managedFields") or ()
    found = [e["manager"] for e in entries if e.get("operation") == "Apply" and "f:spec" in (e.get("fieldsV1") or {})]
    return str(found[0]) if found else ""


def _last_applied(live: Mapping[str, Any]) -> Mapping[str, Any] | None:
    text = (live.get("metadata", {}).get("annotations") or {}).get(LAST_APPLIED)
    try:
        found = parse_json(text) if text else None
    except DocumentRefused:
        return None
    return {"spec": found.get("spec") or {}} if isinstance(found, Mapping) else None


def _merge_patch(before: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch that sets what is wanted and removes what was applied before and is wanted no longer."""
    patch: dict[str, Any] = dict.fromkeys(key for key in before if key not in wanted)
    for key, value in wanted.items():
        earlier = before.get(key)
        patch[key] = _merge_patch(earlier if isinstance(earlier, Mapping) else {}, value) if isinstance(value, Mapping) else value
    return patch
