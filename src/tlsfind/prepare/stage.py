"""Stage ``prepare``: one glass, from random diameters to a cold configuration.

1. Diameters are drawn, particles placed on a lattice without overlaps, and melted.
2. Hybrid Monte Carlo at T_f, in chunks; after each chunk a row of evidence, and now and then a
   restart file.
3. A verdict on the equilibration.
4. Cooling by molecular dynamics with a Berendsen thermostat.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from pathlib import Path

import numpy as np
import pandas as pd

from tlsfind import seeds, tables
from tlsfind.config import Config
from tlsfind.configuration import Configuration, wrap
from tlsfind.engine.base import State
from tlsfind.engine.native.engine import NativeEngine
from tlsfind.interop.native import save_glass
from tlsfind.prepare import restart
from tlsfind.prepare.equilibration import Verdict, judge, self_overlap
from tlsfind.prepare.sampler import HybridSampler
from tlsfind.prepare.start import box_edge, draw_diameters, lattice_start, maxwell_velocities
from tlsfind.progress import progress

logger = logging.getLogger("tlsfind")

SECONDS_BETWEEN_RESTARTS = 10.0
QUENCH_TOLERANCE = 1e-5


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
    state = equilibrate(config, glass, temperature, rng, restart_file)
    series = pd.DataFrame(state.rows)
    verdict = judge(series)
    if not verdict.equilibrated:
        logger.warning("%s is NOT equilibrated: %s", glass, verdict.reasons)
    configuration, velocities, final = cool(config, state, temperature, rng)
    inherent = NativeEngine(state.diameters, configuration.box).quench(
        configuration.positions, QUENCH_TOLERANCE
    )
    acceptance = series["swap_acceptance"].mean()
    row = _glass_row(config, glass, temperature, final, inherent.energy, acceptance, verdict)

    def stamped(name: str):
        return tables.stamped(tables.schema(name), config.hash, config.run.seed)

    series.insert(0, "glass", glass)
    tables.write(series, output / "equilibration.parquet", stamped("equilibration"))
    tables.write([row], output / "glass.parquet", stamped("glasses"))
    save_glass(
        output / "glass.npz",
        configuration,
        velocities,
        {"glass": glass, "temperature": final, "preparation_temperature": temperature},
    )
    restart_file.unlink(missing_ok=True)


def identity(config: Config, glass: str) -> str:
    """Hash of everything that the equilibration of ``glass`` depends on."""
    index, temperature = config.glass(glass)
    content = {
        "seed": config.run.seed,
        "glass": [glass, index, temperature],
        "model": config.model.model_dump(mode="json"),
        "prepare": config.prepare.model_dump(mode="json"),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def equilibrate(
    config: Config, glass: str, temperature: float, rng: np.random.Generator, restart_file: Path
) -> restart.Progress:
    """Equilibrate the liquid at ``temperature``, going on from ``restart_file`` if it fits.

    Returns:
        The progress at the end, with all the evidence.
    """
    settings = config.prepare
    key = identity(config, glass)
    state = restart.load(restart_file, key)
    if state is None:
        state = _begin(config, rng)
    else:
        logger.info("%s goes on at block %d of %d", glass, state.block, settings.blocks)
    rng.bit_generator.state = state.rng
    box = box_edge(config.model)
    sampler = HybridSampler(state.positions, state.diameters, box, settings, rng)
    chunk = min(settings.checkpoint_blocks, max(settings.blocks // 100, 1))
    chunks = -(-settings.blocks // chunk)
    every = max(chunks // settings.inherent_structures, 1)
    saved = time.monotonic()
    with progress(settings.blocks, f"prepare {glass}") as advance:
        advance(state.block)
        while state.block < settings.blocks:
            blocks = min(chunk, settings.blocks - state.block)
            result = sampler.run(blocks, temperature)
            state.block += blocks
            number = -(-state.block // chunk)
            quenched = np.nan
            if number % every == 0:
                engine = NativeEngine(state.diameters, box)
                found = engine.quench(state.positions, QUENCH_TOLERANCE)
                quenched = found.energy / len(state.diameters)
            past_half = bool(np.isfinite(state.half[0, 0]))
            state.rows.append(
                {
                    "block": state.block,
                    "potential_energy": result.potential_energy,
                    "kinetic_temperature": result.kinetic_temperature,
                    "inherent_energy": quenched,
                    "self_overlap": self_overlap(state.positions, state.start),
                    "self_overlap_half": self_overlap(state.positions, state.half)
                    if past_half
                    else None,
                    "swap_acceptance": result.swap_acceptance,
                }
            )
            if not past_half and state.block >= settings.blocks / 2:
                state.half[:] = state.positions
            state.rng = dict(rng.bit_generator.state)
            if time.monotonic() - saved > SECONDS_BETWEEN_RESTARTS:
                restart.save(restart_file, state, key)
                saved = time.monotonic()
            advance(blocks)
    return state


def _begin(config: Config, rng: np.random.Generator) -> restart.Progress:
    """Diameters, an overlap-free lattice, and its melt."""
    model, settings = config.model, config.prepare
    diameters = draw_diameters(model, rng)
    box = box_edge(model)
    relaxed = NativeEngine(diameters, box).quench(lattice_start(model, rng), 1e-2)
    positions = relaxed.positions
    sampler = HybridSampler(positions, diameters, box, settings, rng)
    if settings.melt_blocks:
        sampler.run(settings.melt_blocks, settings.melt_temperature)
    return restart.Progress(
        block=0,
        positions=positions,
        diameters=diameters,
        start=positions.copy(),
        half=np.full_like(positions, np.nan),
        rng=dict(rng.bit_generator.state),
    )


def cool(
    config: Config, state: restart.Progress, temperature: float, rng: np.random.Generator
) -> tuple[Configuration, np.ndarray, float]:
    """Cool the equilibrated liquid with a Berendsen thermostat.

    Returns:
        The cold configuration, its velocities (N, 3), and its mean kinetic temperature over the
        last tenth of the cooling.
    """
    settings = config.prepare
    n, box = len(state.diameters), box_edge(config.model)
    moving = State(wrap(state.positions, box), maxwell_velocities(n, temperature, rng))
    steps = max(round(settings.cooling_time / settings.time_step), 10)
    energies = NativeEngine(state.diameters, box).run(
        moving,
        steps,
        settings.time_step,
        temperature=settings.cooling_temperature,
        thermostat_time=settings.thermostat_time,
    )
    final = float(energies[-steps // 10 :, 1].mean() * 2.0 / (3.0 * n - 3.0))
    return Configuration(moving.positions, state.diameters, box), moving.velocities, final


def _glass_row(
    config: Config,
    glass: str,
    temperature: float,
    final: float,
    inherent: float,
    acceptance: float,
    verdict: Verdict,
) -> dict:
    return {
        "glass": glass,
        "preparation_temperature": temperature,
        "n_particles": config.model.n_particles,
        "temperature": final,
        "inherent_energy": inherent / config.model.n_particles,
        "equilibrium_inherent_energy": verdict.equilibrium_inherent_energy,
        "potential_energy_drift": verdict.potential_energy_drift,
        "inherent_energy_drift": verdict.inherent_energy_drift,
        "self_overlap": verdict.self_overlap,
        "relaxation_blocks": None
        if np.isnan(verdict.relaxation_blocks)
        else verdict.relaxation_blocks,
        "swap_acceptance": float(acceptance),
        "equilibrated": verdict.equilibrated,
        "verdict": verdict.reasons,
    }
