"""Repairs of a failed managed cluster: the same body is sent again, a limited number of times.

The count is a tag of the cluster, so it survives the operator. Pure.
"""

import hashlib
import json

from notebook_platform.api.reasons import Reason
from notebook_platform.azure.cluster_body import Wire
from notebook_platform.engine import StepError

REPAIRS = 3
REPAIRS_TAG = "notebookplatform-repairs"
"""`<digest of the body>:<count>`: how often a Failed cluster was sent the same body again."""


def next_repair(name: str, desired: Wire, found: Wire) -> str:
    """Return the tag's value for one more repair of the cluster `name` with this body. Raises StepError (ClusterFailed) after REPAIRS."""
    digest = hashlib.sha256(json.dumps(desired, sort_keys=True).encode()).hexdigest()[:12]
    before, _, count = (found.get("tags") or {}).get(REPAIRS_TAG, "").partition(":")
    done = int(count) if before == digest and count.isdigit() else 0
    if done >= REPAIRS:
        error = found["properties"].get("status", {}).get("provisioningError") or {}
        words = f": {error['message']}" if error.get("message") else ""
        raise StepError(
            Reason.CLUSTER_FAILED,
            f"spec.cluster: Azure left the managed cluster {name!r} {found['properties']['provisioningState']}, "
            f"also after {REPAIRS} repairs{words}",
            "Correct the cause that Azure's earlier Events name, and change the spec or repair the cluster by hand.",
        )
    return f"{digest}:{done + 1}"
