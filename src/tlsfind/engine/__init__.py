"""Engines move particles: energies, forces, dynamics and quenches."""

from __future__ import annotations

from tlsfind.configuration import Configuration
from tlsfind.engine.base import Engine, Quench, State

__all__ = ["Engine", "Quench", "State", "make_engine"]


def make_engine(configuration: Configuration) -> Engine:
    """The engine for the particles of ``configuration``."""
    from tlsfind.engine.native.engine import NativeEngine

    return NativeEngine(configuration.diameters, configuration.box)
