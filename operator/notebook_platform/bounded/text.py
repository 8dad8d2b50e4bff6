"""Make text from outside the process safe to show on a terminal, in a status, an Event or a log line.

A tag in Azure, an event of a pod and a response of a hub are controlled by other parties. A control sequence in one moves the
cursor, sets the title of a window or hides the rest of a line; a bidirectional override
(https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing) makes one name appear as another; a line break forges a
line of output. Every reader of such text passes it to `printable`.
"""

import re
import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\r\n]*(?:\x07|\x1b\\|\x9c)"  # OSC, DCS, SOS, PM, APC with their end
    r"|\x1b[ -/]*[0-~]"
)
"""Control sequences of ECMA-48 (https://ecma-international.org/publications-and-standards/standards/ecma-48/), 7 and 8 bit."""

_PLAIN = re.compile(r"[\x20-\x7e]*")

_BREAKS = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029")
"""Characters that end a line, or are rendered as space."""

_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters that are rendered as blank: hangul fillers, the empty braille pattern."""


def printable(text: str) -> str:
    """Return `text` as one line that a terminal only prints.

    Line breaks and tabs become a space. Control sequences, other control characters, bidirectional overrides, zero-width and
    other format characters are removed. Lone surrogates, private use and unassigned code points become U+FFFD. Everything
    else is unchanged. The function is idempotent.
    """
    if _PLAIN.fullmatch(text):
        return text
    return "".join(map(_shown, _SEQUENCES.sub("", text)))


def _shown(letter: str) -> str:
    if letter in _BREAKS:
        return " "
    category = unicodedata.category(letter)
    if category in ("Cc", "Cf") or letter in _BLANK:
        return ""
    if category in ("Cs", "Co", "Cn"):
        return REPLACEMENT
    return " " if category in ("Zs", "Zl", "Zp") else letter


def shortened(text: str, limit: int) -> str:
    """Return at most `limit` characters of `text`, with an ellipsis where it is cut. Redact first: a truncated secret is not
    recognised."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
