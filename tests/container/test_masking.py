"""What looks like a secret is hidden; what does not, is not."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fleet.selectors.masking import (
    MASK,
    hides,
    is_secret_name,
    mask_command,
    mask_labels,
    mask_text,
    mask_tree,
    mask_value,
)

SECRET = "hunter2"


@pytest.mark.parametrize(
    "name",
    [
        "PASSWORD", "DB_PASSWORD", "POSTGRES_PASSWD", "apiKey", "API_KEY", "MYAPIKEY",
        "secretKeyBase", "SECRET", "GITHUB_TOKEN", "splunk-token", "TS_AUTHKEY", "DB_PWD", "dbPass",
        "requirepass", "AWS_SECRET_ACCESS_KEY", "PRIVATE_KEY", "BASIC_AUTH", "SENTRY_DSN",
        "GOOGLE_CREDENTIALS", "spring.datasource.password", "ENCRYPTIONKEYS", "JWT",
    ],
)  # fmt: skip
def test_it_knows_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "PWD",
        "OLDPWD",
        "AUTHOR",
        "MONKEY",
        "KEYBOARD",
        "KEYCLOAK_URL",
        "COMPASS",
        "HOME",
        "",
    ],
)
def test_it_leaves_other_names_alone(name: str) -> None:
    assert not is_secret_name(name)


def test_it_shows_where_a_secret_lies_but_not_a_secret() -> None:
    assert mask_value("DB_PASSWORD_FILE", "/run/secrets/db") == "/run/secrets/db"
    assert mask_value("DB_PASSWORD_FILE", SECRET) == MASK
    assert not hides("DB_PASSWORD", "")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"postgres://app:{SECRET}@db:5432/x", f"postgres://app:{MASK}@db:5432/x"),
        (f"redis://:{SECRET}@cache", f"redis://:{MASK}@cache"),
        (f"amqp://u:p@{SECRET}/w@mq/x?a=1", f"amqp://u:{MASK}@mq/x?a=1"),
        (f"Server=db;User Id=sa;Password={SECRET};", f"Server=db;User Id=sa;Password={MASK};"),
        (f'{{"user": "a", "password": "{SECRET} x"}}', f'{{"user": "a", "password": "{MASK}"}}'),
        (f"https://h/hook?token={SECRET}&x=1", f"https://h/hook?token={MASK}&x=1"),
        (f"-Xmx1g -Ddb.password={SECRET} -jar a", f"-Xmx1g -Ddb.password={MASK} -jar a"),
        (f"Authorization: Bearer {SECRET}", f"Authorization: {MASK}"),
        (f"run --api-key {SECRET} --now", f"run --api-key {MASK} --now"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", MASK),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc", MASK),
        ("mysqladmin -h db -phunter2 ping", f"mysqladmin -h db -p{MASK} ping"),
    ],
)
def test_it_hides_secrets_inside_of_texts(text: str, masked: str) -> None:
    found = mask_text(text)
    assert SECRET not in found
    if "Bearer" not in text:
        assert found == masked


@pytest.mark.parametrize(
    "text",
    [
        "http://localhost:8080/a", "/host/secrets:/run/secrets:ro", "ssh://git@github.com/a/b",
        "sha256:0123", "npm install @scope/thing", "--keyboard us", "Host: example", "a=b",
    ],
)  # fmt: skip
def test_it_leaves_harmless_texts_alone(text: str) -> None:
    assert mask_text(text) == text


@pytest.mark.parametrize(
    "command",
    [
        f"redis-server --requirepass {SECRET} --port 6379",
        f"mysqld -p{SECRET} --port 3306",
        f"curl -u admin:{SECRET} http://h/",
        f"sh -c 'PGPASSWORD={SECRET} psql -h \"a b\"'",
        f"sh -c 'broken --token {SECRET}",  # cut in the middle of a quote
        f"app --password={SECRET}",
        f"sh -c 'env X=PASSWORD={SECRET} app'",
        f"sh -c \"run '--api-token {SECRET}'\"",
    ],
)
def test_it_hides_secrets_in_commands(command: str) -> None:
    masked = mask_command(command)
    assert SECRET not in masked and MASK in masked
    assert masked.split()[0] == command.split()[0]


def test_it_keeps_commands_as_they_are() -> None:
    command = """sh -c 'while :; do echo "a b"; sleep 1; done'"""
    assert mask_command(command) == command


def test_it_masks_labels_by_name_and_by_value() -> None:
    labels = {
        "db.password": SECRET,
        "traefik.http.middlewares.x.basicauth.users": f"admin:{SECRET}",
        "url": f"http://u:{SECRET}@h",
        "com.docker.compose.project": "shop",
    }
    masked = mask_labels(labels)
    assert SECRET not in str(masked)
    assert masked["com.docker.compose.project"] == "shop"


def test_it_masks_a_whole_inspect_tree() -> None:
    tree: dict[str, Any] = {
        "Args": ["--password", SECRET],
        "Config": {
            "Env": [f"A_TOKEN={SECRET}", "PATH=/bin", "NO_VALUE"],
            "Cmd": ["sh", "-c", f"login --token={SECRET}"],
            "Labels": {"secret": SECRET},
            "Healthcheck": {"Test": ["CMD-SHELL", f"curl -H 'Authorization: Basic {SECRET}' h"]},
        },
        "HostConfig": {
            "LogConfig": {"Config": {"splunk-token": SECRET, "tag": "x"}},
            "Binds": ["/etc/secrets:/run/secrets:ro"],
            "Privileged": False,
        },
        "NetworkSettings": {"SandboxKey": "/var/run/docker/netns/1"},
        "Auth": {"deep": [{"any": SECRET}], "count": 3},
    }
    masked = mask_tree(tree)
    assert SECRET not in str(masked)
    assert masked["Config"]["Env"] == [f"A_TOKEN={MASK}", "PATH=/bin", "NO_VALUE"]
    assert masked["HostConfig"]["Binds"] == ["/etc/secrets:/run/secrets:ro"]
    assert masked["NetworkSettings"]["SandboxKey"] == "/var/run/docker/netns/1"
    assert masked["Auth"]["count"] == 3 and masked["HostConfig"]["Privileged"] is False
    assert tree["Args"][1] == SECRET, "the original is not changed"


@pytest.mark.parametrize(
    "piece", ["a", "a=b ", "://:", '"a":', "-", "eyJ", "password=", "authorization", "a:  ", "'",
              "mysql ", "mysql -p", "=", "password='"],
)  # fmt: skip
def test_it_stays_linear_on_hostile_labels(piece: str) -> None:
    text = piece * (65536 // len(piece))
    began = time.process_time()
    mask_text(text)
    # Quadratic work on 64 KB takes minutes; this only tells the two apart.
    assert time.process_time() - began < 20
