"""Stage ``prepare``: one glass, from nothing to a cold configuration.

1. The built-in model: diameters are drawn, particles placed on a lattice without overlaps, and
   melted. A model given as LAMMPS commands: species on a lattice, or a data file, melted as well.
2. Equilibration at T_f in chunks, by hybrid Monte Carlo with swaps or by molecular dynamics; after
   each chunk a row of evidence, and now and then a restart file.
3. A verdict on the equilibration.
4. Cooling by molecular dynamics with a Berendsen thermostat; particles of the built-in model are
   numbered along a curve through space.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from tlsfind import seeds, tables
from tlsfind.config import Config, digest
from tlsfind.configuration import Configuration
from tlsfind.engine import make_engine
from tlsfind.interop.native import save_glass
from tlsfind.prepare import restart
from tlsfind.prepare.composition import species_start
from tlsfind.prepare.cooling import cool
from tlsfind.prepare.equilibration import OVERLAP_DISTANCE, Verdict, judge, self_overlap
from tlsfind.prepare.melt import DynamicsSampler
from tlsfind.prepare.ordering import z_order
from tlsfind.prepare.sampler import ChunkResult, HybridSampler
from tlsfind.prepare.start import box_edge, draw_diameters, lattice_start, maxwell_velocities
from tlsfind.progress import progress

logger = logging.getLogger("tlsfind")

SECONDS_BETWEEN_RESTARTS = 10.0
QUENCH_TOLERANCE = 1e-5
#: The start only has to lose its overlaps.
START_TOLERANCE, START_EVALUATIONS = 1e-2, 2000


class Sampler(Protocol):
    """What runs a liquid at constant temperature."""

    def run(self, blocks: int, temperature: float) -> ChunkResult:
        """Run some blocks, changing positions (and diameters or velocities) in place."""
        ...


def prepare(config: Config, glass: str, output: Path) -> None:
    """Prepare one glass.

    Args:
        config: the run.
        glass: name of the glass, see ``Config.glass_names``.
        output: folder for glass.npz, glass.parquet and equilibration.parquet.

    Raises:
        ConfigError: the config has no such glass.
        InputError: the dynamics diverged.
    """
    index, temperature = config.glass(glass)
    rng = seeds.generator(config.run.seed, "prepare", index)
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    restart_file = output / "restart.npz"
    key = identity(config, glass)
    keep = restart.Keeper(restart_file, key, SECONDS_BETWEEN_RESTARTS)
    state = restart.load(restart_file, key) or begin(config, temperature, rng)
    rng.bit_generator.state = state.rng
    equilibrate(config, glass, state, rng, keep)
    series = pd.DataFrame(state.rows)
    verdict = judge(series)
    if not verdict.equilibrated:
        logger.warning("%s is NOT equilibrated: %s", glass, verdict.reasons)
    engine = make_engine(state.configuration, config)
    cold, velocities, final = cool(engine, state, temperature, config.prepare, rng, keep, glass)
    inherent = engine.quench(cold.positions, QUENCH_TOLERANCE).energy / len(cold)
    if cold.types is None:
        order = z_order(cold.positions, cold.box)
        cold = Configuration(cold.positions[order], cold.diameters[order], cold.box)
        velocities = velocities[order]
    row = {
        "glass": glass,
        "preparation_temperature": temperature,
        "n_particles": len(cold),
        "temperature": final,
        "inherent_energy": inherent,
        **_evidence(series, verdict),
    }

    def stamped(name: str):
        """The schema of a table with version, config hash and seed."""
        return tables.stamped(tables.schema(name), config.hash, config.run.seed)

    series.insert(0, "glass", glass)
    tables.write(series, output / "equilibration.parquet", stamped("equilibration"))
    tables.write([row], output / "glass.parquet", stamped("glasses"))
    save_glass(
        output / "glass.npz",
        cold,
        velocities,
        {"glass": glass, "temperature": final, "preparation_temperature": temperature},
    )
    restart_file.unlink(missing_ok=True)


def identity(config: Config, glass: str) -> str:
    """Hash of everything that the preparation of ``glass`` depends on.

    Raises:
        InputError: the data file of the model cannot be read.
    """
    index, temperature = config.glass(glass)
    content = {
        "seed": config.run.seed,
        "glass": [glass, index, temperature],
        "model": config.model.model_dump(mode="json"),
        "engine": config.engine.model_dump(mode="json", exclude={"executable", "mpirun"}),
        "prepare": config.prepare_of(glass).model_dump(mode="json"),
    }
    file = config.model.data_digest()
    if file is not None:
        content["data_file"] = file
    return digest(content)


def begin(config: Config, temperature: float, rng: np.random.Generator) -> restart.Progress:
    """The melt, brought to no temperature yet but that of melting.

    Args:
        config: the run.
        temperature: T_f, the temperature of a start that is not melted (``melt_blocks`` 0).
        rng: random generator.

    Raises:
        InputError: the data file is unusable, or the dynamics diverged.
    """
    model, settings = config.model, config.prepare
    if model.lammps is None:
        box = box_edge(model)
        diameters = draw_diameters(model, rng)
        start = Configuration(lattice_start(model, rng), diameters, box)
        velocities = None
    else:
        start = species_start(model, rng)
    engine = make_engine(start, config)
    positions = start.positions.copy()
    own_liquid = model.lammps is not None and model.lammps.data_file is not None
    if settings.melt_blocks or not own_liquid:
        positions = engine.quench(positions, START_TOLERANCE, START_EVALUATIONS).positions
    if model.lammps is not None:
        first = settings.melt_temperature if settings.melt_blocks else temperature
        velocities = maxwell_velocities(len(start), first, rng, engine.masses)
    state = restart.Progress(
        block=0,
        positions=positions,
        diameters=start.diameters,
        box=start.box,
        start=positions,
        half=np.full_like(positions, np.nan),
        types=start.types,
        velocities=velocities,
    )
    if settings.melt_blocks:
        make_sampler(config, state, rng).run(settings.melt_blocks, settings.melt_temperature)
    state.start = state.positions.copy()
    state.rng = dict(rng.bit_generator.state)
    return state


def make_sampler(config: Config, state: restart.Progress, rng: np.random.Generator) -> Sampler:
    """The sampler of the model, which changes the arrays of ``state`` in place."""
    if state.types is None:
        return HybridSampler(state.positions, state.diameters, state.box, config.prepare, rng)
    assert state.velocities is not None
    engine = make_engine(state.configuration, config)
    return DynamicsSampler(engine, state.positions, state.velocities, config.prepare)


def overlap_distance(state: restart.Progress) -> float:
    """How far a particle may be from where it was to count as there still.

    0.3 of the unit of length in the built-in model, 0.3 mean distances (V/N)^(1/3) in models
    given as LAMMPS commands, whose unit of length need not be the size of a particle.
    """
    if state.types is None:
        return OVERLAP_DISTANCE
    return OVERLAP_DISTANCE * state.box / len(state.types) ** (1.0 / 3.0)


def equilibrate(
    config: Config,
    glass: str,
    state: restart.Progress,
    rng: np.random.Generator,
    keep: restart.Keeper,
) -> None:
    """Equilibrate the liquid at its preparation temperature, from where ``state`` is to the end.

    ``state`` changes: it then holds all the evidence.

    Raises:
        InputError: the dynamics diverged.
    """
    settings = config.prepare_of(glass)
    _, temperature = config.glass(glass)
    if state.block:
        logger.info("%s goes on at block %d of %d", glass, state.block, settings.blocks)
    sampler = make_sampler(config, state, rng)
    distance = overlap_distance(state)
    chunk = min(settings.checkpoint_blocks, max(settings.blocks // 100, 1))
    chunks = -(-settings.blocks // chunk)
    every = max(chunks // settings.inherent_structures, 1)
    with progress(settings.blocks, f"prepare {glass}") as advance:
        advance(state.block)
        while state.block < settings.blocks:
            blocks = min(chunk, settings.blocks - state.block)
            result = sampler.run(blocks, temperature)
            state.block += blocks
            number = -(-state.block // chunk)
            quenched = np.nan
            if number % every == 0:
                engine = make_engine(state.configuration, config)
                found = engine.quench(state.positions, QUENCH_TOLERANCE)
                quenched = found.energy / len(state.diameters)
            past_half = bool(np.isfinite(state.half[0, 0]))
            state.rows.append(
                {
                    "block": state.block,
                    "potential_energy": result.potential_energy,
                    "kinetic_temperature": result.kinetic_temperature,
                    "inherent_energy": quenched,
                    "self_overlap": self_overlap(state.positions, state.start, distance),
                    "self_overlap_half": self_overlap(state.positions, state.half, distance)
                    if past_half
                    else None,
                    "swap_acceptance": result.swap_acceptance,
                }
            )
            if not past_half and state.block >= settings.blocks / 2:
                state.half[:] = state.positions
            state.rng = dict(rng.bit_generator.state)
            keep(state)
            advance(blocks)


def _evidence(series: pd.DataFrame, verdict: Verdict) -> dict:
    """The columns of the table ``glasses`` that speak of the equilibration."""
    acceptance = series["swap_acceptance"].astype(float)
    return {
        "equilibrium_inherent_energy": verdict.equilibrium_inherent_energy,
        "potential_energy_drift": verdict.potential_energy_drift,
        "inherent_energy_drift": verdict.inherent_energy_drift,
        "self_overlap": verdict.self_overlap,
        "relaxation_blocks": _or_null(verdict.relaxation_blocks),
        "swap_acceptance": _or_null(float(acceptance.mean())),
        "equilibrated": verdict.equilibrated,
        "verdict": verdict.reasons,
    }


def _or_null(value: float) -> float | None:
    return None if np.isnan(value) else value
