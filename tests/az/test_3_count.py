"""The exact list of azure-cli commands that succeeded, so that no command is lost unnoticed."""

from tests.az.conftest import Az
from tests.az.names import STORY
from tests.environments import Say

pytestmark = STORY

COMMANDS = """
    account get-access-token
    account list
    account list-locations
    account set
    account show
    ad app credential list
    ad app credential reset
    ad app delete
    ad app list
    ad sp create-for-rbac
    ad sp delete
    ad sp list
    ad sp show
    aks create
    aks delete
    aks get-credentials
    aks get-upgrades
    aks get-versions
    aks list
    aks maintenanceconfiguration add
    aks maintenanceconfiguration delete
    aks maintenanceconfiguration list
    aks maintenanceconfiguration show
    aks nodepool add
    aks nodepool delete
    aks nodepool get-upgrades
    aks nodepool list
    aks nodepool operation-abort
    aks nodepool scale
    aks nodepool show
    aks nodepool start
    aks nodepool stop
    aks nodepool update
    aks nodepool upgrade
    aks operation-abort
    aks rotate-certs
    aks scale
    aks show
    aks start
    aks stop
    aks update
    aks update-credentials
    aks upgrade
    aks wait
    cloud register
    cloud set
    feature list
    feature register
    feature show
    feature unregister
    group create
    group delete
    group exists
    group list
    group show
    group update
    group wait
    identity create
    identity delete
    identity list
    identity show
    lock create
    lock delete
    lock list
    lock show
    login
    monitor autoscale create
    monitor autoscale delete
    monitor autoscale list
    monitor autoscale profile create
    monitor autoscale profile delete
    monitor autoscale profile list
    monitor autoscale profile show
    monitor autoscale rule create
    monitor autoscale rule delete
    monitor autoscale rule list
    monitor autoscale show
    monitor autoscale update
    network vnet create
    network vnet delete
    network vnet list
    network vnet show
    network vnet subnet create
    network vnet subnet delete
    network vnet subnet list
    network vnet subnet show
    network vnet subnet update
    network vnet update
    provider list
    provider register
    provider show
    resource list
    resource show
    resource tag
    role assignment create
    role assignment delete
    role assignment list
    role definition list
    tag create
    tag delete
    tag list
    tag update
    vmss list
    vmss show
"""


def test_every_one_of_these_commands_passed(az: Az, say: Say) -> None:
    calls = [seconds for times in az.took.values() for seconds in times]
    slowest = ", ".join(f"{name} {max(az.took[name]):.1f}" for name in sorted(az.took, key=lambda n: -max(az.took[n]))[:8])
    say(f"{len(az.took)} different az commands passed, in {len(calls)} calls and {sum(calls):.0f} s; the slowest: {slowest}")
    assert sorted(az.took) == [line.strip() for line in COMMANDS.strip().splitlines()]
