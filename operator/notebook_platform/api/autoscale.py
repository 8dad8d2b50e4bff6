"""spec.autoscale: custom autoscale of Azure Monitor on the pools' scale sets."""

from typing import Annotated, Any, Literal

from pydantic import Field

from notebook_platform.api.arm_ids import SettingName
from notebook_platform.api.base import SpecModel
from notebook_platform.api.cluster import Weekday
from notebook_platform.api.lists import Atomic, MapByName, SetOf
from notebook_platform.api.numbers import DecimalNumber
from notebook_platform.api.patches import AUTOSCALE, declared


class AutoscaleCapacity(SpecModel):
    """Bounds of a custom autoscale profile."""

    minimum: int = Field(ge=0, le=1000, description="Minimum number of nodes.")
    maximum: int = Field(ge=1, le=1000, description="Maximum number of nodes.")
    default: int = Field(ge=0, le=1000, description="Number of nodes while the metric is unavailable.")


class AutoscaleRule(SpecModel):
    """One metric rule of a custom autoscale profile."""

    metric: str = Field("Percentage CPU", max_length=128, description="Metric of the scale set.")
    namespace: str | None = Field(
        None, max_length=128, description="Namespace of the metric. Default: the host metrics of the scale set."
    )
    statistic: Literal["Average", "Min", "Max", "Sum", "Count"] = Field(
        "Average", description="How the values of all nodes in a minute are combined."
    )
    aggregation: Literal["Average", "Minimum", "Maximum", "Total", "Count", "Last"] = Field(
        "Average", description="How the values of the window's minutes are combined."
    )
    grain: str = Field("1m", max_length=8, description="Interval between the metric's values (1m to 12h).")
    operator: Literal["Equals", "NotEquals", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual"] = Field(
        description="Comparison of the metric with the threshold."
    )
    threshold: DecimalNumber = Field(description='Value to compare with: an integer, or a decimal as text (`"0.5"`).')
    window: str = Field("10m", max_length=8, description="Period over which the metric is aggregated, such as `10m` (5m to 12h).")
    type: Literal["ChangeCount", "PercentChangeCount", "ExactCount"] = Field(
        "ChangeCount", description="Whether `change` is a number of nodes, a percentage of them, or (if positive) the new count."
    )
    change: int = Field(ge=-1000, le=1000, description="Nodes to add (positive) or remove (negative).")
    cooldown: str = Field(
        "5m", max_length=8, description="Minimum time after a scaling action before this rule acts, such as `5m` (1m to 1w)."
    )


class RecurringProfile(SpecModel):
    """A profile that applies between two times of day on certain days of the week."""

    name: str = Field(max_length=64, description="Name of the profile.")
    days: SetOf[Weekday] = Field(min_length=1, max_length=7, description="Days of the week.")
    start: str = Field(max_length=5, description="Start time, such as `08:30`.")
    end: str = Field(max_length=5, description="End time, later on the same day.")
    time_zone: str = Field("UTC", max_length=64, description="Time zone, such as `Europe/Vienna`.")
    capacity: AutoscaleCapacity = Field(description="Minimum, maximum and default number of nodes.")
    rules: Atomic[AutoscaleRule] = Field(default_factory=list, max_length=10, description="Metric rules.")


class Notifications(SpecModel):
    """The recipients of notifications when Monitor scales."""

    emails: SetOf[Annotated[str, Field(max_length=254)]] = Field(
        default_factory=list, max_length=20, description="E-mail addresses of the recipients."
    )


class Autoscale(SpecModel):
    """A custom autoscale setting on a pool's scale set (Azure Monitor)."""

    pool: str = Field(max_length=12, description="Name of the node pool.")
    name: SettingName | None = Field(None, description="Name of the setting. Default: `<platform>-<pool>`.")
    enabled: bool = Field(
        True, description="Whether Azure Monitor acts on the setting. `false` keeps the setting without effect."
    )
    capacity: AutoscaleCapacity = Field(description="Minimum, maximum and default number of nodes.")
    rules: Atomic[AutoscaleRule] = Field(default_factory=list, max_length=10, description="Metric rules.")
    recurring: MapByName[RecurringProfile] = Field(
        default_factory=list, max_length=9, description="Profiles that replace `capacity` and `rules` at certain times."
    )
    notifications: Notifications | None = Field(
        None, description="Recipients of a notification when the setting scales the pool. Removing the field stops the e-mails."
    )
    patch: dict[str, Any] = Field(
        default_factory=dict,
        json_schema_extra=declared(AUTOSCALE),
        description="JSON merge patch (RFC 7396) over the body of the setting, for members without a field here, such "
        "as `properties: {predictiveAutoscalePolicy: {scaleMode: Enabled}}`; null removes. `properties.profiles` replaces all profiles; omit "
        "rules and recurring then. The rules are those of spec.cluster.patch.",
    )
