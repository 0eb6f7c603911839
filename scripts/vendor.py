#!/usr/bin/env python3
"""Fetch the front-end packages that the pages use and copy just what is needed of them.

`.venv/bin/python -m scripts.vendor`, with what requirements-dev.txt installs.

Downloads with `npm pack NAME@VERSION` and writes `static/vendor/`, with VENDORED.md telling what is
there. What it writes is committed, so that neither a build nor a running Quayside needs npm.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from scripts.vendor_css import slim
from scripts.vendor_icons import write_icons

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "static" / "vendor"
SUBSETS = ("latin", "latin-ext")


def faces(name: str, *weights: int) -> tuple[str, ...]:
    """Return the files of a typeface: WOFF, which opens quicker than WOFF2 and is cached anyway."""
    return tuple(
        f"files/{name}-{subset}-{weight}-normal.woff" for subset in SUBSETS for weight in weights
    )


@dataclass(frozen=True)
class Package:
    """One npm package: exact version, target folder, files to copy, why we have it."""

    name: str
    version: str
    folder: str
    files: tuple[str, ...]
    why: str
    licence: str = ""  # where its package.json does not tell


PACKAGES = (
    Package("@tabler/core", "1.6.1", "tabler", ("dist/css/tabler.min.css",), "components"),
    Package("@tabler/icons-webfont", "3.49.0", "tabler-icons", (), "a font of our icons", "MIT"),
    Package("@fontsource/inter", "5.3.0", "fonts", faces("inter", 400, 500, 600), "the typeface"),
    Package(
        "@fontsource/jetbrains-mono",
        "5.3.0",
        "fonts",
        faces("jetbrains-mono", 400, 600),
        "ids, images, logs and values",
    ),
    Package(
        "@xterm/xterm",
        "6.0.0",
        "xterm",
        ("lib/xterm.mjs", "css/xterm.css"),
        "terminals",
    ),
    Package(
        "@xterm/addon-fit",
        "0.11.0",
        "xterm",
        ("lib/addon-fit.mjs",),
        "terminals that fill their place",
    ),
    Package("uplot", "1.6.32", "uplot", ("dist/uPlot.esm.js", "dist/uPlot.min.css"), "charts"),
)


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
        if package.folder == "tabler":
            text = copied.read_text(encoding="utf-8")
            copied.write_text(slim(text, our_sheets()), "utf-8")
    licence = source / "LICENSE"  # Tabler's is the banner of its style sheet
    if licence.exists():
        shutil.copyfile(licence, target / f"LICENSE-{package.name.split('/')[-1]}")


def our_sheets() -> str:
    """Return the text of all our own style sheets."""
    sheets = sorted((ROOT / "static" / "css").glob("*.css"))
    return "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets)


def main() -> int:
    """Write static/vendor anew. Returns the exit code."""
    rows = []
    shutil.rmtree(VENDOR, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        for package in PACKAGES:
            source = fetch(package, Path(folder))
            copy_files(package, source)
            if package.name == "@tabler/icons-webfont":
                write_icons(source / "dist", VENDOR / package.folder)
            told = json.loads((source / "package.json").read_text("utf-8"))
            licence = told.get("license") or package.licence
            rows.append(f"| {package.name} | {package.version} | {licence} | {package.why} |")
            print(f"{package.name} {package.version}")
    head = "# Vendored packages\n\nWritten by `scripts/vendor.py`; change versions there.\n\n"
    table = "| package | version | licence | for |\n|---|---|---|---|\n"
    (VENDOR / "VENDORED.md").write_text(head + table + "\n".join(rows) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
