"""What leaves the gateway for support, without what opens anything: keys, logins, drivers' tokens."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import tomli

from edge.ocpp.trace import redacted

HIDDEN = "(hidden)"
# Hashes and files of keys, and whoever logs in: at the head of a line, in an inline table, behind dots, commented out.
_SETTING = re.compile(
    r"""((?<![A-Za-z0-9_-])["']?(?:key_hash|cloud_key_file|key_file|private_key|username|password)["']?\s*=\s*)"""
    r"""(?:\"{3}.*?(?:\"{3}|\Z)|'{3}.*?(?:'{3}|\Z)|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|["'][^\n]*|[^,}\n]*)""",
    re.DOTALL,
)
_LOGIN = re.compile(r"(:(?:\\?/){2})[^\s\"'<>]+@")  # greedy: what follows a first @ is still of the password
_AUTHORIZATION = re.compile(r"(Authorization\W{1,8})(?:Basic|Bearer|Digest)?\W*[\w:.+/=-]+", re.IGNORECASE)
_TOKEN = re.compile(r"((?:idTag|idToken|parentIdTag|id_tag)\W{1,8})[\w:.+/=-]+")
_OPEN = ("password", "key_hash")  # hidden wherever they stand
_LEAST = 4  # characters: less is found in any text


def secrets_of(site_file: str) -> tuple[str, ...]:
    """What the site file has that opens something, the longest first; nothing of one that is no TOML."""
    try:
        document = tomli.loads(site_file)
    except (tomli.TOMLDecodeError, RecursionError):
        return ()
    return tuple(sorted(set(_secrets(document)), key=len, reverse=True))


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in _OPEN and isinstance(inner, str) and len(inner) >= _LEAST:
                yield inner
            yield from _secrets(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _secrets(inner)


def without_secrets(text: str, known: tuple[str, ...] = ()) -> str:
    """The text without keys, logins and drivers' tokens; nor with what is ``known`` to be secret, wherever it is."""
    text = _SETTING.sub(rf'\1"{HIDDEN}"', text)
    for secret in known:
        text = text.replace(secret, HIDDEN)
    text = _LOGIN.sub(rf"\1{HIDDEN}@", text)
    text = _AUTHORIZATION.sub(rf"\1{HIDDEN}", text)
    return _TOKEN.sub(rf"\1{HIDDEN}", redacted(text))
