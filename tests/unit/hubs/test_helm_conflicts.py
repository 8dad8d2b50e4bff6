"""What Helm says of an object that another release has. Its annotations may hold anything that a tenant of the cluster has written."""

import pytest
from notebook_platform.helm.errors import Conflict, conflict_in

TEXT = (
    'Error: Unable to continue with install: ConfigMap "hub" in namespace "jhub" exists and cannot be imported into the current release: '
    'invalid ownership metadata; annotation validation error: key "meta.helm.sh/release-name" must equal "new": current value is "{name}"; '
    'annotation validation error: key "meta.helm.sh/release-namespace" must equal "jhub": current value is "{namespace}"'
)


def test_the_release_that_has_the_object_is_found() -> None:
    found = conflict_in(TEXT.format(name="old", namespace="other"), "jhub", "new")
    assert found == Conflict(kind="ConfigMap", name="hub", namespace="jhub", holder=("other", "old"))


@pytest.mark.parametrize("name", ["", "a,owner=helm", "../x", "Old", "a b", "n" * 64, "old`", "-old"])
def test_a_name_that_no_release_or_namespace_can_have_is_none(name: str) -> None:
    assert conflict_in(TEXT.format(name=name, namespace="jhub"), "jhub", "new") is None
    assert conflict_in(TEXT.format(name="old", namespace=name), "jhub", "new") is None
