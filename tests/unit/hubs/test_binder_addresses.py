"""The addresses of a BinderHub and of its inner hub are decided before the install."""

from typing import Any

import pytest
from notebook_platform.api.binderhub import Address
from notebook_platform.hubs.binder.addresses import decide, exposure_values

from tests.unit.hubs.binder_specs import EXISTING, INGRESS, LABELS, NAMES, rendered


@pytest.mark.parametrize(
    ("address", "binder", "hub", "local"),
    [
        (INGRESS, "https://binder.example.org/", "https://binder.example.org/hub-base/", "http://proxy-public/hub-base/"),
        (
            {"ingress": {"dnsLabel": "u-binder", "plainHttp": True, "hubPath": "/jhub/"}},
            "http://u-binder.eastus.cloudapp.azure.com/",
            "http://u-binder.eastus.cloudapp.azure.com/jhub/",
            "http://proxy-public/jhub/",
        ),
        (
            LABELS,
            "http://u-binder.eastus.cloudapp.azure.com/",
            "http://u-binder-hub.eastus.cloudapp.azure.com/",
            "http://proxy-public/",
        ),
        (EXISTING, "https://binder.example.org/", "https://example.org/hub-base/", "http://proxy-public/hub-base/"),
    ],
    ids=["host", "label of the ingress", "two labels", "existing"],
)
def test_the_hubs_address_is_known_before_the_install(address: dict[str, Any], binder: str, hub: str, local: str) -> None:
    found = decide(Address.model_validate(address), NAMES)
    assert (found.binder, found.hub) == (binder, hub)
    values = rendered(address)
    assert values["config"]["BinderHub"]["hub_url"] == hub
    assert values["config"]["BinderHub"]["hub_url_local"] == local
    assert values["jupyterhub"]["hub"]["baseUrl"] == found.hub_base
    assert values["config"]["BinderHub"]["base_url"] == "/"


def test_behind_an_ingress_both_services_stay_inside_and_both_ingresses_have_one_host() -> None:
    values = exposure_values(Address.model_validate(INGRESS), NAMES)
    assert values["service"] == values["jupyterhub"]["proxy"]["service"] == {"type": "ClusterIP"}
    ingress = {
        "enabled": True,
        "hosts": ["binder.example.org"],
        "ingressClassName": "nginx",
        "tls": [{"hosts": ["binder.example.org"], "secretName": "tls"}],
    }
    assert values["ingress"] == values["jupyterhub"]["ingress"] == ingress


def test_two_labels_stand_on_two_load_balancers() -> None:
    values = exposure_values(Address.model_validate(LABELS), NAMES)
    label = "service.beta.kubernetes.io/azure-dns-label-name"
    assert values["service"] == {"type": "LoadBalancer", "annotations": {label: "u-binder"}}
    assert values["jupyterhub"]["proxy"]["service"] == {"type": "LoadBalancer", "annotations": {label: "u-binder-hub"}}


def test_an_existing_address_has_a_load_balancer_only_if_it_has_an_ip() -> None:
    values = exposure_values(Address.model_validate(EXISTING), NAMES)
    assert values["service"] == {
        "type": "LoadBalancer",
        "annotations": {
            "service.beta.kubernetes.io/azure-load-balancer-ipv4": "20.1.2.3",
            "service.beta.kubernetes.io/azure-load-balancer-resource-group": "rg_addresses",
        },
    }
    assert values["jupyterhub"]["proxy"]["service"] == {"type": "ClusterIP"}
    inside = {"existing": {"binder": {"url": "http://b.x", "ip": "10.1.2.3"}, "hub": {"url": "http://h.x"}, "internal": True}}
    annotations = exposure_values(Address.model_validate(inside), NAMES)["service"]["annotations"]
    assert annotations["service.beta.kubernetes.io/azure-load-balancer-internal"] == "true"
