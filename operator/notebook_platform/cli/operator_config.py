"""The operator's configuration, for the commands that call Azure or helm as the operator does.

It is apart from `management`, because its models import the models of the whole spec, which `watch` and `wait` do not need.
"""

from collections.abc import Sequence

from pydantic import ValidationError

from notebook_platform.cli.management import UsageError
from notebook_platform.config import OperatorConfig


def configuration(arguments: Sequence[str] = ()) -> OperatorConfig:
    """Read the operator's configuration from flags, NOTEBOOK_PLATFORM_* variables and the file they name. Raises UsageError."""
    try:
        chosen = OperatorConfig.load(arguments)
    except ValidationError as error:
        errors = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise UsageError(
            f"the operator's configuration (flags, NOTEBOOK_PLATFORM_* variables) cannot be read: {errors}"
        ) from None
    if chosen.ca_file is not None and not chosen.ca_file.is_file():
        raise UsageError(f"the file {chosen.ca_file} of NOTEBOOK_PLATFORM_CA_FILE does not exist")
    return chosen
