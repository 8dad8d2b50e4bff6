"""A claim that every user's server mounts has to be for more than one node."""

import pytest
from aiohttp import web
from notebook_platform.hubs.users.claims import NamedClaim, examine

from tests.unit.kube.plain_http import served


@pytest.mark.parametrize(("path", "modes", "noticed"), [
    ("singleuser.storage.static.pvcName", ["ReadWriteOnce"], True),
    ("singleuser.storage.extraVolumes[0].persistentVolumeClaim.claimName", ["ReadWriteOnce"], True),
    ("singleuser.storage.extraVolumes[0].persistentVolumeClaim.claimName", ["ReadOnlyMany"], False),
    ("hub.extraVolumes[0].persistentVolumeClaim.claimName", ["ReadWriteOnce"], False),
])  # fmt: skip
async def test_a_claim_that_all_servers_mount_has_to_be_for_more_than_one_node(
    path: str, modes: list[str], noticed: bool
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"metadata": {"name": "c"}, "spec": {"accessModes": modes}, "status": {"phase": "Bound"}})

    app = web.Application()
    app.router.add_get("/api/v1/namespaces/jhub/persistentvolumeclaims/c", answer)
    async with served(app) as api:
        examined = await examine(api, "jhub", [NamedClaim(name="c", path=path)], {}, "spec.jupyterhub", 2)
    assert examined.issues == () and [one.condition for one in examined.notices] == ["ClaimNotShared"] * noticed
