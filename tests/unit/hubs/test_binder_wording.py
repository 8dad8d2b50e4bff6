"""A sentence about a binder's hub names fields that spec.binderhub has, or values of the hub's chart."""

import re
from typing import Any

import pytest
from notebook_platform.api.crd import crd
from notebook_platform.engine import StepError
from notebook_platform.hubs.binder.values import render
from notebook_platform.hubs.binder.wording import of_binder
from notebook_platform.hubs.inputs import HubContext

from tests.unit.hubs.test_binder_values import AZURE, INGRESS, SECRETS
from tests.unit.hubs.test_binder_values import spec as binder_spec
from tests.unit.hubs.test_validation import CASES

KUBERNETES = (1, 35, 1)


@pytest.mark.parametrize(
    ("text", "renamed"),
    [
        (
            "Set spec.jupyterhub.network.blockMetadata: NetworkPolicy, or choose another spec.jupyterhub.namespace.",
            "Set spec.binderhub.values.jupyterhub.singleuser.cloudMetadata.blockWithIptables: false, or choose another spec.binderhub.namespace.",
        ),
        ("Set spec.jupyterhub.database.upgrade: true.", "Set spec.binderhub.values.jupyterhub.hub.db.upgrade: true."),
        ("Correct spec.jupyterhub.auth.oidc.issuer.", "Correct spec.binderhub.auth.oidc.issuer."),
        ("spec.jupyterhub.values.hub.uid is gone", "spec.binderhub.values.jupyterhub.hub.uid is gone"),
        (
            "spec.jupyterhub.valuesFrom[0] (Secret a.b): hub.uid is gone",
            "spec.binderhub.valuesFrom[0] (Secret a.b): jupyterhub.hub.uid is gone",
        ),
        ("Use spec.jupyterhub.expose.ingress.", "Use spec.binderhub.values.jupyterhub.ingress.enabled."),
        ("Choose a newer spec.jupyterhub.chart.version.", "Choose a newer spec.binderhub.chart.version."),
    ],
)
def test_fields_are_renamed(text: str, renamed: str) -> None:
    assert of_binder(text) == renamed


def exists(path: str) -> bool:
    """Return whether the CRD has a field; free values have all."""
    node: Any = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for name in path.split("."):
        if node.get("x-kubernetes-preserve-unknown-fields"):
            return True
        node = node.get("properties", {}).get(name)
        if node is None:
            return False
    return True


@pytest.mark.parametrize(("version", "changes", "context", "reason", "field"), CASES)
def test_every_refusal_of_a_hub_names_fields_of_the_binder(
    version: str, changes: dict[str, Any], context: HubContext, reason: str, field: str
) -> None:
    binder = binder_spec(INGRESS, values={"jupyterhub": changes.get("values", {})})
    try:
        render(binder, SECRETS, AZURE, KUBERNETES, hub_context=context)
    except StepError as refused:
        text = refused.failed.message + " " + refused.failed.remedy
        assert "spec.jupyterhub" not in text
        named = [path.rstrip(".") for path in re.findall(r"spec\.[A-Za-z.]+", text)]
        assert named and [path for path in named if not exists(path)] == []
