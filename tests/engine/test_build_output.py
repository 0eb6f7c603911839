"""What builders print is read into steps; the texts were printed by real ones."""

from __future__ import annotations

from collections.abc import Iterable

from fleet.engine.build_output import ClassicStream, PlainProgress
from fleet.engine.build_types import (
    BuildItem,
    Built,
    StepBegan,
    StepEnded,
    StepFailed,
    StepOutput,
)

ID = "sha256:" + "a" * 64


def plain(text: str) -> tuple[list[BuildItem], PlainProgress]:
    """Read lines as BuildKit prints them."""
    progress = PlainProgress()
    return [item for line in text.split("\n") for item in progress.feed(line)], progress


def classic(said: Iterable[dict[str, object]]) -> tuple[list[BuildItem], ClassicStream]:
    """Read objects as the engine sends them."""
    stream = ClassicStream(clock=lambda: 0.0)
    items = [item for one in said for item in stream.feed(one)]
    return items, stream


def test_plain_progress_is_read_into_steps() -> None:
    items, progress = plain(
        f"#5 [one 2/3] RUN make\n#5 {ID}\n#5 0.188 hello #6\n\n"
        "#6 [internal] load build context\n#6 transferring context: 287B done\n#6 CACHED\n\n"
        "#5 [one 2/3] RUN make\n#5 1.190 DONE 3s\n#5 ...\n\n#5 DONE 1.3s\n"
    )
    assert items == [
        StepBegan(5, "[one 2/3] RUN make"),
        StepOutput(5, "hello #6"),
        StepBegan(6, "[internal] load build context"),
        StepOutput(6, "transferring context: 287B done"),
        StepEnded(6, cached=True),
        StepOutput(5, "DONE 3s"),
        StepEnded(5, 1.3),
    ]
    assert not progress.failed


def test_what_buildx_says_around_steps_is_no_step() -> None:
    warning = "WARN: ConsistentInstructionCasing: Command 'from' should match (line 6)"
    items, progress = plain(
        '#0 building with "default" instance using docker driver\n\n'
        f"#1 [internal] load build definition from Dockerfile\n#1 {warning}\n#1 DONE 0.0s\n\n"
        "#2 [base 1/2] FROM docker.io/lab/busybox:1@sha256:135f92\n#2 resolve it 0.0s done\n"
        "#2 CACHED\n\n"
        " \x1b[33m1 warning found (use docker --debug to expand):\n"
        "\x1b[0m - ConsistentInstructionCasing: Command 'from' should match (line 6)\n"
    )
    assert items == [
        StepBegan(1, "[internal] load build definition from Dockerfile"),
        StepOutput(1, warning),
        StepEnded(1, 0.0),
        StepBegan(2, "[base 1/2] FROM docker.io/lab/busybox:1@sha256:135f92"),
        StepOutput(2, "resolve it 0.0s done"),
        StepEnded(2, cached=True),
    ]
    assert not progress.failed


def test_a_failed_step_is_told_with_the_last_words() -> None:
    items, progress = plain(
        "#9 [2/2] RUN false\n#8 [1/2] COPY . /\n#8 CANCELED\n"
        "#9 ERROR: executor failed running [/bin/sh -c false]: exit code: 1\n"
        "------\n > [2/2] RUN false:\n------\nexecutor failed running: exit code: 1\n"
    )
    assert items[-2:] == [
        StepEnded(8),
        StepFailed(9, "executor failed running [/bin/sh -c false]: exit code: 1"),
    ]
    assert progress.failed
    assert progress.tail[-1] == "executor failed running: exit code: 1"


def test_colours_and_progress_bars_are_left_in_lines() -> None:
    items, _ = plain("#1 [1/1] RUN x\n#1 0.1 \x1b[31mred\x1b[0m 10%\r20%\r\n")
    assert items[-1] == StepOutput(1, "\x1b[31mred\x1b[0m 10%\r20%")


def test_the_last_words_are_bounded() -> None:
    _, progress = plain("".join(f"word {number}\n" for number in range(1000)))
    assert progress.tail[-1] == "word 999"
    assert len(progress.tail) == 40


def test_the_classic_stream_is_read_into_steps() -> None:
    items, stream = classic(
        [
            {"stream": "Step 1/2 : FROM lab/busybox:1"},
            {"stream": "\n"},
            {"stream": " ---> 22919f1e97dd\n"},
            {"stream": "Step 2/2 : RUN make"},
            {"stream": "\n"},
            {"stream": " ---> Running in 2c58f89dbc92\n"},
            {"stream": "one\ntw"},
            {"stream": "o\n"},
            {"stream": "\x1b[91merr\n\x1b[0m"},
            {"stream": "Removing intermediate container 2c58f89dbc92\n"},
            {"stream": "no end"},
            {"aux": {"ID": ID}},
            {"stream": "Successfully built 22919f1e97dd\n"},
        ]
    )
    items += stream.end()
    assert items == [
        StepBegan(1, "[1/2] FROM lab/busybox:1"),
        StepEnded(1, 0.0),
        StepBegan(2, "[2/2] RUN make"),
        StepOutput(2, "one"),
        StepOutput(2, "two"),
        StepOutput(2, "err"),
        StepOutput(2, "no endSuccessfully built 22919f1e97dd"),
        StepEnded(2, 0.0),
        Built(ID),
    ]


def test_the_classic_cache_and_pulls_are_told() -> None:
    items, stream = classic(
        [
            {"stream": "Step 1/1 : FROM a"},
            {"status": "Pulling from library/a", "id": "latest"},
            {"status": "Downloading", "id": "abc", "progressDetail": {"current": 1, "total": 2}},
            {"stream": " ---> Using cache\n"},
        ]
    )
    items += stream.end()
    assert items[1:] == [
        StepOutput(1, "latest: Pulling from library/a"),
        StepEnded(1, 0.0, cached=True),
    ]


def test_an_error_of_the_classic_builder_names_its_step() -> None:
    items, stream = classic(
        [
            {"stream": "Step 1/1 : RUN false"},
            {"stream": "\n"},
            {"stream": "half a line"},
            {"errorDetail": {"code": 1}, "error": "returned a non-zero code: 1"},
        ]
    )
    assert items[1:] == [
        StepOutput(1, "half a line"),
        StepFailed(1, "returned a non-zero code: 1"),
    ]
    assert stream.error == "returned a non-zero code: 1"


def test_strange_objects_do_no_harm() -> None:
    items, _ = classic([{}, {"aux": []}, {"stream": 7}, {"status": None}, {"aux": {"ID": 3}}])
    assert items == []
