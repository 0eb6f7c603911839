"""Whether a saved image is what its id says: its config by the id, its layers by the config.

A scan counts for all hosts that have the image, and whoever owns one could give out other files.
"""

from __future__ import annotations

import gzip
import json
import tarfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from posixpath import normpath
from typing import IO, cast

from fleet.scans.trivy import ScanFailed

PIECE = 4 * 1024 * 1024
TEXT_BYTES = 16 * 1024 * 1024
GZIP_MAGIC = b"\x1f\x8b"


def check_genuine(place: Path, ident: str, look: Callable[[], None]) -> None:
    """Compute an image's digests anew; `look` is called meanwhile, and what it raises ends it.

    Raises ScanFailed where one is another, or what there is does not tell.
    """
    try:
        with tarfile.open(place) as tar:
            wrong = _what_differs(tar, ident, look)
    except (tarfile.TarError, OSError, EOFError, LookupError, ValueError, TypeError) as error:
        raise ScanFailed("not_genuine", str(error)) from error
    if wrong:
        raise ScanFailed("not_genuine", wrong)


def _what_differs(tar: tarfile.TarFile, ident: str, look: Callable[[], None]) -> str:
    """Return the name of a file that is not what it should be; "" when all are."""
    names = [normpath(member.name) for member in tar.getmembers() if not member.isdir()]
    if len(set(names)) < len(names):  # two readers may each take another of them
        return "manifest.json"
    about = json.loads(_text(tar, "manifest.json"))[0]
    config = _text(tar, about["Config"])
    if f"sha256:{sha256(config).hexdigest()}" != ident:
        return str(about["Config"])
    digests = json.loads(config)["rootfs"]["diff_ids"] or []
    for name, digest in zip(about["Layers"] or [], digests, strict=True):
        if _digest(_file(tar, name), look) != digest:
            return str(name)
    return ""


def _file(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    """Return a file; of a layer that is there twice, one is a link to the other."""
    found = tar.extractfile(name)
    if found is None:
        raise KeyError(name)
    return found


def _text(tar: tarfile.TarFile, name: str) -> bytes:
    text = _file(tar, name).read(TEXT_BYTES + 1)
    if len(text) > TEXT_BYTES:
        raise ValueError(name)
    return text


def _digest(file: IO[bytes], look: Callable[[], None]) -> str:
    """Return the digest of a layer, of what is in it where it is packed."""
    packed = file.read(2) == GZIP_MAGIC
    file.seek(0)
    source = cast(IO[bytes], gzip.GzipFile(fileobj=file)) if packed else file
    digest = sha256()
    while piece := source.read(PIECE):
        look()
        digest.update(piece)
    return f"sha256:{digest.hexdigest()}"
