"""The form of a condition type or a reason: a word with its meaning; and Azure's own words beside them.

The words themselves are in `api/reasons.py`.
"""

from enum import StrEnum


class AzureCode(str):
    """An error code without a row in the error table, or a provisioning state, in CamelCase: Azure's own word as the reason."""

    __slots__ = ()


class Word(StrEnum):
    """A word with its meaning. `sentence` is the message that always follows it, or its template; empty: the message differs."""

    meaning: str
    sentence: str

    def __new__(cls, word: str, meaning: str, sentence: str = "") -> "Word":
        """Make a member from (word, meaning, sentence)."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.meaning = meaning
        member.sentence = sentence
        return member
