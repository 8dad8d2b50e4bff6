"""`notebook-platform init`: write a first platform.yaml from at most eight answers and from what Azure offers."""

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from notebook_platform.api.cluster import OFFICIAL
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.arm.answer import document_of
from notebook_platform.azure.arm.credentials import sign_in
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.session import AzureSession
from notebook_platform.azure.arm.session_pool import SessionPool
from notebook_platform.azure.checks.permissions import SUBSCRIPTIONS_API
from notebook_platform.azure.checks.region import locations, version_offers
from notebook_platform.azure.checks.vm_sizes import sizes_of
from notebook_platform.azure.scope import AzureScope
from notebook_platform.bounded.local import read_local_yaml
from notebook_platform.cli import program
from notebook_platform.cli.azure_command import run_azure_command
from notebook_platform.cli.doctor import blocking, print_findings, run_checks
from notebook_platform.cli.flags import ANSWERS, FIRST_NAMESPACE
from notebook_platform.cli.init_document import ISSUER, SIGN_INS, TRIAL, Answers, NotOffered, Offers, document
from notebook_platform.cli.logs import configure
from notebook_platform.cli.management import UsageError, context_namespace
from notebook_platform.cli.operator_config import configuration
from notebook_platform.cli.output import Output, show
from notebook_platform.cli.questions import Question, answer, one_of
from notebook_platform.cli.target_platform import NOT_APPLIED, FileSecrets, TargetPlatform
from notebook_platform.clients import SharedClients
from notebook_platform.cloud_choice import cloud_of
from notebook_platform.kube.secrets import Platform

NAME = re.compile(r"[a-z]([-a-z0-9]{0,30}[a-z0-9])?")
"""Fits a Kubernetes object, a resource group, a managed cluster and a DNS label of Azure at once."""

NO_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
MOST_PEOPLE = 10_000


def init(options: argparse.Namespace) -> int:
    """Write the file and check it as doctor does; return the exit code: 0 when nothing blocks."""
    return run_azure_command("init", _init(options))


async def _init(options: argparse.Namespace) -> int:
    check_output(options.output, replace=options.force)
    options.namespace = options.namespace or context_namespace(FIRST_NAMESPACE)
    chosen = configuration()
    configure("text", "ERROR")
    platform = Platform(namespace=options.namespace, name="init", uid=NOT_APPLIED)
    secrets = FileSecrets(None, platform, [])
    subscription, tenant = await _subscription(options, SessionPool(cloud_of(chosen)), secrets)
    shared = SharedClients(chosen, is_operator=False)
    try:
        text = await _document(options, shared, secrets, subscription, tenant)
        options.output.write_text(text, encoding="utf-8")
        (body,) = read_local_yaml(text)
        return await _checked(options, shared, secrets, body)
    finally:
        await shared.close()


def check_output(path: Path, *, replace: bool) -> None:
    """Check before the first question that the file can be written. Raises UsageError."""
    if path.exists() and not replace:
        raise UsageError(f"{path} exists; choose another --output, or add --force")
    if not path.parent.is_dir():
        raise UsageError(f"the directory {path.parent} does not exist; create it, or choose another --output")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError(f"{path} cannot be written; choose another --output")


async def _subscription(options: argparse.Namespace, sessions: SessionPool, secrets: FileSecrets) -> tuple[str, str]:
    """Return the id of the chosen subscription and of its tenant. Raises UsageError, StepError."""
    try:
        signed_in = sessions.of(await sign_in(None, sessions.cloud, secrets), NO_SUBSCRIPTION)
        listed = await _subscriptions(signed_in.session)
    finally:
        await sessions.close()
    if not listed:
        raise UsageError(
            "this account has access to no subscription; sign in with `az login`, or set AZURE_CLIENT_ID and its secret"
        )
    shown = [f"{id_} ({one.get('displayName', '')})" for id_, one in listed.items()]
    question = Question(
        flag="subscription",
        text="Subscription",
        default=next(iter(listed)),
        offers=shown if len(listed) > 1 else (),
        problem=one_of(list(listed), "a subscription that you can read"),
    )
    chosen = await answer(question, options)
    return chosen, str(listed[chosen].get("tenantId", ""))


async def _subscriptions(session: AzureSession) -> dict[str, dict[str, Any]]:
    """Return the subscriptions that accept requests, by id
    (https://learn.microsoft.com/rest/api/resources/subscriptions/list)."""
    async with azure_errors("the list of subscriptions"):
        found = document_of(await session.send("GET", "/subscriptions", api_version=SUBSCRIPTIONS_API)).get("value") or ()
    return {str(one["subscriptionId"]): one for one in found if one.get("state", "Enabled") == "Enabled"}


async def _document(
    options: argparse.Namespace, shared: SharedClients, secrets: FileSecrets, subscription: str, tenant: str
) -> str:
    """Ask the remaining questions and return the YAML. Raises UsageError, StepError."""
    scope = await _scope(shared, secrets, subscription, "westeurope")
    regions = sorted(await locations(scope, True))
    location = await answer(
        Question(
            flag="location",
            text="Region",
            default=_nearby(regions),
            offers=regions,
            problem=one_of(regions, "a region of the subscription"),
        ),
        options,
    )
    scope = await _scope(shared, secrets, subscription, location)
    name = await answer(Question(flag="name", text="Name", default="hub", problem=_name_problem), options)
    people = await answer(Question(flag="people", text="Users at the same time", default="30", problem=_people_problem), options)
    sign = await answer(
        Question(flag="sign-in", text=f"Sign-in ({ANSWERS['sign-in']})", default=TRIAL, problem=_sign_in_problem), options
    )
    client_id, administrator, contact = ("", "", "") if sign == TRIAL else await _sign_in(options)
    answers = Answers(
        subscription=subscription,
        location=location,
        name=name,
        people=int(people),
        sign_in=sign,
        client_id=client_id,
        administrator=administrator,
        contact=contact,
    )
    versions = [offer.version for offer in await version_offers(scope, True) if OFFICIAL in offer.plans and not offer.preview]
    offers = Offers(tenant=tenant, versions=versions, sizes=await sizes_of(scope, True))
    try:
        return document(answers, offers, options.namespace, options.credentials_secret)
    except NotOffered as nothing:
        raise UsageError(f"{location} offers {nothing}; choose another --location") from None
    except ValueError as wrong:
        raise UsageError(str(wrong)) from None


async def _sign_in(options: argparse.Namespace) -> tuple[str, str, str]:
    """Ask for the client id, the administrator's user name, and the contact for certificates if that name is no address."""
    client_id = await answer(Question(flag="client-id", text="Client id at the provider"), options)
    administrator = await answer(Question(flag="administrator", text="User name of the administrator"), options)
    if "@" in administrator:
        return client_id, administrator, ""
    contact = Question(flag="contact", text="E-mail address for Let's Encrypt", problem=_email_problem)
    return client_id, administrator, await answer(contact, options)


async def _scope(shared: SharedClients, secrets: FileSecrets, subscription: str, location: str) -> AzureScope:
    """Return a scope that asks Azure what the subscription and the region offer. Raises StepError."""
    azure = {"subscriptionId": subscription, "location": location, "resourceGroup": "init"}
    pools = [{"name": "system", "mode": "System", "vmSize": "Standard_D2s_v5", "count": 1}]
    cluster = {"name": "init", "kubernetesVersion": "1.35"}
    spec = NotebookPlatformSpec.model_validate({"azure": azure, "cluster": cluster, "nodePools": pools})
    return await shared.azure(secrets.platform, spec, secrets, planning=True)


async def _checked(options: argparse.Namespace, shared: SharedClients, secrets: FileSecrets, body: Any) -> int:
    """Print the findings of doctor on the file, and what to do next. Returns the exit code."""
    spec = NotebookPlatformSpec.model_validate(body["spec"])
    signed_in = spec.model_copy(update={"azure": spec.azure.model_copy(update={"credentials": None})})
    platform = Platform(namespace=options.namespace, name=body["metadata"]["name"], uid=NOT_APPLIED)
    chosen = TargetPlatform(platform=platform, spec=signed_in, secrets=secrets, shared=shared)
    found = [named async for named in run_checks(chosen)]
    print_findings(Output(), found)
    show(f"Written to {options.output}. {_sign_in_of(options)}")
    show(f"Next: {program()} plan -f {options.output}, then kubectl apply -f {options.output}")
    return int(blocking(found) > 0)


def _sign_in_of(options: argparse.Namespace) -> str:
    """Return what the operator signs in with. The checks sign in as the user of the command, so they cannot find that it is missing."""
    if not options.credentials_secret:
        return (
            "The operator signs in with its own identity, which an administrator has to allow in its configuration (identities)."
        )
    keys = " ".join(f"--from-literal={key}=..." for key in ("tenantId", "clientId", "clientSecret"))
    create = f"kubectl create secret generic {options.credentials_secret} -n {options.namespace} {keys}"
    return f"The operator signs in with a Secret; if it does not exist yet: {create}"


def _nearby(regions: Sequence[str]) -> str:
    return "westeurope" if "westeurope" in regions else next(iter(regions), "")


def _name_problem(given: str) -> str:
    return "" if NAME.fullmatch(given) else "use at most 32 lower-case letters, digits and -, with a letter first"


def _people_problem(given: str) -> str:
    return "" if given.isdecimal() and 1 <= int(given) <= MOST_PEOPLE else f"use a number from 1 to {MOST_PEOPLE}"


def _sign_in_problem(given: str) -> str:
    return "" if given in SIGN_INS or ISSUER.fullmatch(given) else f"use {ANSWERS['sign-in']}"


def _email_problem(given: str) -> str:
    return "" if re.fullmatch(r"[^@\s]+@[^@\s]+", given) else "use an e-mail address"
