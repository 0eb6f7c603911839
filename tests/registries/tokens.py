"""A token server as registries use one: real JWTs, which a real docker-registry verifies."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.engine.pki import Authority
from tests.httpd import Asked, Reply, Server, serve
from tests.lab.registry import RegistryServer, run_registry

SERVICE, ISSUER = "lab-registry", "lab-issuer"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class TokenServer:
    """Gives out tokens: everything to `users`, pulling of public/ to everybody.

    `refuse` answers all with this status; `lifetime` is how long tokens last; with `forgiving`
    who comes with a wrong password gets the token of nobody.
    """

    authority: Authority = field(default_factory=Authority)
    users: dict[str, str] = field(default_factory=dict)
    lifetime: int = 300
    refuse: Reply | None = None
    forgiving: bool = False

    def __post_init__(self) -> None:
        pair = self.authority.leaf()
        key = serialization.load_pem_private_key(pair.key.encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        cert = x509.load_pem_x509_certificate(pair.cert.encode())
        self._cert = cert.public_bytes(serialization.Encoding.DER)

    def answer(self, asked: Asked) -> Reply:
        """Answer GET /token."""
        if self.refuse:
            return self.refuse
        user = self._user(asked)
        if user is None:
            return Reply(401, b'{"details": "incorrect username or password"}')
        access = [self._granted(scope, user) for scope in asked.query.get("scope", [])]
        body = {"token": self.sign(user, access), "expires_in": self.lifetime}
        return Reply(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _user(self, asked: Asked) -> str | None:
        given = asked.headers.get("authorization", "")
        if not given:
            return ""
        name, _colon, password = base64.b64decode(given.split()[1]).decode().partition(":")
        if self.users.get(name) == password:
            return name
        return "" if self.forgiving else None

    def _granted(self, scope: str, user: str) -> dict[str, Any]:
        kind, name, actions = scope.split(":")
        allowed = set(actions.split(","))
        if not user:
            allowed &= {"pull"} if name.startswith("public/") else set()
        return {"type": kind, "name": name, "actions": sorted(allowed)}

    def sign(self, subject: str, access: list[dict[str, Any]]) -> str:
        """A JWT with these claims."""
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": subject, "aud": SERVICE, "exp": now + self.lifetime,
                  "nbf": now - 60, "iat": now, "jti": "1", "access": access}  # fmt: skip
        head = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(self._cert).decode()]}
        signed = f"{_b64(json.dumps(head).encode())}.{_b64(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


@contextlib.contextmanager
def run_token_registry(
    folder: Path, tokens: TokenServer
) -> Iterator[tuple[RegistryServer, Server]]:
    """A real registry that believes the tokens of a token server, both on loopback."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "root.pem").write_text(tokens.authority.pem)
    with serve(tokens.answer) as door:
        auth = {"token": {"realm": f"{door.url}/token", "service": SERVICE, "issuer": ISSUER,
                          "rootcertbundle": str(folder / "root.pem")}}  # fmt: skip
        with run_registry(folder, auth=auth) as registry:
            yield registry, door
