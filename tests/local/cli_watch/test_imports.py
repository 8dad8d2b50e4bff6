"""What a command loads at its start."""

import os
import subprocess
import sys

PROGRAM = """
import sys
import notebook_platform.controller, notebook_platform.steps, notebook_platform.cli.plan
sys.stdout.write(" ".join(name for name in sys.modules if name.startswith("kubernetes.aio.client.models.")))
"""


def test_no_model_of_the_kubernetes_api_is_loaded_before_it_is_used() -> None:
    """They are hundreds of classes and take longer than all other modules together."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert len(done.stdout.split()) < 20, done.stdout
