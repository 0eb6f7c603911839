"""Addresses of repositories: what is taken, and what is refused before Git sees it."""

from __future__ import annotations

import pytest

from fleet.builds.errors import ContextRefused
from fleet.builds.git_url import GitUrl, parse_git_url, submodule_url


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://github.com/team/app.git", "https://github.com/team/app.git"),
        (" HTTPS://GitHub.com/team/app ", "https://github.com/team/app"),
        ("https://git.example:8443/a%20b", "https://git.example:8443/a%20b"),
        ("ssh://git@host:2222/~me/app.git", "ssh://git@host:2222/~me/app.git"),
        ("git@github.com:team/app.git", "ssh://git@github.com/team/app.git"),
        ("github.com:team/app.git", "ssh://git@github.com/team/app.git"),
        ("https://[2001:db8::1]/app", "https://[2001:db8::1]/app"),
        ("https://bücher.example/app", "https://xn--bcher-kva.example/app"),
    ],
)
def test_addresses_are_taken(text: str, found: str) -> None:
    assert str(parse_git_url(text)) == found


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "git_url"),
        ("nonsense", "git_protocol"),
        ("--upload-pack=touch /tmp/x", "git_option"),
        ("-oProxyCommand=x", "git_option"),
        ("file:///etc", "git_protocol"),
        ("/etc", "git_protocol"),
        ("http://host/app", "git_protocol"),
        ("git://host/app", "git_protocol"),
        ("ext::sh -c id", "git_protocol"),
        ("ext::sh", "git_protocol"),
        ("https://me:secret@host/app", "git_password"),
        ("https://token@host/app", "git_password"),
        ("ssh://-oProxyCommand=x/app", "git_url"),
        ("ssh://-x@host/app", "git_url"),
        ("ssh://host/-oProxyCommand=x", "git_option"),
        ("git@host:-x", "git_option"),
        ("https://host/a/../../b", "git_option"),
        ("https://host/app?service=x", "git_url"),
        ("https://host/app#main", "git_url"),
        ("https://host", "git_url"),
        ("https://host:0/app", "git_url"),
        ("https://host:99999/app", "git_url"),
        ("https://ho st/app", "git_url"),
        ("https://host/a\nb", "git_url"),
        ("https://host/a%0ab", "git_url"),
        ("https://host/a%00b", "git_url"),
        ("https://host\\@evil/app", "git_url"),
        ("https://host/" + "a" * 1000, "git_url"),
    ],
)
def test_addresses_are_refused(text: str, code: str) -> None:
    with pytest.raises(ContextRefused) as refused:
        parse_git_url(text)
    assert refused.value.code == code
    assert "secret" not in str(refused.value)


def test_submodules_may_be_relative() -> None:
    parent = GitUrl("https", "host", 443, "/team/app.git")
    assert str(submodule_url(parent, "../lib.git")) == "https://host/team/lib.git"
    assert str(submodule_url(parent, "./lib")) == "https://host/team/app.git/lib"
    assert str(submodule_url(parent, "https://other/lib")) == "https://other/lib"
    for text in ("file:///etc", "ext::sh", "-x", "/etc"):
        with pytest.raises(ContextRefused):
            submodule_url(parent, text)
