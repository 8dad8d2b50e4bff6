"""`notebook-platform crd`: print the CustomResourceDefinition, or the JSON schema of a NotebookPlatform for editors."""

import argparse
import json
from collections.abc import Sequence

from notebook_platform.api.crd import crd_yaml, editor_schema
from notebook_platform.cli import program
from notebook_platform.cli.output import show


def crd_command(arguments: Sequence[str]) -> int:
    """Print the definition or the schema; return the exit code."""
    parser = argparse.ArgumentParser(f"{program()} crd", description="Print the CustomResourceDefinition.")
    schema = (
        "print the JSON schema instead, for editors: `# yaml-language-server: $schema=FILE` in the first line of a platform.yaml"
    )
    parser.add_argument("--schema", action="store_true", help=schema)
    options = parser.parse_args(list(arguments))
    show(json.dumps(editor_schema(), indent=2) if options.schema else crd_yaml(), end="\n" if options.schema else "")
    return 0
