"""`python -m tests.az.simulator DIRECTORY SPEED`: the simulated Azure alone. It prints its address and runs until its standard
input ends. So it ends with its parent process, even after a SIGKILL."""

import asyncio
import json
import sys
from pathlib import Path

from sandbox.azure.backend import NoClusters
from sandbox.azure.server import AzureSimulator


async def main(directory: Path, speed: float) -> None:
    simulator = AzureSimulator(backend=NoClusters(), state_dir=directory, speed=speed)
    await simulator.start()
    sys.stdout.write(json.dumps({"ARM": simulator.url, "CA": str(simulator.ca_file)}) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await simulator.close()


asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2])))
