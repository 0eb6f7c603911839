"""Contexts out of real repositories, over https and ssh."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from fleet.builds.errors import ContextRefused
from fleet.builds.git import Checkout, GitSource, checkout
from fleet.builds.git_run import Git, GitLogin
from fleet.builds.limits import RESERVE, Limits
from tests.builds.git_server import (
    TOKEN,
    USER,
    HttpsServer,
    Repository,
    SshServer,
    serve_https,
    serve_ssh,
)
from tests.engine.pki import Authority

SMALL = Limits(size=1_000_000, files=50)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the repositories are."""
    return tmp_path_factory.mktemp("git")


@pytest.fixture(scope="module")
def https(served: Path) -> Iterator[HttpsServer]:
    """A hosting service."""
    with serve_https(served, Authority()) as server:
        server.private.add("private")
        yield server


@pytest.fixture(scope="module")
def ssh(served: Path) -> Iterator[SshServer]:
    """The same by ssh."""
    with serve_ssh(served) as server:
        yield server


@pytest.fixture(scope="module")
def app(served: Path) -> Repository:
    """A repository with two branches, a tag and a folder."""
    made = Repository(served, "app")
    made.commit("first", Dockerfile="FROM scratch\n", sub__Dockerfile="FROM sub\n")
    made.git("tag", "-a", "v1", "-m", "one")
    made.git("checkout", "-q", "-b", "feature/x")
    made.commit("on a branch: ünïcode", only="x")
    made.git("checkout", "-q", "main")
    made.commit("newest", Dockerfile="FROM newest\n")
    return made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the context goes."""
    place = tmp_path / "context"
    place.mkdir()
    return place


def source_of(
    server: HttpsServer | SshServer, name: str, ref: str = "", **more: object
) -> GitSource:
    """A source that may go to this machine, as an administrator allows it."""
    login = (
        GitLogin(tls_ca=server.ca)
        if isinstance(server, HttpsServer)
        else GitLogin(ssh_key=server.key, ssh_host_key=server.host_key)
    )
    found = GitSource(server.url(name), ref, login=login, trusted=(("127.0.0.1", server.port),))
    return replace(found, **more)  # type: ignore[arg-type]


def refusal(source: GitSource, root: Path, limits: Limits = SMALL) -> ContextRefused:
    """Return why a source is refused; its sentence must be complete."""
    with pytest.raises(ContextRefused) as refused:
        checkout(source, root, limits)
    assert "%(" not in str(refused.value)
    return refused.value


def names(root: Path) -> set[str]:
    """Return the files that are there."""
    return {str(place.relative_to(root)) for place in root.rglob("*") if not place.is_dir()}


@pytest.mark.parametrize("way", ["https", "ssh"])
def test_branches_tags_and_commits(
    way: str, app: Repository, root: Path, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue(way)
    first = app.git("rev-parse", "v1^{commit}")

    def got(ref: str) -> Checkout:
        place = root / ref.replace("/", "-") if ref else root / "default"
        place.mkdir()
        return checkout(source_of(server, "app", ref), place, SMALL)

    default = got("")
    assert (default.branch, default.subject) == ("main", "newest")
    assert default.commit == app.git("rev-parse", "main")
    assert names(default.context) == {"Dockerfile", "sub/Dockerfile"}
    assert (default.context / "Dockerfile").read_text() == "FROM newest\n"
    if way == "ssh":
        assert default.host_key == server.host_key
        assert got(first[:8]).commit == first
        return
    branch = got("feature/x")
    assert (branch.branch, branch.subject) == ("feature/x", "on a branch: ünïcode")
    assert "only" in names(branch.context)
    for ref in ("v1", first, first[:8], "refs/tags/v1"):
        found = got(ref)
        assert (found.branch, found.commit) == ("", first)
        assert (found.context / "Dockerfile").read_text() == "FROM scratch\n"
    assert default.host_key == ""


def test_a_folder_is_the_context(app: Repository, https: HttpsServer, root: Path) -> None:
    found = checkout(source_of(https, "app", folder="/sub/"), root, SMALL)
    assert names(found.context) == {"Dockerfile"}
    for folder in ("Dockerfile", "../.."):
        place = root.parent / f"x{abs(hash(folder))}"
        place.mkdir()
        assert refusal(source_of(https, "app", folder=folder), place).code == "git_folder"


def test_an_unknown_host_key_is_learned_and_a_wrong_one_refused(
    app: Repository, ssh: SshServer, root: Path
) -> None:
    source = source_of(ssh, "app", login=GitLogin(ssh_key=ssh.key))
    found = checkout(source, root, SMALL)
    assert found.host_key == ssh.host_key
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEvgu0LXUDrBuZ2FTa0XlSTzvEGxAHLzfXTDV1nWqWGN"
    source = source_of(ssh, "app", login=GitLogin(ssh_key=ssh.key, ssh_host_key=other))
    (root.parent / "b").mkdir()
    assert refusal(source, root.parent / "b").code == "git_host_key"


def test_a_private_repository_wants_its_token(served: Path, https: HttpsServer, root: Path) -> None:
    Repository(served, "private").commit(Dockerfile="FROM scratch\n")
    source = source_of(https, "private")
    assert refusal(source, root).code == "git_auth"
    wrong = replace(source.login, username=USER, token="wr0ng-token")
    found = refusal(replace(source, login=wrong), root)
    assert found.code == "git_auth"
    assert "wr0ng-token" not in found.raw
    right = replace(source.login, username=USER, token=TOKEN)
    assert names(checkout(replace(source, login=right), root, SMALL).context) == {"Dockerfile"}
    assert not [
        place for place in root.rglob("*") if place.is_file() and TOKEN in place.read_text()
    ]


def test_a_wrong_key_is_told(app: Repository, ssh: SshServer, root: Path) -> None:
    source = source_of(ssh, "app", login=GitLogin(ssh_host_key=ssh.host_key))
    assert refusal(source, root).code == "git_auth"


def test_what_is_not_there_is_told(app: Repository, https: HttpsServer, root: Path) -> None:
    assert refusal(source_of(https, "nothing"), root).code == "git_missing"
    for ref in ("nothing", "0123456789", "f" * 40):
        assert refusal(source_of(https, "app", ref), root).code == "git_ref_missing"
    for ref in ("-x", "a..b", "a b", "main^", "main:x", "@{1}", "a" * 300, "a\x00b", "a.lock"):
        assert refusal(source_of(https, "app", ref), root).code == "git_ref"


def test_an_unknown_authority_is_told(app: Repository, https: HttpsServer, root: Path) -> None:
    assert refusal(source_of(https, "app", login=GitLogin()), root).code == "git_tls"


def test_internal_addresses_are_refused(app: Repository, https: HttpsServer, root: Path) -> None:
    before = len(https.asked)
    source = source_of(https, "app", trusted=())
    found = refusal(source, root)
    assert found.code == "git_address"
    assert "QUAYSIDE_OUTBOUND_ALLOW" in str(found)
    for url in ("https://169.254.169.254/latest", "https://[::1]/x", "ssh://git@10.0.0.1/x"):
        assert refusal(replace(source, url=url), root).code == "git_address"
    assert len(https.asked) == before


def test_redirects_are_not_followed(app: Repository, https: HttpsServer, root: Path) -> None:
    https.redirect = "https://127.0.0.1:1"
    try:
        assert refusal(source_of(https, "app"), root).code == "git_redirected"
    finally:
        https.redirect = ""


def test_what_is_too_large_is_not_checked_out(served: Path, https: HttpsServer, root: Path) -> None:
    large = Repository(served, "large")
    large.commit(zeros="0" * 2_000_000)
    assert refusal(source_of(https, "large"), root).code == "too_large"
    many = Repository(served, "many")
    many.commit(**{f"f{number}": "" for number in range(60)})
    (root.parent / "b").mkdir()
    assert refusal(source_of(https, "many"), root.parent / "b").code == "too_many"
    assert names(root) <= {name for name in names(root) if name.startswith(".git/")}


def test_submodules_come_from_where_they_may(
    served: Path, app: Repository, https: HttpsServer, root: Path
) -> None:
    with_one = Repository(served, "with-one")
    with_one.git("submodule", "add", "-q", str(app.bare), "lib/app")
    with_one.git("config", "-f", ".gitmodules", "submodule.lib/app.url", "../app.git")
    with_one.commit("a submodule")
    source = source_of(https, "with-one", submodules=True)
    found = checkout(source, root, SMALL)
    assert "lib/app/sub/Dockerfile" in names(found.context)
    without = root.parent / "b"
    without.mkdir()
    found = checkout(replace(source, submodules=False), without, SMALL)
    assert names(found.context) == {".gitmodules"}


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("file:///etc", "git_protocol"),
        ("ext::sh -c touch% /tmp/x", "git_protocol"),
        ("https://127.0.0.1:1/x", "git_address"),
        ("-u./payload", "git_option"),
    ],
)
def test_submodules_lead_nowhere_else(
    url: str, code: str, served: Path, app: Repository, https: HttpsServer, root: Path
) -> None:
    evil = Repository(served, f"evil-{abs(hash(url))}")
    evil.git("submodule", "add", "-q", str(app.bare), "lib")
    evil.git("config", "-f", ".gitmodules", "submodule.lib.url", url)
    evil.commit("evil")
    source = source_of(https, evil.name, submodules=True)
    assert refusal(source, root).code == code


def test_a_token_goes_to_its_host_alone(
    served: Path, app: Repository, https: HttpsServer, root: Path
) -> None:
    with serve_https(served, Authority("other")) as other:
        outer = Repository(served, "outer")
        outer.git("submodule", "add", "-q", str(app.bare), "lib")
        outer.git("config", "-f", ".gitmodules", "submodule.lib.url", other.url("app"))
        outer.commit("a submodule elsewhere")
        login = GitLogin(USER, TOKEN, tls_ca=https.ca)
        trusted = (("127.0.0.1", https.port), ("127.0.0.1", other.port))
        source = source_of(https, "outer", submodules=True, login=login, trusted=trusted)
        assert refusal(source, root).code == "git_tls"  # nor does the CA
    assert [given for _, given in other.asked if given] == []
    assert all(given for path, given in https.asked if "outer" in path)


def test_links_and_hooks_of_a_repository_do_no_harm(
    served: Path, https: HttpsServer, root: Path
) -> None:
    made = Repository(served, "links")
    (made.work / "etc").symlink_to("/etc")
    (made.work / "sub").symlink_to("../..")
    made.commit(Dockerfile="FROM scratch\n")
    for folder in ("etc", "sub"):
        place = root.parent / folder
        place.mkdir()
        assert refusal(source_of(https, "links", folder=folder), place).code == "git_folder"
    found = checkout(source_of(https, "links"), root, SMALL)
    assert not (found.context / ".git").exists()


def test_an_empty_repository_is_told(served: Path, https: HttpsServer, root: Path) -> None:
    Repository(served, "empty")
    assert refusal(source_of(https, "empty"), root).code == "git_empty"


def test_it_is_stopped(app: Repository, https: HttpsServer, root: Path) -> None:
    with pytest.raises(ContextRefused) as stopped:
        checkout(source_of(https, "app"), root, SMALL, lambda: True)
    assert stopped.value.code == "stopped"


def test_the_last_of_the_disk_is_not_taken(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others write there while it fetches."""
    git = Git(root, SMALL)
    git._look(root)
    monkeypatch.setattr("shutil.disk_usage", lambda _root: SimpleNamespace(free=RESERVE - 1))
    with pytest.raises(ContextRefused, match="no room"):
        git._look(root)
