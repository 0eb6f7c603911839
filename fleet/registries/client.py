"""The client of a registry's API (Distribution v2, OCI): everything that is asked of registries."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlencode

from fleet.outbound.client import Answer, Limits, OutboundClient
from fleet.outbound.errors import OutboundError
from fleet.outbound.urls import parse_url
from fleet.registries import values
from fleet.registries.answers import API_HEADER, check, is_registry, next_cursor
from fleet.registries.errors import RegistryError, from_outbound
from fleet.registries.limits import rate_limit
from fleet.registries.manifests import check_content, digest_of, parse_config, parse_manifest
from fleet.registries.reference import (
    check_digest,
    check_repository,
    check_tag,
    is_digest,
)
from fleet.registries.signing import Signer
from fleet.registries.target import RegistryTarget, check_target
from fleet.registries.types import (
    INDEXES,
    MANIFESTS,
    ConfigInfo,
    ManifestInfo,
    Ping,
    PlatformInfo,
    RateLimit,
    RepositoryPage,
    TagPage,
)

ACCEPT = ", ".join((*INDEXES, *MANIFESTS))
MANIFEST_LIMIT = 4 * 1024 * 1024  # what Distribution itself accepts
CONFIG_LIMIT = 4 * 1024 * 1024
LIST_LIMIT = 16 * 1024 * 1024  # registries that do not cut tags into pages send all of them
MOST = 1000
TOO_MANY = "PAGINATION_NUMBER_INVALID"
CATALOG_SCOPE = "registry:catalog:*"
_CATALOG_OFF = (
    "not_found",
    "denied",
    "unauthorized",
    "credentials_needed",
    "invalid",
    "not_a_registry",
)


@contextlib.contextmanager
def open_registry(
    target: RegistryTarget, *, limits: Limits | None = None
) -> Iterator[RegistryClient]:
    """Talk to a registry while the block runs; for one thread.

    Nothing is asked before the first call. Raises ``BadTarget`` for a target that cannot work.
    """
    for problem in check_target(target):
        raise problem
    with OutboundClient(
        trusted=target.trusted, tls_ca=target.tls_ca, insecure=target.insecure, limits=limits
    ) as http:
        yield RegistryClient(target, http)


class RegistryClient:
    """One registry. ``rate_limit`` is what the newest answer said of the limit.

    Every method raises ``RegistryError``, and ``InvalidReference`` for what is no name, tag or
    digest.
    """

    def __init__(self, target: RegistryTarget, http: OutboundClient) -> None:
        self.target = target
        self.rate_limit: RateLimit | None = None
        self._http = http
        self._signer = Signer(target, http)
        self._version = "registry/2.0"
        self._counts = True  # whether it may be told how many names we want

    # -- the front door ---------------------------------------------------------------------

    def ping(self) -> Ping:
        """Whether this is a registry, and whether it knows us."""
        try:
            answer = self._ask("GET", "/v2/", "")
        except RegistryError as error:
            if error.code != "credentials_needed" or self._signer.scheme != "bearer":
                raise
            # Some give tokens to nobody for the door, and to everybody for what is public.
            return Ping(self._version, self._signer.scheme, "unknown")
        if answer.status in (400, 404, 405) or (answer.status < 400 and not is_registry(answer)):
            raise RegistryError("not_a_registry", raw=f"{answer.status} {answer.url}")
        check(answer)
        return Ping(self._version, self._signer.scheme, self._signed_in())

    def _signed_in(self) -> str:
        if not self.target.username:
            return "anonymous"
        if self._signer.ignored:
            return "ignored"
        if self._signer.scheme != "none":
            return "yes"
        # It lets everybody in. It may still refuse who comes with a wrong password.
        answer = self._send("GET", "/v2/", self._signer.basic())
        if answer.status == 401:
            raise RegistryError("unauthorized")
        return "not_asked"

    # -- lists ------------------------------------------------------------------------------

    def repositories(self, after: str = "", count: int = 100) -> RepositoryPage:
        """A page of repositories; ``catalog_off`` where the registry lists none."""
        try:
            return RepositoryPage(*self._page("/v2/_catalog", "repositories", "", after, count))
        except RegistryError as error:
            if error.code not in _CATALOG_OFF:
                raise
            self.ping()  # who is no registry, or wants a password, is told so
            raise RegistryError("catalog_off", error.raw) from error

    def tags(self, name: str, after: str = "", count: int = 100) -> TagPage:
        """A page of a repository's tags, in the registry's order."""
        path = f"/v2/{check_repository(name)}/tags/list"
        return TagPage(*self._page(path, "tags", _pull(name), after, count))

    def _page(
        self, path: str, field: str, scope: str, after: str, count: int
    ) -> tuple[tuple[str, ...], str]:
        """A page of names, and where the next one begins."""
        answer, names = self._names(path, field, scope, after, count)
        page, cursor = _cut(names, after, count, next_cursor(answer))
        if cursor or after.startswith("?") or len(names) != min(count, MOST):
            return page, cursor
        # It gave as many as were asked for, and names no next page: it need not (OCI 1.1).
        _answer, more = self._names(path, field, scope, names[-1], 1)
        return page, names[-1] if set(more) - set(names) else ""

    def _names(
        self, path: str, field: str, scope: str, after: str, count: int
    ) -> tuple[Answer, tuple[str, ...]]:
        asked = _paged(path, after, count if self._counts else 0)
        answer = self._ask("GET", asked, scope, limit=LIST_LIMIT) if scope else self._catalog(asked)
        try:
            check(answer)
        except RegistryError as error:
            if not self._counts or TOO_MANY not in error.raw:
                raise
            # Its administrator allows fewer at once (catalog.maxentries): as many as it gives then.
            self._counts = False
            return self._names(path, field, scope, after, count)
        return answer, values.texts(values.load(answer.body).get(field), LIST_LIMIT)

    def _catalog(self, path: str) -> Answer:
        """Ask for repositories as who we are: Quay lists to anybody what is public alone."""
        answer = self._ask("GET", path, CATALOG_SCOPE, limit=LIST_LIMIT)
        asked_as_us = not self.target.username or self._signer.header(CATALOG_SCOPE)
        if asked_as_us or answer.status != 200:
            return answer
        if self._signer.scheme == "none":
            self._ask("GET", "/v2/", "")  # signs in where that is wanted at all
        signed = bool(self._signer.header(""))
        return self._ask("GET", path, "", limit=LIST_LIMIT) if signed else answer

    # -- images -----------------------------------------------------------------------------

    def manifest(self, name: str, reference: str) -> ManifestInfo:
        """What a tag or digest stands for. What came is checked against the digest asked for."""
        path = _manifest_path(name, reference)
        answer = check(
            self._ask("GET", path, _pull(name), {"Accept": ACCEPT}, limit=MANIFEST_LIMIT)
        )
        found = parse_manifest(answer.body, answer.header("content-type"))
        if not is_digest(reference):
            return found
        check_content(answer.body, reference)
        return replace(found, digest=digest_of(answer.body, reference))

    def head(self, name: str, reference: str) -> str:
        """The digest that a tag has now. Docker Hub does not count this as a pull."""
        path = _manifest_path(name, reference)
        answer = self._ask("HEAD", path, _pull(name), {"Accept": ACCEPT})
        digest = answer.header("docker-content-digest")
        silent = answer.status == 200 and not is_digest(digest)
        if silent or answer.status in (400, 405, 406, 501):
            return self.manifest(name, reference).digest
        if answer.status == 404:
            raise RegistryError("not_found")  # there is no body that says more
        check(answer)
        return digest

    def config(self, name: str, digest: str) -> ConfigInfo:
        """An image's config, by the digest that its manifest names."""
        path = f"/v2/{check_repository(name)}/blobs/{check_digest(digest)}"
        answer = check(self._ask("GET", path, _pull(name), limit=CONFIG_LIMIT))
        check_content(answer.body, digest)
        return parse_config(answer.body)

    def with_sizes(self, name: str, index: ManifestInfo, most: int = 16) -> ManifestInfo:
        """An index whose platforms have sizes: one request for each, which Docker Hub counts."""
        left = [p.digest for p in index.platforms if p.runnable and p.size is None][:most]

        def sized(platform: PlatformInfo) -> PlatformInfo:
            if platform.digest not in left:
                return platform
            return replace(platform, size=self.manifest(name, platform.digest).size)

        return replace(index, platforms=tuple(map(sized, index.platforms)))

    def delete_manifest(self, name: str, digest: str) -> None:
        """Remove an image with all its tags; ``delete_off`` where the registry removes nothing."""
        path = _manifest_path(name, check_digest(digest))
        answer = self._ask("DELETE", path, f"repository:{name}:delete")
        if answer.status in (405, 501):
            raise RegistryError("delete_off", raw=f"{answer.status}")
        check(answer)

    def delete_tag(self, name: str, tag: str) -> None:
        """Remove a tag alone; ``tag_delete_off`` where images are removed only with all tags."""
        path = f"/v2/{check_repository(name)}/manifests/{check_tag(tag)}"
        answer = self._ask("DELETE", path, f"repository:{name}:delete")
        if answer.status in (400, 405, 501):
            raise RegistryError("tag_delete_off", raw=f"{answer.status}")
        check(answer)

    # -- asking -----------------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        path: str,
        scope: str,
        headers: dict[str, str] | None = None,
        limit: int = 0,
    ) -> Answer:
        """Ask, and sign in when the registry says how. The answer may be any but 401."""
        sent = self._signer.header(scope)
        answer = self._send(method, path, sent, headers, limit)
        if answer.status != 401:
            return answer
        if parse_url(answer.url).site != self.target.address.site:
            raise RegistryError("moved", raw=answer.url)  # credentials are for who was typed in
        if sent.startswith("Basic "):
            raise self._refused(path)
        signed = self._signer.answer(answer.header("www-authenticate"), scope)
        answer = self._send(method, path, signed, headers, limit)
        if answer.status == 401:
            raise self._refused(path)
        return answer

    def _refused(self, path: str) -> RegistryError:
        if self._signer.scheme == "basic":
            # Some say 401 also to who is known and may not: the door tells the two apart.
            known = path != "/v2/" and self._send("GET", "/v2/", "").status == 401
            let_in = known and self._send("GET", "/v2/", self._signer.basic()).status == 200
            return RegistryError("denied" if let_in else "unauthorized")
        return RegistryError("denied" if self.target.username else "credentials_needed")

    def _send(
        self,
        method: str,
        path: str,
        authorization: str,
        headers: dict[str, str] | None = None,
        limit: int = 0,
    ) -> Answer:
        sent = {"Accept": "application/json, */*;q=0.5", **(headers or {})}
        if authorization:
            sent["Authorization"] = authorization
        base = str(replace(self.target.address, path=""))
        try:
            answer = self._http.request(method, base + path, headers=sent, limit=limit)
        except OutboundError as error:
            raise from_outbound(error) from error
        self.rate_limit = rate_limit(answer.header) or self.rate_limit
        self._version = values.text(answer.header(API_HEADER), 64) or self._version
        return answer


def _pull(name: str) -> str:
    return f"repository:{name}:pull"


def _manifest_path(name: str, reference: str) -> str:
    version = check_digest(reference) if ":" in reference else check_tag(reference)
    return f"/v2/{check_repository(name)}/manifests/{version}"


def _paged(path: str, after: str, count: int) -> str:
    if after.startswith("?"):  # a registry's own way to name the next page
        return path + after
    query = {"n": str(min(count, MOST))} if count > 0 else {}
    query |= {"last": after} if after else {}
    return f"{path}?{urlencode(query)}" if query else path


def _cut(
    found: tuple[str, ...], after: str, count: int, cursor: str
) -> tuple[tuple[str, ...], str]:
    """A page of what came: registries without pages send everything, each time."""
    if cursor or after.startswith("?"):
        return found, cursor
    begin = found.index(after) + 1 if after in found else 0
    page = found[begin : begin + count]
    more = begin + count < len(found)
    return page, page[-1] if more and page else ""
