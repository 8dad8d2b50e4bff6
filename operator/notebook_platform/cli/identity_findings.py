"""What doctor cannot check: whether the operator may use the shared identity that a platform selects. Pure."""

from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.arm.grants import REASON, allowed, shared_identity
from notebook_platform.azure.checks import Finding
from notebook_platform.azure.cluster_body import default_node_group
from notebook_platform.engine import Failed


def identity_findings(spec: NotebookPlatformSpec, namespace: str) -> list[Finding]:
    """Return a warning for a platform without credentials of its own, with the entry that its identity needs in the allow-list.

    The operator's configuration has the allow-list; authors of platforms cannot read it.
    """
    identity = shared_identity(spec.azure.credentials)
    refused = allowed((), namespace, spec, spec.cluster.node_resource_group or default_node_group(spec))
    if identity is None or not isinstance(refused, Failed):
        return []
    sentence = f"{identity.words}; only an administrator can see whether the operator's configuration allows it"
    return [Finding(sentence=sentence, reason=REASON, remedy=refused.remedy, blocks=False)]
