"""The grammar of images' names: a table of what Docker takes and what it refuses."""

from __future__ import annotations

import pytest

from fleet.registries.reference import InvalidReference, Reference, check_digest, parse_reference

SHA = "sha256:" + "a1" * 32
SHA512 = "sha512:" + "0f" * 64

GOOD = [
    ("nginx", "docker.io", "library/nginx", "latest", "", "nginx:latest"),
    ("nginx:1.27-alpine", "docker.io", "library/nginx", "1.27-alpine", "", "nginx:1.27-alpine"),
    ("library/nginx", "docker.io", "library/nginx", "latest", "", "nginx:latest"),
    ("library/a/b", "docker.io", "library/a/b", "latest", "", "library/a/b:latest"),
    ("bitnami/redis:7", "docker.io", "bitnami/redis", "7", "", "bitnami/redis:7"),
    ("docker.io/nginx", "docker.io", "library/nginx", "latest", "", "nginx:latest"),
    ("index.docker.io/a/b:c", "docker.io", "a/b", "c", "", "a/b:c"),
    ("docker.io/library/nginx:1", "docker.io", "library/nginx", "1", "", "nginx:1"),
    ("localhost/app", "localhost", "app", "latest", "", "localhost/app:latest"),
    ("localhost:5000/app:v1", "localhost:5000", "app", "v1", "", "localhost:5000/app:v1"),
    ("ghcr.io/a/b/c:t", "ghcr.io", "a/b/c", "t", "", "ghcr.io/a/b/c:t"),
    ("10.0.0.5:5000/x", "10.0.0.5:5000", "x", "latest", "", "10.0.0.5:5000/x:latest"),
    ("[::1]:5000/x:1", "[::1]:5000", "x", "1", "", "[::1]:5000/x:1"),
    ("Registry/app", "Registry", "app", "latest", "", "Registry/app:latest"),
    ("registry/app", "docker.io", "registry/app", "latest", "", "registry/app:latest"),
    (f"nginx@{SHA}", "docker.io", "library/nginx", "", SHA, f"nginx@{SHA}"),
    (f"nginx:1@{SHA}", "docker.io", "library/nginx", "1", SHA, f"nginx:1@{SHA}"),
    (f"q.io/a/b@{SHA512}", "q.io", "a/b", "", SHA512, f"q.io/a/b@{SHA512}"),
    ("a__b/c--d/e.f_g", "docker.io", "a__b/c--d/e.f_g", "latest", "", "a__b/c--d/e.f_g:latest"),
    ("app:" + "t" * 128, "docker.io", "library/app", "t" * 128, "", "app:" + "t" * 128),
    ("app:_x", "docker.io", "library/app", "_x", "", "app:_x"),
    ("app:V1.0", "docker.io", "library/app", "V1.0", "", "app:V1.0"),
    ("a" * 63, "docker.io", "library/" + "a" * 63, "latest", "", "a" * 63 + ":latest"),
    ("x.io/" + "a" * 250, "x.io", "a" * 250, "latest", "", "x.io/" + "a" * 250 + ":latest"),
]

BAD = [
    ("", "missing"),
    (" nginx", "spaces"),
    ("nginx latest", "spaces"),
    ("nginx\n", "spaces"),
    ("ngi\x00nx", "spaces"),
    ("https://ghcr.io/a/b", "without https"),
    ("Nginx", "lower case"),
    ("ghcr.io/Owner/app", "lower case"),
    ("docker.io/Nginx:1", "lower case"),
    ("nginx:", "tag after the colon"),
    ("nginx:-x", "begin with"),
    ("nginx:.x", "begin with"),
    ("nginx:a/b", "not the name of a registry"),
    ("x.io/nginx:a/b", "tag is made"),
    ("nginx:a:b", "tag is made"),
    ("nginx:" + "t" * 129, "128"),
    ("nginx@", "digest looks"),
    ("nginx@sha256:abc", "digest looks"),
    ("nginx@sha256:" + "A1" * 32, "digest looks"),
    ("nginx@sha256:" + "a1" * 33, "digest looks"),
    (f"nginx@{SHA}:tag", "digest looks"),
    (f"@{SHA}", "missing"),
    (":tag", "missing"),
    ("ghcr.io/", "missing"),
    ("ghcr.io//app", "empty part"),
    ("/nginx", "empty part"),
    ("app/", "empty part"),
    ("a/b//c", "empty part"),
    ("a___b", "cannot be part"),
    ("a..b", "cannot be part"),
    ("-app", "cannot be part"),
    ("app-", "cannot be part"),
    ("../etc/passwd", "not the name of a registry"),
    ("x.io/../etc", "cannot be part"),
    ("x.io/a?b", "cannot be part"),
    ("x.io/a#b", "cannot be part"),
    ("x.io/a%2e", "cannot be part"),
    ("x_y.io/app", "not the name of a registry"),
    ("-x.io/app", "not the name of a registry"),
    ("x.io:port/app", "not the name of a registry"),
    ("x.io:/app", "not the name of a registry"),
    ("user@x.io/app", "digest looks"),
    ("bücher", "beyond a to z"),
    ("nginx:ü", "beyond a to z"),
    ("a1" * 32, "id of an image"),
    ("x.io/" + "a" * 251, "255"),
    ("a" * 300, "255"),
    ("--upload-pack=x", "cannot be part"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "host", "repository", "tag", "digest", "familiar"), GOOD)
def test_it_takes_what_docker_takes(
    text: str, host: str, repository: str, tag: str, digest: str, familiar: str
) -> None:
    found = parse_reference(text)
    assert found == Reference(host, repository, tag, digest)
    assert found.familiar == familiar
    assert parse_reference(found.full) == found
    assert parse_reference(found.familiar) == found


@pytest.mark.parametrize(("text", "says"), BAD)
def test_it_refuses_the_rest_with_a_sentence(text: str, says: str) -> None:
    with pytest.raises(InvalidReference) as refused:
        parse_reference(text)
    assert says in str(refused.value)


def test_it_gives_the_same_image_another_tag_or_digest() -> None:
    image = parse_reference(f"quay.io/a/b:1@{SHA}")
    assert image.version == SHA
    assert image.with_tag("2").full == "quay.io/a/b:2"
    assert image.with_tag("2").with_digest(SHA).full == f"quay.io/a/b:2@{SHA}"
    with pytest.raises(InvalidReference):
        image.with_tag("a b")
    with pytest.raises(InvalidReference):
        image.with_digest("latest")


def test_it_takes_a_digest_of_an_algorithm_to_come() -> None:
    assert check_digest("blake3:" + "ab" * 32)
