"""Runs in the hub's own Python: prints, by configuration, the traits that it sets and that the classes do not have, as JSON."""

import json
import os
import sys
from pathlib import Path

from jupyterhub import app, auth, crypto, proxy, spawner
from kubespawner import KubeSpawner
from oauthenticator.azuread import AzureAdOAuthenticator
from oauthenticator.generic import GenericOAuthenticator
from oauthenticator.github import GitHubOAuthenticator
from traitlets.config.loader import PyFileConfigLoader

CLASSES = {
    "JupyterHub": app.JupyterHub,
    "Authenticator": auth.Authenticator,
    "DummyAuthenticator": auth.DummyAuthenticator,
    "CryptKeeper": crypto.CryptKeeper,
    "ConfigurableHTTPProxy": proxy.ConfigurableHTTPProxy,
    "Spawner": spawner.Spawner,
    "KubeSpawner": KubeSpawner,
    "AzureAdOAuthenticator": AzureAdOAuthenticator,
    "GenericOAuthenticator": GenericOAuthenticator,
    "GitHubOAuthenticator": GitHubOAuthenticator,
}

unknown = {}
for path in map(Path, sys.argv[1:]):
    os.environ["HUB_CONFIG_DIR"] = str(path.parent / "secret")
    config = PyFileConfigLoader(str(path)).load_config()
    unknown[str(path)] = sorted(
        f"{section}.{trait}"
        for section, values in config.items()
        for trait in values
        if section not in CLASSES or trait not in CLASSES[section].class_traits(config=True)
    )
sys.stdout.write(json.dumps(unknown))
