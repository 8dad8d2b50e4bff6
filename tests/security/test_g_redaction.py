"""Secrets stay out of all that users read, one platform's redaction reveals nothing about another's, and text from outside is
only printed."""

import base64
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from notebook_platform.kube.redaction import MOST_LEAVES

from sandbox.operator_process import azure_credentials
from tests.security.conftest import SUBSCRIPTION, Author, Field, make_author

pytestmark = pytest.mark.attack

HIDDEN = "***"
LEAF = 'k8s\'n "hub" pass/word+99'
PASSWORD = "longpassword-4711"
VALUES = {
    "hub": {
        "config": {"Authenticator": {"phrase": LEAF}},
        "db": {"url": f"postgres://hub:{quote(PASSWORD)}@db/hub"},
        "pin": 73519264,
    },
    "key": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n-----END PRIVATE KEY-----\n",
}
REGISTRY = {"auths": {"acr.example.org": {"auth": base64.b64encode(b"puller:of-the-registry-1").decode()}}}

FORMS = {
    "a value with blanks and quotes": LEAF,
    "a value in JSON": json.dumps(LEAF)[1:-1],
    "a value in Python": repr(LEAF)[1:-1],
    "a value in a URL": quote(LEAF, safe=""),
    "a value in base64": base64.b64encode(LEAF.encode()).decode(),
    "a value inside a longer base64": base64.b64encode(f"xx{LEAF}yy".encode()).decode(),
    "a value in base64 for URLs": base64.urlsafe_b64encode(f"x{LEAF}".encode()).decode(),
    "a number": "73519264",
    "the password of a URL": PASSWORD,
    "a whole URL": f"postgres://hub:{PASSWORD}@db/hub",
    "one line of a key": "BKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
    "the password of a registry": "of-the-registry-1",
    "a beginning that was cut": "a-token-that-is-so-long-that-somebody"[:30],
}
KNOWN = {
    "values.yaml": yaml.safe_dump(VALUES),
    ".dockerconfigjson": json.dumps(REGISTRY),
    "token": "a-token-that-is-so-long-that-somebody-cuts-it-in-two",
}


def credentials(author: Author, **more: str) -> None:
    """Create the author's credentials for Azure, with more keys in the same Secret."""
    author.secret("azure-credentials", **azure_credentials(author.site.environment), **more)


@pytest.fixture
def faults(site: Field) -> Iterator[Field]:
    yield site
    site.control("DELETE", "/faults")


def azure_says(site: Field, platform: dict[str, Any], message: str) -> None:
    """Make Azure refuse the platform's resource group with this message from now on."""
    path = f"resourcegroups/{platform['spec']['azure']['resourceGroup']}$"
    fault = {"method": "PUT", "path": path, "status": 409, "code": "Conflict", "message": message, "count": None}
    site.control("POST", "/faults", fault)


def until_shown(author: Author, name: str) -> dict[str, Any]:
    """Return the object once Azure's refusal is in its conditions and in an Event."""

    def shown() -> dict[str, Any] | None:
        return author.platform(name) if "said by azure" in author.condition(name, "ResourceGroupReady")["message"] else None

    found: dict[str, Any] = author.site.until(f"{name} shows Azure's words", shown)
    author.site.until(f"{name} has an Event with Azure's words", lambda: "said by azure" in events(author))
    return found


def events(author: Author) -> str:
    return author.kubectl("get", "events", "-o", "json")


def command_lines() -> Iterator[str]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                yield Path(entry.path, "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue


def command(author: Author, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the operator with the author's own rights."""
    variables = {**author.site.operator.environment, "KUBECONFIG": str(author.kubeconfig)}
    program = [str(Path(sys.executable).parent / "notebook-platform"), *words]
    return subprocess.run(program, env=variables, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("form", FORMS)
def test_a_leaf_of_a_secret_shows_nowhere_in_any_form(author: Author, faults: Field, form: str) -> None:
    credentials(author, **KNOWN)
    platform = author.runbook("leak")
    azure_says(faults, platform, f"said by azure: <{FORMS[form]}> is what you sent")
    author.apply(platform)
    status = json.dumps(until_shown(author, "leak")["status"], ensure_ascii=False)
    shown = {
        "status": status,
        "events": events(author),
        "log": faults.operator.log.read_text(),
        "metrics": faults.operator.metrics(),
    }
    for place, text in shown.items():
        assert FORMS[form] not in text and json.dumps(FORMS[form])[1:-1] not in text, place
    assert HIDDEN in author.condition("leak", "ResourceGroupReady")["message"]
    assert not any(FORMS[form] in line for line in command_lines())


def test_a_message_that_azure_makes_too_long_is_redacted_before_it_is_cut(author: Author, faults: Field) -> None:
    credentials(author, **KNOWN)
    platform = author.runbook("cut")
    azure_says(faults, platform, "said by azure: " + "x" * 560 + " " + KNOWN["token"] + " and more")
    author.apply(platform)
    status = json.dumps(until_shown(author, "cut")["status"])
    assert "a-token" not in status and "a-token" not in events(author)


def test_another_teams_password_is_no_oracle_in_my_status_and_is_starred_in_the_log(
    author: Author, faults: Field, tmp_path: Path
) -> None:
    password = "victims-password-4711"
    victim = make_author(faults, f"{author.namespace}-victim", tmp_path)
    credentials(victim, theirs=password)
    victim.apply(victim.runbook("owner", suspend=True))
    victim.site.until("the victim's Secret was read", lambda: victim.condition("owner", "CredentialsReady")["status"] == "True")
    guess = author.runbook("guess")
    guess["spec"]["azure"]["credentials"] = {"secretRef": {"name": password}}
    author.apply(guess, author.runbook(password, suspend=True, deletionProtection=False))  # the log names platforms
    message = author.until_reason("guess", "CredentialsReady", "SecretNotFound")["message"]
    assert password in message and HIDDEN not in message
    faults.until("the Event names it", lambda: password in events(author))
    assert HIDDEN not in events(author)
    faults.until("it is kept", lambda: author.condition(password, "CredentialsReady")["status"] == "True")
    author.kubectl("delete", "nbp", password, "--wait=false")
    faults.until("it is gone", lambda: not author.platform(password))
    log = faults.operator.log.read_text()
    assert f"{author.namespace}/{HIDDEN}" in log and password not in log


@pytest.mark.parametrize("words", ["credentials", "Secret", "namespace", "exist", "Create it", "spec.azure"])
def test_an_author_redacts_no_words_in_messages_of_other_platforms(
    author: Author, site: Field, tmp_path: Path, words: str
) -> None:
    credentials(author, b=words)
    author.apply(author.runbook("poison", suspend=True))
    author.site.until("the poison was read", lambda: author.condition("poison", "CredentialsReady")["status"] == "True")
    other = make_author(site, f"{author.namespace}-other", tmp_path)
    platform = other.runbook("plain")
    platform["spec"]["azure"]["credentials"] = {"secretRef": {"name": "missing"}}
    other.apply(platform)
    message = other.until_reason("plain", "CredentialsReady", "SecretNotFound")["message"]
    assert HIDDEN not in message and "names the Secret 'missing', which does not exist in namespace" in message


def test_former_values_of_a_rotated_secret_stay_redacted(author: Author, faults: Field) -> None:
    credentials(author, password="before-the-rotation-1")
    platform = author.runbook("rotated")
    azure_says(faults, platform, "said by azure: before-the-rotation-1 after-the-rotation-2")
    author.apply(platform)
    until_shown(author, "rotated")
    credentials(author, password="after-the-rotation-2")

    def both() -> bool:
        return f"{HIDDEN} {HIDDEN}" in author.condition("rotated", "ResourceGroupReady")["message"]

    faults.until("both are hidden", both)


LARGE = {
    "80,000 lines": "\n".join(f"word-number-{n}" for n in range(80_000))[:900_000],
    "a list of many": json.dumps([f"word-number-{n}" for n in range(18_000)]),
    "a mapping of many": "".join(f"k{n}: word-number-{n}\n" for n in range(8_000)),
}


@pytest.mark.parametrize("value", LARGE.values(), ids=LARGE)
def test_a_secret_of_too_many_values_is_refused_and_delays_no_other_platform(
    author: Author, faults: Field, tmp_path: Path, value: str
) -> None:
    credentials(author, words=value)
    author.apply(author.runbook("large"))
    message = author.until_reason("large", "CredentialsReady", "SecretTooLarge")["message"]
    assert f"more than {MOST_LEAVES} values" in message and "word-number" not in message
    other = make_author(faults, f"{author.namespace}-other", tmp_path)
    platform = other.runbook("quick")
    azure_says(faults, platform, "said by azure: plainly")
    began = time.monotonic()
    other.apply(platform)
    until_shown(other, "quick")
    assert time.monotonic() - began < 60


def test_a_secret_of_80000_words_on_one_line_is_redacted_without_cost_for_other_platforms(author: Author, faults: Field) -> None:
    words = " ".join(f"w{n:07d}" for n in range(80_000))
    credentials(author, words=words)
    platform = author.runbook("words")
    azure_says(faults, platform, f"said by azure: {words[512:1024]}")
    author.apply(platform)
    assert words[520:600] not in json.dumps(until_shown(author, "words")["status"])


STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060\u2066-\u2069\ufeff]")
"""Characters that no log line may hold."""

CONTROL = {
    "colours": "\x1b[31mred\x1b[0m",
    "a cleared screen": "\x1b[2J\x1b[Hnothing",
    "a title": "\x1b]0;evil\x07",
    "a link": "\x1b]8;;https://evil.example.org\x1b\\click\x1b]8;;\x1b\\",
    "8 bit": "\x9b31mred",
    "a bell": "\x07\x08\x7f",
    "other lines": "one\r\ntwo\u2028three\x85four",
    "a reversed name": "\u202etxt.exe\u2066",
    "zero width": "a\u200bb\ufeffc\u2060d",
    "tags": "x\U000e0041\U000e007f",
}


@pytest.mark.parametrize("tag", CONTROL.values(), ids=CONTROL)
def test_control_characters_of_a_tag_reach_no_status_no_event_and_no_terminal(author: Author, site: Field, tag: str) -> None:
    platform = author.runbook("tagged")
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{platform['spec']['azure']['resourceGroup']}"
    body = {"type": "Microsoft.Resources/resourceGroups", "location": "eastus", "properties": {"provisioningState": "Succeeded"}}
    site.control("PUT", f"/resources{group}", {**body, "tags": {"notebookplatform-owner": f"begin{tag}end", "team": tag}})
    author.apply(platform)
    site.until("it has an owner", lambda: author.condition("tagged", "PreflightReady")["status"] == "False")
    site.until("there is an Event", lambda: "Preflight" in events(author))
    texts = [c["message"] for c in author.platform("tagged")["status"]["conditions"]]
    texts += [one["message"] for one in json.loads(events(author))["items"]]
    printed = [command(author, name, "tagged", "-n", author.namespace) for name in ("plan", "doctor")]
    texts += [line for done in printed for line in (done.stdout + done.stderr).split("\n")]
    assert all(text.isprintable() for text in texts), [text for text in texts if not text.isprintable()]
    assert any("tagged" in done.stdout for done in printed)


@pytest.mark.parametrize("words", CONTROL.values(), ids=CONTROL)
def test_control_characters_of_azures_words_reach_no_status_no_event_and_no_log(
    author: Author, faults: Field, words: str
) -> None:
    platform = author.runbook("words")
    azure_says(faults, platform, f"said by azure: {words}")
    author.apply(platform)
    texts = [c["message"] for c in until_shown(author, "words")["status"]["conditions"]]
    texts += [one["message"] for one in json.loads(events(author))["items"]]
    assert all(text.isprintable() for text in texts)
    assert not STEERING.search(faults.operator.log.read_text())
