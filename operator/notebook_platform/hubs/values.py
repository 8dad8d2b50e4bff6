"""Map the typed spec to the chart's values. Pure and deterministic: the same spec and secrets give the same values.

Order: typed fields, then `valuesFrom` in order, then `values`; later ones win, maps are merged, everything else replaced.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from typing import Any

from notebook_platform.api.hubs import JupyterHubSpec
from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import StepError
from notebook_platform.engine.step import Notice
from notebook_platform.helm.values import Path, Values, has, merged, path_of
from notebook_platform.hubs.chart.value_map import Always, Elsewhere
from notebook_platform.hubs.chart.versions import KNOWN, Generation, Knowledge
from notebook_platform.hubs.field_paths import HubFields
from notebook_platform.hubs.fields.auth import auth_values
from notebook_platform.hubs.fields.expose import expose_values
from notebook_platform.hubs.fields.hub import hub_values, service_token
from notebook_platform.hubs.fields.single_user import single_user_values
from notebook_platform.hubs.inputs import NOTHING, HubContext, HubSecrets
from notebook_platform.hubs.metrics.values import ORIGIN, PREFIX, completed, metrics_values
from notebook_platform.hubs.naming import scheme
from notebook_platform.hubs.remarks import remarks
from notebook_platform.hubs.shapes import check_nulls, check_shapes
from notebook_platform.hubs.validation import check
from notebook_platform.paths import at

__all__ = ["HubContext", "HubSecrets", "Rendered", "render_with_origins"]

OF_THE_OPERATOR = "kept by the operator"
HUB_IMAGE: Path = ("hub", "image", "name")
SLUGS: Path = ("hub", "config", "KubeSpawner", "slug_scheme")
FOR_KUBERNETES = "the chart is too old for the cluster's Kubernetes"


@dataclass(frozen=True)
class Rendered:
    """The values of a release, the origin of each leaf (its path -> a field, or words), and remarks on them."""

    values: Values = field(repr=False)
    origins: Mapping[Path, str]
    notices: tuple[Notice, ...] = ()

    def described_origins(self) -> dict[str, str]:
        """Return the origin of each value for users, without any value."""
        return {".".join(path): origin for path, origin in sorted(self.origins.items())}


@dataclass
class Layer:
    """Values of one source. `origins` is more exact about some paths than `name`, which covers all."""

    name: str
    values: Values = field(default_factory=dict)
    origins: dict[Path, str] = field(default_factory=dict)

    def put(self, path: Path, value: Any, origin: str) -> None:
        """Put one value; maps are merged."""
        *parents, last = path
        node = self.values
        for parent in parents:
            node = node.setdefault(parent, {})
        old = node.get(last)
        node[last] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
        self.origins[path] = origin
        self.origins |= {(*path, str(key)): origin for key in value} if isinstance(value, Mapping) else {}

    def origin(self, path: Path) -> str:
        """Return the most exact origin known for a path."""
        known = (self.origins[path[:length]] for length in range(len(path), 0, -1) if path[:length] in self.origins)
        return next(known, self.name.format(path=".".join(path)))


def render_with_origins(
    spec: JupyterHubSpec,
    secrets: HubSecrets,
    kubernetes: tuple[int, ...],
    more: Iterable[Mapping[str, Any]] = (),
    hub_context: HubContext = NOTHING,
    knowledge: Knowledge = KNOWN,
) -> Rendered:
    """Return the values of the release with their origins. `more` are the documents of valuesFrom, in order.

    Raises StepError for what the chart's generation cannot do, and for all that `validation` and `shapes` refuse.
    """
    chosen = knowledge.generation(spec.chart.version)
    documents = list(more)
    for source, document in hub_context.fields.sources(spec.values_from, documents, spec.values):
        check_shapes(document, source)
    own_image = any(has(document, HUB_IMAGE) for document in (*documents, spec.values))
    hub_context = replace(hub_context, own_image=own_image, given=reduce(merged, (*documents, spec.values), {}))
    if spec.auth.from_values and any(has(document, SLUGS) for document in (*documents, spec.values)):
        hub_context = replace(hub_context, before=None)  # the release that was taken over says itself how it makes names
    layers = [_typed_layer(spec, secrets, hub_context, knowledge)]
    if not spec.auth.from_values:
        layers.append(_for_kubernetes(spec, chosen, kubernetes, hub_context.fields))
    given = [
        Layer(name, dict(document)) for name, document in hub_context.fields.sources(spec.values_from, documents, spec.values)
    ]
    layers += given
    if not spec.auth.from_values:
        layers.append(_tokens(layers, secrets))
    values: Values = {}
    for place, layer in enumerate(layers):
        if layer in given:
            check_nulls(layer.values, values, partial(_fields_below, values, layers[:place]), layer.name)
        values = merged(values, layer.values)
    if hub_context.scraped:
        layers.append(_lists_for_metrics(values, spec.chart.version, secrets, knowledge))
        values = merged(values, layers[-1].values)
    rendered = Rendered(values, {path: _origin(path, layers) for path in _leaves(values)})
    case = check(spec, chosen, kubernetes, hub_context, rendered.values, rendered.origins)
    return replace(rendered, notices=remarks(case))


def _fields_below(values: Values, layers: Sequence[Layer], path: Path) -> list[str]:
    """Return the typed fields, without defaults, that set values below a path, and at the end the operator if it did."""
    leaves = [(*path, *leaf) for leaf in _leaves(at(values, *path))]
    typed_layer = layers[0]
    origins = {typed_layer.origin(leaf) for leaf in leaves if _last_that_sets(leaf, layers) is typed_layer}
    fields = sorted(one for one in origins if one != OF_THE_OPERATOR and not one.endswith(" (default)"))
    return [*fields, "the operator"] if OF_THE_OPERATOR in origins else fields


def _typed_layer(spec: JupyterHubSpec, secrets: HubSecrets, hub_context: HubContext, knowledge: Knowledge) -> Layer:
    """Return the typed fields: all of them, or for an adopted release those that differ from their defaults."""
    layer = Layer("")
    plain = JupyterHubSpec.model_validate({"chart": spec.chart, "auth": spec.auth, "host": spec.host})
    usual = typed(plain, replace(secrets, naming=""), replace(hub_context, before=None, scraped=False))
    for name, value in typed(spec, secrets, hub_context).items():
        is_default = name in usual and value == usual[name]
        if value is None or (is_default and spec.auth.from_values):
            continue
        shown = _shown(name, hub_context.fields)
        shown_origin = shown if not is_default or name.startswith(("secrets.", "auth")) else f"{shown} (default)"
        _place(layer, spec.chart.version, name, value, shown, shown_origin, knowledge, hub_context.fields)
    return layer


def _shown(name: str, fields: HubFields) -> str:
    """Return the origin of a row's value: its field, or words."""
    if name.startswith("secrets."):
        return OF_THE_OPERATOR
    return ORIGIN if name.startswith(PREFIX) else fields.path(name.partition("#")[0])


def _place(
    layer: Layer, version: str, name: str, value: Any, shown: str, shown_origin: str, knowledge: Knowledge, fields: HubFields
) -> None:
    place = knowledge.place(name, version)
    if isinstance(place, Elsewhere) or (isinstance(place, Always) and place.value == value):
        return
    if isinstance(place, str):
        layer.put(path_of(place), value, shown_origin)
        return
    first = next((v for v, p in knowledge.rows[name] if isinstance(p, str)), None)
    newer = f"; charts from {'.'.join(map(str, first))} on do" if first else ""
    raise StepError(
        Reason.FIELD_NOT_SUPPORTED,
        f"{shown}: chart {version} does not support it{newer}",
        f"Remove it, or choose a newer {fields.path('chart.version')}.",
    )


def typed(spec: JupyterHubSpec, secrets: HubSecrets, hub_context: HubContext) -> Mapping[str, Any]:
    """Return the typed fields by the names of the rows; None: not set. Raises StepError (EndpointsUnknown, NamingCannotChange)."""
    names = scheme(spec.chart.version, spec.naming.scheme if spec.naming else None, hub_context.before, secrets.naming)
    return {
        "secrets.proxyToken": secrets.proxy_token,
        "secrets.cookie": secrets.cookie_secret,
        "secrets.crypt": secrets.crypt_keys,
        **auth_values(spec, secrets, hub_context),
        **single_user_values(spec, names, hub_context),
        **expose_values(spec, secrets, hub_context),
        **hub_values(spec, secrets, hub_context),
        **(metrics_values(secrets) if hub_context.scraped else {}),
    }


def _for_kubernetes(spec: JupyterHubSpec, chosen: Generation, kubernetes: tuple[int, ...], fields: HubFields) -> Layer:
    """Return what an old chart must leave out on a new Kubernetes. Raises StepError (FieldNotSupported)."""
    layer = Layer(FOR_KUBERNETES)
    if kubernetes >= chosen.scheduler_ends:
        layer.put(("scheduling", "userScheduler", "enabled"), False, FOR_KUBERNETES)
    if kubernetes >= chosen.placeholders_end:
        layer.put(("scheduling", "userPlaceholder", "enabled"), False, FOR_KUBERNETES)
        _refuse(bool(spec.scaling.spare_seats), spec, kubernetes, fields, "scaling.spareSeats")
    _refuse(spec.expose.ingress is not None and kubernetes >= chosen.ingress_ends, spec, kubernetes, fields, "expose.ingress")
    return layer


def _refuse(asked: bool, spec: JupyterHubSpec, kubernetes: tuple[int, ...], fields: HubFields, name: str) -> None:
    if asked:
        raise StepError(
            Reason.FIELD_NOT_SUPPORTED,
            f"{fields.path(name)}: chart {spec.chart.version} renders it as an API that "
            f"Kubernetes {'.'.join(map(str, kubernetes[:2]))} does not serve",
            f"Remove it, or choose a newer {fields.path('chart.version')}.",
        )


def _tokens(layers: Iterable[Layer], secrets: HubSecrets) -> Layer:
    """Return a token for each service whose values set none: the chart would generate one at each render."""
    layer = Layer(OF_THE_OPERATOR)
    services: Values = {}
    for one in layers:
        found = one.values.get("hub", {})
        services = merged(services, found.get("services") or {}) if isinstance(found, Mapping) else services
    for name, service in services.items():
        given = isinstance(service, Mapping) and (service.get("apiToken") or service.get("api_token"))
        if isinstance(service, Mapping) and not given and (token := service_token(name, secrets)):
            layer.put(("hub", "services", name, "apiToken"), token, OF_THE_OPERATOR)
    return layer


def _lists_for_metrics(values: Values, version: str, secrets: HubSecrets, knowledge: Knowledge) -> Layer:
    """Return the lists of the values completed with the elements that the metrics agent needs: a user's list replaces the operator's."""
    layer = Layer(ORIGIN)
    for name, wanted in metrics_values(secrets).items():
        place = knowledge.place(name, version)
        if isinstance(place, str) and (whole := completed(at(values, *path_of(place)), wanted)) is not None:
            layer.put(path_of(place), whole, ORIGIN)
    return layer


def _leaves(values: Mapping[str, Any], above: Path = ()) -> Iterator[Path]:
    for key, value in values.items():
        path = (*above, str(key))
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, path)
        else:
            yield path


def _origin(path: Path, layers: Iterable[Layer]) -> str:
    """Return the origin of the value at a path; empty: no layer sets it."""
    layer = _last_that_sets(path, layers)
    return layer.origin(path) if layer else ""


def _last_that_sets(path: Path, layers: Iterable[Layer]) -> Layer | None:
    """Return the last layer that sets a path: its value counts."""
    return next((layer for layer in reversed([*layers]) if has(layer.values, path)), None)
