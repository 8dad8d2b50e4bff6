"""Probe of a hub at its endpoint. The address comes from the cluster, so only `safe_http` requests it."""

from aiohttp.abc import AbstractResolver

from notebook_platform.api.reasons import Reason
from notebook_platform.helm.health.issues import HealthIssue
from notebook_platform.hubs.net.public_addresses import SYSTEM, AddressNotAllowed, NameUnknown
from notebook_platform.hubs.net.safe_http import NoAnswer, SafeHttp

SECONDS = 4


async def probe(url: str, path: str, *, allow_private: bool, names: AbstractResolver = SYSTEM) -> tuple[HealthIssue, ...]:
    """GET `path` at `url`. Empty when it answers 200, else what it answers.

    An address that must not be asked, or that is not known here, counts as well: it may be reached by those it is for. `names` finds
    addresses in place of the system.
    """
    try:
        async with SafeHttp(allow_private=allow_private, names=names, seconds=SECONDS) as http:
            answer = await http.get(f"{url}{path}", most=0)
    except (AddressNotAllowed, NameUnknown):
        return ()
    except NoAnswer as why:
        return (HealthIssue(3, Reason.UNREACHABLE, f"{url}{path} does not answer ({why})"),)
    if answer.status == 200 or answer.headers.get("Location", "").startswith("https://"):
        return ()  # a door that sends people on to https answers, too
    return (HealthIssue(3, Reason.UNHEALTHY, f"{url}{path} answers {answer.status}"),)
