"""Durations of the cluster autoscaler as AKS takes them: seconds for the scan interval, whole minutes for the rest."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.api.cluster import AutoscalerProfile
from notebook_platform.api.durations import parse_duration
from notebook_platform.azure.autoscaler_profile import IN_MINUTES, IN_SECONDS, autoscaler_profile


@pytest.mark.parametrize(
    ("member", "written", "sent"),
    [
        ("scanInterval", "10s", "10s"),
        ("scanInterval", "1m", "60s"),
        ("scanInterval", "1h", "3600s"),
        ("scaleDownDelayAfterAdd", "10m", "10m"),
        ("scaleDownDelayAfterAdd", "120s", "2m"),
        ("scaleDownUnneededTime", "1h", "60m"),
        ("maxNodeProvisionTime", "1d", "1440m"),
    ],
)
def test_each_duration_is_sent_in_the_unit_of_aks(member: str, written: str, sent: str) -> None:
    assert list(autoscaler_profile(AutoscalerProfile.model_validate({member: written})).values()) == [sent]


@given(
    name=st.sampled_from(sorted(IN_SECONDS | IN_MINUTES)),
    number=st.integers(1, 99999),
    unit=st.sampled_from(["m", "h", "d", "w"]),
)
def test_the_length_stays_and_the_form_is_the_one_of_aks(name: str, number: int, unit: str) -> None:
    written = f"{number}{unit}"
    (sent,) = autoscaler_profile(AutoscalerProfile(**{name: written})).values()
    assert re.fullmatch(r"[0-9]+s" if name in IN_SECONDS else r"[0-9]+m", sent)
    seconds = int(sent[:-1]) * (1 if name in IN_SECONDS else 60)
    assert seconds == parse_duration(written).total_seconds()


def test_flags_and_numbers_are_text() -> None:
    chosen = {"skipNodesWithSystemPods": False, "maxGracefulTerminationSec": 300, "scaleDownUtilizationThreshold": "0.5"}
    assert autoscaler_profile(AutoscalerProfile.model_validate(chosen)) == {
        "skip-nodes-with-system-pods": "false",
        "max-graceful-termination-sec": "300",
        "scale-down-utilization-threshold": "0.5",
    }
