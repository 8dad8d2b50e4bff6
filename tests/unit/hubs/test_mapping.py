"""Every typed field, in every generation of the chart: the value it becomes, or the message that refuses it."""

import pytest
from notebook_platform.engine import StepError
from notebook_platform.hubs.chart.value_map import ROWS
from notebook_platform.hubs.inputs import NOTHING
from notebook_platform.hubs.values import typed

from tests.unit.hubs.mapping import ABSENT, REFUSED, TABLE, expected
from tests.unit.hubs.rendering import render
from tests.unit.hubs.specs import OLD, SECRETS, VERSIONS, at, spec


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", TABLE)
def test_a_field_becomes_the_values_of_the_charts_generation(name: str, version: str) -> None:
    changes, _ = TABLE[name]
    wanted = expected(TABLE[name], version)
    if wanted is REFUSED:
        with pytest.raises(StepError) as refused:
            render(spec(version, **changes), SECRETS, OLD)
        failed = refused.value.failed
        assert failed.reason == "FieldNotSupported" and version in failed.message
        assert failed.message.startswith("spec.jupyterhub.") and "spec.jupyterhub.chart.version" in failed.remedy
        return
    values = render(spec(version, **changes), SECRETS, OLD)
    for path, value in wanted.items():
        assert at(values, path) == (None if value is ABSENT else value), path


def test_every_row_that_is_known_is_tried() -> None:
    """Each row of the value map is used by some field of the table, in some generation."""
    set_paths: set[str] = set()
    for changes, _ in TABLE.values():
        for version in ("0.11.1", "4.4.0"):
            set_paths |= {name for name, value in typed(spec(version, **changes), SECRETS, NOTHING).items() if value is not None}
    untried = set(ROWS) - set_paths - {"scaling.spareSeats", "scaling.spareSeats#enabled", "scaling.spareSeats#priority"}
    untried -= {"placement.userTolerations#pools"}  # tests/unit/hubs/test_pool_tolerations.py: it takes pools
    untried = {
        name for name in untried if not name.startswith("monitoring#")
    }  # tests/unit/hubs/test_metrics.py: no field of a hub
    assert {name for name in untried if not name.startswith(("auth.entra.", "auth.github.", "auth.dummy."))} == set()
    assert set_paths <= set(ROWS)


@pytest.mark.parametrize("version", VERSIONS)
def test_spare_seats_are_placeholders_with_a_low_priority(version: str) -> None:
    values = render(spec(version, scaling={"spareSeats": 5}), SECRETS, OLD)
    assert values["scheduling"]["userPlaceholder"] == {"enabled": True, "replicas": 5}
    assert values["scheduling"]["podPriority"] == {"enabled": True}
