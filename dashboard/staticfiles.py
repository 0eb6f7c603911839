"""Static files with hashed names, those that our scripts import from each other too."""

from __future__ import annotations

from django.contrib.staticfiles.storage import HashedFilesMixin
from whitenoise.storage import CompressedManifestStaticFilesStorage

# Django's own patterns for imports, off by default as packages write them in comments too.
_IMPORTS = HashedFilesMixin._js_module_import_aggregation_patterns[1]  # type: ignore[attr-defined]


class ModuleStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """In `static/js/`, `import "./live.js"` comes to name the hashed file, kept for good."""

    patterns = (*HashedFilesMixin.patterns, ("js/*.js", _IMPORTS))
