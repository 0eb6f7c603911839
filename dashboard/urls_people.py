"""Addresses of set-up, one's account and the administration."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from dashboard.views import account, administration, audit, grants, roles, setup, teams, tokens
from dashboard.views import users as user

urlpatterns: list[URLPattern | URLResolver] = [
    path("setup/", setup.waiting, name="setup"),
    path("setup/<str:token>/", setup.link, name="setup-link"),
    path("account/", account.profile, name="account"),
    path("account/preferences/", account.preferences, name="account-preferences"),
    path("account/sessions/", account.sessions, name="account-sessions"),
    path("account/sessions/end/", account.end_session, name="account-sessions-end"),
    path("account/sessions/<int:pk>/end/", account.end_session, name="account-session-end"),
    path("account/tokens/", tokens.tokens, name="account-tokens"),
    path("account/tokens/<int:pk>/revoke/", tokens.revoke, name="account-token-revoke"),
    path("administration/", administration.index, name="administration"),
    path("administration/users/", user.index, name="administration-users"),
    path("administration/users/add/", user.add, name="administration-user-add"),
    path("administration/users/<int:pk>/", user.detail, name="administration-user"),
    path("administration/users/<int:pk>/<slug:action>/", user.act, name="administration-user-act"),
    path("administration/teams/", teams.index, name="administration-teams"),
    path("administration/teams/add/", teams.add, name="administration-team-add"),
    path("administration/teams/<int:pk>/", teams.detail, name="administration-team"),
    path("administration/teams/<int:pk>/remove/", teams.remove, name="administration-team-remove"),
    path("administration/roles/", roles.index, name="administration-roles"),
    path("administration/roles/add/", roles.add, name="administration-role-add"),
    path("administration/roles/<int:pk>/", roles.detail, name="administration-role"),
    path("administration/roles/<int:pk>/remove/", roles.remove, name="administration-role-remove"),
    path("administration/grants/", grants.index, name="administration-grants"),
    path("administration/grants/give/", grants.give, name="administration-grant-give"),
    path("administration/grants/<int:pk>/take/", grants.take, name="administration-grant-take"),
    path("administration/audit/", audit.index, name="administration-audit"),
    path("administration/audit/check/", audit.check, name="administration-audit-check"),
    path("administration/audit.csv", audit.download, name="administration-audit-csv"),
]
