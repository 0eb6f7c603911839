"""Addresses of images."""

from __future__ import annotations

from django.urls import path

from dashboard.views import image, image_acts, image_files, images, prune, pulls, scans, updates

urlpatterns = [
    path("images/", images.image_list, name="image-list"),
    path("images/pull/", pulls.image_pull, name="image-pull"),
    path("images/load/", image_files.image_load, name="image-load"),
    path("images/save/", image_files.image_save, name="image-save"),
    path("images/tar/", image_files.images_tar, name="images-tar"),
    path("images/prune/", prune.image_prune, name="image-prune"),
    path("images/compare/", image.comparison, name="image-compare"),
    path("images/<int:pk>/", image.detail, name="image-detail"),
    path("images/<int:pk>/check/", updates.check_image, name="image-check"),
    path("images/<int:pk>/config/", image.config, name="image-config"),
    path("images/<int:pk>/layers/", image.layers, name="image-layers"),
    path("images/<int:pk>/inspect/", image.inspect, name="image-inspect"),
    path("images/<int:pk>/inspect.json", image.inspect_file, name="image-inspect-file"),
    path("images/<int:pk>/copy/", image_files.image_copy, name="image-copy"),
    path("images/<int:pk>/tar/", image_files.image_tar, name="image-tar"),
    path("images/<int:pk>/scan/", scans.image_scan, name="image-scan"),
    path("images/<int:pk>/sbom.json", scans.image_sbom, name="image-sbom"),
    path("scans/", scans.scan_list, name="scan-list"),
    path("scans/missing/", scans.scan_missing, name="scan-missing"),
    path("images/<int:pk>/<slug:slug>/", image_acts.image_action, name="image-action"),
]
