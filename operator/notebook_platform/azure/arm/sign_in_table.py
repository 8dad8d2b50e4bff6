"""List what each error number of Entra ID means at sign-in: reason, remedy, and when to retry.

Numbers: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from dataclasses import replace

from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.error_rows import Row

SIGN_IN_REFUSED = Row(
    reason=Reason.SIGN_IN_REFUSED, remedy="Correct the credentials as Entra ID's message describes.", retry_in=60, tries=5
)
"""The meaning of any other number."""

FEDERATION = Row(
    reason=Reason.FEDERATION_MISSING,
    remedy="Add a federated credential for the operator's ServiceAccount to the application of {field}. The operator retries.",
    retry_in=15,
    tries=4,
)
"""A new federated credential takes a minute to reach all of Entra ID
(https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations)."""

CERTIFICATE = Row(
    reason=Reason.CERTIFICATE_REFUSED,
    remedy="Upload the certificate to the application (az ad app credential reset --cert), or correct clientCertificate in the Secret.",
    field="spec.azure.credentials.certificateRef",
)
PASSING = Row(reason=Reason.AZURE_UNAVAILABLE, remedy="The operator retries: the failure is within Entra ID.", retry_in=15)

SYNCHRONIZE = "Synchronize the clock of the operator's machine by NTP; `timedatectl` shows its state."

AADSTS: dict[str, Row] = {
    "7000215": Row(
        reason=Reason.WRONG_CREDENTIALS,
        remedy="Put the right clientSecret into the Secret of {field}. The operator reads it at once.",
    ),
    "7000222": Row(
        reason=Reason.CREDENTIALS_EXPIRED,
        remedy="Put a new clientSecret into the Secret of {field}. The operator reads it at once.",
    ),
    "700016": Row(
        reason=Reason.WRONG_CREDENTIALS, remedy="Correct clientId and tenantId of {field}: the tenant has no such application."
    ),
    "90002": Row(reason=Reason.WRONG_CREDENTIALS, remedy="Correct tenantId of {field}: the tenant does not exist."),
    "700027": CERTIFICATE,
    "700024": Row(
        reason=Reason.CLOCK_SKEW,
        remedy=SYNCHRONIZE,
        retry_in=60,
    ),
    **dict.fromkeys(("700213", "70021", "70025"), FEDERATION),
    "7002138": replace(
        FEDERATION,
        remedy="Correct the federated credential of the application: its subject differs from the token's only in letter case.",
    ),
    "700211": replace(
        FEDERATION, remedy="Correct the federated credential of the application: its issuer differs from the token's."
    ),
    "700212": replace(
        FEDERATION, remedy="Correct the federated credential of the application: its audience differs from the token's."
    ),
    "50012": replace(CERTIFICATE, field=None),
    "700030": CERTIFICATE,
    "900023": Row(reason=Reason.WRONG_CREDENTIALS, remedy="Correct tenantId of {field}: it is neither an id nor a domain."),
    "7000112": Row(reason=Reason.WRONG_CREDENTIALS, remedy="Enable the application of {field} again, or use another one."),
    "7000216": Row(reason=Reason.WRONG_CREDENTIALS, remedy="Put a clientSecret into the Secret of {field}: it has none."),
    "53003": Row(
        reason=Reason.SIGN_IN_REFUSED,
        remedy="Exempt the application of {field} from the Conditional Access policy, or let it allow the operator's address.",
    ),
    **dict.fromkeys(("90033", "90055", "90061", "50058", "50196"), PASSING),
    "50034": Row(reason=Reason.WRONG_CREDENTIALS, remedy="Correct the credentials of {field}."),
}

FEDERATED: dict[str, Row] = {
    "700024": Row(
        reason=Reason.FEDERATED_TOKEN_OLD,
        remedy="The operator reads the token file again and retries. If that does not help, restart the operator's pod: kubelet does not "
        "renew the projected token.",
        field="spec.azure.credentials.workloadIdentity",
        retry_in=30,
        tries=4,
    ),
}
"""What a number means that has another cause with a projected token of a ServiceAccount."""
