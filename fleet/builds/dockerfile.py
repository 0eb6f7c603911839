"""Dockerfiles, taken apart as far as their lines go: which instruction stands where.

So that a step that failed can be shown where it was written. What an instruction does is the
builder's to know; its own parser has the last word on what is right.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

SIZE_LIMIT = 256 * 1024  # characters of a Dockerfile; people write a hundredth of that
ESCAPE = re.compile(r"^#\s*escape\s*=\s*([\\`])\s*$", re.IGNORECASE)
DIRECTIVE = re.compile(r"^#\s*[A-Za-z][\w-]*\s*=")
HEREDOC = re.compile(r"<<(-?)([\"']?)([A-Za-z_][\w.]*)\2")
WITH_HEREDOCS = frozenset({"RUN", "COPY", "ADD"})
COUNTED = frozenset({"FROM", "RUN", "COPY", "ADD", "WORKDIR"})  # by BuildKit, in each stage
FROM = re.compile(
    r"^FROM\s+(?P<flags>(?:--\S+\s+)*)(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?\s*$", re.IGNORECASE
)
BUILD_PLATFORM = "$BUILDPLATFORM"  # that of the builder itself
COPIED = re.compile(r"\s--from=(\S+)")  # of COPY: a stage, or an image
MOUNTED = re.compile(r"\s--mount=\S*?\bfrom=([^,\s]+)")  # of RUN
VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::([-+])([^}]*))?\})")
# "[2/4] RUN make", "[base 1/2] FROM …", "[stage-1 2/3] COPY …", "[linux/arm64 base 1/2] FROM …"
STEP = re.compile(
    r"^\[(?:(?P<place>[^\]]*?)\s+)?(?P<at>\d+)/(?P<of>\d+)\]\s+(?P<words>.*)$", re.DOTALL
)
METADATA = re.compile(r"^\[internal\] load metadata for (\S+)")
LINE = re.compile(r"(?:dockerfile|parse error|syntax error)[^\n]*?\bline:? ?(\d+)", re.IGNORECASE)
AROUND = 3  # lines shown before and after


@dataclass(frozen=True)
class Instruction:
    """One instruction: its lines from 1, its keyword, and all of it on one line."""

    line: int
    end: int
    keyword: str
    text: str
    stage: int  # -1: before the first FROM
    stage_name: str
    at: int  # its number among those that BuildKit counts in its stage; 0: it does not


@dataclass(frozen=True)
class Excerpt:
    """Some lines of a Dockerfile around those that matter."""

    first: int
    lines: tuple[str, ...]


def parse(text: str) -> list[Instruction]:
    """Return the instructions of a Dockerfile in order; a broken one as far as it makes sense."""
    found: list[Instruction] = []
    stage, name, count = -1, "", 0
    for read in _logical(text.split("\n")):
        if read.keyword == "FROM":
            stage, count = stage + 1, 0
            match = FROM.match(read.text)
            name = (match["stage"] or "").lower() if match else ""
        at = 0
        if stage >= 0 and read.keyword in COUNTED:
            count += 1
            at = count
        found.append(replace(read, stage=stage, stage_name=name, at=at))
    return found


def _logical(lines: list[str]) -> Iterator[Instruction]:
    """Yield instructions: continued lines are one, comments and blank lines are none."""
    escape, ends, number = _escape(lines), _Ends(lines), 0
    while number < len(lines):
        first = number
        words: list[str] = []
        while number < len(lines):
            line = lines[number].rstrip("\r").rstrip()
            number += 1
            if not line.strip() or line.lstrip().startswith("#"):
                if not words:
                    first = number
                continue
            if not line.endswith(escape):
                words.append(line.strip() if not words else line)
                break
            words.append(line[:-1].lstrip() if not words else line[:-1])
        text = "".join(words).strip()
        if not text:
            continue
        keyword = text.split(None, 1)[0].upper()
        if keyword in WITH_HEREDOCS:
            number = ends.past(number, text)
        yield Instruction(first + 1, number, keyword, text, -1, "", 0)


def _escape(lines: list[str]) -> str:
    """Return what continues a line; directives stand before everything else."""
    for line in lines:
        if found := ESCAPE.match(line.strip()):
            return found[1]
        if not DIRECTIVE.match(line.strip()):
            break
    return "\\"


class _Ends:
    """Where heredocs end: found by their word, since a text may open thousands of them."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._places: dict[bool, dict[str, list[int]]] = {}

    def past(self, number: int, text: str) -> int:
        """Return the line after the last word of each heredoc that an instruction opens."""
        for dash, _quote, word in HEREDOC.findall(text):
            places = self._of(dash=bool(dash)).get(word, [])
            at = bisect_left(places, number)
            number = places[at] + 1 if at < len(places) else number
        return number

    def _of(self, *, dash: bool) -> dict[str, list[int]]:
        if dash not in self._places:
            found: dict[str, list[int]] = defaultdict(list)
            for number, line in enumerate(self._lines):
                plain = line.rstrip("\r")
                found[plain.lstrip("\t") if dash else plain].append(number)
            self._places[dash] = found
        return self._places[dash]


# --- Where a step was written -------------------------------------------------------------------


def instruction_of(step: str, instructions: list[Instruction]) -> Instruction | None:
    """Return the instruction that a builder's step is about, by the step's words."""
    if found := METADATA.match(step):
        return _from(found[1], instructions)
    match = STEP.match(step)
    if match is None:
        return None
    words = _plain(match["words"])
    keyword = words.split(" ", 1)[0].upper()
    alike = [one for one in instructions if one.keyword == keyword]
    same = [one for one in alike if _plain(one.text).partition(" ")[2] == words.partition(" ")[2]]
    if len(same) == 1:
        return same[0]
    # Variables were filled in, or it is there twice: its place in its stage says which.
    there = [one for one in same or alike if _is_at(one, match, instructions)]
    if there:
        return there[0]
    return (same or [None])[0]  # type: ignore[list-item]


def _plain(text: str) -> str:
    return " ".join(text.split())


def _is_at(one: Instruction, match: re.Match[str], instructions: list[Instruction]) -> bool:
    stages = 1 + max((each.stage for each in instructions), default=0)
    place = (match["place"] or "").split(" ")[-1].lower()
    if not place:
        if stages == 1 and int(match["of"]) == len([i for i in instructions if i.stage >= 0]):
            # The classic builder counts every instruction.
            return [i for i in instructions if i.stage >= 0].index(one) + 1 == int(match["at"])
        return stages == 1 and one.at == int(match["at"])
    named = one.stage_name == place or (not one.stage_name and f"stage-{one.stage}" == place)
    return named and one.at == int(match["at"])


def _from(image: str, instructions: list[Instruction]) -> Instruction | None:
    """Return the FROM that names an image, which the builder writes out in full."""
    for one in instructions:
        found = FROM.match(one.text)
        if one.keyword == "FROM" and found:
            short = found["image"]
            if image in (short, f"{short}:latest") or image.endswith(
                (f"/{short}", f"/{short}:latest")
            ):
                return one
    return None


def line_said(text: str) -> int | None:
    """Return the line that a builder's complaint names: `dockerfile parse error line 2: …`."""
    found = LINE.search(text)
    return int(found[1]) if found else None


def excerpt(text: str, first: int, last: int) -> Excerpt:
    """Return lines `first` to `last`, with some around them."""
    lines = text.split("\n")
    begin = max(1, first - AROUND)
    shown = lines[begin - 1 : min(last + AROUND, first + 40)]
    return Excerpt(begin, tuple(line.rstrip("\r")[:500] for line in shown))


# --- Images that it is built from --------------------------------------------------------------


@dataclass(frozen=True)
class Base:
    """An image that a build needs, and the platform as its stage names it; "": the build's own."""

    image: str
    platform: str = ""


def base_images(text: str, args: dict[str, str]) -> list[Base]:
    """Return the images that stages begin with or take files from; known ARGs are filled in.

    A platform of the builder's own variables stays as it is: ``$BUILDPLATFORM``.
    """
    known: dict[str, str] = {"BUILDPLATFORM": BUILD_PLATFORM}
    stages: set[str] = set()
    found: list[Base] = []
    for one in parse(text):
        if one.stage < 0 and one.keyword == "ARG":
            name, _equals, value = one.text[3:].strip().partition("=")
            known[name.strip()] = args.get(name.strip(), value.strip().strip("\"'"))
            continue
        match = FROM.match(one.text) if one.keyword == "FROM" else None
        platform = _filled(_platform_of(match["flags"]), known) if match else ""
        named = [_filled(match["image"], known)] if match else _taken_from(one)
        for image in named:
            base = Base(image, platform)
            if image.lower() not in stages and image != "scratch" and base not in found:
                found.append(base)
        if match:
            stages.add((match["stage"] or "").lower())
    return found


def _platform_of(flags: str) -> str:
    return next((one[11:] for one in flags.split() if one.lower().startswith("--platform=")), "")


def _taken_from(one: Instruction) -> list[str]:
    """Return the stages and images from which an instruction takes files, without numbers."""
    pattern = {"COPY": COPIED, "RUN": MOUNTED}.get(one.keyword)
    names = pattern.findall(one.text) if pattern else []
    return [name for name in names if not name.isdigit() and "$" not in name]


def _filled(text: str, known: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        held = known.get(match[1] or match[2] or "", "")
        if match[3] == "-":
            return held or match[4]
        return (match[4] if held else "") if match[3] == "+" else held

    return VARIABLE.sub(value, text)
