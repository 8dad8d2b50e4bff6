"""An Azure that cannot be reached is reported with the host and what fails there."""

from pathlib import Path

import pytest
import trustme
from notebook_platform.azure.arm.cloud import Cloud
from notebook_platform.azure.arm.session_pool import SessionPool
from notebook_platform.engine.outcome import Failed

from tests.azure.conftest import Estate
from tests.unit.azure.specs import runbook_spec

UNKNOWN = "https://management.azure.invalid"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"resource_manager": UNKNOWN}, "the name management.azure.invalid cannot be resolved"),
        ({"authority": UNKNOWN}, "the name management.azure.invalid cannot be resolved"),
        ({"resource_manager": "https://127.0.0.1:9"}, "127.0.0.1:9 refuses connections"),
        ({"ca_file": "other"}, "is not accepted: unable to get local issuer certificate"),
    ],
    ids=["Resource Manager's name", "Entra ID's name", "a closed port", "another authority's certificate"],
)
async def test_dns_tls_and_closed_ports_have_different_messages_and_the_operator_retries(
    estate: Estate, tmp_path: Path, changed: dict[str, str], words: str
) -> None:
    url, ca = estate.simulator.url, estate.simulator.ca_file
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    if "ca_file" in changed:
        changed = {"ca_file": str(other)}
    given = {"resource_manager": url, "authority": url, "graph": url, "ca_file": str(ca)} | changed
    await estate.sessions.close()
    estate.sessions = SessionPool(Cloud(**{**given, "ca_file": Path(given["ca_file"])}))
    outcome = (await estate.once(runbook_spec()))["Credentials"].outcome
    assert isinstance(outcome, Failed) and outcome.reason == "AzureUnreachable" and outcome.retry_in == 10
    assert words in outcome.message and "DNS, egress, proxy and CA certificates" in outcome.remedy
