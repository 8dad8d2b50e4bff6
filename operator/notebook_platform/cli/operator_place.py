"""The namespace in which the operator runs, for the commands that read its leases, pods and logs.

The chart installs it into the namespace of its release, so no name is fixed. An administrator may list its Deployment in all namespaces; the
administrator of one namespace may read the RoleBinding by which it serves that one.
"""

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.cli.flags import OPERATOR_NAMESPACE
from notebook_platform.cli.management import NO_ANSWER

OPERATOR = "app.kubernetes.io/name=notebook-platform"
"""Label of the operator's Deployment and pods (deploy/kustomize/base/deployment.yaml)."""

ACCOUNT = "notebook-platform"
"""Name of its ServiceAccount, and of the RoleBinding of each namespace that it serves."""

CALL_SECONDS = 10


async def operator_namespace(api: client.ApiClient, given: str | None, served: str) -> str:
    """Return the operator's namespace: `given`, else what the user may read of it, else the default. `served`: the platform's namespace."""
    return given or await _of_deployment(api) or await _of_binding(api, served) or OPERATOR_NAMESPACE


async def _of_deployment(api: client.ApiClient) -> str:
    """Return the namespace of the only Deployment with the operator's label; empty when there is none, or it may not be listed."""
    try:
        found = await client.AppsV1Api(api).list_deployment_for_all_namespaces(
            label_selector=OPERATOR, limit=2, _request_timeout=CALL_SECONDS
        )
    except (ApiException, *NO_ANSWER):
        return ""
    return str(found.items[0].metadata.namespace) if len(found.items) == 1 else ""


async def _of_binding(api: client.ApiClient, namespace: str) -> str:
    """Return the namespace of the account in the RoleBinding of a served namespace; empty when it cannot be read."""
    try:
        found = await client.RbacAuthorizationV1Api(api).read_namespaced_role_binding(
            ACCOUNT, namespace, _request_timeout=CALL_SECONDS
        )
    except (ApiException, *NO_ANSWER):
        return ""
    accounts = [one for one in found.subjects or () if one.kind == "ServiceAccount" and one.name == ACCOUNT]
    return str(accounts[0].namespace or "") if len(accounts) == 1 else ""
