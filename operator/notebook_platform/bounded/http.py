"""Limit the size of HTTP responses from servers of other parties (Azure, workload clusters): a body is read in pieces up to a
limit."""

from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp

MOST = 16 << 20
"""Bytes of one response after decompression. A page of Resource Manager or of a cluster's API has a few megabytes at most."""


class AnswerTooLarge(aiohttp.ClientPayloadError):
    """A response body that exceeds the limit."""


class BoundedResponse(aiohttp.ClientResponse):
    """A response whose `read` raises AnswerTooLarge instead of reading more than `most` bytes. A body that is not read to its end closes the
    connection."""

    most = MOST

    async def read(self) -> bytes:
        """Read the whole body."""
        if self._body is None:
            try:
                self._body = await self._whole()
            except BaseException:
                self.close()
                raise
        return await super().read()

    async def _whole(self) -> bytes:
        pieces: list[bytes] = []
        left = self.most
        async for piece in self.content.iter_any():
            pieces.append(piece)
            left -= len(piece)
            if left < 0:
                raise AnswerTooLarge(f"the answer is larger than {self.most} bytes")
        return b"".join(pieces)


SESSION_OPTIONS: dict[str, Any] = {"response_class": BoundedResponse}
"""Keyword arguments of aiohttp.ClientSession; kubernetes' Configuration takes them as `client_session_kwargs`."""


def proxy_of(scheme: str, host: str) -> str | None:
    """Return the URL of the proxy that the environment names for a host; None: there is none.

    aiohttp's `trust_env` finds it too, but starts two threads for each request, which read the environment and search a `.netrc`.
    """
    proxy = getproxies().get(scheme)
    return None if proxy is None or proxy_bypass(host) else proxy
