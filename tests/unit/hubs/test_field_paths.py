"""A message about a hub names fields that the part of the spec has which the hub is written in: spec.jupyterhub or spec.binderhub."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import notebook_platform.hubs
import pytest
from notebook_platform.api.crd import crd
from notebook_platform.engine import StepError
from notebook_platform.hubs.binder.values import render as render_binder
from notebook_platform.hubs.chart.value_map import ROWS
from notebook_platform.hubs.field_paths import BINDERHUB, JUPYTERHUB, HubFields
from notebook_platform.hubs.inputs import HubContext
from notebook_platform.hubs.values import render_with_origins

from tests.unit.hubs import harmful_values
from tests.unit.hubs.binder_specs import AZURE, INGRESS
from tests.unit.hubs.binder_specs import SECRETS as BINDER_SECRETS
from tests.unit.hubs.binder_specs import spec as binder_spec
from tests.unit.hubs.specs import NEW, SECRETS, spec

KINDS = pytest.mark.parametrize("fields", [JUPYTERHUB, BINDERHUB], ids=["jupyterhub", "binderhub"])
SCHEMA = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def exists(path: str) -> bool:
    """Return whether the CRD has a field; free values have all."""
    node: Any = SCHEMA
    for name in path.split("."):
        if node.get("x-kubernetes-preserve-unknown-fields"):
            return True
        plain, _, item = name.partition("[")
        node = node.get("properties", {}).get(plain)
        if node is not None and item:
            node = node.get("items")
        if node is None:
            return False
    return True


def typed_fields(node: Any, above: str = "") -> Iterator[str]:
    """Yield the paths of all fields below a node of the schema."""
    for name, member in node.get("properties", {}).items():
        yield f"{above}{name}"
        yield from typed_fields(member, f"{above}{name}.")


HUB_FIELDS = sorted(typed_fields(SCHEMA["properties"]["spec"]["properties"]["jupyterhub"]))
ROW_FIELDS = sorted({name.partition("#")[0] for name in ROWS if not name.startswith(("secrets.", "monitoring#"))})


def named_in_code() -> set[str]:
    """Return the names of the hub's fields that the code asks the path of, as far as they are written out."""
    found = set()
    for file in Path(notebook_platform.hubs.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("path", "setting"):
                found |= {arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)}
    return found


@KINDS
def test_the_path_of_each_field_of_a_hub_exists(fields: HubFields) -> None:
    named = named_in_code()
    assert {"network.blockMetadata", "auth.oidc", "database.urlRef"} <= named
    assert [name for name in sorted({*HUB_FIELDS, *ROW_FIELDS, *named}) if not exists(fields.path(name))] == []


def test_a_jupyterhub_has_its_own_fields() -> None:
    assert [name for name in (*HUB_FIELDS, *named_in_code()) if JUPYTERHUB.path(name) != f"spec.jupyterhub.{name}"] == []


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("auth.oidc.issuer", "spec.binderhub.auth.oidc.issuer"),
        ("chart.version", "spec.binderhub.chart.version"),
        ("host", "spec.binderhub.address"),
        ("database.upgrade", "spec.binderhub.values.jupyterhub.hub.db.upgrade"),
        ("expose.ingress", "spec.binderhub.address.ingress"),
        ("expose.httpRoute", "spec.binderhub.values.jupyterhub.httpRoute.enabled"),
        ("network.blockMetadata", "spec.binderhub.values.jupyterhub.singleuser.cloudMetadata.blockWithIptables"),
        ("services[0].apiTokenRef", "spec.binderhub.values.jupyterhub"),
    ],
)
def test_a_binder_has_typed_fields_and_values_of_its_hub(name: str, path: str) -> None:
    assert BINDERHUB.path(name) == path


def test_a_setting_has_the_value_that_its_place_takes() -> None:
    inside = "spec.binderhub.values.jupyterhub"
    assert JUPYTERHUB.setting("network.blockMetadata", "NetworkPolicy") == "spec.jupyterhub.network.blockMetadata: NetworkPolicy"
    blocked = f"{inside}.singleuser.cloudMetadata.blockWithIptables: false"
    assert BINDERHUB.setting("network.blockMetadata", "NetworkPolicy") == blocked
    assert BINDERHUB.setting("database.upgrade", "true") == f"{inside}.hub.db.upgrade: true"


@KINDS
def test_values_have_the_path_at_which_their_author_wrote_them(fields: HubFields) -> None:
    inside = "jupyterhub." if fields is BINDERHUB else ""
    places = [place.format(path="hub.uid") for place, _ in fields.sources([], [{}], {})]
    assert places == [f"{fields.root}.valuesFrom[0]: {inside}hub.uid", f"{fields.root}.values.{inside}hub.uid"]


def refusal(case: tuple[str, dict[str, Any], HubContext, str, str], fields: HubFields) -> str:
    """Return the message and the remedy with which a hub's values are refused; empty: this kind of hub accepts them."""
    version, changes, context, *_ = case
    try:
        if fields is BINDERHUB:
            chart = {"version": "1.0.0-0.dev.git.3506.hba24eb2a", "jupyterhubVersion": version}
            given = {name: changes[name] for name in ("auth", "culling") if name in changes}
            binder = binder_spec(INGRESS, chart=chart, values={"jupyterhub": changes.get("values", {})}, **given)
            render_binder(binder, BINDER_SECRETS, AZURE, NEW, hub_context=context)
        else:
            render_with_origins(spec(version, **changes), SECRETS, NEW, hub_context=context)
    except StepError as refused:
        return f"{refused.failed.message} {refused.failed.remedy}"
    return ""


@KINDS
def test_each_refusal_names_fields_of_the_hubs_own_part_of_the_spec(fields: HubFields) -> None:
    texts = [text for case in harmful_values.REFUSED if (text := refusal(case, fields))]
    assert len(texts) > 15
    for text in texts:
        named = [path.rstrip(".") for path in re.findall(r"spec\.[\w.]+(?:\[\d+\][\w.]*)*", text)]
        others = [path for path in named if not path.startswith((fields.root, "spec.monitoring"))]
        assert named and others == [] and [path for path in named if not exists(path)] == [], text
