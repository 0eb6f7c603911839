"""One's own tokens by the API: listed without their secrets, revoked, never made."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext

from fleet.models import ApiToken, AuditEntry, Role, User
from fleet.tokens import create_token, digest
from tests.api.conftest import Caller

Call = Callable[..., Caller]


def test_it_lists_own_tokens_without_their_secrets(
    operator: User, viewer: User, call_as: Call
) -> None:
    create_token(viewer, "of another")
    narrow, secret = create_token(operator, "ci", None, Role.objects.get(name="viewer"))
    caller = call_as(operator)
    status, body = caller.call("GET", "/tokens")
    assert (status, body["count"]) == (200, 2)
    assert [item["name"] for item in body["items"]] == ["test", "ci"]
    used, unused = body["items"]
    assert used["last_used_at"] and used["role"] is None
    assert (unused["id"], unused["role"], unused["last_used_at"]) == (narrow.pk, "viewer", None)
    assert (unused["prefix"], unused["expires_at"]) == (narrow.prefix, None)
    for hidden in (secret, secret.split("_", 2)[2], digest(secret)):
        assert hidden not in str(body)


def test_it_lists_them_with_one_number_of_queries(operator: User, call_as: Call) -> None:
    caller, counts = call_as(operator), []
    caller.call("GET", "/tokens")  # writes that the token was used
    for number in range(6):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert caller.call("GET", "/tokens")[1]["count"] == number + 1
        counts.append(len(queries))
        create_token(operator, f"ci-{number}", None, Role.objects.get(name="viewer"))
    assert len(set(counts)) == 1


def test_it_revokes_own_tokens_also_the_one_in_use(operator: User, call_as: Call) -> None:
    caller, other = call_as(operator), create_token(operator, "ci")[0]
    assert caller.call("DELETE", f"/tokens/{other.pk}")[0] == 204
    assert caller.call("DELETE", f"/tokens/{other.pk}")[0] == 204
    assert [item["name"] for item in caller.call("GET", "/tokens")[1]["items"]] == ["test"]
    everything = caller.call("GET", "/tokens?revoked=true&sort=name")[1]
    assert [bool(item["revoked_at"]) for item in everything["items"]] == [True, False]
    assert AuditEntry.objects.get(action="token.revoke").via == "api"
    assert caller.call("DELETE", f"/tokens/{everything['items'][1]['id']}")[0] == 204
    assert caller.call("GET", "/tokens")[0] == 401


def test_only_who_manages_people_revokes_the_tokens_of_others(
    administrator: User, operator: User, viewer: User, call_as: Call
) -> None:
    token = create_token(operator, "ci")[0]
    path = f"/tokens/{token.pk}"
    assert call_as(viewer).call("DELETE", path)[0] == 404
    assert call_as(administrator, role="operator").call("DELETE", path)[0] == 404
    assert not ApiToken.objects.exclude(revoked_at=None).exists()
    assert call_as(administrator).call("DELETE", path)[0] == 204
    assert call_as(administrator).call("DELETE", f"/tokens/{10**9}")[0] == 404
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_it_makes_no_token(administrator: User, call_as: Call) -> None:
    caller = call_as(administrator)
    assert caller.call("POST", "/tokens", {"name": "wider"})[0] == 405
    assert ApiToken.objects.count() == 1


def test_a_narrowed_token_neither_lists_nor_ends_its_owner_s(
    operator: User, administrator: User, call_as: Call
) -> None:
    other = create_token(operator, "deploy")[0]
    caller = call_as(operator, role="viewer")
    assert caller.call("GET", "/tokens")[0] == 403
    assert caller.call("DELETE", f"/tokens/{other.pk}")[0] == 403
    other.refresh_from_db()
    assert other.revoked_at is None
