"""No author can block the operator: oversized documents, changes and names end as a condition of their own platform."""

import json
import os
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.environments import Say
from tests.security.conftest import Author, Field, make_author
from tests.security.watching import Watched

pytestmark = pytest.mark.attack

MEGABYTE = 1 << 20
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in pairwise("abcdefghi")
)
MERGES = "k0: &k0 {x: [y, y, y, y, y, y, y, y]}\n" + "".join(
    f"k{n + 1}: &k{n + 1} {{<<: *k{n}, n{n}: [{','.join([f'*k{n}'] * 9)}]}}\n" for n in range(9)
)
WORDS = "\n".join(f"w{number:07}: x{number:07}" for number in range(50_000))
HOSTILE = {
    "bomb of aliases": (BOMB, "ValuesTooLarge"),
    "bomb of merge keys": (MERGES, "ValuesTooLarge"),
    "bomb of a long text": ("a: &a " + "x" * 300_000 + "\nb: [*a, *a, *a, *a]", "ValuesTooLarge"),
    "an anchor in itself": ("a: &a {b: [*a]}", "ValuesNotYaml"),
    "flow sequences 100,000 deep": ("[" * 100_000, "ValuesTooLarge"),
    "flow mappings 100,000 deep": ("{a: " * 100_000, "ValuesTooLarge"),
    "block sequences 200,000 deep": ("- " * 200_000, "ValuesTooLarge"),
    "complex keys": ("? " * 200_000, "ValuesNotYaml"),
    "300,000 empty lists": ("a: [" + "[]," * 250_000 + "]", "ValuesTooLarge"),
    "50,000 members": (WORDS, "ValuesTooLarge"),
    "one long line": ("a" * 900_000, "ValuesNotYaml"),
    "an endless number": ("a: !!int " + "9" * 900_000, "ValuesNotYaml"),
    "infinity": ("a: .inf", "ValuesNotYaml"),
    "20,000 tag directives": ("".join(f"%TAG !a{n}! x\n" for n in range(20_000)) + "---\na: b", "ValuesNotYaml"),
    "a tag of Python": ("a: !!python/object/apply:os.system [id]", "ValuesNotYaml"),
    "two documents": ("a: 1\n---\na: 2\n", "ValuesNotYaml"),
    "a list": ("- a", "ValuesNotYaml"),
    "JSON 50,000 deep": ('{"a":' * 50_000 + "1" + "}" * 50_000, "ValuesTooLarge"),
}


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


FIGURES: list[str] = []


@pytest.fixture(scope="module", autouse=True)
def shown(say: Say) -> Iterator[None]:
    """Print the figures of all attacks at the end. They depend on the machine, so no test checks them."""
    yield
    say("Longest stall of the event loop (at most), slowest health probe, memory, under each attack:")
    for line in FIGURES:
        say(line)


def figures(record: Callable[[str, object], None], watched: Watched) -> None:
    """Record the figures with the test's result."""
    name = os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")[2].removesuffix(" (call)")
    grown = watched.grown // MEGABYTE
    FIGURES.append(f"{name:<110} {watched.stall:5.2f} s {watched.probe * 1000:6.0f} ms {grown:4} MiB")
    record("stall_at_most_s", watched.stall)
    record("slowest_probe_s", round(watched.probe, 3))
    record("memory_grown_mib", watched.grown // MEGABYTE)


@pytest.fixture(scope="module")
def lab(site: Field, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Author]:
    """An author with a built platform `lab`, whose hub takes its values from the ConfigMap `values`."""
    found = make_author(site, "evil-values", tmp_path_factory.mktemp("author"))
    found.apply(config_map("values", **{"values.yaml": "custom: {fine: true}"}))
    platform = found.runbook("lab")
    platform["spec"]["jupyterhub"]["valuesFrom"] = [{"kind": "ConfigMap", "name": "values"}]
    found.apply(platform)
    site.until("lab's cluster is reached", lambda: found.condition("lab", "WorkloadClusterReady")["status"] == "True")
    yield found
    found.retire()


@pytest.fixture(scope="module")
def neighbour(site: Field, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Author]:
    """Another team with a platform `near` that changes nothing in Azure."""
    found = make_author(site, "good-team", tmp_path_factory.mktemp("neighbour"))
    found.apply(found.runbook("near", suspend=True))
    site.until("near is reconciled", lambda: found.condition("near", "Ready")["reason"])
    yield found
    found.retire()


def goes_on(neighbour: Author) -> None:
    """Assert that the other team's platform is still reconciled."""
    interval = {"2s": "3s", "3s": "2s"}[neighbour.platform("near")["spec"]["interval"]]
    neighbour.apply({**neighbour.runbook("near", suspend=True, interval=interval)})

    def seen() -> bool:
        near = neighbour.platform("near")
        return bool(near["status"].get("observedGeneration") == near["metadata"]["generation"])

    neighbour.site.until("the other team's change is seen", seen, 30)


@pytest.mark.parametrize("attack", HOSTILE)
def test_hostile_values_end_as_a_condition_of_their_own_platform(
    lab: Author, neighbour: Author, attack: str, record_property: Callable[[str, object], None]
) -> None:
    text, reason = HOSTILE[attack]
    lab.apply(config_map("values", **{"values.yaml": "custom: {fine: true}"}))
    lab.site.until("fine values are read", lambda: not lab.condition("lab", "JupyterHubReady")["reason"].startswith("Values"))
    with Watched(lab.site.operator) as watched:
        lab.apply(config_map("values", **{"values.yaml": text}))
        condition = lab.until_reason("lab", "JupyterHubReady", reason)
        goes_on(neighbour)
    figures(record_property, watched)
    assert "spec.jupyterhub.valuesFrom[0]" in condition["message"] and len(condition["message"]) < 700
    assert watched.grown < 100 * MEGABYTE


def test_four_config_maps_of_720_kb_do_not_slow_the_health_probes(
    lab: Author, neighbour: Author, record_property: Callable[[str, object], None]
) -> None:
    lines = "\n".join(f"k{number:06}: {'v' * 60}" for number in range(9800))
    names = [f"large-{number}" for number in range(4)]
    with Watched(lab.site.operator) as watched:
        for name in names:
            lab.apply(config_map(name, **{"values.yaml": lines}))
        platform = lab.runbook("lab", interval="1s")
        platform["spec"]["jupyterhub"]["valuesFrom"] = [{"kind": "ConfigMap", "name": name} for name in names]
        lab.apply(platform)
        lab.until_reason("lab", "JupyterHubReady", "ValuesTooLarge")
        for _ in range(3):
            goes_on(neighbour)
    figures(record_property, watched)
    lab.kubectl("delete", "configmap", *names)
    platform["spec"]["jupyterhub"]["valuesFrom"] = [{"kind": "ConfigMap", "name": "values"}]
    lab.apply(platform)
    assert watched.grown < 100 * MEGABYTE


KUBECONFIG_BOMB = "apiVersion: v1\nkind: Config\nusers: &a [x,x,x,x,x,x,x,x,x]\n" + BOMB
SECRETS = {
    "a kubeconfig with aliases": KUBECONFIG_BOMB,
    "80,000 words": " ".join(f"w{number:06}" for number in range(80_000)),
    "80,000 lines": "\n".join(f"w{number:06}" for number in range(80_000)),
    "lists 100,000 deep": "[" * 100_000,
    "JSON 50,000 deep": '{"a":' * 50_000 + "1" + "}" * 50_000,
}


@pytest.mark.parametrize("attack", SECRETS)
def test_a_hostile_secret_slows_no_other_platform(
    author: Author, neighbour: Author, attack: str, record_property: Callable[[str, object], None]
) -> None:
    with Watched(author.site.operator) as watched:
        credentials = json.loads(author.kubectl("get", "secret", "azure-credentials", "-o", "json"))["data"]
        author.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "hostile"},
                "data": credentials,
                "stringData": {"value": SECRETS[attack]},
            }
        )
        platform = author.runbook("lab", suspend=True)
        platform["spec"]["azure"]["credentials"] = {"secretRef": {"name": "hostile"}}
        author.apply(platform)
        author.site.until("it is reported", lambda: author.condition("lab", "Ready")["reason"])
        goes_on(neighbour)
    figures(record_property, watched)
    assert watched.grown < 100 * MEGABYTE


NOT_TEXT = {
    "credentials.secretRef": lambda spec: spec["azure"].update(credentials={"secretRef": {"name": "binary"}}),
    "credentials.certificateRef": lambda spec: spec["azure"].update(credentials={"certificateRef": {"name": "binary"}}),
    "servicePrincipal.secretRef": lambda spec: spec["identity"].update(servicePrincipal={"secretRef": {"name": "binary"}}),
    "sshPublicKeyFrom": lambda spec: (
        spec["cluster"].pop("sshPublicKey"),
        spec["cluster"].update(sshPublicKeyFrom={"name": "binary", "key": "key"}),
    ),
    "auth.oidc.clientSecretRef": lambda spec: spec["jupyterhub"]["auth"]["oidc"].update(
        clientSecretRef={"name": "binary", "key": "clientSecret"}
    ),
    "valuesFrom": lambda spec: spec["jupyterhub"].update(valuesFrom=[{"kind": "Secret", "name": "binary"}]),
}
KEYS = ("tenantId", "clientId", "clientSecret", "clientCertificate", "key", "values.yaml")


@pytest.mark.parametrize("field", NOT_TEXT)
def test_a_secret_that_is_no_text_is_reported_on_the_platform(author: Author, field: str) -> None:
    author.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "binary"}, "data": dict.fromkeys(KEYS, "/////w==")})
    platform = author.runbook("lab", suspend=True)
    NOT_TEXT[field](platform["spec"])
    author.apply(platform)

    def ready_reason() -> str:
        return str(author.condition("lab", "Ready")["reason"])

    assert author.site.until("it is reported", ready_reason) != "InternalError"
    assert "InternalError" not in json.dumps(author.platform("lab")["status"])


OPERATIONS: dict[str, dict[str, Any]] = {
    "no JSON": {"data": {"Cluster": "bm90IGpzb24="}},
    "no text": {"data": {"Cluster": "/////w=="}},
    "null": {"data": {"Cluster": "bnVsbA=="}},
    "an empty object": {"data": {"Cluster": "e30="}},
    "another's": {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "other"}]}},
    "JSON 50,000 deep": {"stringData": {"Cluster": "[" * 50_000}},
}


@pytest.mark.parametrize("kind", OPERATIONS)
def test_a_foreign_or_unreadable_operations_secret_is_reported_on_the_platform(author: Author, kind: str) -> None:
    metadata = {"name": "lab-operations", **OPERATIONS[kind].get("metadata", {})}
    author.apply({"apiVersion": "v1", "kind": "Secret", **OPERATIONS[kind], "metadata": metadata})
    author.apply(author.runbook("lab", suspend=True))
    author.site.until("it is reported", lambda: author.condition("lab", "Ready")["reason"])


ODD_NAMES = ["../../x", "a/b", "a%2fb", "A", "a_b", "-a", "a.", "a..b", "a\nb", "a b", "", "a" * 254, "é", "a?b", "."]
PLACES = {
    "spec.azure.credentials.secretRef.name": lambda spec, name: spec["azure"].update(credentials={"secretRef": {"name": name}}),
    "spec.jupyterhub.valuesFrom[0].name": lambda spec, name: spec["jupyterhub"].update(
        valuesFrom=[{"kind": "ConfigMap", "name": name}]
    ),
    "spec.jupyterhub.auth.oidc.clientSecretRef.name": lambda spec, name: spec["jupyterhub"]["auth"]["oidc"].update(
        clientSecretRef={"name": name}
    ),
    "spec.jupyterhub.imagePullSecrets[0]": lambda spec, name: spec["jupyterhub"].update(imagePullSecrets=[name]),
}


@pytest.mark.parametrize("name", ODD_NAMES, ids=repr)
@pytest.mark.parametrize("place", PLACES)
def test_a_name_that_kubernetes_does_not_allow_is_refused_at_apply(author: Author, place: str, name: str) -> None:
    platform = author.runbook("lab", suspend=True)
    PLACES[place](platform["spec"], name)
    assert place in author.apply(platform, check=False)
    assert author.platform("lab") == {}


@pytest.mark.parametrize("key", ["../x", "a/b", "a b", "a\nb", "", "é", "a" * 254, "a:b"], ids=repr)
def test_a_key_that_kubernetes_does_not_allow_is_refused_at_apply(author: Author, key: str) -> None:
    platform = author.runbook("lab", suspend=True)
    platform["spec"]["jupyterhub"]["valuesFrom"] = [{"kind": "Secret", "name": "values", "key": key}]
    assert "spec.jupyterhub.valuesFrom[0].key" in author.apply(platform, check=False)


@pytest.mark.parametrize("interval", ["0s", "1ms", "-1s", "0.5s", "", "1", "999999999w", "100000s", "1s\n"], ids=repr)
def test_an_interval_that_is_none_is_refused_at_apply(author: Author, interval: str) -> None:
    assert "spec.interval" in author.apply(author.runbook("lab", suspend=True, interval=interval), check=False)


def test_a_platform_name_that_is_too_long_for_derived_names_is_refused_at_apply(author: Author) -> None:
    platform = author.runbook("a" * 101, suspend=True)
    assert "at most 100 characters" in author.apply(platform, check=False)


@pytest.mark.parametrize("annotation", ["notebookplatform.io/approve", "notebookplatform.io/confirm-deletion", "other"])
def test_an_annotation_of_250_kb_is_read_like_any_other(
    author: Author, neighbour: Author, annotation: str, record_property: Callable[[str, object], None]
) -> None:
    platform = author.runbook("lab", suspend=True)
    platform["metadata"]["annotations"] = {annotation: "1.2.3," * 41_000}
    with Watched(author.site.operator) as watched:
        author.apply(platform)
        author.site.until("it is reported", lambda: author.condition("lab", "Ready")["reason"])
        goes_on(neighbour)
    figures(record_property, watched)
    assert watched.grown < 100 * MEGABYTE


def test_many_changes_of_a_secret_that_many_platforms_name_are_a_few_sign_ins(
    author: Author, neighbour: Author, record_property: Callable[[str, object], None]
) -> None:
    names = [f"lab-{number}" for number in range(10)]
    author.apply(*(author.runbook(name, suspend=True, interval="1h") for name in names))
    for name in names:
        author.site.until(
            f"{name} is reconciled", lambda name=name: author.condition(name, "CredentialsReady")["status"] == "True"
        )
    credentials = json.loads(author.kubectl("get", "secret", "azure-credentials", "-o", "json"))["data"]
    mark = author.site.mark()
    with Watched(author.site.operator) as watched:
        for number in range(45):
            changed = {**credentials, "note": f"{number:04}".encode().hex()}
            author.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "azure-credentials"}, "data": changed})
        goes_on(neighbour)
    entries = author.site.control("GET", f"/journal?since={mark}")["value"]
    sign_ins = sum(1 for entry in entries if "/token" in entry["path"])
    figures(record_property, watched)
    record_property("sign_ins", sign_ins)
    assert sign_ins <= 20
