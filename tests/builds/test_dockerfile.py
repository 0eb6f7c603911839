"""Steps are found in the Dockerfile, whatever the builder calls them."""

from __future__ import annotations

import pytest

from fleet.builds.dockerfile import (
    BUILD_PLATFORM,
    Base,
    base_images,
    excerpt,
    instruction_of,
    line_said,
    parse,
)

TEXT = """# syntax=docker/dockerfile:1
ARG BASE=debian:12

FROM ${BASE} AS base
RUN apt-get update \\
    # the web server
    && apt-get install -y \\

       nginx
COPY <<EOF /etc/motd
RUN is not an instruction here
EOF
run true

FROM base
RUN true
COPY --from=base /x /x
CMD ["nginx"]
"""


def test_it_knows_the_lines_of_instructions() -> None:
    found = [(one.line, one.end, one.keyword, one.stage, one.at) for one in parse(TEXT)]
    assert found == [
        (2, 2, "ARG", -1, 0),
        (4, 4, "FROM", 0, 1),
        (5, 9, "RUN", 0, 2),
        (10, 12, "COPY", 0, 3),
        (13, 13, "RUN", 0, 4),
        (15, 15, "FROM", 1, 1),
        (16, 16, "RUN", 1, 2),
        (17, 17, "COPY", 1, 3),
        (18, 18, "CMD", 1, 0),
    ]


@pytest.mark.parametrize(
    ("step", "line"),
    [
        ("[base 2/4] RUN apt-get update     && apt-get install -y        nginx", 5),
        ("[base 4/4] RUN true", 13),
        ("[stage-1 2/3] RUN true", 16),
        ("[linux/arm64 stage-1 2/3] RUN true", 16),
        ("[base 3/4] COPY <<EOF /etc/motd", 10),
        ("[stage-1 3/3] COPY --from=base /x /x", 17),
        ("[internal] load metadata for docker.io/library/debian:12", None),
        ("[internal] load build definition from Dockerfile", None),
        ("exporting to image", None),
        ("", None),
    ],
)
def test_it_finds_a_step(step: str, line: int | None) -> None:
    found = instruction_of(step, parse(TEXT))
    assert (found.line if found else None) == line


def test_it_finds_steps_of_the_classic_builder_and_filled_in_words() -> None:
    plain = parse("FROM a:1\nENV A=1\nRUN false\nRUN false\nCOPY $A /b\n")
    found = [instruction_of(f"[{n}/5] RUN false", plain) for n in (3, 4)]
    assert [one.line if one else 0 for one in found] == [3, 4]
    filled = instruction_of("[4/4] COPY 1 /b", plain)
    assert filled and filled.line == 5
    base = instruction_of("[internal] load metadata for docker.io/library/a:1", plain)
    assert base and base.line == 1


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("dockerfile parse error line 12: unknown instruction: WRONG", 12),
        ("Dockerfile parse error on line 2: x", 2),
        ("failed to solve: something", None),
    ],
)
def test_it_reads_the_line_of_a_complaint(said: str, line: int | None) -> None:
    assert line_said(said) == line


def test_it_shows_what_is_around() -> None:
    found = excerpt("a\nb\nc\nd\ne\nf\ng", 5, 5)
    assert (found.first, found.lines) == (2, ("b", "c", "d", "e", "f", "g"))


def test_it_tells_the_base_images() -> None:
    assert base_images(TEXT, {}) == [Base("debian:12")]
    assert base_images(TEXT, {"BASE": "own.example.org/base:2"}) == [Base("own.example.org/base:2")]
    assert base_images("FROM scratch\nFROM ${X:-a:1}", {}) == [Base("a:1")]


def test_bases_have_the_platform_of_their_stage() -> None:
    text = (
        "ARG ARM=linux/arm64\nFROM --platform=$BUILDPLATFORM a:1 AS one\nFROM --platform=$ARM a:1\n"
        "FROM --platform=${TARGETPLATFORM} b:2\nFROM --platform=linux/s390x c:3\n"
        "COPY --from=d:4 / /"
    )
    assert base_images(text, {}) == [
        Base("a:1", BUILD_PLATFORM),
        Base("a:1", "linux/arm64"),
        Base("b:2"),
        Base("c:3", "linux/s390x"),
        Base("d:4"),
    ]


def test_images_from_which_files_are_taken_count() -> None:
    text = (
        "FROM a:1 AS one\nCOPY --chown=1 --from=b:2 /x /x\nCOPY --from=one /y /y\nFROM scratch\n"
        "COPY --from=0 /z /z\nRUN --mount=type=bind,from=c:3,target=/c --mount=from=one make\n"
        "RUN echo --from=d:4\n"
    )
    assert [base.image for base in base_images(text, {})] == ["a:1", "b:2", "c:3"]


@pytest.mark.parametrize("text", ["", "\\", "FROM", "RUN <<END\nnever ends", "\x00\n\\\n\\\n", "#"])
def test_nonsense_breaks_nothing(text: str) -> None:
    assert all(1 <= one.line <= one.end for one in parse(text))
    assert base_images(text, {}) == []
