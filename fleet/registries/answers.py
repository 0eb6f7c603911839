"""What a registry's status means: errors of ours from answers that are none."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

from fleet.outbound.client import Answer
from fleet.registries import values
from fleet.registries.errors import RegistryError, rate_limited
from fleet.registries.limits import retry_after

API_HEADER = "docker-distribution-api-version"
_BY_STATUS = {401: "unauthorized", 403: "denied", 405: "invalid", 413: "too_large", 501: "invalid"}
_BY_CODE = {
    "NAME_UNKNOWN": "not_found",
    "MANIFEST_UNKNOWN": "not_found",
    "BLOB_UNKNOWN": "not_found",
    "UNAUTHORIZED": "unauthorized",
    "DENIED": "denied",
    "TOOMANYREQUESTS": "rate_limited",
}
ENDED = "authorization token has expired"  # ECR, whose passwords last twelve hours
CURSOR_LIMIT = 2048


def check(answer: Answer) -> Answer:
    """The answer, when it is a good one. Raises ``RegistryError`` when it is not."""
    if 200 <= answer.status < 300:
        return answer
    codes, said = _errors(answer)
    if answer.status == 429 or "TOOMANYREQUESTS" in codes:
        raise rate_limited(retry_after(answer.header("retry-after")), said)
    raise RegistryError("expired" if ENDED in said else _code(answer, codes), said)


def _code(answer: Answer, codes: list[str]) -> str:
    if answer.status >= 500 and answer.status != 501:
        return "registry_error"
    if answer.status < 400:
        return "bad_answer"
    for code in codes:
        if code in _BY_CODE:
            return _BY_CODE[code]
    if answer.status == 404:
        # A web server's page of what it has not, not a registry's answer.
        return "not_a_registry" if "html" in answer.header("content-type") else "not_found"
    return _BY_STATUS.get(answer.status, "invalid")


def _errors(answer: Answer) -> tuple[list[str], str]:
    """The codes of the registry's errors, and all that it said in one line."""
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError):
        data = None
    rows = values.objects(values.mapping(data).get("errors"), 10)
    codes = [values.text(row.get("code"), 64).upper() for row in rows]
    words = [
        f"{values.text(row.get('code'), 64)}: {values.text(row.get('message'))}" for row in rows
    ]
    said = "; ".join(words) or answer.body[:500].decode("utf-8", "replace")
    return codes, f"{answer.status} {said}".strip()


def is_registry(answer: Answer) -> bool:
    """Whether a good answer of /v2/ is one of a registry."""
    if answer.header(API_HEADER).startswith("registry/2"):
        return True
    if "html" in answer.header("content-type"):
        return False
    try:
        return not answer.body.strip() or isinstance(json.loads(answer.body), dict)
    except (ValueError, RecursionError):
        return False


def next_cursor(answer: Answer) -> str:
    """Where the next page begins, from the Link header; empty on the last page.

    It is the name after which it begins; for registries that count otherwise the query that they
    want, with a ? before it. Only the query is taken: a link never leads to another address.
    """
    for part in answer.header("link").split(","):
        target, _semicolon, parameters = part.strip().partition(";")
        if not (target.startswith("<") and target.endswith(">")) or "next" not in parameters:
            continue
        query = _query(target[1:-1])
        last = parse_qs(query).get("last", [""])[0]
        if last or query:
            cursor = last or f"?{query}"
            return cursor if len(cursor) <= CURSOR_LIMIT and cursor.isprintable() else ""
    return ""


def _query(url: str) -> str:
    try:
        return urlsplit(url).query
    except ValueError:
        return ""
