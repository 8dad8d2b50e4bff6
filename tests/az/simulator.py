"""`python -m tests.az.simulator DIRECTORY`: the simulated Azure alone; prints where it listens, and runs until SIGTERM."""

import asyncio
import json
import signal
import sys
from pathlib import Path

from sandbox.azure.backend import NoClusters
from sandbox.azure.server import AzureSimulator

SPEED = 300


async def main(directory: Path) -> None:
    simulator = AzureSimulator(backend=NoClusters(), state_dir=directory, speed=SPEED)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await simulator.start()
    sys.stdout.write(json.dumps({"ARM": simulator.url, "CA": str(simulator.ca_file)}) + "\n")
    sys.stdout.flush()
    await stop.wait()
    await simulator.close()


asyncio.run(main(Path(sys.argv[1])))
