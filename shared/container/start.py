"""What shortens the start of a process. `functions/main.py` imports this before anything else.

The garbage collector has nothing to find while modules are imported, and looks all the same: with Python's thresholds
it takes a tenth of a cold start. Some libraries import parts of themselves that nothing here uses: those are loaded
when something first looks into them, which here is never, or rarely.
"""

import gc
import sys
import threading
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Final

OBJECTS_BEFORE_COLLECTING: Final = 20_000
"""The garbage collector's threshold: Python's default of 700 costs an eighth of a request, which makes few cycles."""

OBJECTS_OF_A_START: Final = 500_000
"""The threshold until a process is ready: more than it makes by then, and not so many that it would matter for one that
is never ready."""

LOADED_ON_USE: Final = frozenset(
    {
        "redis.asyncio",  # redis-py's other half
        "grpc.aio",  # gRPC's other half
        "scramp",  # pg8000's SCRAM, which Cloud SQL's logins do not use
        "cryptography.x509",  # PyJWT reads keys out of certificates with it, which ours are not in
    }
)
"""Modules that a library binds as a whole: where it takes a name out of one, that is loaded at once."""


class _Unloaded(ModuleType):
    """A module that loads when something looks for what is in it.

    importlib's LazyLoader has one too, which loads as soon as a submodule is imported, as redis-py does.
    """

    def __getattr__(self, name: str) -> Any:
        with _loading:  # another thread waits until all of it is there
            if type(self) is _Unloaded and self not in _under_way:
                _under_way.append(self)
                try:
                    _load(self)
                finally:
                    _under_way.remove(self)
        return ModuleType.__getattribute__(self, name)


_loading: Final = threading.RLock()
_under_way: Final[list[_Unloaded]] = []


class _LoadedOnUse(Loader):
    """Puts off what a loader does."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def exec_module(self, module: ModuleType) -> None:
        module.__class__ = _Unloaded


def _load(module: _Unloaded) -> None:
    spec = module.__spec__
    assert spec is not None
    assert isinstance(spec.loader, _LoadedOnUse)
    loader = spec.loader.loader
    loader.exec_module(module)
    spec.loader = module.__loader__ = loader
    module.__class__ = ModuleType  # type: ignore[assignment]


class _Finder(MetaPathFinder):
    """Finds LOADED_ON_USE as others do, but lets them load when they are used."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in LOADED_ON_USE:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, Loader):
            spec.loader = _LoadedOnUse(spec.loader)
        return spec


def begin() -> None:
    """Have this process not look for garbage yet, and load what it does not need only if it does. Idempotent."""
    gc.set_threshold(OBJECTS_OF_A_START)
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def settle() -> None:
    """Collect garbage from now on, and leave out what is loaded by now: it stays as long as the process does.

    Each full collection would look at all of it, and after a fork copy the pages that it is in.
    """
    gc.freeze()
    gc.set_threshold(OBJECTS_BEFORE_COLLECTING)


begin()
