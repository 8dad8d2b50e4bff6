"""`notebook-platform import` of Helm releases: their values are described, and their secrets go to a file alone."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.azure.world import CLIENT_SECRET
from tests.azure.cli.conftest import Terminal
from tests.azure.cli.imports import GIVEN, WHERE, described, remarks
from tests.azure.cli.target import release
from tests.unit.azure.specs import runbook_spec

VALUES = {
    "proxy": {"secretToken": "5f" * 32},
    "hub": {
        "config": {
            "GenericOAuthenticator": {"client_id": "hub-client", "client_secret": "oauth-secret-value"},
            "CryptKeeper": {"keys": ["9c" * 32]},
        },
        "extraConfig": {"own": "c.Spawner.environment = {'PASS': 'code-secret-value'}"},
        "db": {"url": "postgresql://hub:database-secret@db/hub"},
        "services": {"announcing": {"command": ["serve", "--at", "https://me:address-secret@example.org"]}},
    },
    "singleuser": {
        "memory": {"limit": "2G"},
        "extraEnv": {"ORDINARY": "environment-secret"},
        "extraLabels": {"team": "physics"},
        "profileList": [{"display_name": "big", "kubespawner_override": {"environment": {"HOST": "profile-secret"}}}],
    },
}
HIDDEN = ("5f" * 32, "9c" * 32, "oauth-secret-value", "code-secret-value", "database-secret", "environment-secret", "address-secret",
          "profile-secret", CLIENT_SECRET)  # fmt: skip


async def test_a_release_is_described_with_its_values_and_its_secrets_go_to_a_file(terminal: Terminal, tmp_path: Path) -> None:
    await terminal.settle(runbook_spec())
    terminal.target.releases = [
        release("hub1", "jupyterhub", "4.4.0", VALUES),
        release("cert", "cert-manager", "1.19.0", {}, "certs"),
    ]
    file = tmp_path / "secrets.yaml"
    output = await terminal.run(*WHERE, *GIVEN, "--secrets-file", str(file))
    hub = described(output)["spec"]["jupyterhub"]
    assert (hub["release"], hub["chart"], hub["auth"]) == ("hub1", {"version": "4.4.0"}, {"fromValues": True})
    assert hub["values"]["singleuser"] == {"memory": {"limit": "2G"}, "extraLabels": {"team": "physics"}}
    assert hub["values"]["hub"]["config"]["GenericOAuthenticator"] == {"client_id": "hub-client"}
    assert hub["valuesFrom"] == [{"kind": "Secret", "name": "prd-jhub-values"}]
    assert not [value for value in HIDDEN if value in output.out + output.err]
    assert file.stat().st_mode & 0o777 == 0o600
    kept = yaml.safe_load(file.read_text())
    assert (kept["kind"], kept["metadata"]) == ("Secret", {"name": "prd-jhub-values", "namespace": "platforms"})
    together = _merged(hub["values"], yaml.safe_load(kept["stringData"]["values.yaml"]))
    assert together == VALUES, "nothing is lost between the two"
    assert "certs/cert (cert-manager-1.19.0)" in remarks(output)


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    found = dict(one)
    for key, value in other.items():
        found[key] = _merged(found[key], value) if isinstance(found.get(key), dict) else value
    return found


async def test_without_a_file_the_secrets_are_neither_printed_nor_written(terminal: Terminal) -> None:
    await terminal.settle(runbook_spec())
    terminal.target.releases = [release("hub1", "jupyterhub", "4.4.0", VALUES)]
    output = await terminal.run(*WHERE, *GIVEN)
    described(output)
    assert not [value for value in HIDDEN if value in output.out + output.err]
    assert "run again with --secrets-file FILE to have the Secret prd-jhub-values" in remarks(output)


@pytest.mark.parametrize(
    ("statuses", "described_as", "remark"),
    [
        (
            ("superseded", "deployed", "pending-upgrade"),
            2,
            "Revision 3 of the release jhub/hub1 is pending-upgrade: described is revision 2",
        ),
        (("deployed", "failed", "failed"), 1, "Revision 3 of the release jhub/hub1 is failed: described is revision 1"),
        (("failed",), 1, "Revision 1 of the release jhub/hub1 is failed: Helm completed none before it"),
        (("superseded", "deployed"), 2, ""),
    ],
)
async def test_the_revision_that_helm_completed_last_is_described(
    terminal: Terminal, statuses: tuple[str, ...], described_as: int, remark: str
) -> None:
    """What a Helm that died or failed had tried may never have been in use."""
    await terminal.settle(runbook_spec())
    terminal.target.releases = [
        release("hub1", "jupyterhub", f"4.4.{revision}", {"note": revision}, revision=revision, status=status)
        for revision, status in enumerate(statuses, start=1)
    ]
    output = await terminal.run(*WHERE, *GIVEN)
    hub = described(output)["spec"]["jupyterhub"]
    assert (hub["values"], hub["chart"]["version"]) == ({"note": described_as}, f"4.4.{described_as}")
    assert remark in remarks(output) and ("Revision" in remarks(output)) is bool(remark)


@pytest.mark.parametrize(
    ("name", "version", "rule"),
    [("my.hub", "4.4.0", "spec.jupyterhub.release"), ("hub1", "v4.4.0", "spec.jupyterhub.chart.version")],
)
async def test_a_hub_that_the_spec_cannot_name_is_left_out(
    terminal: Terminal, tmp_path: Path, name: str, version: str, rule: str
) -> None:
    """A spec without its name would install another hub."""
    await terminal.settle(runbook_spec())
    terminal.target.releases, file = [release(name, "jupyterhub", version, VALUES)], tmp_path / "secrets.yaml"
    output = await terminal.run(*WHERE, *GIVEN, "--secrets-file", str(file))
    assert "jupyterhub" not in described(output)["spec"] and not file.exists()
    assert "jupyterhub is left out" in remarks(output) and rule in remarks(output)
