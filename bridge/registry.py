"""Finding connectors: every installed package that names a Manifest in the entry-point group ``linkspan.connectors``.

A manifest is read without importing what its connector needs, so a listing works with half of the libraries missing;
settings type and factory are resolved when somebody asks. A connector whose capabilities and abilities disagree is
refused here, before it runs. Called by :mod:`bridge.cli` and :mod:`bridge.app`; the bridge itself names no connector anywhere.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

import msgspec

from bridge.config import UnknownConnector
from bridge.connector import API, Connector, Joins, Manifest, Setup, Types
from bridge.core.capabilities import Capabilities, Feature, Representation, Support
from bridge.settings import did_you_mean, nearest, quoted

GROUP = "linkspan.connectors"


class ConnectorUnusableError(Exception):
    """A connector was found, and cannot be used; one sentence for an operator."""


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """A connector that some package brings."""

    kind: str
    title: str
    package: str  # name of the distribution
    version: str
    manifest: Manifest | None  # None: not even that could be read
    trouble: str = ""  # why it cannot be used, as the second half of a sentence; "" if it can


def discover(points: Iterable[EntryPoint]) -> dict[str, Installed]:
    """Return what these entry points offer, by kind. A kind that is offered twice can be used from neither package."""
    found: dict[str, Installed] = {}
    for point in points:
        one = _read(point)
        other = found.get(one.kind)
        if other is not None:
            trouble = f"which two packages bring: {other.package} and {one.package}; uninstall one of them"
            one = msgspec.structs.replace(one, trouble=trouble)
        found[one.kind] = one
    return dict(sorted(found.items()))


@cache
def installed() -> Mapping[str, Installed]:
    """Return every connector that is installed, by kind."""
    return discover(entry_points(group=GROUP))


def manifest_of(kind: str, connectors: Mapping[str, Installed] | None = None) -> Manifest:
    """Return the manifest of a usable connector. Raises: UnknownConnector."""
    connectors = installed() if connectors is None else connectors
    one = connectors.get(kind)
    if one is None:
        msg = f"found {quoted(kind)}, {did_you_mean(nearest(kind, connectors), connectors)}"
        raise UnknownConnector(msg)
    if one.trouble or one.manifest is None:
        msg = f"found {quoted(kind)}, {one.trouble}"
        raise UnknownConnector(msg)
    return one.manifest


def settings_of(kind: str, connectors: Mapping[str, Installed] | None = None) -> type[msgspec.Struct]:
    """Return the type of a connector's settings. Raises: UnknownConnector."""
    manifest = manifest_of(kind, connectors)
    settings = _resolve(manifest, manifest.settings, connectors)
    if not isinstance(settings, type) or not issubclass(settings, msgspec.Struct):
        msg = f"found {quoted(kind)}, whose settings {manifest.settings} are not a msgspec Struct"
        raise UnknownConnector(msg)
    return settings


def build(kind: str, setup: Setup, connectors: Mapping[str, Installed] | None = None) -> Connector:
    """Make a connector. Raises: UnknownConnector, ConnectorUnusableError; and whatever its factory raises."""
    manifest = manifest_of(kind, connectors)
    factory = cast("Callable[[Setup], Connector]", _resolve(manifest, manifest.factory, connectors))
    connector = factory(setup)
    wrong = contradictions(connector)
    if wrong:
        msg = f"the connector {quoted(kind)} contradicts itself: {'; '.join(wrong)}"
        raise ConnectorUnusableError(msg)
    return connector


def capabilities_of(kind: str, connectors: Mapping[str, Installed] | None = None) -> Capabilities | None:
    """Return what a connector can carry with default settings, None if it does not say. Raises: UnknownConnector."""
    manifest = manifest_of(kind, connectors)
    if not manifest.capabilities:
        return None
    capabilities = _resolve(manifest, manifest.capabilities, connectors)
    return capabilities if isinstance(capabilities, Capabilities) else None


def contradictions(connector: Connector) -> list[str]:
    """Return where capabilities (what is declared) and abilities (what is there) disagree, a clause each."""
    capabilities = connector.capabilities
    wrong = []
    shows = capabilities.representation in (Representation.SESSION, Representation.ADDRESS)
    if shows and not isinstance(connector, Joins):
        wrong.append(f"it declares representation {capabilities.representation} and has no ability Joins")
    if capabilities.support(Feature.TYPING) is Support.NATIVE and not isinstance(connector, Types):
        wrong.append("it declares typing as native and has no ability Types")
    if capabilities.pipeline < 1:
        wrong.append(f"it declares a pipeline of {capabilities.pipeline}, and one delivery must be possible")
    if capabilities.text.size < 1:
        wrong.append(f"it declares a text limit of {capabilities.text.size}, and says nothing with that")
    return wrong


def _read(point: EntryPoint) -> Installed:
    package = point.dist.name if point.dist is not None else "?"
    version = point.dist.version if point.dist is not None else ""
    try:
        manifest = point.load()
    except (ImportError, AttributeError) as error:
        trouble = f"whose manifest {point.value} cannot be read: {error}"
        return Installed(kind=point.name, title="", package=package, version=version, manifest=None, trouble=trouble)
    if not isinstance(manifest, Manifest):
        trouble = f"whose entry point {point.value} is no Manifest"
        return Installed(kind=point.name, title="", package=package, version=version, manifest=None, trouble=trouble)
    trouble = ""
    if manifest.api != API:
        trouble = f"which was written for version {manifest.api} of the contract, and this is version {API}"
    return Installed(
        kind=manifest.kind,
        title=manifest.title,
        package=package,
        version=version,
        manifest=manifest,
        trouble=trouble,
    )


def _resolve(manifest: Manifest, path: str, connectors: Mapping[str, Installed] | None) -> Any:
    """Import ``package.module:name``. Raises: UnknownConnector, saying what to install."""
    module, _, name = path.partition(":")
    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        own = module.partition(".")[0]
        missing = error.name or str(error)
        if manifest.extra and missing.partition(".")[0] != own:
            one = (installed() if connectors is None else connectors)[manifest.kind]
            need = f'which needs {missing}: pip install "{one.package}[{manifest.extra}]"'
        else:
            need = f"which cannot be imported: {error}"
        msg = f"found {quoted(manifest.kind)}, {need}"
        raise UnknownConnector(msg) from error
    except AttributeError as error:
        msg = f"found {quoted(manifest.kind)}, whose manifest names {path}, and there is no such thing"
        raise UnknownConnector(msg) from error
