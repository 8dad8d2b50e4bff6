"""Validate the values of Secrets beside a platform, which are untrusted: each has a form, and a value of another form counts as
missing. Pure.

Users who may edit Secrets in the namespace can write the operator's own. A missing value is generated again, so a wrong one
is replaced.
"""

import re
from collections.abc import Mapping
from datetime import datetime

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
WORD = re.compile(r"[\x21-\x7e]{1,4096}")
"""Printable ASCII without spaces: values that go into headers, commands and JSON unchanged."""
SHORT_WORD = re.compile(r"[\x21-\x7e]{1,128}")
HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


def select(data: Mapping[str, str] | None, forms: Mapping[str, re.Pattern[str]]) -> dict[str, str]:
    """Return the members of `data` that are in `forms` and match their form."""
    return {key: value for key, value in (data or {}).items() if key in forms and _has_form(value, forms[key])}


def _has_form(value: str, form: re.Pattern[str]) -> bool:
    if not form.fullmatch(value):
        return False
    if form is MOMENT:
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return False
    return True
