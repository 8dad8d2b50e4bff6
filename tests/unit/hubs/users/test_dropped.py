"""An upgrade of any chart that leaves volumes behind requires approval."""

from dataclasses import replace

import pytest
import yaml
from notebook_platform.helm.claims import dropped_volumes

from tests.unit.hubs.test_release_state import release

CLAIM = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}}
SET = {
    "apiVersion": "v1",
    "kind": "StatefulSet",
    "metadata": {"name": "pg"},
    "spec": {"volumeClaimTemplates": [{"metadata": {"name": "d"}}]},
}
GOES = {**SET, "spec": {**SET["spec"], "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}}
PLAIN = {"apiVersion": "v1", "kind": "StatefulSet", "metadata": {"name": "placeholder"}, "spec": {}}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (CLAIM, "claim data is no longer part"),
        (SET, "its volumes are no longer used"),
        (GOES, "Kubernetes deletes its volumes"),
        (PLAIN, ""),
        ({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}, ""),
    ],
)
def test_dropping_an_object_that_holds_volumes_is_a_concern(document: dict, words: str) -> None:
    installed = replace(release(), manifest=yaml.safe_dump(document))
    found = list(dropped_volumes(installed, frozenset()))
    assert bool(found) is bool(words) and all(words in concern.clause and concern.key for concern in found)
    assert list(dropped_volumes(installed, frozenset({(document["kind"], document["metadata"]["name"])}))) == []
