"""API tokens: one's own list, a new one shown once, and revoking."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.forms.people import TokenForm, attempt, posted
from dashboard.requests import actor_of
from dashboard.views.account import page
from fleet.operations.tokens import token_create, token_revoke
from fleet.selectors.people import access_token, own_tokens


@never_cache
@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """List one's tokens; a POST makes one and shows its secret, this once."""
    actor = actor_of(request)
    form, secret = TokenForm(posted(request)), ""
    if request.method == "POST" and form.is_valid():
        made = attempt(form, lambda: token_create(actor=actor, **form.arguments()))
        if made is not None:
            form, secret = TokenForm(), made[1]
    context = {"form": form, "secret": secret, "tokens": own_tokens(actor)}
    status = 422 if form.errors else 200
    return page(request, "account/tokens.html", "account-tokens", status, **context)


@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke a token: one's own, or another's by who manages people."""
    actor = actor_of(request)
    token = access_token(actor, pk)
    token_revoke(actor=actor, token=token)
    messages.success(request, _("The token %(name)s was revoked.") % {"name": token.name})
    if actor.user is not None and token.user_id == actor.user.pk:
        return redirect("account-tokens")
    return redirect("administration-user", token.user_id)
