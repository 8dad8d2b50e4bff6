"""Provide sessions with Azure: the SDK's clients over one transport and one pipeline, in which nothing sleeps.

The SDK's retry policy would sleep for any Retry-After and its registration policy for minutes: steps retry and register.
"""

import logging
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import jwt
from azure.core import AsyncPipelineClient
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import (
    AsyncBearerTokenCredentialPolicy,
    CustomHookPolicy,
    RequestIdPolicy,
    SansIOHTTPPolicy,
    UserAgentPolicy,
)
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.mgmt.core import AsyncARMPipelineClient
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy

from notebook_platform import __version__
from notebook_platform.api.arm_ids import GUID, fits
from notebook_platform.azure.arm.answer import AnswerPolicy, parsed_of
from notebook_platform.azure.arm.cloud import Cloud
from notebook_platform.azure.arm.credentials import SignIn
from notebook_platform.azure.arm.paths import check, query, quoted
from notebook_platform.azure.arm.rate_limit import Buckets, ThrottlePolicy
from notebook_platform.azure.arm.transport import BoundedTransport
from notebook_platform.azure.arm.written import WrittenPaths, is_write
from notebook_platform.engine.outcome import StepError
from notebook_platform.engine.trace import note_request
from notebook_platform.observability.context import CORRELATION, fields
from notebook_platform.observability.labels import RESOURCE_TYPES
from notebook_platform.observability.metrics import AZURE_REQUEST_SECONDS, AZURE_REQUESTS
from notebook_platform.observability.tracing import begin

log = logging.getLogger(__name__)

NO_ANSWER = "none"
"""The code of a request that ended without a response."""

SPAN = "notebook_platform_span"
"""Key of a request's context: its span, None while traces are off."""

STARTED = "notebook_platform_started"
"""Key of a request's context: when it was sent, on the monotonic clock."""

CLIENTS = (
    "resource.resources",
    "resource.subscriptions",
    "resource.features",
    "containerservice",
    "compute",
    "network",
    "msi",
    "monitor",
)


class _Trace(SansIOHTTPPolicy[Any, Any]):
    """Adds the correlation id, counts and logs responses, records what was written, and refuses an address that no token may be
    sent to (`paths.check`)."""

    def __init__(self, base: str, written: WrittenPaths) -> None:
        self._base = base
        self._written = written

    def on_request(self, request: PipelineRequest[Any]) -> None:
        check(request.http_request.method, request.http_request.url, self._base)
        note_request()
        request.http_request.headers["x-ms-correlation-request-id"] = CORRELATION.get() or str(uuid.uuid4())
        request.context[STARTED] = time.monotonic()
        request.context[SPAN] = begin("azure request", method=request.http_request.method)

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        self._record(request)
        _count_request(request, str(response.http_response.status_code))

    def on_exception(self, request: PipelineRequest[Any]) -> None:
        if not isinstance(sys.exception(), StepError | ClientAuthenticationError):  # these end a request before it is sent
            self._record(request)
            _count_request(request, NO_ANSWER)
        elif (traced := request.context.get(SPAN)) is not None:
            traced.end()

    def _record(self, request: PipelineRequest[Any]) -> None:
        method, path = request.http_request.method, urlsplit(request.http_request.url).path
        if is_write(method, path):
            self._written.record(path)


def _count_request(request: PipelineRequest[Any], status: str) -> None:
    """Count one request, and log it at DEBUG: method, path, status, seconds. The query is left out: it may be a signature."""
    started = request.context.get(STARTED)
    if started is None:
        return
    method, path, seconds = request.http_request.method, urlsplit(request.http_request.url).path, time.monotonic() - started
    resource_type = RESOURCE_TYPES.label(path)
    AZURE_REQUESTS.labels(method=method, resource_type=resource_type, code=status).inc()
    AZURE_REQUEST_SECONDS.labels(method=method).observe(seconds)
    if (traced := request.context.get(SPAN)) is not None:
        traced.set(resource_type=resource_type, code=status)
        traced.end()
    if log.isEnabledFor(logging.DEBUG):
        extra = fields(method=method, path=path, status=status, seconds=round(seconds, 3))
        log.debug("%s %s: %s in %.2f s", method, path, status, seconds, extra=extra)


class AzureSession:
    """One credential for one subscription. Clients are created on first use; `close` closes all of them."""

    def __init__(self, cloud: Cloud, sign_in: SignIn, subscription_id: str, buckets: Buckets, written: WrittenPaths) -> None:
        self.cloud = cloud
        self.subscription_id: str = subscription_id
        self.digest = sign_in.digest
        self._principal = sign_in.principal
        self._transport = BoundedTransport(cloud)
        self._credential = sign_in.credential(self._transport)
        self._buckets = buckets
        self._written = written

    def _policies(self, base: str, authentication: Any, *, graph: bool = False) -> list[Any]:
        return [
            RequestIdPolicy(),
            UserAgentPolicy(f"notebook-platform/{__version__}"),
            AnswerPolicy(graph=graph),
            CustomHookPolicy(),
            _Trace(base, self._written),
            ThrottlePolicy(self._buckets, self.subscription_id, self._principal, graph=graph),
            authentication,
        ]

    def _client(self, make: Callable[..., Any], *positional: Any) -> Any:
        base = self.cloud.resource_manager
        authentication = AsyncARMChallengeAuthenticationPolicy(self._credential, self.cloud.management_scope)
        return make(
            self._credential,
            *positional,
            base_url=base,
            credential_scopes=[self.cloud.management_scope],
            policies=self._policies(base, authentication),
            transport=self._transport,
        )

    @cached_property
    def resources(self) -> Any:
        """Resource groups, providers, any resource by id."""
        from azure.mgmt.resource.resources.aio import ResourceManagementClient

        return self._client(ResourceManagementClient, self.subscription_id)

    @cached_property
    def subscriptions(self) -> Any:
        """The subscription itself."""
        from azure.mgmt.resource.subscriptions.aio import SubscriptionClient

        return self._client(SubscriptionClient)

    @cached_property
    def features(self) -> Any:
        """Preview features."""
        from azure.mgmt.resource.features.aio import FeatureClient

        return self._client(FeatureClient, self.subscription_id)

    @cached_property
    def network(self) -> Any:
        """Virtual networks and subnets."""
        from azure.mgmt.network.aio import NetworkManagementClient

        return self._client(NetworkManagementClient, self.subscription_id)

    @cached_property
    def identities(self) -> Any:
        """User-assigned identities."""
        from azure.mgmt.msi.aio import ManagedServiceIdentityClient

        return self._client(ManagedServiceIdentityClient, self.subscription_id)

    @cached_property
    def container_service(self) -> Any:
        """Managed clusters and agent pools."""
        from azure.mgmt.containerservice.aio import ContainerServiceClient

        return self._client(ContainerServiceClient, self.subscription_id)

    @cached_property
    def compute(self) -> Any:
        """Scale sets, VM sizes, quota."""
        from azure.mgmt.compute.aio import ComputeManagementClient

        return self._client(ComputeManagementClient, self.subscription_id)

    @cached_property
    def monitor(self) -> Any:
        """Autoscale settings."""
        from azure.mgmt.monitor.aio import MonitorManagementClient

        return self._client(MonitorManagementClient, self.subscription_id)

    @cached_property
    def _arm(self) -> Any:
        authentication = AsyncARMChallengeAuthenticationPolicy(self._credential, self.cloud.management_scope)
        return AsyncARMPipelineClient(
            base_url=self.cloud.resource_manager,
            policies=self._policies(self.cloud.resource_manager, authentication),
            transport=self._transport,
        )

    @cached_property
    def _graph(self) -> AsyncPipelineClient[Any, Any]:
        authentication = AsyncBearerTokenCredentialPolicy(self._credential, self.cloud.graph_scope)
        return AsyncPipelineClient(
            base_url=self.cloud.graph,
            policies=self._policies(self.cloud.graph, authentication, graph=True),
            transport=self._transport,
        )

    def share_left(self, method: str, url: str) -> float:
        """Return the part that is left of the rate limits that a request to Resource Manager counts in: 0 to 1."""
        return self._buckets.share_left(method, urlsplit(url).path, self.subscription_id, self._principal)

    async def send(
        self,
        method: str,
        path_or_url: str,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        api_version: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send one request to Resource Manager: to an operation's address, or where SDK models drop unknown members.

        A path is plain (its segments are checked and quoted here, it has no query); an address comes from Azure. Returns the
        response. Raises HttpResponseError for a status of 400 and above, StepError for what `paths.check` refuses.
        """
        url = path_or_url if _is_address(path_or_url) else f"{self.cloud.resource_manager}{quoted(path_or_url)}"
        given = query({**(params or {}), **({"api-version": api_version} if api_version else {})})
        return await _sent(self._arm, HttpRequest(method, url, json=json, params=given, headers=dict(headers or {})))

    async def graph(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send one request to Microsoft Graph v1.0; `path` as `/applications`, plain as for `send`, or the address of a further
        page.

        Returns the JSON response, None when it is empty. Raises as `send` does.
        """
        url = path if _is_address(path) else f"{self.cloud.graph}/v1.0{quoted(path)}"
        request = HttpRequest(method, url, json=json, params=query(params or {}), headers=dict(headers or {}))
        response = await _sent(self._graph, request)
        return parsed_of(response)

    async def token(self, scope: str) -> AccessToken:
        """Return a token for another audience. Raises ClientAuthenticationError."""
        return await self._credential.get_token(scope)

    async def object_id(self) -> str | None:
        """Return the object id of the signed-in principal from its token; None when the token has none."""
        token = await self.token(self.cloud.management_scope)
        try:
            claims = jwt.decode(token.token, options={"verify_signature": False})
        except jwt.InvalidTokenError:
            return None
        found = claims.get("oid")
        return found if isinstance(found, str) and fits(GUID, found) else None

    async def close(self) -> None:
        """Close the transport (shared by all clients) and the credential."""
        await self._transport.close()
        await self._credential.close()


def _is_address(text: str) -> bool:
    """Return whether the text is a whole address and not a path, which begins with a slash."""
    return not text.startswith("/") and "://" in text


async def _sent(client: Any, request: HttpRequest) -> AsyncHttpResponse:
    response: AsyncHttpResponse = await client.send_request(request)
    if response.status_code >= 400:
        raise HttpResponseError(response=response)
    return response
