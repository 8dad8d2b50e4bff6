"""A binder's hub is a hub: it gets the tolerations of the pools, the cloud's endpoints, and the remarks on its values."""

from dataclasses import replace
from typing import Any

from notebook_platform.hubs.binder.values import render
from notebook_platform.hubs.inputs import HubContext
from notebook_platform.hubs.naming import ReleaseSnapshot

from tests.unit.hubs.binder_specs import AZURE, INGRESS, NEW, OIDC, PLACE, SECRETS, spec
from tests.unit.hubs.test_pool_tolerations import SPOT, pools


def rendered(context: HubContext = PLACE, **changes: Any) -> Any:
    return render(spec(INGRESS, **changes), SECRETS, AZURE, NEW, hub_context=context)


def messages(context: HubContext = PLACE, **changes: Any) -> dict[str, str]:
    return {one.condition: one.message for one in rendered(context, **changes).notices}


def test_servers_of_a_binder_tolerate_the_taints_of_the_pools_for_users() -> None:
    place = replace(PLACE, pools=pools({"name": "users", "purpose": "User", "spot": {}}))
    assert rendered(place).values["jupyterhub"]["singleuser"]["extraTolerations"] == [SPOT]
    assert "extraTolerations" not in rendered().values["jupyterhub"]["singleuser"]


def test_a_binder_signs_in_at_the_endpoints_of_its_cloud() -> None:
    china = "https://login.partner.microsoftonline.cn"
    entra = {
        "tenantId": "11111111-1111-1111-1111-111111111111",
        "clientId": "22222222-2222-2222-2222-222222222222",
        "clientSecretRef": {"name": "entra"},
        "allowAll": True,
    }
    values = rendered(replace(PLACE, authority=china), auth={"entra": entra}).values
    assert values["jupyterhub"]["hub"]["config"]["AzureAdOAuthenticator"]["authorize_url"].startswith(china)


def test_a_claim_that_the_issuer_may_not_send_is_remarked_with_the_binders_field() -> None:
    issuer = replace(PLACE, claims=frozenset({"sub"}))
    found = messages(issuer, auth={"oidc": {**OIDC["oidc"], "usernameClaim": "upn"}})
    assert found["UsernameClaimUnsure"].startswith("spec.binderhub.auth.oidc.usernameClaim: the issuer's claims_supported")


def test_values_of_its_running_hub_without_effect_are_remarked() -> None:
    values = {"hub": {"config": {"JupyterHub": {"allow_named_server": True}}}}
    before = ReleaseSnapshot("4.2.0", values)
    found = messages(
        replace(PLACE, before=before), values={"jupyterhub": values, "config": {"BinderHub": {"banner_mesage": "x"}}}
    )
    assert list(found) == ["ValuesIgnored"]
    notices = rendered(replace(PLACE, before=before), values={"jupyterhub": values}).notices
    assert notices[0].message.startswith("spec.binderhub.values.jupyterhub.hub.config.JupyterHub.allow_named_server")
