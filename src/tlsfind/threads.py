"""Bounding the threads of numerical libraries."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1)
def _controller(modules: tuple[int, str]) -> Any:
    """The libraries that are loaded while so many modules are, the last of this name."""
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()


def limit_threads(threads: int) -> AbstractContextManager[Any]:
    """A context in which OpenMP and BLAS use at most ``threads`` threads.

    Looking for the libraries takes 8 ms, which counts where a model is called for every pair: they
    are looked for again only when a module was imported since.
    """
    return _controller((len(sys.modules), next(reversed(sys.modules)))).limit(limits=threads)
