"""Validate the paths and addresses of requests to Azure. Pure.

Every request is checked twice: a path of the operator is quoted segment by segment when it is built, and the final address is
checked by the session's policy, whatever its origin (the operator's code, an SDK client, a nextLink or operation address in a
response, a Secret). The transport normalises addresses: it resolves `..`, and a `?` or `#` in a name ends the path. A name
with one of them would redirect the request to another resource, so it is not sent.
"""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from urllib.parse import quote, unquote, urlsplit

from notebook_platform.api.arm_ids import GUID, fits
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.grants import Scope
from notebook_platform.engine.outcome import StepError

REASON = Reason.INVALID_AZURE_ID

SEGMENT = r"(?![ .])[-A-Za-z0-9_.~()'=,+@!$: \[\]{}]{1,512}(?<![ .])"
"""A segment: printable ASCII without / \\ ? # % ; < > & *
and quotes, not beginning or ending with a space or a period."""

SCOPE: ContextVar[Scope | None] = ContextVar("scope", default=None)
"""Where the platform of this reconcile may use its shared identity; None: it uses credentials of its author."""

ACTIONS = re.compile(
    r"/subscriptions/[^/]+/providers/("
    r"[^/]+/register|microsoft\.features/providers/[^/]+/features/[^/]+/register|"
    r"microsoft\.containerregistry/checknameavailability)"
)
"""Writes in a subscription, outside all resource groups, that the operator makes: none changes a resource of another owner."""


def _refused(what: str) -> StepError:
    return StepError(
        REASON,
        f"{what} is not a path that Azure Resource Manager or Microsoft Graph can have; no request was sent",
        "Correct the ids and names in the spec and in its Secrets: each part of an id has to be a plain name.",
    )


def _shown(text: str) -> str:
    """Return text from outside in a form that is safe in a message: bounded, without control characters."""
    return ascii(text[:200])


def quoted(path: str) -> str:
    """Return a path that begins with a slash, each segment checked and quoted. Raises StepError (InvalidAzureId)."""
    head, *segments = path.split("/")
    if head or not segments or not all(fits(SEGMENT, segment) for segment in segments):
        raise _refused(_shown(path))
    return "".join(f"/{quote(segment, safe=SAFE)}" for segment in segments)


SAFE = "()'=,$@:!"
"""Left unquoted: they have no meaning in a path, and Microsoft Graph's keys are written with them."""


def literal(text: str) -> str:
    """Return a string for an OData expression or key (https://docs.oasis-open.org/odata/odata/v4.01), its quotes doubled."""
    return "'" + text.replace("'", "''") + "'"


def query(params: Mapping[str, str]) -> dict[str, str]:
    """Return parameters quoted for sending: azure-core joins them unquoted."""
    return {name: quote(value, safe="") for name, value in params.items()}


def guid(text: object, what: str) -> str:
    """Return an id that must be a GUID, from an Azure response or a Secret, before it is used in a path or a filter.

    Raises StepError (InvalidAzureId) with a sentence that names what it is, never the value.
    """
    if not isinstance(text, str) or not fits(GUID, text):
        raise StepError(
            REASON,
            f"{what} is not a GUID; it was not used",
            "Check Azure's response; no change of the spec helps.",
            retry_in=60,
        )
    return text


def same_id(answered: object, asked: str) -> str:
    """Return the id of the requested resource, in Azure's case. Raises StepError (InvalidAzureId) when Azure answered for
    another one."""
    if not isinstance(answered, str) or not answered.isascii() or answered.lower() != asked.lower():
        raise StepError(
            REASON,
            f"Azure returned another id for {asked}; it was not used",
            "Write the id as `az resource show --ids` prints it.",
            retry_in=60,
        )
    return answered


def check(method: str, url: str, base: str) -> None:
    """Check the address of a request with a token before it is sent. `base` is the endpoint that the token is for.

    Raises StepError: ForeignAddress for another scheme or host, InvalidAzureId for a malformed path, IdentityNotAllowed for
    an address outside the scope of a shared identity.
    """
    if any(ord(character) <= 32 or ord(character) == 127 for character in url.partition("?")[0]) or not url.isprintable():
        raise _refused(_shown(url.partition("?")[0]))
    given, wanted = urlsplit(url), urlsplit(base)
    if (given.scheme.lower(), given.netloc.lower()) != (wanted.scheme.lower(), wanted.netloc.lower()):
        raise StepError(
            Reason.FOREIGN_ADDRESS,
            "Azure returned a URL on another host for a page or an operation; the operator sends no token there",
            "Check the operator's configuration of the cloud's endpoints.",
            retry_in=60,
        )
    path = given.path[len(wanted.path.rstrip("/")) :]
    segments = path.split("/")[1:]
    plain = [unquote(segment, errors="strict") if segment.isascii() else "" for segment in segments]
    if "#" in url or not plain or not all(fits(SEGMENT, segment) for segment in plain):
        raise _refused(_shown(path))
    if (scope := SCOPE.get()) is not None:
        _check_scope(method, "/" + "/".join(plain).lower(), scope)


def _check_scope(method: str, path: str, scope: Scope) -> None:
    """Refuse a request outside the scope of a shared identity: resources in a group, and writes outside of groups."""
    parts = path.split("/")
    if parts[1] != "subscriptions" or len(parts) < 3:
        inside = parts[1] != "providers"  # Microsoft Graph; nothing of Resource Manager is asked at the tenant
    elif len(parts) > 4 and parts[3] == "resourcegroups":
        inside = scope.covers(parts[2], parts[4])
    else:
        inside = scope.knows(parts[2]) and (method in ("GET", "HEAD") or ACTIONS.fullmatch(path) is not None)
    if not inside:
        raise StepError(
            Reason.IDENTITY_NOT_ALLOWED,
            f"{method} {_shown(path)} lies outside the subscriptions and resource groups in which the operator's configuration lets "
            "this namespace use the identity of spec.azure.credentials; no request was sent",
            "Ask an administrator to extend the entry under identities in the operator's configuration, or set "
            "spec.azure.credentials to credentials of your own.",
        )
