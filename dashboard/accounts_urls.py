"""Sign-in pages: those of allauth that we use, and no others."""

from __future__ import annotations

from allauth.account import views as account
from allauth.usersessions import views as usersessions
from django.urls import path

urlpatterns = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("password/change/", account.password_change, name="account_change_password"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("sessions/", usersessions.list_usersessions, name="usersessions_list"),
]
