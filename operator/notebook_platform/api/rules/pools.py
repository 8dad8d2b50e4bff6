"""Rules of spec.nodePools and spec.autoscale."""

from collections.abc import Mapping

from notebook_platform.api.durations import PATTERN
from notebook_platform.api.rules.helpers import Rule, clock, cron, duration, matches

RULES: Mapping[str, tuple[Rule, ...]] = {
    "spec.nodePools[]": (
        (
            "!has(self.count) || !has(self.autoscaling) || "
            "(self.autoscaling.minCount <= self.count && self.count <= self.autoscaling.maxCount)",
            "spec.nodePools[].count must lie between autoscaling.minCount and autoscaling.maxCount",
        ),
        ("has(self.count) || has(self.autoscaling)", "spec.nodePools[] must have count or autoscaling"),
        (
            "self.mode != 'System' || ((!has(self.count) || self.count >= 1) && "
            "(!has(self.autoscaling) || self.autoscaling.minCount >= 1))",
            "spec.nodePools[] with mode System must have at least one node",
        ),
        ("!has(self.spot) || self.mode == 'User'", "spec.nodePools[].spot is for mode User"),
        (
            "!has(self.purpose) || self.purpose != 'User' || self.mode == 'User'",
            "spec.nodePools[].purpose User is for mode User: its taint would repel the cluster's own pods",
        ),
        ("size(self.schedules) == 0 || has(self.autoscaling)", "spec.nodePools[].schedules needs spec.nodePools[].autoscaling"),
        ("!(has(self.subnet) && has(self.subnetId))", "spec.nodePools[] must not have both subnet and subnetId"),
    ),
    "spec.nodePools[].schedules[]": (
        ("self.minCount <= self.maxCount", "spec.nodePools[].schedules[].minCount must not be above maxCount"),
    ),
    "spec.nodePools[].schedules[].cron": (cron("spec.nodePools[].schedules[].cron"),),
    "spec.nodePools[].schedules[].duration": (duration("spec.nodePools[].schedules[].duration"),),
    "spec.nodePools[].maxSurge": (
        matches(
            "spec.nodePools[].maxSurge", "^([1-9][0-9]?[0-9]?|([1-9][0-9]?|100)%)$", "must be a number of nodes or 1% to 100%"
        ),
    ),
    "spec.nodePools[].vmSize": (
        matches("spec.nodePools[].vmSize", r"^(Standard|Basic)_[-\w]+$", "must be a VM size, such as Standard_D2s_v3"),
    ),
    "spec.nodePools[].autoscaling": (
        ("self.minCount <= self.maxCount", "spec.nodePools[].autoscaling.minCount must not be above maxCount"),
    ),
    "spec.nodePools[].availabilityZones[]": (
        matches("spec.nodePools[].availabilityZones[]", "^[1-3]$", 'must be "1", "2" or "3"'),
    ),
    "spec.nodePools[].nodeTaints[]": (
        matches(
            "spec.nodePools[].nodeTaints[]",
            r"^[-\w./]+(=[-\w.]*)?:(NoSchedule|PreferNoSchedule|NoExecute)$",
            "must be written as key=value:NoSchedule (or PreferNoSchedule, NoExecute)",
        ),
    ),
    "spec.autoscale[].capacity": (
        ("self.minimum <= self.maximum", "spec.autoscale[].capacity.minimum must not be above maximum"),
        (
            "self.minimum <= self.default && self.default <= self.maximum",
            "spec.autoscale[].capacity.default must lie between minimum and maximum",
        ),
    ),
    "spec.autoscale[].rules[].window": (
        duration("spec.autoscale[].rules[].window"),
        (
            f"!self.matches('{PATTERN}') || (self.matches('[smh]$') && "
            "duration(self) >= duration('5m') && duration(self) <= duration('12h'))",
            "spec.autoscale[].rules[].window must be 5m to 12h",
        ),
    ),
    "spec.autoscale[].rules[].cooldown": (
        duration("spec.autoscale[].rules[].cooldown"),
        (
            f"!self.matches('{PATTERN}') || !self.matches('[smh]$') || "
            "(duration(self) >= duration('1m') && duration(self) <= duration('168h'))",
            "spec.autoscale[].rules[].cooldown must be 1m to 1w",
        ),
    ),
    "spec.autoscale[].rules[]": (
        (
            "self.type != 'ExactCount' || self.change > 0",
            "spec.autoscale[].rules[] with type ExactCount must have a positive change: the new count",
        ),
    ),
    "spec.autoscale[].rules[].grain": (duration("spec.autoscale[].rules[].grain"),),
    "spec.autoscale[].recurring[]": (
        ("self.start < self.end", "spec.autoscale[].recurring[].end must be later than start on the same day"),
    ),
    "spec.autoscale[].recurring[].start": (clock("spec.autoscale[].recurring[].start"),),
    "spec.autoscale[].recurring[].end": (clock("spec.autoscale[].recurring[].end"),),
    "spec.autoscale[].recurring[].capacity": (
        (
            "self.minimum <= self.default && self.default <= self.maximum",
            "spec.autoscale[].recurring[].capacity must have minimum <= default <= maximum",
        ),
    ),
    "spec.autoscale[].recurring[].rules[].window": (duration("spec.autoscale[].recurring[].rules[].window"),),
    "spec.autoscale[].recurring[].rules[].cooldown": (duration("spec.autoscale[].recurring[].rules[].cooldown"),),
    "spec.autoscale[].notifications.emails[]": (
        matches("spec.autoscale[].notifications.emails[]", "^[^@ ]+@[^@ ]+$", "must be an e-mail address"),
    ),
    "spec.nodePools[].spot.maxPrice": (
        (
            "double(self) >= -1.0 && double(self) <= 1000.0",
            "spec.nodePools[].spot.maxPrice must be -1 to 1000",
        ),
    ),
    "spec.autoscale[].rules[].change": (("self != 0", "spec.autoscale[].rules[].change must not be 0"),),
}
