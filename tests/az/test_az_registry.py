"""Container registries as azure-cli creates them: the simulator answers as its SDK expects and shows a password only once."""

from collections.abc import Iterator

import pytest

from tests.az.conftest import Az, on_an_empty_subscription
from tests.environments import Say

GROUP, NAME = "rg_registry", "azregistry"
SCOPE = f"--resource-group {GROUP}"


@pytest.fixture(scope="module")
def az(say: Say, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Az]:
    with on_an_empty_subscription(say, tmp_path_factory.mktemp("az")) as found:
        found("provider register -n Microsoft.ContainerRegistry --wait")
        yield found


def test_a_registry_a_scope_map_a_token_and_its_passwords(az: Az) -> None:
    az(f"group create -n {GROUP} -l eastus")
    assert az(f"acr check-name -n {NAME}")["nameAvailable"] is True
    made = az(f"acr create -n {NAME} {SCOPE} --sku Standard --admin-enabled false")
    assert made["loginServer"] == f"{NAME}.azurecr.io" and made["provisioningState"] == "Succeeded"
    assert az(f"acr check-name -n {NAME}")["nameAvailable"] is False
    assert [r["name"] for r in az(f"acr list {SCOPE}")] == [NAME]

    rights = "--repository binder/* content/read content/write metadata/read"
    scope_map = az(f"acr scope-map create -n builder -r {NAME} {SCOPE} {rights}")
    assert sorted(scope_map["actions"]) == [
        "repositories/binder/*/content/read",
        "repositories/binder/*/content/write",
        "repositories/binder/*/metadata/read",
    ]
    token = az(f"acr token create -n builder -r {NAME} {SCOPE} --scope-map builder --no-passwords true")
    assert token["status"] == "enabled" and token["scopeMapId"].endswith("/scopeMaps/builder")
    credential = az(f"acr token credential generate -n builder -r {NAME} {SCOPE} --password1 --expiration-in-days 30")
    assert credential["username"] == "builder" and [p["name"] for p in credential["passwords"] if p["value"]] == ["password1"]
    shown = az(f"acr token show -n builder -r {NAME} {SCOPE}")
    assert [p["value"] for p in shown["credentials"]["passwords"]] == [None], "a password is shown once"
    assert az(f"acr token update -n builder -r {NAME} {SCOPE} --status disabled")["status"] == "disabled"

    az(f"acr update -n {NAME} {SCOPE} --sku Premium")
    assert az(f"acr show -n {NAME} {SCOPE}")["sku"]["name"] == "Premium"
    az(f"acr delete -n {NAME} {SCOPE} --yes")
    assert az(f"acr list {SCOPE}") == []


def test_a_name_in_use_is_refused(az: Az) -> None:
    az(f"group create -n {GROUP}_1 -l eastus")
    az(f"group create -n {GROUP}_2 -l eastus")
    az(f"acr create -n taken{NAME} -g {GROUP}_1 --sku Basic")
    assert "already in use" in az.refused(f"acr create -n taken{NAME} -g {GROUP}_2 --sku Basic")
