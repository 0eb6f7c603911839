"""Sign-in pages: those of allauth that we use, and our own around them."""

from __future__ import annotations

from allauth.account import views as allauth
from django.urls import path

from dashboard.views import account, sign_in

urlpatterns = [
    path("login/", sign_in.sign_in, name="account_login"),
    path("logout/", allauth.logout, name="account_logout"),
    path("inactive/", allauth.account_inactive, name="account_inactive"),
    path("password/", account.password, name="account_change_password"),
    path("password/link/<str:link>/", account.password_link, name="account-link"),
]
