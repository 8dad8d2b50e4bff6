"""Contact with the management cluster's API server: a small request repeated, so that silence is noticed while nothing changes.

A settled fleet sends nothing for minutes, and a broken connection of a watch shows only at its time-out.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kubernetes.aio import client

from notebook_platform.observability.readiness import Contact

log = logging.getLogger(__name__)

EVERY = 15.0
"""Seconds between two requests."""

TIMEOUT = 10.0
"""Seconds for one request."""


@asynccontextmanager
async def contacted(api: client.ApiClient, contact: Contact) -> AsyncIterator[None]:
    """Request the API server's version again and again while the block runs, and record each answer.

    Every account may read /version (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#discovery-roles).
    """

    async def repeat() -> None:
        while True:
            try:
                await client.VersionApi(api).get_code(_request_timeout=TIMEOUT)
                contact.answered()
            except Exception as error:  # whatever it is, the next request may be answered
                log.debug("the API server did not answer: %s", type(error).__name__)
            await asyncio.sleep(EVERY)

    task = asyncio.create_task(repeat(), name="contact with the API server")
    try:
        yield
    finally:
        task.cancel()
