"""How allauth behaves here: nobody signs up by themselves."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from dashboard.requests import address_of


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Closes the sign-up and believes only configured proxies."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts are made by an administrator."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that throttling counts by."""
        return address_of(request)
