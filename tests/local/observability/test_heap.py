"""The heap of the operator's process: large blocks are returned, and what was loaded is not collected."""

import subprocess
import sys

LARGE = """
import gc, re, threading
from notebook_platform.cli.heap import keep_loaded, return_freed_memory

def resident():
    return int(re.findall(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[0])

return_freed_memory()
keep_loaded()
assert not gc.get_objects(0) or gc.get_freeze_count() > len(gc.get_objects())
buffers = [bytearray(b"x" * 300_000) for _ in range(200)]
between = []
for number in range(200):
    between.append(bytes(2000))
    buffers[number] = bytearray(b"x" * 300_000)
full = resident()
del buffers
assert full - resident() > 50_000, (full, resident())
"""


def test_large_blocks_are_returned_to_the_system_when_they_are_freed() -> None:
    done = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
