"""What a user has to correct in a release is reported while the cluster is still being created, and creates nothing itself."""

import pytest

from sandbox.operator_process import secret
from tests.integration.conftest import Field, runbook

NAME = "early"


@pytest.fixture
def wanted(site: Field):
    """The runbook's platform, whose cluster takes until the test ends the fault; it is deleted afterwards."""
    site.clear()
    site.control("POST", "/faults", {"method": "PUT", "path": f".*/managedClusters/aks-{NAME}$", "endless": True})
    yield runbook(NAME)
    site.control("DELETE", "/faults")
    site.kubectl("delete", "nbp", NAME, "-n", "platforms", "--timeout=120s")


def creating(site: Field) -> bool:
    return site.condition(NAME, "ClusterReady")["reason"] == "Creating"


def test_a_chart_values_and_secrets_are_checked_before_the_cluster_exists(site: Field, wanted: dict) -> None:
    hub = wanted["spec"]["jupyterhub"]
    version, hub["chart"]["version"] = hub["chart"]["version"], "9.9.9"
    site.apply(wanted)
    message = site.until_reason(NAME, "JupyterHubReady", "ChartNotFound")["message"]
    assert "spec.jupyterhub.chart.version" in message
    site.until("the cluster is being created", lambda: creating(site))
    assert site.condition(NAME, "Stalled")["status"] == "True"
    assert f"{NAME}-hub" not in site.kubectl("get", "secrets", "-n", "platforms", "-o", "name")
    hub["chart"]["version"] = version
    hub["values"] = {"hub": {"replicas": "many"}, "nonsense": 1}
    site.apply(wanted)
    message = site.until_reason(NAME, "JupyterHubReady", "ValuesRefused")["message"]
    assert "nonsense" in message and creating(site)
    del hub["values"]
    hub["valuesFrom"] = [{"kind": "Secret", "name": "more-values", "key": "values.yaml"}]
    site.apply(wanted)
    message = site.until_reason(NAME, "JupyterHubReady", "SecretNotFound")["message"]
    assert "spec.jupyterhub.valuesFrom" in message and creating(site)
    site.apply(secret("more-values", "platforms", {"values.yaml": "{}"}))
    site.until("it waits", lambda: site.condition(NAME, "JupyterHubReady")["reason"] not in ("SecretNotFound", "ValuesRefused"))
    site.control("DELETE", "/faults")
    site.until_ready(NAME)
