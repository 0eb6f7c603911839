"""Signing in: allauth's view, which needs Redis to count attempts."""

from __future__ import annotations

from typing import Any

import structlog
from allauth.account.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from redis import RedisError

log = structlog.get_logger(__name__)


class SignIn(LoginView):  # type: ignore[misc]
    """Signs nobody in while attempts cannot be counted, and says so."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form or sign in; 503 with the form while Redis is away."""
        try:
            response: HttpResponse = super().dispatch(request, *args, **kwargs)
        except RedisError as error:
            log.warning("sign_in_not_possible", error=str(error))
            return self._not_now(request)
        return response

    def _not_now(self, request: HttpRequest) -> HttpResponse:
        form = self.get_form_class()(
            request=request, initial={"login": request.POST.get("login", "")}
        )
        away = _(
            "Signing in is not possible just now: Redis, which counts the attempts,"
            " does not answer. Try again in a minute."
        )
        context = self.get_context_data(form=form, away=away)
        response: HttpResponse = self.render_to_response(context, status=503)
        return response


sign_in = SignIn.as_view()
