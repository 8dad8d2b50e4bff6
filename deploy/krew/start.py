"""Start the command line from an unpacked archive: start.py COMPILED NAME WORDS...

COMPILED: the folder with the compiled packages of this Python; the other ones are in `shared` beside it. NAME: how kubectl called us.
"""

import sys
from pathlib import Path

compiled, *sys.argv = sys.argv[1:]
sys.path[:1] = [compiled, str(Path(compiled).parent / "shared")]

if sys.argv[0].startswith("kubectl_complete-"):
    from notebook_platform.cli.kubectl_completion import main
else:
    from notebook_platform.cli import main

sys.exit(main())
