"""What may help is said of what is known, and of nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.operations.build_failures import explain_failure
from fleet.operations.build_run import memory_words

PLAIN = 'Head "https://r:5000/v2/a/manifests/1": http: server gave HTTP response to HTTPS client'


@pytest.mark.parametrize(
    ("failure", "raw", "words"),
    [
        ({"name": "[1/2] RUN make", "lines": ["cc: No space left on device"]}, "", "disk is full"),
        ({}, "write /var/lib/docker/tmp/x: no space left on device", "disk is full"),
        ({"name": "[internal] load metadata for r:5000/a:1"}, PLAIN, "Add it under Registries"),
        ({"name": "FROM r:5000/other:1", "text": PLAIN}, "", "Add it under Registries"),
        ({"name": "[internal] load metadata for r/a:1"}, "401 Unauthorized", "wants a user name"),
        (
            {"name": "[linux/arm64 2/2] RUN true", "lines": ["exec /bin/sh: exec format error"]},
            "",
            "another kind of processor",
        ),
        # What a step does with the network is its own affair.
        ({"name": "[2/2] RUN curl https://x", "lines": ["x509: certificate"]}, "", ""),
        ({"name": "[2/2] RUN false"}, "exit code: 1", ""),
        ({}, "dockerfile parse error line 2: unknown instruction", ""),
    ],
)
def test_it_says_what_may_help(failure: dict[str, Any], raw: str, words: str) -> None:
    said = explain_failure(failure, raw)
    assert words in said and bool(words) == bool(said)


@pytest.mark.parametrize(
    ("builder", "memory", "told"),
    [("buildkit", 2**26, True), ("buildx", 2**26, True), ("classic", 2**26, False),
     ("buildkit", 0, False)],
)  # fmt: skip
def test_a_limit_that_is_not_kept_to_is_told(builder: str, memory: int, told: bool) -> None:
    assert ("the 64 MB of this build do not count" in memory_words(builder, memory)) == told
