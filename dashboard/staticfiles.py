"""Static files with hashed names, those that our scripts import from each other too."""

from __future__ import annotations

from django.contrib.staticfiles.apps import StaticFilesConfig
from django.contrib.staticfiles.storage import HashedFilesMixin
from whitenoise.storage import CompressedManifestStaticFilesStorage

# Django's own patterns for imports, off by default as packages write them in comments too.
_IMPORTS = HashedFilesMixin._js_module_import_aggregation_patterns[1]  # type: ignore[attr-defined]
# Source maps are not collected, so nothing is to be rewritten where a file names its map.
_OTHERS = tuple(
    (names, tuple(pattern for pattern in found if "sourceMappingURL" not in str(pattern)))
    for names, found in HashedFilesMixin.patterns
)


class StaticFiles(StaticFilesConfig):
    """What every collection leaves out, `make run` and `manage.py collectstatic` alike."""

    ignore_patterns = [
        *StaticFilesConfig.ignore_patterns,
        "redoc*",  # django-ninja's second API page
        "*.map",
    ]


class ModuleStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """In `static/js/`, `import "./live.js"` comes to name the hashed file, kept for good."""

    patterns = (*_OTHERS, ("js/*.js", _IMPORTS))
