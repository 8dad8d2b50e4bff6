"""Azure steps hold no state between the calls of a reconcile, over the life of a platform."""

from typing import Any

from notebook_platform.engine.graph import Graph

from tests.azure.conftest import Estate
from tests.azure.test_registry import binder_spec
from tests.unit.azure.specs import with_cluster
from tests.unit.azure.test_steps_hold_no_state import Members


class Watched(Estate):
    """An estate that records the steps of every reconcile."""

    members: Members

    async def graph(self, spec: dict[str, Any], *, deleting: bool = False) -> Graph:
        graph = await super().graph(spec, deleting=deleting)
        self.members.add(*graph.steps.values())
        return graph


async def test_no_azure_step_changes_while_a_platform_is_made_changed_and_deleted(estate: Estate) -> None:
    watched = Watched(estate.simulator, estate.sessions, estate.http)
    watched.members = Members()
    watched.secrets.data["key"] = {"ssh": "ssh-rsa AAAAB3NzaC1yc2E= someone@example.org"}
    entra = {"azureRBAC": True, "adminGroupObjectIDs": ["00000000-0000-0000-0000-00000000000a"]}
    spec = with_cluster(sshPublicKeyFrom={"name": "key", "key": "ssh"}, entra=entra, localAccounts=False)
    del spec["cluster"]["sshPublicKey"]
    spec["binderhub"] = binder_spec()["binderhub"]
    await watched.settle(spec)
    spec["cluster"]["tier"] = "Standard"
    assert any(result.changes for result in (await watched.once(spec)).values())
    await watched.settle(spec)
    await watched.delete(spec)
    assert len(watched.members.built) > 50 and watched.members.changed() == set()
