"""Checks of a binder's values before Helm runs: values that the chart accepts but that do harm, or rejects with an unclear
error. Pure.

Judged are the values as they would go to helm, so that `values` and `valuesFrom` are no way around the typed fields.
"""

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from itertools import chain
from typing import Any

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import StepError
from notebook_platform.helm.values import mapping_in, path_of
from notebook_platform.hubs.binder.repositories import Refusal, check_rules
from notebook_platform.hubs.binder.traits import BINDER_CLASSES, FIRST, PROVIDERS
from notebook_platform.hubs.chart.traits import accepts, described, in_words
from notebook_platform.hubs.field_paths import BINDERHUB
from notebook_platform.paths import at

Values = Mapping[str, Any]

BUILDERS = ("dind", "pink")
ALIKE = 0.85
AZURE_REGISTRIES = (".azurecr.io", ".azurecr.cn", ".azurecr.us")

SWAPPED = {
    name.replace("RepoProvider", "Provider") if "Repo" in name else name.replace("Provider", "RepoProvider"): name
    for name in PROVIDERS.values()
}
"""Names that are easily taken for those of the classes."""

REMOVED = {
    "hub.url": "config.BinderHub.hub_url, which follows from address",
    "build": "config.KubernetesBuildExecutor",
    "perRepoQuota": "quotas.perRepository",
    "perRepoQuotaHigher": "quotas.perRepositoryHigher",
    "github": "github.tokenRef",
    "registry.enabled": "config.BinderHub.use_registry",
    "registry.prefix": "registry",
    "registry.host": "registry",
    "registry.authHost": "config.DockerRegistry.auth_config_url",
    "registry.tokenUrl": "registry.existing.tokenUrl",
    "dind.enabled": "builder.type",
    "imageCleaner.host.enabled": "builder.imageCleaner",
    "cors": "config.BinderHub.cors_allow_origin",
}
"""Values of old charts, and what stands for them now."""


def check(values: Values, field: str, number: int | None) -> None:
    """Raise StepError for the first violation; `field` is the part of the spec that defines the binder, `number` the chart's
    development version."""
    for reason, sentence, remedy in chain(chain.from_iterable(rule(values) for rule in RULES), of_version(values, number)):
        raise StepError(reason, f"{field}.{sentence}", remedy.replace("{field}", field))


def of_version(values: Values, number: int | None) -> Iterator[Refusal]:
    """Yield the violations that depend on the chart's version."""
    yield from check_rules(values, number)
    if number is None or number >= FIRST:
        yield from _types(values)


def _types(values: Values) -> Iterator[Refusal]:
    """Yield the traits of another type than BinderHub's classes take."""
    for name, traits in mapping_in(values.get("config")).items():
        for trait, value in mapping_in(traits).items() if name in BINDER_CLASSES.classes else ():
            kinds = BINDER_CLASSES.types(name, str(trait))
            if value is not None and kinds and not any(accepts(kind, value) for kind in kinds):
                yield (
                    Reason.VALUES_REFUSED,
                    f"values.config.{name}.{trait} takes {in_words(kinds[0])}, and this is {described(kinds[0], value)}: the binder would "
                    "not work",
                    "Correct the value, or remove it.",
                )


def without_effect(values: Values) -> Iterator[str]:
    """Yield a sentence for each trait that is nearly one of its class: BinderHub ignores it."""
    for name, traits in mapping_in(values.get("config")).items():
        known = BINDER_CLASSES.traits(name) if name in BINDER_CLASSES.classes else {}
        for trait in mapping_in(traits):
            alike = get_close_matches(str(trait), known, 1, ALIKE) if trait not in known else ()
            if alike:
                yield f"{BINDERHUB.root}.values.config.{name}.{trait}: {name} has no trait {trait}; it has no effect, write {alike[0]}"


def _at(values: Values, path: str) -> Any:
    return at(values, *path_of(path))


def _builder(values: Values) -> Iterator[Refusal]:
    if (kind := values.get("imageBuilderType")) not in BUILDERS:
        yield (
            Reason.BUILDER_NOT_SUPPORTED,
            f"values.imageBuilderType is {kind!r}: AKS nodes run containerd and have no Docker for builds",
            "Remove it, and set {field}.builder.type to dind or pink.",
        )


def _removed(values: Values) -> Iterator[Refusal]:
    for path, now in REMOVED.items():
        if _at(values, path) is not None:
            yield Reason.VALUE_REMOVED, f"values.{path} is no longer a value of the chart", f"Use {now} instead."


def _sections(values: Values) -> Iterator[Refusal]:
    config = values.get("config")
    for name, traits in (config if isinstance(config, Mapping) else {}).items():
        if not name[:1].isupper() or not isinstance(traits, Mapping):
            yield (
                Reason.CONFIG_SECTION_INVALID,
                f"values.config.{name} is not a class with traits: the binder would not start, or would ignore it",
                "Sections of config are classes, such as BinderHub or GitHubRepoProvider.",
            )
        elif name in SWAPPED:
            yield (
                Reason.CONFIG_SECTION_INVALID,
                f"values.config.{name} is not a class of BinderHub: it has no effect",
                f"Write {SWAPPED[name]}.",
            )


def _image_prefix(values: Values) -> Iterator[Refusal]:
    prefix = str(_at(values, "config.BinderHub.image_prefix") or "")
    server, *path = prefix.split("/")
    if server.endswith(AZURE_REGISTRIES) and len(path) < 2:
        yield (
            Reason.IMAGE_PREFIX_TOO_SHORT,
            f"values.config.BinderHub.image_prefix {prefix!r} has no project: with an Azure registry each launch would build the image again",
            "Write it as <server>/<project>/<prefix>-, or remove it: the operator derives it from {field}.registry.",
        )


def _homes(values: Values) -> Iterator[Refusal]:
    culled = _at(values, "jupyterhub.cull.users") and _at(values, "jupyterhub.cull.enabled") is not False
    kept = _at(values, "jupyterhub.hub.config.KubeSpawner.delete_pvc") is False
    if culled and not kept and _at(values, "jupyterhub.singleuser.storage.type") not in ("none", None):
        yield (
            Reason.CULLING_DELETES_HOMES,
            "values.jupyterhub: cull.users with volumes for users deletes their homes with them",
            "Set jupyterhub.cull.users: false or jupyterhub.hub.config.KubeSpawner.delete_pvc: false.",
        )


def _service(values: Values) -> Iterator[Refusal]:
    client = _at(values, "jupyterhub.hub.services.binder.oauth_client_id")
    if client is not None and not str(client).startswith("service-"):
        yield (
            Reason.CLIENT_ID_INVALID,
            "values.jupyterhub.hub.services.binder.oauth_client_id must begin with service-: the hub would not start",
            "Remove it: the operator sets one.",
        )


RULES: tuple[Callable[[Values], Iterator[Refusal]], ...] = (_builder, _removed, _sections, _image_prefix, _homes, _service)
