"""The versions of own Secrets: known from a read until the watch reports another one."""

import pytest
from notebook_platform.kube.secret_versions import ABSENT, SecretVersions

PLACE = ("platforms", "lab-kubeconfig")


@pytest.fixture
def versions() -> SecretVersions:
    return SecretVersions()


def test_a_version_is_known_once_it_was_read(versions: SecretVersions) -> None:
    assert versions.of(*PLACE) is None
    versions.expect(*PLACE)
    assert versions.of(*PLACE) is None
    versions.learn(*PLACE, "7")
    assert versions.of(*PLACE) == "7"


def test_the_event_of_the_read_version_changes_nothing(versions: SecretVersions) -> None:
    versions.expect(*PLACE)
    versions.learn(*PLACE, "7")
    versions.event(*PLACE, "7")
    assert versions.of(*PLACE) == "7"


@pytest.mark.parametrize("version", ["8", ABSENT])
def test_another_version_makes_it_unknown_until_it_is_read_again(versions: SecretVersions, version: str) -> None:
    versions.expect(*PLACE)
    versions.learn(*PLACE, "7")
    versions.event(*PLACE, version)
    assert versions.of(*PLACE) is None
    versions.learn(*PLACE, "7")  # the answer of a read that began before the event
    assert versions.of(*PLACE) is None
    versions.expect(*PLACE)
    versions.learn(*PLACE, "8")
    assert versions.of(*PLACE) == "8"


def test_an_event_during_the_read_makes_its_answer_unknown(versions: SecretVersions) -> None:
    versions.expect(*PLACE)
    versions.event(*PLACE, "8")
    versions.learn(*PLACE, ABSENT)
    assert versions.of(*PLACE) is None


def test_events_of_secrets_that_no_platform_has_read_are_not_kept(versions: SecretVersions) -> None:
    versions.event(*PLACE, "7")
    assert versions.of(*PLACE) is None
    versions.expect(*PLACE)
    versions.learn(*PLACE, "7")
    versions.forget(*PLACE)
    assert versions.of(*PLACE) is None
