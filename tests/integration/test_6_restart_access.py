"""An operator that starts does not ask Azure for access to each cluster again: it keeps the access in its own namespace."""

import json
from collections import Counter

from notebook_platform.kube.secret_data import encoded

from sandbox.operator_process import NAMESPACE
from tests.integration.conftest import Field, runbook

GARBAGE = "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n"


def kept(site: Field, name: str) -> dict[str, str]:
    """Return the data of the Secret with the access to the cluster of a platform; empty when there is none."""
    found = site.kubectl("get", "secret", site.access_secret(name), "-n", NAMESPACE, "-o", "json", check=False)
    return dict(json.loads(found)["data"]) if found.startswith("{") else {}


def asked(site: Field, since: int) -> Counter[str]:
    """Return how often Azure was asked for access, by cluster."""
    sent = [one["path"].lower().split("/") for one in site.control("GET", f"/journal?since={since}")["value"]]
    return Counter(path[-2] for path in sent if path[-1].startswith("listcluster"))


def test_a_restart_asks_azure_only_for_access_that_is_spoilt(site: Field) -> None:
    site.clear()
    for name in ("stays", "spoilt"):
        document = runbook(name)
        del document["spec"]["jupyterhub"]
        site.apply(document)
    for name in ("stays", "spoilt"):
        site.until_ready(name)
    before, whole = kept(site, "stays"), kept(site, "spoilt")
    assert {"issued-for", "server", "ca.crt"} < set(before) and set(before) == set(whole)
    spoilt = json.dumps({"data": encoded({"ca.crt": GARBAGE})})
    site.kubectl("patch", "secret", site.access_secret("spoilt"), "-n", NAMESPACE, "--type=merge", "-p", spoilt)
    mark = site.mark()
    site.restart_operator()
    site.until("the spoilt one is asked for", lambda: kept(site, "spoilt") == whole)
    site.wait_for_reconciles(6)
    assert asked(site, mark) == {"aks-spoilt": 1}
    assert kept(site, "stays") == before and site.condition("stays", "Ready")["status"] == "True"
    site.kubectl("delete", "nbp", "stays", "spoilt", "-n", "platforms", "--timeout=90s")
    assert "cluster-access-" not in site.kubectl("get", "secrets", "-n", NAMESPACE, "-o", "name")
