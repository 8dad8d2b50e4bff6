"""Names of pods and volumes: the safe scheme for a new hub, the existing one for an old hub, and no change afterwards."""

from typing import Any

import pytest
from notebook_platform.api.hubs import JupyterHubSpec
from notebook_platform.engine import StepError
from notebook_platform.hubs.inputs import HubContext
from notebook_platform.hubs.naming import ReleaseSnapshot, scheme

from tests.unit.hubs.rendering import render
from tests.unit.hubs.specs import NEW, SECRETS, at, spec

SLUGS = "hub.config.KubeSpawner.slug_scheme"


def scheme_values(name: str) -> dict[str, Any]:
    return {"hub": {"config": {"KubeSpawner": {"slug_scheme": name}}}}


@pytest.mark.parametrize(
    ("chart", "before", "wanted"),
    [
        ("4.4.0", None, "safe"),
        ("4.4.0", ReleaseSnapshot("3.3.8", {}), "escape"),
        ("4.4.0", ReleaseSnapshot("0.11.1", {}), "escape"),
        ("4.4.0", ReleaseSnapshot("4.3.1", scheme_values("escape")), "escape"),
        ("4.4.0", ReleaseSnapshot("4.3.1", scheme_values("safe")), "safe"),
        ("4.4.0", ReleaseSnapshot("4.0.0", {}), "safe"),
        ("4.4.0", ReleaseSnapshot("4.0.0", {"hub": None}), "safe"),
        ("3.3.8", None, None),
        ("3.3.8", ReleaseSnapshot("2.0.0", {}), None),
    ],
)
def test_the_scheme_follows_the_release_that_is_there(chart: str, before: ReleaseSnapshot | None, wanted: str | None) -> None:
    assert scheme(chart, None, before) == wanted


def test_an_upgrade_and_all_passes_after_it_keep_the_old_names() -> None:
    upgraded = render(
        spec("4.4.0"), SECRETS, NEW, hub_context=HubContext(before=ReleaseSnapshot("3.3.8", render(spec("3.3.8"), SECRETS, NEW)))
    )
    assert at(upgraded, SLUGS) == "escape"
    assert upgraded["singleuser"]["storage"]["dynamic"]["pvcNameTemplate"] == "claim-{username}{servername}"
    again = render(spec("4.4.0"), SECRETS, NEW, hub_context=HubContext(before=ReleaseSnapshot("4.4.0", upgraded)))
    assert again == upgraded
    new = render(spec("4.4.0"), SECRETS, NEW)
    assert at(new, SLUGS) == "safe"
    assert render(spec("4.4.0"), SECRETS, NEW, hub_context=HubContext(before=ReleaseSnapshot("4.4.0", new))) == new


@pytest.mark.parametrize(
    ("asked", "before"),
    [
        ("Safe", ReleaseSnapshot("3.3.8", {})),
        ("Escape", ReleaseSnapshot("4.4.0", {})),
        ("Safe", ReleaseSnapshot("4.4.0", scheme_values("escape"))),
    ],
)
def test_a_scheme_other_than_the_existing_one_is_refused(asked: str, before: ReleaseSnapshot) -> None:
    with pytest.raises(StepError) as refused:
        render(spec("4.4.0", naming={"scheme": asked}), SECRETS, NEW, hub_context=HubContext(before=before))
    failed = refused.value.failed
    assert failed.reason == "NamingCannotChange" and f"spec.jupyterhub.naming.scheme {asked}" in failed.message


def taken(version: str, **values: Any) -> JupyterHubSpec:
    config = {"JupyterHub": {"authenticator_class": "github"}, "GitHubOAuthenticator": {"allow_all": True}, **values}
    return JupyterHubSpec.model_validate(
        {"chart": {"version": version}, "auth": {"fromValues": True}, "values": {"hub": {"config": config}}}
    )


def test_a_release_that_was_taken_over_keeps_its_names_too() -> None:
    """While it stays on its chart, the operator adds no value."""
    old = taken("3.3.8")
    assert render(old, SECRETS, NEW, hub_context=HubContext(before=ReleaseSnapshot("3.3.8", old.values))) == old.values
    upgraded = render(taken("4.4.0"), SECRETS, NEW, hub_context=HubContext(before=ReleaseSnapshot("3.3.8", old.values)))
    assert at(upgraded, SLUGS) == "escape"
    assert render(taken("4.4.0"), SECRETS, NEW, hub_context=HubContext(before=ReleaseSnapshot("4.4.0", upgraded))) == upgraded
    safe, escape = taken("4.4.0"), taken("4.4.0", KubeSpawner={"slug_scheme": "escape"})
    for spec_ in (safe, escape):
        assert render(spec_, SECRETS, NEW, hub_context=HubContext(before=ReleaseSnapshot("4.4.0", spec_.values))) == spec_.values
