"""How the project's Numba kernels are compiled and cached.

Numba keys the cached code of a function by the source file of that function alone. Kernels here
call, and inline, kernels of other files, so an edit of one of those would leave stale machine
code in the cache. All kernels are therefore cached in a folder named by a hash of every kernel
source: after any edit, or an update of the project, they are compiled anew.

Many jobs may start at once with an empty cache on a file system that they share, on machines with
different processors. Numba keeps an index for each function and numbers the files of its
signatures; two processes that compile different signatures at the same time take the same number,
and the index then names the machine code of the other one. Here every signature for every processor
has a file of its own, named by a hash of both, written whole and renamed, and there is no index:
whoever comes last replaces a file by an equal one.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import re
import shutil
import sys
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

import numba
from numba import njit
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.serialize import dumps

#: Allowed rewrites of floating-point expressions. NaN and infinity keep their meaning, so that
#: a diverging configuration is noticed.
FAST = {"contract", "reassoc", "arcp", "nsz"}

PACKAGE = Path(__file__).parent

#: Environment variable that names the folder of the compiled kernels of all versions.
VARIABLE = "TLSFIND_KERNELS"

#: Names of the folders of compiled kernels.
_STALE = re.compile(r"[0-9a-f]{16}")

logger = logging.getLogger("tlsfind")


def sources() -> list[Path]:
    """Every source file that holds kernels, or functions that are inlined into them."""
    return [
        file
        for file in sorted(PACKAGE.rglob("*.py"))
        if any(word in file.read_text() for word in ("@kernel", "njit", "llvmlite"))
    ]


@cache
def cache_folder() -> Path:
    """Folder of the compiled kernels of these sources.

    It lies in the folder that the environment variable ``TLSFIND_KERNELS`` names; without it inside
    the package, or where that may not be written to in the user's cache folder.
    """
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sources())).hexdigest()[:16]
    named = os.environ.get(VARIABLE)
    root = Path(named).absolute() if named else PACKAGE / "__pycache__" / "kernels"
    if not named and not _usable(root, digest):
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        root = Path(base) / "tlsfind" / "kernels"
    return root / digest


def _usable(root: Path, digest: str) -> bool:
    """Whether kernels can be kept in ``root``, or are there already."""
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(root, os.W_OK) or (root / digest).is_dir()


def drop_stale() -> None:
    """Delete the compiled kernels of other versions of the sources.

    Nothing is deleted in a folder named by ``TLSFIND_KERNELS``, which other versions may use, and
    elsewhere only folders that hold compiled kernels.
    """
    if os.environ.get(VARIABLE):
        return
    current = cache_folder()
    for folder in current.parent.glob("*"):
        if folder != current and _STALE.fullmatch(folder.name) and folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)


def kernel(function: Callable[..., Any] | None = None, *, fastmath: set[str] | bool = FAST) -> Any:
    """Compile a kernel: no Python objects, no interpreter lock, IEEE division, cached.

    Division by zero gives infinity, as in NumPy, and not an exception: so do two particles at one
    place. Used as ``@kernel`` or as
    ``@kernel(fastmath=...)``.

    Args:
        function: the kernel.
        fastmath: allowed rewrites of floating-point expressions; False keeps their order.
    """
    if function is None:
        return partial(kernel, fastmath=fastmath)
    compiled: Any = njit(nogil=True, fastmath=fastmath, error_model="numpy")(function)
    compiled._cache = KernelCache(function)
    return compiled


class _Results(CompileResultCacheImpl):
    """How results of compilations become bytes and come back; where they are is not its matter."""

    def __init__(self) -> None:
        """Nothing of the base class: it looks for a folder, and fails if it finds none."""

    def check_cachable(self, cres: Any) -> bool:
        """Whether a result means the same elsewhere: no interpreted parts, no addresses."""
        return not (
            any(not loop.can_cache for loop in cres.lifted) or cres.library.has_dynamic_globals
        )


class KernelCache(FunctionCache):
    """Numba's cache of one kernel, with :class:`KernelFiles` below.

    Args:
        function: the kernel, not compiled.
        version: of its sources, where they are not those of :func:`sources`.
    """

    def __init__(self, function: Callable[..., Any], version: str = "") -> None:
        self._py_func, self._name = function, repr(function)
        self._impl = _Results()
        self._cache_path = str(cache_folder())
        place = f"{function.__module__}.{function.__qualname__}-{function.__code__.co_firstlineno}"
        tag = ".".join(filter(None, (version, sys.implementation.cache_tag)))
        name = f"{place.replace('<', '').replace('>', '')}.{tag}"
        self._cache_file: Any = KernelFiles(cache_folder(), name)
        self.enable()

    def _save_overload(self, sig: object, data: Any) -> None:
        """Keep a compiled signature."""
        if self._impl.check_cachable(data):
            key = self._index_key(sig, data.codegen)
            self._cache_file.save(key, self._impl.reduce(data))


#: Bytes of the checksum in front of a file's code.
_DIGEST = hashlib.sha256().digest_size


class KernelFiles:
    """The compiled signatures of one kernel, each in a file of its own; in place of Numba's.

    In front of the code is its checksum: damaged machine code must not run. A file that
    cannot be read, or not written, costs a compilation and is no error.

    Args:
        folder: where the files are.
        name: begin of their names, which differs between versions of Python.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name

    def path(self, key: object) -> Path:
        """The file of a key: signature, processor with its features, hash of the function."""
        digest = hashlib.sha256(f"{numba.__version__} {key!r}".encode()).hexdigest()[:32]
        return self._folder / f"{self._name}.{digest}.nbc"

    def load(self, key: object) -> Any:
        """What was saved for ``key``; None if there is nothing, or something unreadable."""
        path = self.path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            logger.warning("compiled kernel %s cannot be read, compiled anew: %s", path, error)
            return None
        digest, code = content[:_DIGEST], content[_DIGEST:]
        if hashlib.sha256(code).digest() != digest:
            logger.warning("compiled kernel %s is damaged, compiled anew", path)
            return None
        return pickle.loads(code)

    def save(self, key: object, data: object) -> None:
        """Keep ``data``; the file appears under its name only when it is complete."""
        path = self.path(key)
        temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex[:16]}.tmp")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            code = dumps(data)
            temporary.write_bytes(hashlib.sha256(code).digest() + code)
            temporary.replace(path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink()
            logger.warning("compiled kernel %s cannot be kept: %s", path, error)

    def flush(self) -> None:
        """Delete the files of this kernel."""
        for path in self._folder.glob(f"{self._name}.*"):
            path.unlink(missing_ok=True)
