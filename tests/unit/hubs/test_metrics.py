"""What managed Prometheus needs of a hub's values in each generation of the chart, and the PodMonitors that name it."""

import re
from typing import Any

import pytest
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.engine import Action
from notebook_platform.hubs.binder.values import BinderSecrets, Registry
from notebook_platform.hubs.binder.values import render as render_binder
from notebook_platform.hubs.inputs import HubContext
from notebook_platform.hubs.metrics.monitors import ScrapedHub, pod_monitors
from notebook_platform.hubs.metrics.step import Found, HubMetrics
from notebook_platform.hubs.values import Rendered, render_with_origins
from notebook_platform.steps import scraped_hubs

from tests.unit.azure.specs import runbook_spec
from tests.unit.hubs.rendering import render
from tests.unit.hubs.specs import OLD, SECRETS, VERSIONS, at, spec

SCRAPED = HubContext(scraped=True)
OWN = "notebook-platform-metrics"
OF_BINDERHUB = {
    "binderhub_build_time_seconds_bucket",
    "binderhub_launch_time_seconds_count",
    "binderhub_launch_time_seconds_sum",
    "binderhub_inprogress_builds",
    "binderhub_inprogress_launches",
    "binderhub_launch_count_total",
    "binderhub_build_count_total",
    "binderhub_builds_rejected_total",
}
"""Series of BinderHub. The last three have labels whose values visitors choose."""

AGENT = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
TO_HUB = {"from": [AGENT], "ports": [{"port": "http", "protocol": "TCP"}]}
TO_PROXY = {"from": [AGENT], "ports": [{"port": 8002, "protocol": "TCP"}]}
THEIRS = {"from": [{"podSelector": {}}], "ports": [{"port": 8081, "protocol": "TCP"}]}
LISTS = ("hub.networkPolicy.ingress", "proxy.chp.networkPolicy.ingress", "proxy.chp.extraCommandLineFlags")


def made(version: str, **changes: Any) -> Rendered:
    return render_with_origins(spec(version, **changes), SECRETS, OLD, hub_context=SCRAPED)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_hub_gets_a_service_that_reads_metrics_and_the_agent_gets_in(version: str) -> None:
    values = made(version).values
    service, roles, first = at(values, f"hub.services.{OWN}"), version >= "2", version == "0.11.1"
    assert len(service.pop("apiToken")) == 64 and service == ({"display": False} if roles else {})
    role = {"scopes": ["read:metrics"], "services": [OWN]}
    assert at(values, f"hub.loadRoles.{OWN}") == (role if roles else None)
    assert at(values, LISTS[0]) == [TO_HUB]
    assert at(values, LISTS[1]) == (None if first else [TO_PROXY])
    assert at(values, LISTS[2]) == (None if first else ["--metrics-port=8002"])
    assert at(values, "hub.authenticatePrometheus") is None


@pytest.mark.parametrize("version", VERSIONS)
def test_without_managed_prometheus_nothing_of_it_is_rendered(version: str) -> None:
    values = render(spec(version), SECRETS, OLD)
    assert OWN not in at(values, "hub.services") and OWN not in (at(values, "hub.loadRoles") or {})
    assert [at(values, path) for path in LISTS] == [None, None, None]


def test_the_token_is_another_than_the_operators_and_stays() -> None:
    first, second = (at(made("4.4.0").values, "hub.services") for _ in range(2))
    assert first[OWN]["apiToken"] == second[OWN]["apiToken"] != first["notebook-platform"]["apiToken"]


def test_a_users_own_rules_stay_beside_the_agents() -> None:
    theirs = {
        "hub": {"networkPolicy": {"ingress": [THEIRS]}},
        "proxy": {"chp": {"networkPolicy": {"ingress": [THEIRS, TO_PROXY]}, "extraCommandLineFlags": ["--log-level=debug"]}},
    }
    rendered = made("4.4.0", values=theirs)
    assert [at(rendered.values, path) for path in LISTS] == [
        [THEIRS, TO_HUB],
        [THEIRS, TO_PROXY],
        ["--log-level=debug", "--metrics-port=8002"],
    ]
    assert rendered.origins["hub", "networkPolicy", "ingress"] == "spec.monitoring"
    assert rendered.origins["proxy", "chp", "networkPolicy", "ingress"].startswith("spec.jupyterhub.values")


def test_an_adopted_hub_is_scraped_too() -> None:
    theirs = {"config": {"JupyterHub": {"authenticator_class": "null"}}, "networkPolicy": {"ingress": [THEIRS]}}
    values = made("4.4.0", auth={"fromValues": True}, values={"hub": theirs}).values
    assert at(values, f"hub.services.{OWN}.apiToken") and at(values, f"hub.loadRoles.{OWN}.scopes") == ["read:metrics"]
    assert at(values, LISTS[0]) == [THEIRS, TO_HUB] and at(values, LISTS[2]) == ["--metrics-port=8002"]


def test_a_proxy_without_metrics_is_remarked() -> None:
    (notice,) = made("0.11.1").notices
    assert notice.condition == "ValuesIgnored" and "the proxy of chart 0.11.1 serves no metrics" in notice.message
    assert made("1.2.0").notices == ()


@pytest.mark.parametrize(
    ("version", "values", "named"),
    [
        ("4.4.0", {"fullnameOverride": "lab"}, "spec.jupyterhub.values.fullnameOverride"),
        ("0.11.1", {"hub": {"existingSecret": "theirs"}}, "spec.jupyterhub.values.hub.existingSecret"),
    ],
)
def test_a_secret_of_another_name_is_remarked(version: str, values: dict[str, Any], named: str) -> None:
    (notice,) = made(version, values=values).notices
    assert notice.message.startswith(f"spec.monitoring: the hub cannot be scraped, because {named} gives")


def test_the_hub_of_a_binder_is_scraped_too() -> None:
    registry = {"existing": {"server": "docker.io", "prefix": "lab/", "secretRef": {"name": "registry"}}}
    address = {"dnsLabels": {"binder": "lab-binder", "hub": "lab-hub"}}
    binder = {
        "namespace": "bhub",
        "chart": {"version": "1.0.0-0.dev.git.3941.h9056a226"},
        "address": address,
        "registry": registry,
    }
    hub = {"chart": {"version": "0.11.1"}, "auth": {"dummy": {"insecure": True}}, "expose": {"basePath": "/jupyter"}}
    wanted = runbook_spec(
        identity={"type": "SystemAssigned"}, jupyterhub=hub, binderhub=binder, monitoring={"prometheus": "Managed"}
    )
    platform = NotebookPlatformSpec.model_validate(wanted)
    found = scraped_hubs(platform, HubContext(location="eastus"))
    assert [(one.namespace, one.version, one.base_path, one.binder_path) for one in found] == [
        ("jhub", "0.11.1", "/jupyter", None),
        ("bhub", "4.2.0", "", ""),
    ]
    secrets = BinderSecrets(SECRETS, "binder-token")
    values = render_binder(platform.binderhub, secrets, Registry("docker.io", "lab/", "u", "p"), (1, 35), (), SCRAPED)  # type: ignore[arg-type]
    inside = values.values["jupyterhub"]
    assert at(inside, f"hub.services.{OWN}.apiToken") and at(inside, f"hub.loadRoles.{OWN}.scopes") == ["read:metrics"]
    assert at(inside, LISTS[0]) == [TO_HUB] and at(inside, LISTS[1]) == [TO_PROXY]


OWNER = "cluster/platforms/hub/uid-1"


@pytest.mark.parametrize(
    ("version", "secret", "key", "names"),
    [
        ("0.11.1", "hub-secret", f"services.token.{OWN}", ["hub"]),
        ("1.2.0", "hub", f"hub.services.{OWN}.apiToken", ["hub", "proxy"]),
        ("4.4.0", "hub", f"hub.services.{OWN}.apiToken", ["hub", "proxy"]),
    ],
)
def test_the_pod_monitors_name_the_charts_secret(version: str, secret: str, key: str, names: list[str]) -> None:
    found = pod_monitors(ScrapedHub(namespace="jhub", release="r", version=version, base_path="/jupyter"), OWNER)
    assert [one["metadata"]["name"] for one in found] == [f"notebook-platform-{name}" for name in names]
    for one, name in zip(found, names, strict=True):
        assert one["apiVersion"] == "azmonitoring.coreos.com/v1" and one["metadata"]["namespace"] == "jhub"
        assert one["spec"]["selector"] == {"matchLabels": {"component": name, "release": "r"}}
    (endpoint,) = found[0]["spec"]["podMetricsEndpoints"]
    assert endpoint["path"] == "/jupyter/hub/metrics"
    assert endpoint["authorization"] == {"type": "Bearer", "credentials": {"name": secret, "key": key}}


def test_the_pod_monitor_of_a_binder_keeps_no_series_that_a_visitor_can_make() -> None:
    hub = ScrapedHub(namespace="bhub", release="r", version="4.2.0", binder_path="/binder")
    (found,) = [one for one in pod_monitors(hub, OWNER) if one["metadata"]["name"] == "notebook-platform-binder"]
    assert found["spec"]["selector"] == {"matchLabels": {"component": "binder", "release": "r"}}
    (endpoint,) = found["spec"]["podMetricsEndpoints"]
    assert (endpoint["port"], endpoint["path"]) == ("binder", "/binder/metrics") and "authorization" not in endpoint
    (rule,) = endpoint["metricRelabelings"]
    assert (rule["action"], rule["sourceLabels"]) == ("keep", ["__name__"])
    kept = {name for name in OF_BINDERHUB if re.fullmatch(rule["regex"], name)}
    assert OF_BINDERHUB - kept == {
        "binderhub_launch_count_total",
        "binderhub_build_count_total",
        "binderhub_builds_rejected_total",
    }


def test_the_plan_names_what_is_missing_what_differs_and_what_is_left() -> None:
    hub = ScrapedHub(namespace="jhub", release="r", version="4.4.0")
    step = HubMetrics([hub], owner=OWNER, applied={"old": ""}, after=[], deleting=False)
    first, second = pod_monitors(hub, OWNER)
    changed = {**first, "spec": {**first["spec"], "labelLimit": 1, "sampleLimit": 5}}
    objects = {("jhub", "notebook-platform-hub"): changed, ("old", "notebook-platform-hub"): first}
    changes = step.plan((first, second), Found(None, objects))  # type: ignore[arg-type]
    assert [(one.action, one.path) for one in changes] == [
        (Action.UPDATE, "podMonitors[jhub/notebook-platform-hub].spec.labelLimit"),
        (Action.CREATE, "podMonitors[jhub/notebook-platform-proxy]"),
        (Action.DELETE, "podMonitors[old/notebook-platform-hub]"),
    ]
    assert not any(one.gate for one in changes)
