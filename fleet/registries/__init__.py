"""Talking to image registries (Distribution, OCI): HTTP only, no engine and no rows.

    target = RegistryTarget("https://registry.example.org:5000", "ann", "token")
    with open_registry(target) as registry:
        page = registry.repositories()
        image = registry.manifest("team/app", "1")

``reference`` reads names of images, ``address`` and ``target`` check where registries are,
``probe`` tests a connection, ``abilities`` knows the kinds, ``hub`` searches Docker Hub. All
failures are ``RegistryError``.
"""
