"""What a tenant forges in the built cluster: records of Helm's storage, edits of real records, and the operator's markers."""

import asyncio
import base64
import gzip
from collections import Counter
from collections.abc import Awaitable, Callable

import yaml
from kubernetes.aio.client.exceptions import ApiException

from tests.security.tenant import MERGE, Document, Tenant

Forgery = Callable[[Tenant], Awaitable[None]]


async def a_newer_revision(tenant: Tenant) -> None:
    await tenant.plant(await tenant.copied(2, manifest=tenant.evil_manifest()), revision=2)


async def a_much_newer_revision(tenant: Tenant) -> None:
    await tenant.plant(await tenant.copied(999_999_998, manifest=tenant.evil_manifest()), revision=999_999_998)


async def a_newer_revision_that_keeps_the_real_objects(tenant: Tenant) -> None:
    document = await tenant.copied(2)
    await tenant.plant(document | {"manifest": document["manifest"] + tenant.evil_manifest()}, revision=2)


async def a_newer_revision_that_failed(tenant: Tenant) -> None:
    await tenant.plant(await tenant.copied(2, "failed", manifest=tenant.evil_manifest()), revision=2)


async def a_newer_revision_with_hooks(tenant: Tenant) -> None:
    hooks = [tenant.evil_hook("pre-upgrade,post-upgrade,pre-rollback,post-rollback,pre-delete,post-delete")]
    await tenant.plant(await tenant.copied(2, hooks=hooks), revision=2)


async def a_version_label_that_is_no_number(tenant: Tenant) -> None:
    labels = {"owner": "helm", "name": "little", "version": "two", "status": "deployed"}
    await tenant.plant(await tenant.copied(2, manifest=tenant.evil_manifest()), revision=2, labels=labels)


async def no_version_label(tenant: Tenant) -> None:
    labels = {"owner": "helm", "name": "little"}
    await tenant.plant(await tenant.copied(2, manifest=tenant.evil_manifest()), revision=2, labels=labels)


async def a_secret_of_another_name_with_helms_labels(tenant: Tenant) -> None:
    labels = {"owner": "helm", "name": "little", "version": "7", "status": "deployed"}
    await tenant.plant(await tenant.copied(7, manifest=tenant.evil_manifest()), revision=7, release="x", labels=labels)


async def a_gzip_bomb(tenant: Tenant) -> None:
    bomb = base64.b64encode(base64.b64encode(gzip.compress(b" " * 2**28))).decode()
    await tenant.plant({}, revision=2, data=bomb)


async def no_base64_inside(tenant: Tenant) -> None:
    await tenant.plant({}, revision=2, data=base64.b64encode(b"%%%").decode())


async def no_text_inside(tenant: Tenant) -> None:
    await tenant.plant({}, revision=2, data=base64.b64encode(b"\xff\xfe").decode())


async def nothing_inside(tenant: Tenant) -> None:
    await tenant.plant({}, revision=2, data="")


async def json_of_great_depth(tenant: Tenant) -> None:
    deep = base64.b64encode(base64.b64encode(gzip.compress(b"[" * 10**6))).decode()
    await tenant.plant({}, revision=2, data=deep)


async def a_manifest_with_aliases(tenant: Tenant) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    await tenant.plant(await tenant.copied(2, manifest="\n".join(lines)), revision=2)


async def members_of_other_types(tenant: Tenant) -> None:
    await tenant.plant(await tenant.copied(2, config=[1], hooks="x", manifest={"a": 1}, chart=5), revision=2)


async def a_record_of_another_namespace(tenant: Tenant) -> None:
    await tenant.plant(await tenant.copied(2, namespace="kube-system", manifest=tenant.evil_manifest()), revision=2)


async def a_copy_of_ours_as_the_next_revision(tenant: Tenant) -> None:
    await tenant.plant(await tenant.copied(2), revision=2)


async def a_thousand_junk_records(tenant: Tenant) -> None:
    labels, gate = {"owner": "helm", "name": "little", "version": "1"}, asyncio.Semaphore(8)

    async def one(number: int) -> None:
        async with gate:
            body = {"metadata": {"name": f"junk{number}", "labels": labels}, "stringData": {"release": "x"}}
            await tenant.core.create_namespaced_secret(tenant.namespace, body)

    await asyncio.gather(*(one(number) for number in range(1000)))


async def a_hundred_records_with_names_of_ours(tenant: Tenant) -> None:
    for number in range(2, 102):
        await tenant.plant({}, revision=number, data=base64.b64encode(b"x").decode())


async def labels_taken_off_ours(tenant: Tenant) -> None:
    labels = {"metadata": {"labels": {"status": "failed", "version": "x", "modifiedAt": None}}}
    await tenant.core.patch_namespaced_secret("sh.helm.release.v1.little.v1", tenant.namespace, labels, _content_type=MERGE)


async def ours_marked_as_failed(tenant: Tenant) -> None:
    await tenant.edit(lambda document: document["info"].update(status="failed", description="\x1b[2J" + "x" * 10**5))


async def ours_with_times_that_are_none(tenant: Tenant) -> None:
    await tenant.edit(lambda document: document["info"].update(status="failed", last_deployed="soon", deleted=[5]))


IGNORED: list[Forgery] = [
    a_newer_revision,
    a_much_newer_revision,
    a_newer_revision_that_keeps_the_real_objects,
    a_newer_revision_that_failed,
    a_newer_revision_with_hooks,
    a_version_label_that_is_no_number,
    no_version_label,
    a_secret_of_another_name_with_helms_labels,
    a_gzip_bomb,
    no_base64_inside,
    no_text_inside,
    nothing_inside,
    json_of_great_depth,
    a_manifest_with_aliases,
    members_of_other_types,
    a_record_of_another_namespace,
    a_copy_of_ours_as_the_next_revision,
    a_thousand_junk_records,
    a_hundred_records_with_names_of_ours,
    labels_taken_off_ours,
    ours_marked_as_failed,
    ours_with_times_that_are_none,
]
UPGRADING = (ours_marked_as_failed, ours_with_times_that_are_none)
"""Helm fails occasionally, so a release that is marked as failed is installed again."""

WHOLE_LIFE: list[Forgery] = [
    a_newer_revision_that_keeps_the_real_objects,
    a_newer_revision_with_hooks,
    a_much_newer_revision,
]


async def edited_manifest(tenant: Tenant) -> None:
    await tenant.edit(lambda document: document.update(manifest=document["manifest"] + tenant.evil_manifest()))


async def edited_hooks(tenant: Tenant) -> None:
    await tenant.edit(lambda document: document.update(hooks=[tenant.evil_hook("pre-upgrade,pre-delete,post-delete")]))


async def edited_chart(tenant: Tenant) -> None:
    await tenant.edit(lambda document: document["chart"].update(templates=[]))


async def edited_values(tenant: Tenant) -> None:
    await tenant.edit(lambda document: document.update(config={"note": "theirs"}))


async def exchanged(tenant: Tenant) -> None:
    await tenant.plant(await tenant.copied(1, manifest=tenant.evil_manifest()), revision=1)


async def made_unreadable(tenant: Tenant) -> None:
    await tenant.plant({}, revision=1, data=base64.b64encode(b"x").decode())


EDITED: list[Forgery] = [edited_manifest, edited_hooks, edited_chart, edited_values, exchanged, made_unreadable]


async def a_marker_and_a_record_in_another_namespace(tenant: Tenant) -> None:
    await tenant.marker(tenant.other, "forged")
    hooks = [tenant.evil_hook("pre-delete")]
    document = await tenant.copied(1, hooks=hooks, manifest=tenant.evil_manifest(), name="forged", namespace=tenant.other)
    await tenant.plant(document, revision=1, release="forged", namespace=tenant.other)


async def a_marker_and_a_record_beside_ours(tenant: Tenant) -> None:
    await tenant.marker(tenant.namespace, "forged", revision="1", removing="1")
    document = await tenant.copied(1, hooks=[tenant.evil_hook("pre-delete")], manifest=tenant.evil_manifest(), name="forged")
    await tenant.plant(document, revision=1, release="forged")


async def a_marker_with_numbers_that_are_none(tenant: Tenant) -> None:
    await tenant.marker(tenant.other, "forged", revision="x", failures="-1", recoveries="1e9", unfinished="yes")


async def a_marker_with_json_that_is_none(tenant: Tenant) -> None:
    await tenant.marker(tenant.other, "forged", leftovers="[" * 10**5)


async def a_marker_without_data(tenant: Tenant) -> None:
    metadata = {"name": "notebook-platform-empty", "labels": {"app.kubernetes.io/managed-by": "notebook-platform"}}
    await tenant.core.create_namespaced_config_map(tenant.other, {"metadata": metadata})


async def a_marker_with_leftovers_of_another_owner(tenant: Tenant) -> None:
    found = [{"apiVersion": "v1", "kind": "ConfigMap", "name": tenant.namespace, "namespace": "kube-public"}]
    await tenant.marker(tenant.other, "forged", leftovers=yaml.safe_dump(found, default_flow_style=True), removing="1")
    annotate = {"metadata": {"annotations": {"helm.sh/hook": "pre-install"}}}
    core = tenant.site.cluster.core
    await core.patch_namespaced_config_map(tenant.namespace, "kube-public", annotate, _content_type=MERGE)


async def ours_marked_as_another_platforms(tenant: Tenant) -> None:
    await tenant.marker(tenant.namespace, "little", "elsewhere/platforms/other/uid")


async def ours_marked_as_removed_with_foreign_objects(tenant: Tenant) -> None:
    found = [{"apiVersion": "v1", "kind": "ConfigMap", "name": tenant.namespace, "namespace": "kube-public"}]
    leftovers = yaml.safe_dump(found, default_flow_style=True)
    await tenant.marker(tenant.namespace, "little", leftovers=leftovers, removing="1", revision="99", unfinished="1")
    annotate = {"metadata": {"annotations": {"helm.sh/hook": "pre-install"}}}
    core = tenant.site.cluster.core
    await core.patch_namespaced_config_map(tenant.namespace, "kube-public", annotate, _content_type=MERGE)


async def our_marker_deleted(tenant: Tenant) -> None:
    await tenant.core.delete_namespaced_config_map("notebook-platform-little", tenant.namespace)


MARKERS: list[Forgery] = [
    a_marker_and_a_record_in_another_namespace,
    a_marker_and_a_record_beside_ours,
    a_marker_with_numbers_that_are_none,
    a_marker_with_json_that_is_none,
    a_marker_without_data,
    a_marker_with_leftovers_of_another_owner,
    ours_marked_as_another_platforms,
    ours_marked_as_removed_with_foreign_objects,
    our_marker_deleted,
]


async def exchange_again_and_again(tenant: Tenant, swaps: Counter[str]) -> None:
    """Edit each finished record and restore it, until cancelled; count the exchanges by the record's name."""

    def evil(document: Document) -> None:
        hooks = [tenant.evil_hook("pre-upgrade,pre-rollback,pre-delete,post-delete")]
        document.update(manifest=document["manifest"] + tenant.evil_manifest(), hooks=hooks)

    while True:
        for revision, status in await tenant.site.records():
            try:
                if status.startswith("pending"):
                    continue
                secret = await tenant.record(revision)
                body = {"data": secret.data}
                await tenant.edit(evil, revision)
                await tenant.core.patch_namespaced_secret(secret.metadata.name, tenant.namespace, body, _content_type=MERGE)
                swaps[secret.metadata.name] += 1
            except ApiException as error:
                assert error.status in (404, 409), error
