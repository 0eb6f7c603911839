"""What must not be shown by chance: values that look like secrets, in names, words and trees.

Hiding too much costs a click, hiding too little costs a password: doubt hides. Everything here is
linear in the length of its input, which may be a label of 64 KB.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from typing import Any, Final

MASK: Final = "••••••"
NAME_LIMIT = 300

# Anywhere in a name, separators left out.
_PARTS = (
    "PASSWORD", "PASSWD", "PASSPHRASE", "PASSCODE", "SECRET", "TOKEN", "CREDENTIAL", "PRIVATE",
    "APIKEY", "ACCESSKEY", "CONNECTIONSTRING",
)  # fmt: skip
# As a word of its own.
_WORDS = frozenset(
    {"KEY", "KEYS", "PASS", "PW", "PWD", "AUTH", "OAUTH", "AUTHORIZATION", "DSN", "CRED", "CREDS",
     "SALT", "PEM", "JWT", "PAT", "OTP"}
)  # fmt: skip
# At the end of a word, but for words that end so by nature.
_ENDS = ("KEY", "KEYS", "PASS", "PWD", "AUTH")
_HARMLESS = frozenset({"MONKEY", "DONKEY", "TURKEY", "HOTKEY", "HOTKEYS", "BYPASS", "COMPASS"})
# The working directories that every shell has.
_PLACES = frozenset({"PWD", "OLDPWD"})
# Keys of the engine's own that only sound like it.
_ENGINE_KEYS = frozenset({"SandboxKey", "MaskedPaths", "CgroupnsMode", "SecurityOpt"})

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY", re.ASCII)
_KNOWN = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_\w{20,255}|glpat-[\w-]{16,100}"
    r"|xox[abeoprs]-[\w-]{10,250}|(?:AKIA|ASIA)[0-9A-Z]{16}|[sr]k_(?:live|test)_\w{10,250}"
    r"|sk-[\w-]{20,250}|eyJ[\w-]{8,2000}\.[\w-]{8,4000}(?:\.[\w-]{0,2000})?"
    r"|AGE-SECRET-KEY-\w{20,100})",
    re.ASCII,
)
_VALUE = re.compile(r"\"[^\"]*\"?|'[^']*'?|[^\s;,&\"']+")
_BEARER = re.compile(
    r"((?:proxy-)?authorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?)"
    r"((?:bearer|basic|digest|token)\s{1,4})?[^\s\"',;]+",
    re.IGNORECASE | re.ASCII,
)
# What stands before a value: `name=`, `"name":`, `Name: `, `--name `.
_HEADS = (
    re.compile(r"(?<![\w.\-])([\w.\-]{1,300})\s{0,4}=\s{0,4}", re.ASCII),
    re.compile(r"[\"']([\w.\-]{1,300})[\"']\s{0,4}:\s{0,4}", re.ASCII),
    re.compile(r"(?<![\w./\-])([\w.\-]{1,300}):\s{1,4}", re.ASCII),
    re.compile(r"(?<![^\s\"'])(--?[\w.\-]{1,300})\s{1,4}(?!-)", re.ASCII),
)
_MYSQL = re.compile(r"^(?:.*/)?(?:mysql|mariadb)[\w-]*$")
_MYSQL_TEXT = re.compile(
    r"(\b(?:mysql|mariadb)[\w-]{0,20}\b[^|;&\n]{0,200}?\s-p)([^\s\"']+)", re.ASCII
)
_USER_FLAGS = frozenset({"-u", "--user", "--proxy-user", "-U"})


def is_secret_name(name: str) -> bool:
    """Return whether a value of this name is probably a secret: `DB_PASSWORD`, `apiKey`."""
    name = name[:NAME_LIMIT]
    if name in _PLACES:
        return False
    words = [word.upper() for word in _WORD.findall(name)]
    joined = "".join(words)
    return any(part in joined for part in _PARTS) or any(map(_is_secret_word, words))


def _is_secret_word(word: str) -> bool:
    return word in _WORDS or (word.endswith(_ENDS) and word not in _HARMLESS)


def hides(name: str, value: str) -> bool:
    """Return whether the whole value of a variable is hidden because of its name."""
    if not value or not is_secret_name(name):
        return False
    # The place of a secret is none.
    is_place = name.upper().endswith(("_FILE", "_PATH", "_DIR")) and value.startswith("/")
    return not (is_place and "\n" not in value and "@" not in value)


def mask_value(name: str, value: str) -> str:
    """Return a variable's value with what is secret of it hidden."""
    return MASK if hides(name, value) else mask_text(value)


def mask_text(text: str) -> str:
    """Return any text without credentials in addresses, `--password=…`, keys and tokens."""
    if _PEM.search(text):
        return MASK
    text = mask_addresses(text)
    text = _KNOWN.sub(MASK, text)
    text = _MYSQL_TEXT.sub(lambda found: f"{found[1]}{MASK}", text)
    text = _BEARER.sub(lambda found: f"{found[1]}{found[2] or ''}{MASK}", text)
    for heads in _HEADS:
        text = _hide_values(text, heads)
    return text


def _hide_values(text: str, heads: re.Pattern[str]) -> str:
    """Hide the values behind heads whose name is a secret's, quotes kept."""
    parts, at = [], 0
    for head in heads.finditer(text):
        if head.start() < at or not is_secret_name(head[1]):
            continue
        value = _VALUE.match(text, head.end())
        if value is None or not hides(head[1], value[0].strip("\"'")):
            continue
        quote = value[0][0] if value[0][0] in "\"'" else ""
        parts.append(f"{text[at : head.end()]}{quote}{MASK}{quote}")
        at = value.end()
    return "".join([*parts, text[at:]])


def mask_addresses(text: str) -> str:
    """Return a text with the passwords of `scheme://user:password@host` hidden."""
    if "://" not in text or "@" not in text:
        return text
    return re.sub(r"\S+", lambda word: _mask_address(word[0]), text)


def _mask_address(word: str) -> str:
    scheme, mark, rest = word.partition("://")
    # A password may hold anything, an @ too: the last one ends it.
    inside, at, host = rest.rpartition("@")
    if not mark or not at:
        return word
    user, colon, password = inside.partition(":")
    if "/" in user:
        return word
    if colon:
        return f"{scheme}://{user}:{MASK}@{host}" if password else word
    return f"{scheme}://{MASK}@{host}" if len(user) >= 20 else word


def mask_words(words: Sequence[str]) -> list[str]:
    """Return the words of a command, with the values of secret flags hidden."""
    masked: list[str] = []
    mysql = any(_MYSQL.match(word) for word in words[:3])
    before = ""
    for word in words:
        masked.append(_mask_word(word, before, mysql))
        before = word
    return masked


def _mask_word(word: str, before: str, mysql: bool) -> str:
    if before.startswith("-") and "=" not in before and not word.startswith("-"):
        if hides(before.lstrip("-"), word):
            return MASK
        if before in _USER_FLAGS and ":" in word:
            return f"{word.partition(':')[0]}:{MASK}"
    if mysql and word.startswith("-p") and len(word) > 2:
        return f"-p{MASK}"
    return mask_text(word)


def mask_command(command: str) -> str:
    """Return a command line (as `shlex.join` writes it) with its secrets hidden."""
    try:
        words = shlex.split(command)
    except ValueError:  # cut in the middle of a quote
        return mask_text(command)
    masked = mask_words(words)
    return command if masked == words else _join(masked)


def _join(words: Iterable[str]) -> str:
    """Join words for a shell; the mask alone needs no quotes."""
    plain = "__masked__"
    return shlex.join(word.replace(MASK, plain) for word in words).replace(plain, MASK)


def mask_labels(labels: dict[str, str]) -> dict[str, str]:
    """Return labels with secret-looking values hidden."""
    return {key: mask_value(key, str(value)) for key, value in labels.items()}


def mask_tree(value: Any, name: str = "", hide: bool = False) -> Any:
    """Return a copy of the engine's JSON with every secret-looking string in it hidden."""
    if isinstance(value, dict):
        return {key: _mask_entry(str(key), item, hide) for key, item in value.items()}
    if isinstance(value, list):
        return _mask_list(value, name, hide)
    if isinstance(value, str):
        return MASK if hide and value else mask_text(value)
    return value


def _mask_entry(key: str, value: Any, hide: bool) -> Any:
    if key in _ENGINE_KEYS:
        return value
    if isinstance(value, str) and not hide:
        return mask_value(key, value)
    return mask_tree(value, key, hide or is_secret_name(key))


def _mask_list(values: list[Any], name: str, hide: bool) -> list[Any]:
    if hide or not all(isinstance(item, str) for item in values):
        return [mask_tree(item, name, hide) for item in values]
    if name == "Env":
        return [_mask_pair(item) for item in values]
    return mask_words(values)


def _mask_pair(pair: str) -> str:
    name, mark, value = pair.partition("=")
    return f"{name}={mask_value(name, value)}" if mark else pair
