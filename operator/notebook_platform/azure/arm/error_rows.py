"""Define the form of one meaning of an error of Azure, and the meanings that several codes share.

`retry_in` is in seconds; None: no retry helps until a user acts. `{field}` in a remedy is the member of the spec that the step
reconciles. `error_table.py` and `aks_error_table.py` list the codes, `sign_in_table.py` those of Entra ID.
"""

from dataclasses import dataclass, replace

from notebook_platform.api.reasons import AnyReason, Reason


@dataclass(frozen=True, kw_only=True)
class Row:
    """One meaning of a code.

    `contains`: only if the message has this text. `field`: the field to name instead of the step's. `tries`: after so many failures in
    a row a user has to act. `growth`: by what each wait is multiplied. `vague`: the code says little, and one inside its details or its
    text says more.
    """

    reason: AnyReason
    remedy: str
    retry_in: float | None = None
    growth: float = 2.0
    contains: str | None = None
    field: str | None = None
    tries: int | None = None
    vague: bool = False


BUSY = "The operator retries when the other operation has ended."
LATER = "The operator retries."

BUSY_ROW = Row(reason=Reason.ANOTHER_OPERATION_IN_PROGRESS, retry_in=10, remedy=BUSY)
THROTTLED = Row(reason=Reason.THROTTLED, retry_in=30, remedy="The operator retries when Azure's rate limit allows it.")
UNAVAILABLE = Row(reason=Reason.AZURE_UNAVAILABLE, retry_in=15, remedy=LATER)
REPLICATING = Row(
    reason=Reason.PRINCIPAL_REPLICATING,
    retry_in=0.5,
    growth=1.5,
    remedy="The operator retries. A new principal takes up to a minute to replicate.",
)
SUBNET = Row(
    reason=Reason.SUBNET_TOO_SMALL,
    remedy="Give spec.network.subnet.addressPrefix more addresses, or use fewer nodes or pods a node.",
)
QUOTA = Row(
    reason=Reason.QUOTA_EXCEEDED,
    retry_in=300,
    tries=3,
    remedy="Request more quota in the region (portal: Quotas; `az vm list-usage --location REGION` shows the limits), or use smaller or fewer "
    "nodes in {field}.",
)
ADDRESS_QUOTA = replace(
    QUOTA,
    remedy="Request more public IP addresses in the region (portal: Quotas; `az network list-usages --location REGION` shows the limit), or "
    "delete addresses that no resource uses.",
)
VERSION = Row(
    reason=Reason.VERSION_NOT_OFFERED,
    remedy="Set spec.cluster.kubernetesVersion to a version that `az aks get-versions --location REGION` lists.",
)
PERMISSION = Row(
    reason=Reason.PERMISSION_MISSING,
    retry_in=60,
    tries=5,
    remedy="Give the principal of spec.azure.credentials, or the cluster's identity where Azure's message names that one, a role with the "
    "action on that scope (`az role assignment create`). New roles take minutes to become effective.",
)
SUBSCRIPTION_OFF = Row(
    reason=Reason.SUBSCRIPTION_DISABLED,
    remedy="Enable the subscription of spec.azure.subscriptionId again (billing). Azure refuses writes until then.",
)
IMMUTABLE = Row(reason=Reason.IMMUTABLE_FIELD, remedy="Restore the previous value, or create a new platform with the new one.")
SIZE = Row(
    reason=Reason.VM_SIZE_NOT_AVAILABLE,
    remedy="Choose a vmSize that `az vm list-skus --location REGION --resource-type virtualMachines` lists without a restriction.",
)
SERVICE_CIDR = Row(
    reason=Reason.SERVICE_CIDR_OVERLAPS,
    remedy="The range cannot change: delete this platform and create one with a spec.cluster.network.serviceCidr that overlaps no "
    "subnet of the network.",
)
INVALID = Row(reason=Reason.INVALID_PARAMETER, remedy="Correct {field} as Azure's message describes.")
INVALID_HERE = replace(INVALID, vague=True)
FAILED = Row(reason=Reason.OPERATION_FAILED, retry_in=30, tries=5, vague=True, remedy=LATER)
CAPACITY = Row(
    reason=Reason.NO_CAPACITY,
    retry_in=300,
    remedy="The operator retries. Azure has no free capacity of this size in the region or zone.",
)
SUBNET_UNFIT = Row(
    reason=Reason.SUBNET_INVALID,
    remedy="Choose a spec.network.subnet that no other service holds: no delegation, no resources of another owner.",
)
LOCATION = Row(
    reason=Reason.LOCATION_NOT_OFFERED,
    field="spec.azure.location",
    remedy="The location cannot change: delete this platform and create one with a spec.azure.location that "
    "`az account list-locations` lists and the subscription may use.",
)
NO_MONITOR_WORKSPACE = Row(
    reason=Reason.LOCATION_NOT_OFFERED,
    contains="microsoft.monitor/accounts",
    field="spec.monitoring",
    remedy="Set spec.monitoring.workspaceId to an Azure Monitor workspace in a region that Azure's message lists: it may be in another "
    "region than the cluster.",
)
NETWORK_BUSY = Row(reason=Reason.NETWORK_IN_USE, retry_in=20, remedy="The operator retries. A resource still uses the network.")
