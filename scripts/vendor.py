#!/usr/bin/env python3
"""Fetch the front-end packages that the pages use and copy just what is needed of them.

Downloads with `npm pack NAME@VERSION` and writes `static/vendor/`, with VENDORED.md telling what is
there. What it writes is committed, so that neither a build nor a running Quayside needs npm.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.vendor_css import slim

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "static" / "vendor"
INTER = "files/inter-{}-wght-normal.woff2"
MONO = "files/jetbrains-mono-{}-wght-normal.woff2"


@dataclass(frozen=True)
class Package:
    """One npm package: exact version, target folder, files to copy, why we have it."""

    name: str
    version: str
    folder: str
    files: tuple[str, ...]
    why: str


PACKAGES = (
    Package("@tabler/core", "1.6.1", "tabler", ("dist/css/tabler.min.css",), "components"),
    Package("@tabler/icons", "3.51.0", "tabler-icons", (), "icons, as masks in icons.css"),
    Package(
        "@fontsource-variable/inter",
        "5.3.0",
        "fonts",
        (INTER.format("latin"), INTER.format("latin-ext")),
        "the typeface",
    ),
    Package(
        "@fontsource-variable/jetbrains-mono",
        "5.3.0",
        "fonts",
        (MONO.format("latin"), MONO.format("latin-ext")),
        "ids, images, logs and values",
    ),
)

# The icons that templates name, one a line; `filled/` in front means the filled set.
ICONS = Path(__file__).with_name("icons.txt")


def fetch(package: Package, into: Path) -> Path:
    """Download and unpack one package. Returns the folder with its files."""
    spec = f"{package.name}@{package.version}"
    done = subprocess.run(
        ["npm", "pack", spec, "--silent", "--pack-destination", str(into)],
        check=True,
        capture_output=True,
        text=True,
    )
    target = into / package.folder / package.version
    with tarfile.open(into / done.stdout.split()[-1]) as archive:
        archive.extractall(target, filter="data")
    return target / "package"


def copy_files(package: Package, source: Path) -> None:
    """Copy the files that we use and the licence; style sheets without what we never use."""
    target = VENDOR / package.folder
    target.mkdir(parents=True, exist_ok=True)
    for name in package.files:
        copied = target / Path(name).name
        shutil.copyfile(source / name, copied)
        if copied.suffix == ".css":
            text = copied.read_text(encoding="utf-8")
            copied.write_text(slim(text), "utf-8")
    licence = source / "LICENSE"  # Tabler's is the banner of its style sheet
    if licence.exists():
        shutil.copyfile(licence, target / f"LICENSE-{package.name.split('/')[-1]}")


def icon_mask(svg: str) -> str:
    """Return an icon as a data URI for a CSS mask."""
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.S)
    svg = re.sub(r'\sclass="[^"]*"', "", svg)
    svg = re.sub(r'<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*/>', "", svg)
    svg = re.sub(r"\s+", " ", svg).replace("> <", "><").replace('"', "'")
    svg = svg.replace("currentColor", "#000").strip()
    return "data:image/svg+xml," + quote(svg, safe=" ='/:,.-")


def write_icons(source: Path) -> None:
    """Write icons.css: one class for each icon that `{% icon %}` may name."""
    rules = []
    for name in ICONS.read_text(encoding="utf-8").split():
        kind, _, plain = name.rpartition("/")
        svg = (source / "icons" / (kind or "outline") / f"{plain}.svg").read_text(encoding="utf-8")
        css_class = f"{plain}-filled" if kind else plain
        rules.append(f'.qi-{css_class}{{--qi:url("{icon_mask(svg)}")}}')
    (VENDOR / "tabler-icons" / "icons.css").write_text("\n".join(rules) + "\n", "utf-8")


def main() -> int:
    """Write static/vendor anew. Returns the exit code."""
    rows = []
    shutil.rmtree(VENDOR, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        for package in PACKAGES:
            source = fetch(package, Path(folder))
            copy_files(package, source)
            if package.name == "@tabler/icons":
                write_icons(source)
            licence = json.loads((source / "package.json").read_text("utf-8"))["license"]
            rows.append(f"| {package.name} | {package.version} | {licence} | {package.why} |")
            print(f"{package.name} {package.version}")
    head = "# Vendored packages\n\nWritten by `scripts/vendor.py`; change versions there.\n\n"
    table = "| package | version | licence | for |\n|---|---|---|---|\n"
    (VENDOR / "VENDORED.md").write_text(head + table + "\n".join(rows) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
