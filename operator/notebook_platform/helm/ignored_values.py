"""Values without effect: what Helm drops, or warns about, when it puts a user's values over those of a chart. Pure.

Helm merges mappings and lets everything else replace. So a value that is no mapping takes away a mapping of the chart with all its members,
and a mapping takes away the chart's text or list; Helm prints a warning for both, which no user of the operator sees. The templates of the
chart still read what the chart had. A null removes a value on purpose. The chart's values in a release record have those of its
subcharts. https://github.com/helm/helm/blob/v3.22.0/pkg/chartutil/coalesce.go, https://helm.sh/docs/chart_template_guide/values_files/
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.reasons import Reason
from notebook_platform.bounded.text import printable, shortened
from notebook_platform.engine.step import Notice
from notebook_platform.helm.values import Path, Source, has, kind_of, mapping_in

MOST, SHOWN = 20, 3
"""Mismatches that are kept for a release, and sentences that a notice has."""

LONGEST_PATH = 120

GLOBAL = "global"
"""Values that Helm hands to each subchart."""


@dataclass(frozen=True)
class Mismatch:
    """A value of another kind than the chart's: `given` and `default` are the kinds in words. `in_subchart`: the path of the subchart that
    keeps its own mapping."""

    path: Path
    given: str
    default: str
    in_subchart: Path = ()


def mismatches(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[Mismatch, ...]:
    """Return the values of a release that are of another kind than the chart's own. `defaults`: the values of chart and subcharts."""
    return tuple(islice(_all(config, defaults), MOST))


def _all(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[Mismatch]:
    yield from _below(config, defaults, ())
    yield from _globals(mapping_in(config.get(GLOBAL)), defaults, ())


def _below(config: Mapping[str, Any], defaults: Mapping[str, Any], above: Path) -> Iterator[Mismatch]:
    for key, value in config.items():
        default, path = defaults.get(key), (*above, key)
        if value is None or default is None:
            continue
        if isinstance(value, Mapping) and isinstance(default, Mapping):
            yield from _below(value, default, path)
        elif isinstance(default, Mapping) or (isinstance(value, Mapping) and (default or isinstance(default, list))):
            yield Mismatch(path, kind_of(value), kind_of(default))


def _globals(given: Mapping[str, Any], defaults: Mapping[str, Any], chart: Path) -> Iterator[Mismatch]:
    """Yield the global values that a subchart does not take, because it has a mapping there."""
    for name, values in defaults.items() if given else ():
        own = mapping_in(mapping_in(values).get(GLOBAL))
        subchart = (*chart, name)
        for key, value in given.items():
            if isinstance(own.get(key), Mapping) and value is not None and not isinstance(value, Mapping):
                yield Mismatch((GLOBAL, key), kind_of(value), kind_of({}), subchart)
        if own and name != GLOBAL:
            yield from _globals(given, values, subchart)


def mismatch_notices(found: Sequence[Mismatch], sources: Sequence[Source], field: str) -> tuple[Notice, ...]:
    """Return the notice about mismatches. `sources`: the documents of the release, in their order; `field`: the part of the spec."""
    return ignored([_sentence(one, _place(one.path, sources, field)) for one in found])


def _sentence(one: Mismatch, where: str) -> str:
    if one.in_subchart:
        chart = shortened(printable(".".join(one.in_subchart)), LONGEST_PATH)
        return f"{where} is {one.given}, and the subchart {chart} has {one.default} there, which it keeps"
    effect = "Helm drops it with its members" if one.default == kind_of({}) else "the chart's templates may not read it"
    return f"{where} is {one.given}, and the chart has {one.default} there: {effect}"


def _place(path: Path, sources: Sequence[Source], field: str) -> str:
    name = shortened(printable(".".join(path)), LONGEST_PATH)
    template = next((template for template, values in reversed(sources) if has(values, path)), f"{field}.values.{{path}}")
    return template.replace("{path}", name)


def ignored(sentences: Sequence[str]) -> tuple[Notice, ...]:
    """Return the notice about values without effect: a sentence for each, of which the first are shown."""
    if not sentences:
        return ()
    more = f"; {len(sentences) - SHOWN} more" if len(sentences) > SHOWN else ""
    message = "; ".join(sentences[:SHOWN]) + more
    return (Notice(condition=ConditionType.VALUES_IGNORED, reason=Reason.NO_EFFECT, message=message),)
