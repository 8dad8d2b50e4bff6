"""Registration of resource providers and preview features."""

import asyncio

from notebook_platform.azure.providers import JUST_NOW
from notebook_platform.engine.outcome import Progressing

from tests.azure.conftest import Estate
from tests.unit.azure.specs import runbook_spec


async def test_a_provider_is_registered_again_when_its_feature_has_come_and_only_then(estate: Estate) -> None:
    await estate.settle(runbook_spec())
    registrations = [w for w in await estate.writes() if w.endswith("/register")]
    assert registrations[-1] == "POST Microsoft.ContainerService/register"
    together = {"POST VMSSPreview/register", "POST Microsoft.Network/register", "POST microsoft.insights/register"}
    assert set(registrations[:-1]) == together and len(registrations) == 4


async def test_while_azure_registers_only_that_is_read_again(estate: Estate) -> None:
    estate.simulator.world.clock.run(1)
    spec, estate.max_age = runbook_spec(), 60
    await estate.once(spec)
    since = len(estate.simulator.world.journal.entries)
    await asyncio.sleep(JUST_NOW)
    outcome = (await estate.once(spec))["Providers"].outcome
    assert isinstance(outcome, Progressing)
    assert "`az feature show --namespace Microsoft.ContainerService --name VMSSPreview`" in outcome.remedy
    read = {entry["path"].rpartition("/")[2] for entry in estate.simulator.world.journal.entries[since:]}
    assert read == {"VMSSPreview", "Microsoft.Network", "microsoft.insights"}
