"""Engines move particles: energies, forces, dynamics and quenches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tlsfind.configuration import Configuration
from tlsfind.engine.base import Engine, Quench, State
from tlsfind.errors import ConfigError, InputError

if TYPE_CHECKING:
    from tlsfind.config import Config

__all__ = ["Engine", "Quench", "State", "make_engine"]


def make_engine(
    configuration: Configuration,
    config: Config | None = None,
    name: Literal["native", "lammps"] | None = None,
) -> Engine:
    """The engine for the particles of ``configuration``.

    Args:
        configuration: the particles; where they are does not matter.
        config: the run, whose model and engine are taken; the built-in model without one.
        name: an engine to take instead of the config's.

    Raises:
        InputError: the particles do not belong to the model.
        ConfigError: the native engine was asked for a model that it does not know.
        TlsfindError: LAMMPS is missing or refuses the model.
    """
    model = None if config is None else config.model.lammps
    _check_kind(configuration, model is not None)
    chosen = name or ("native" if config is None else config.engine_name)
    if chosen == "native":
        if model is not None:
            raise ConfigError(
                "the native engine knows only the built-in model, found model.lammps in the "
                "config; expected engine lammps"
            )
        from tlsfind.engine.native.engine import NativeEngine

        return NativeEngine(configuration.diameters, configuration.box)
    from tlsfind.config import Engine as Settings
    from tlsfind.engine.lammps.engine import shared_engine
    from tlsfind.engine.lammps.system import System

    settings = Settings() if config is None else config.engine
    if model is None:
        system = System.polydisperse(
            configuration.diameters, configuration.box, settings.size_classes
        )
    else:
        system = System.from_model(model, configuration)
    return shared_engine(system, settings)


def _check_kind(configuration: Configuration, typed: bool) -> None:
    """Raise an InputError unless the particles have types just where the model needs them."""
    if typed and configuration.types is None:
        raise InputError(
            f"{configuration.source} holds particles without types, expected the types of the "
            "species in model.lammps"
        )
    if not typed and configuration.types is not None:
        raise InputError(
            f"{configuration.source} holds particles of types, expected diameters: the built-in "
            "model has no types; name the config whose model.lammps describes them"
        )
