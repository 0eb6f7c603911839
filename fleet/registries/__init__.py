"""Talking to image registries (Distribution, OCI): HTTP only, no engine and no rows.

    target = RegistryTarget("https://registry.example.org:5000", "ann", "token")
    with open_registry(target) as registry:
        page = registry.repositories()
        image = registry.manifest("team/app", "1")

``reference`` reads names of images, ``target`` checks addresses, ``probe`` tests a connection,
``presets`` knows what people use, ``hub`` searches Docker Hub. All failures are ``RegistryError``.
"""
