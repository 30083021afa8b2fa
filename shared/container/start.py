"""What shortens the start of a process. `functions/main.py` imports this before anything else.

The garbage collector has nothing to find while modules are imported, and looks all the same: with Python's thresholds
it takes a tenth of a cold start. Some libraries import parts of themselves that nothing here uses: those are loaded
when something first looks into them, which here is never, or rarely.
"""

import gc
import sys
import threading
from collections.abc import Callable, Sequence
from functools import cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Final

OBJECTS_BEFORE_COLLECTING: Final = 20_000
"""The garbage collector's threshold: Python's default of 700 costs an eighth of a request, which makes few cycles."""

OBJECTS_OF_A_START: Final = 500_000
"""The threshold until a process is ready, a function until it has answered: more than it makes by then, and not so many
that it would matter for one that is never ready."""

LOADED_ON_USE: Final = frozenset(
    {
        "redis.asyncio",  # redis-py's other half
        "grpc.aio",  # gRPC's other half
        "scramp",  # pg8000's SCRAM, which Cloud SQL's logins do not use
        "cryptography.x509",  # PyJWT reads keys out of certificates with it, which ours are not in
        "google.protobuf.internal.python_message",  # what protobuf does without its C library
        *("msgspec.inspect", "msgspec.toml", "msgspec.yaml"),  # JSON is all that is read with it
        # The other halves of Google's clients, and traces of gRPC that nobody has turned on.
        *("google.api_core._observability", "grpc_status._async"),
        *("google.api_core.gapic_v1.config_async", "google.api_core.gapic_v1.method_async"),
    }
)
"""Modules that a library binds as a whole: where it takes a name out of one, that is loaded at once."""

_FIRESTORE: Final = (
    *("async_batch", "async_client", "async_collection", "async_document", "async_pipeline", "async_query"),
    *("async_transaction", "services.firestore.async_client", "services.firestore.transports.grpc_asyncio"),
    *("aggregation", "bulk_writer", "pipeline", "pipeline_result", "pipeline_source", "pipeline_stages"),
    *("pipeline_types", "query_profile", "services.firestore.transports.rest", "vector_query", "watch"),
)
"""Of Firestore's client, what reading and writing documents does without."""

TAKEN_ON_USE: Final = frozenset(
    {
        "asyncio",  # redis-py's classes for it; gRPC imports it as a whole
        "asn1crypto.x509",  # scramp binds logins to certificates of TLS with it
        *(f"google.cloud.firestore_v1.{part}" for part in _FIRESTORE),
        "dateutil.parser",  # pg8000 reads timestamps before year 1 and after 9999 with it
        "cryptography.hazmat.primitives.serialization.ssh",  # keys of SSH
        "prometheus_client.exposition",  # what writes metrics out, with servers of its own
        *(f"aiosql.adapters.{driver}" for driver in ("aiosqlite", "asyncpg", "duckdb", "mysql", "pg8000", "sqlite3")),
        *(f"aiosql.adapters.{style}" for style in ("apyformat", "generic", "pyformat")),  # of other drivers
        "redis.cluster",  # but in the cloud
        "redis.keyspace_notifications",
        "redis.lock",
        "redis.sentinel",
    }
)
"""Modules out of which a library takes classes and functions: each is a `_Taken` until one of them is used."""

TAKEN: Final = {"asyncio": frozenset({"IncompleteReadError", "Lock", "StreamReader"})}
"""What is taken out of a module that others import too, and may use in ways that a `_Taken` does not allow."""

CONSTANTS_TOO: Final = frozenset({"prometheus_client.exposition"})
"""Modules of which constants are taken as well: nothing here uses those."""


class _Unloaded(ModuleType):
    """A module that loads when something looks for what is in it.

    importlib's LazyLoader has one too, which loads as soon as a submodule is imported, as redis-py does.
    """

    def __getattr__(self, name: str) -> Any:
        with _loading:  # another thread waits until all of it is there
            # Whether it has submodules its importer has set.
            if type(self) is _Unloaded and self not in _under_way and name != "__path__":
                if self.__name__ in TAKEN_ON_USE and _is_taken(self.__name__, name):
                    return _Taken(self, name, sys._getframe(1).f_globals)
                _load(self)
        return ModuleType.__getattribute__(self, name)


def _is_taken(module: str, name: str) -> bool:
    if module in TAKEN:
        return name in TAKEN[module]
    return not name.startswith("_") and (module in CONSTANTS_TOO or not name.isupper())


class _Taken:
    """A class or function of a module that is not loaded: what is done with it is done with the real one.

    An `except` clause needs the real class, as do others who look at what it is. So once the module is loaded, the real
    one replaces this where it was imported.
    """

    def __init__(self, module: _Unloaded, name: str, importer: dict[str, Any]) -> None:
        self._module, self._name, self._importer = module, name, importer
        _taken.append(self)

    def _real(self) -> Any:
        with _loading:
            if type(self._module) is _Unloaded and self._module not in _under_way:
                _load(self._module)
        return getattr(self._module, self._name)

    def of(self, module: _Unloaded) -> bool:
        """Whether it is of this module."""
        return self._module is module

    def replace(self) -> None:
        """Put the real one where this was imported."""
        for name in [name for name, value in self._importer.items() if value is self]:
            self._importer[name] = self._real()

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._real()(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and not hasattr(type, name):  # as typing looks for
            raise AttributeError(name)
        return getattr(self._real(), name)

    def __mro_entries__(self, _: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self._real(),)

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, self._real())

    def __subclasscheck__(self, subclass: type) -> bool:
        return issubclass(subclass, self._real())


_loading: Final = threading.RLock()
_under_way: Final[list[_Unloaded]] = []
_taken: Final[list[_Taken]] = []


class _LoadedOnUse(Loader):
    """Puts off what a loader does."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def exec_module(self, module: ModuleType) -> None:
        module.__class__ = _Unloaded


class _Loaded(Loader):
    """Has an import take a module that was loaded meanwhile."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, _: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


def _load(module: _Unloaded) -> None:
    spec = module.__spec__
    assert spec is not None
    assert isinstance(spec.loader, _LoadedOnUse)
    loader = spec.loader.loader
    _under_way.append(module)
    try:
        loader.exec_module(module)
    finally:
        _under_way.remove(module)
    spec.loader = module.__loader__ = loader
    module.__class__ = ModuleType  # type: ignore[assignment]
    for taken in [each for each in _taken if each.of(module)]:
        _taken.remove(taken)
        taken.replace()


class _Finder(MetaPathFinder):
    """Finds what is loaded on use as others do, but lets it load then."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.startswith("asyncio."):
            return _with_asyncio(fullname)
        if fullname not in LOADED_ON_USE and fullname not in TAKEN_ON_USE:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, Loader):
            spec.loader = _LoadedOnUse(spec.loader)
        return spec


def _with_asyncio(submodule: str) -> ModuleSpec | None:
    """Where a submodule of asyncio is: they import each other by way of asyncio, so that has to be loaded before."""
    with _loading:
        asyncio = sys.modules["asyncio"]
        if type(asyncio) is not _Unloaded or asyncio in _under_way:
            return None
        _load(asyncio)
    module = sys.modules.get(submodule)
    if module is None:
        return None
    module.__spec__ = ModuleSpec(submodule, _Loaded(module))  # the import goes on by the one that the module has
    return module.__spec__


def begin() -> None:
    """Have this process not look for garbage yet, and load what it does not need only if it does. Idempotent."""
    gc.set_threshold(OBJECTS_OF_A_START)
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def keep() -> None:
    """Leave what is loaded by now out of all collections: it stays as long as the process does.

    Each full collection would look at all of it, and after a fork copy the pages that it is in.
    """
    gc.freeze()


def settle() -> None:
    """Collect garbage from now on, but of what is loaded by now."""
    keep()
    gc.set_threshold(OBJECTS_BEFORE_COLLECTING)


_settle_once: Final = cache(settle)


def settling(handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function that handles requests by `handler`; its process settles after the first, which loads much."""

    def handle(request: Any) -> Any:
        try:
            return handler(request)
        finally:
            _settle_once()

    return handle


begin()
