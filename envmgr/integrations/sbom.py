"""A software bill of materials in CycloneDX 1.6 (ECMA-424), through its own library, an optional dependency."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from envmgr import __version__
from envmgr.errors import UsageError
from envmgr.lock import conda_lock
from envmgr.lock.graph import Graph
from envmgr.lock.model import CondaPackage, Lock, PipPackage
from envmgr.urls import without_credentials


def document(lock: Lock, licenses: Mapping[tuple[str, str], str]) -> str:
    """Return the JSON of both halves of a lock: package URLs, hashes, licences, and who needs whom.

    `licenses` are by half and name. The same lock gives the same bytes. Raises UsageError where the library is absent.
    """
    try:
        from cyclonedx.contrib.license.factories import LicenseFactory
        from cyclonedx.model import HashAlgorithm, HashType
        from cyclonedx.model.bom import Bom
        from cyclonedx.model.component import Component, ComponentType
        from cyclonedx.output.json import JsonV1Dot6
        from packageurl import PackageURL
    except ImportError as error:
        raise UsageError(
            f"a CycloneDX bill of materials needs the package cyclonedx-python-lib: {error}",
            hint="pip install 'envmgr[sbom]'",
        ) from error
    graph = Graph.of(lock)
    components: dict[tuple[str, str], Any] = {}
    license_of = LicenseFactory().make_from_string
    for manager, packages in (("conda", lock.conda), ("pip", lock.pip)):
        for package in packages:
            stated = licenses.get((manager, package.name))
            components[manager, package.name] = Component(
                type=ComponentType.LIBRARY,
                name=package.name,
                version=package.version,
                bom_ref=f"{manager}/{package.name}@{package.version}",
                purl=PackageURL(manager if manager == "conda" else "pypi", None, package.name, package.version,
                                _qualifiers(package)),
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=package.sha256)] if package.sha256 else [],
                licenses=[license_of(stated)] if stated else [],
            )  # fmt: skip
    serial = uuid.uuid5(uuid.NAMESPACE_URL, f"envmgr:{conda_lock.digest(lock)}")
    bom = Bom(components=components.values(), serial_number=serial)
    bom.metadata.timestamp = None  # type: ignore[assignment] # same lock, same bytes
    root = Component(type=ComponentType.APPLICATION, name="environment", bom_ref="environment")
    bom.metadata.component = root
    bom.metadata.tools.components.add(Component(type=ComponentType.APPLICATION, name="envmgr", version=__version__))
    for node in graph.nodes:
        if node.manager != "virtual":
            needed = [
                components[edge.dependency.manager, edge.dependency.name]
                for edge in graph.needs[node]
                if edge.dependency.manager != "virtual"
            ]
            bom.register_dependency(components[node.manager, node.name], needed)
    bom.register_dependency(root, [components[node.manager, node.name] for node in graph.roots])
    text: str = JsonV1Dot6(bom).output_as_string(indent=2)
    return text + "\n"


def _qualifiers(package: CondaPackage | PipPackage) -> dict[str, str]:
    """Return the qualifiers of a package URL: what tells one artifact of a version from another."""
    if isinstance(package, PipPackage):
        return {"file_name": package.filename} if package.filename else {}
    channel = without_credentials(package.channel)
    found = {"build": package.build, "channel": channel, "subdir": package.subdir}
    return {key: value for key, value in found.items() if value}
