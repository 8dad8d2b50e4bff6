"""Why a request got no answer, as a clause for a condition: the host and what fails there, which the type of an exception does not say."""

from collections.abc import Iterator

import aiohttp

from notebook_platform.bounded.http import AnswerTooLarge
from notebook_platform.bounded.limits import DocumentRefused

LONGEST_HOST = 253
"""https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4"""

MOST_CAUSES = 10


def why(error: BaseException) -> str:
    """Return why a request got no answer, from an exception of aiohttp, of the Azure SDK or of the Kubernetes client."""
    causes = list(_causes(error))
    for cause in causes:
        if clause := _clause(cause):
            return clause
    return f"no usable answer ({type(causes[-1]).__name__})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception and what has caused it; the Azure SDK keeps the cause in a member."""
    found: BaseException | None = error
    for _ in range(MOST_CAUSES):
        if found is None:
            return
        yield found
        context = None if found.__suppress_context__ else found.__context__
        found = found.__cause__ or getattr(found, "inner_exception", None) or context


def _clause(error: BaseException) -> str | None:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"the name {_host(error.host)} cannot be resolved"
        case aiohttp.ClientConnectorCertificateError():
            words = getattr(error.certificate_error, "verify_message", "") or type(error.certificate_error).__name__
            return f"the certificate of {_host(error.host)} is not accepted: {words}"
        case aiohttp.ClientConnectorSSLError():
            return f"{_host(error.host)} does not speak TLS as expected"
        case aiohttp.ClientConnectorError():
            words = (error.strerror or "").lower()
            refused = isinstance(error.os_error, ConnectionRefusedError)
            return f"{_host(error.host)}:{error.port} " + ("refuses connections" if refused else f"cannot be reached: {words}")
        case aiohttp.ConnectionTimeoutError():
            return "no connection was made in time"
        case TimeoutError():
            return "no answer came in time"
        case AnswerTooLarge():
            return str(error)
        case DocumentRefused():
            return f"the answer cannot be read: {error}"
        case aiohttp.ServerDisconnectedError() | ConnectionResetError() | aiohttp.ClientPayloadError():
            return "the connection ended before the whole answer"
        case _:
            return None


def _host(host: str) -> str:
    return host[:LONGEST_HOST]
