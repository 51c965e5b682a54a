"""How the project's Numba kernels are compiled and cached.

Numba keys the cached code of a function by the source file of that function alone. Kernels here
call, and inline, kernels of other files, so an edit of one of those would leave stale machine
code in the cache. All kernels are therefore cached in a folder named by a hash of every kernel
source: after any edit, or an update of the project, they are compiled anew.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numba
from numba import njit

#: Allowed rewrites of floating-point expressions. NaN and infinity keep their meaning, so that
#: a diverging configuration is noticed.
FAST = {"contract", "reassoc", "arcp", "nsz"}

PACKAGE = Path(__file__).parent


def sources() -> list[Path]:
    """Every source file that holds kernels, or functions that are inlined into them."""
    return [
        file
        for file in sorted(PACKAGE.rglob("*.py"))
        if any(word in file.read_text() for word in ("@kernel", "njit", "llvmlite"))
    ]


@cache
def cache_folder() -> Path:
    """Folder of the compiled kernels: inside the package, else in the user's cache folder."""
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sources())).hexdigest()[:16]
    root = PACKAGE / "__pycache__" / "kernels"
    try:
        root.mkdir(parents=True, exist_ok=True)
        writable = os.access(root, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        root = Path(base) / "tlsfind" / "kernels"
    return root / digest


def drop_stale() -> None:
    """Delete the compiled kernels of other versions of the sources."""
    current = cache_folder()
    for folder in current.parent.glob("*"):
        if folder != current:
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
    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_folder())
    try:
        return njit(cache=True, nogil=True, fastmath=fastmath, error_model="numpy")(function)
    finally:
        config.CACHE_DIR = before
