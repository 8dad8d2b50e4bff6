"""Which paths may be asked of Azure. Every request passes here twice: a path of ours is quoted segment by segment when it is made,
and the address that is about to be sent is checked by the session's policy, whoever made it (our code, an SDK client, a nextLink or
an operation's address of Azure's answer, a Secret).

The transport normalises addresses: it resolves `..`, and a `?` or `#` in a name ends the path. A name that holds one of them would
turn a request at one resource into a request at another, so none of it is sent. Pure.
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
"""A segment: printable ASCII without / \\ ? # % ; < > & * | and quotes, not beginning or ending with a space or a period."""

SCOPE: ContextVar[Scope | None] = ContextVar("scope", default=None)
"""Where the platform of this pass may use its shared identity; None: it signs in with credentials of its author's own."""

ACTIONS = re.compile(
    r"/subscriptions/[^/]+/providers/("
    r"[^/]+/register|microsoft\.features/providers/[^/]+/features/[^/]+/register|"
    r"microsoft\.containerregistry/checknameavailability)"
)
"""Writes in a subscription, outside all resource groups, that the operator makes: none of them changes anybody's resource."""


def _refused(what: str) -> StepError:
    return StepError(
        REASON,
        f"{what} is not a path that Azure Resource Manager or Microsoft Graph can have; no request was sent",
        "Correct the ids and names in the spec and in the Secrets it names: each part of an id is a plain name.",
    )


def _shown(text: str) -> str:
    """A text from outside in a form that can stand in a message: bounded, with no control characters."""
    return ascii(text[:200])


def quoted(path: str) -> str:
    """A path that begins with a slash, each segment checked and quoted. Raises StepError (InvalidAzureId)."""
    head, *segments = path.split("/")
    if head or not segments or not all(fits(SEGMENT, segment) for segment in segments):
        raise _refused(_shown(path))
    return "".join(f"/{quote(segment, safe=SAFE)}" for segment in segments)


SAFE = "()'=,$@:!"
"""Left as they are: they have no meaning in a path, and Microsoft Graph's keys are written with them."""


def literal(text: str) -> str:
    """A string in an OData expression or key (https://docs.oasis-open.org/odata/odata/v4.01): quotes in it are doubled."""
    return "'" + text.replace("'", "''") + "'"


def query(params: Mapping[str, str]) -> dict[str, str]:
    """Parameters as they are sent: azure-core joins them unquoted."""
    return {name: quote(value, safe="") for name, value in params.items()}


def guid(text: object, what: str) -> str:
    """An id that must be a GUID, from Azure's answer or a Secret, before it is used in a path or a filter.

    Raises StepError (InvalidAzureId) with a sentence that says what it is, never the value.
    """
    if not isinstance(text, str) or not fits(GUID, text):
        raise StepError(
            REASON,
            f"{what} is not a GUID; it was not used",
            "Nothing can be done in the spec; see what Azure answers there.",
            retry_in=60,
        )
    return text


def same_id(answered: object, asked: str) -> str:
    """The id of what was asked for, in the case that Azure writes it in. Raises StepError (InvalidAzureId) when it is another's."""
    if not isinstance(answered, str) or not answered.isascii() or answered.lower() != asked.lower():
        raise StepError(
            REASON,
            f"Azure answered with another id for {asked}; it was not used",
            "Write the id as `az resource show --ids` prints it.",
            retry_in=60,
        )
    return answered


def check(method: str, url: str, base: str) -> None:
    """Check an address that is about to be asked with a token. `base` is the endpoint the token is for.

    Raises StepError: ForeignAddress for another scheme or host, InvalidAzureId for a path that is none, IdentityNotAllowed for a place
    outside the scope of a shared identity.
    """
    if any(ord(character) <= 32 or ord(character) == 127 for character in url.partition("?")[0]) or not url.isprintable():
        raise _refused(_shown(url.partition("?")[0]))
    given, wanted = urlsplit(url), urlsplit(base)
    if (given.scheme.lower(), given.netloc.lower()) != (wanted.scheme.lower(), wanted.netloc.lower()):
        raise StepError(
            Reason.FOREIGN_ADDRESS,
            "Azure named an address on another host for a page or an operation; no token is sent there",
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
    """Hold a request to the scope of a shared identity: what Resource Manager has in a group, and writes outside of groups."""
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
            "Have an administrator extend the entry under identities in the operator's configuration, or set "
            "spec.azure.credentials to credentials of your own.",
        )
