"""A secret in a patch is refused and not repeated."""

import re
from typing import Any

import pytest
from notebook_platform.azure.merge_patch import leaves
from notebook_platform.azure.patches import secret_members

from tests.unit.azure.patches import autoscale, cluster, refused

SECRETS: dict[str, Any] = {
    "a password": {"adminPassword": "hunter2-hunter2"},
    "a number": {"pin": {"password": 12345678}},
    "a token in a list": {"tokens": ["abcdef"]},
    "a secret in an object": {"clientSecret": {"value": "abcdef"}},
    "a key": {"config": {"sharedKey": "abcdef=="}},
    "a proxy with a password": {"httpProxyConfig": {"httpsProxy": "https://user:pa55@proxy.example.org"}},
    "a signed webhook": {"notifications": [{"webhooks": [{"serviceUri": "https://hooks.example.org/x?code=abcdef"}]}]},
    "a private key": {"x": "-----BEGIN RSA PRIVATE KEY-----\nabc"},
    "a connection string": {"x": "Endpoint=sb://x;SharedAccessKey=abc"},
    "a header": {"headers": ["Bearer abcdef"]},
    "a JSON web token": {"x": "eyJhbGciOi.eyJzdWIiOi.abc"},
}
NO_SECRETS: dict[str, Any] = {
    "an add-on": {
        "addonProfiles": {"azureKeyvaultSecretsProvider": {"enabled": True, "config": {"enableSecretRotation": "true"}}}
    },
    "a key of a vault": {
        "securityProfile": {"azureKeyVaultKms": {"enabled": True, "keyId": "https://v.vault.azure.net/keys/k/1"}}
    },
    "public keys": {"linuxProfile": {"ssh": {"publicKeys": [{"keyData": "ssh-rsa AAAAB3NzaC1yc2E= a"}]}}},
    "a certificate": {"httpProxyConfig": {"trustedCa": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"}},
    "an id": {"credential": "/subscriptions/s/resourceGroups/g"},
    "a switch": {"useToken": "true", "rotateSecret": False},
    "a removal": {"adminPassword": None},
    "a URL": {"httpProxyConfig": {"httpProxy": "http://proxy.example.org:3128/?a=b"}},
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_likely_secret_is_refused_and_not_repeated(name: str) -> None:
    failed = refused(autoscale if "webhook" in name else cluster, {"properties": SECRETS[name]})
    assert "appears to hold a secret" in failed.message or "it is a secret" in failed.message
    for keys, value in leaves(SECRETS[name]):
        for word in re.findall(r"hunter2\S*|12345678|abcdef\S*|pa55|BEGIN|eyJ\S*|abc$", str(value)):
            assert word not in f"{failed.message} {failed.remedy}", keys


@pytest.mark.parametrize("name", NO_SECRETS)
def test_a_member_with_a_similar_name_is_no_secret(name: str) -> None:
    assert list(secret_members(NO_SECRETS[name])) == []


def test_a_secret_is_not_repeated_as_a_contradiction() -> None:
    patch = {
        "properties": {
            "networkProfile": {"networkPolicy": "https://user:pa55@x.example.org"},
            "aadProfile": {"tenantID": "x" * 200},
        }
    }
    failed = refused(cluster, patch, network={"policy": "calico"}, entra={"tenantId": "11111111-1111-1111-1111-111111111111"})
    assert "networkPolicy appears to hold a secret" in failed.message and "pa55" not in failed.message
    assert len(failed.message) < 600 and f'"{"x" * 79}..., but spec.cluster.entra sets' in failed.message
