"""Stage `landscape`: one identity per minimum over all trajectories of a glass.

1. Read the visits of every block of trajectories and put them in the canonical order: trajectory,
   then step.
2. Give the minima of the blocks, in the order of their first visits, to one catalogue. Identifiers
   are 0, 1, ... in that order. They do not depend on the order in which blocks are given, and
   trajectories of higher numbers, added later, only append to them.
3. Count visits and transitions with these identifiers, and write the tables.

The positions of one block at a time are in memory, beside those of the distinct minima.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.config import Config
from tlsfind.configuration import same_types
from tlsfind.errors import InputError
from tlsfind.interop.native import Minima, load_minima, save_minima
from tlsfind.landscape.identity import Catalogue
from tlsfind.landscape.transitions import NO_MINIMUM, count_transitions
from tlsfind.progress import progress

_VISIT_COLUMNS = [name for name, _, _ in tables.FIXED["visits"]]


@dataclass
class _Merged:
    """The distinct minima of a glass, and which of them each minimum of each block is."""

    catalogue: Catalogue
    diameters: np.ndarray
    types: np.ndarray | None
    identifiers: dict[int, np.ndarray]  # by block: (minima of the block,), NO_MINIMUM if unvisited


def landscape(config: Config, glass: str, blocks: list[Path], output: Path) -> None:
    """Merge the explored blocks of a glass.

    Args:
        config: the run's config.
        glass: name of the glass.
        blocks: folders with ``visits.parquet`` and ``minima.npz``, in any order.
        output: folder that receives ``minima.parquet``, ``minima.npz``, ``transitions.parquet``
            and ``visits.parquet``.

    Raises:
        ConfigError: the config has no such glass.
        InputError: a file is missing or damaged, belongs to another glass or another box, a
            trajectory occurs twice, or there is not a single minimum.
    """
    config.glass(glass)
    blocks = [Path(block) for block in blocks]
    visits = read_visits(glass, blocks)
    merged = _merge(visits, glass, blocks, config)
    visits = visits.assign(minimum=_global_identifiers(visits, merged.identifiers))
    transitions = count_transitions(
        visits["trajectory"].to_numpy(), visits["step"].to_numpy(), visits["minimum"].to_numpy()
    ).assign(glass=glass)
    minima = minima_table(glass, visits, merged.catalogue)
    positions = Minima(
        positions=merged.catalogue.positions,
        energies=merged.catalogue.energies,
        max_forces=merged.catalogue.max_forces,
        minimum=np.arange(len(merged.catalogue), dtype=np.int32),
        diameters=merged.diameters,
        box=merged.catalogue.box,
        glass=glass,
        types=merged.types,
    )
    nullable = visits["minimum"].astype("Int32").mask(visits["minimum"] == NO_MINIMUM)
    output = Path(output)
    save_minima(output / "minima.npz", positions)
    for name, frame in {
        "minima": minima,
        "transitions": transitions,
        "visits": visits.assign(minimum=nullable),
    }.items():
        schema = tables.stamped(tables.schema(name), config.hash, config.run.seed)
        tables.write(frame, output / f"{name}.parquet", schema)


def read_visits(glass: str, blocks: Sequence[Path]) -> pd.DataFrame:
    """The visits of all blocks in canonical order.

    Returns:
        The columns of the visits table, sorted by trajectory and step, ``minimum`` still counted
        within its block (:data:`NO_MINIMUM` for a quench that did not converge), and ``block``,
        the index into ``blocks``.

    Raises:
        InputError: as for :func:`landscape`.
    """
    if not blocks:
        raise InputError(
            f"glass {glass}: no block of trajectories was given, expected at least one"
        )
    owners: dict[int, Path] = {}
    frames = []
    for number, block in enumerate(blocks):
        path = block / "visits.parquet"
        frame = tables.read(path, _VISIT_COLUMNS, only=_VISIT_COLUMNS)
        check_glass(path, frame["glass"].unique(), glass)
        for trajectory in frame["trajectory"].unique():
            if trajectory in owners:
                raise InputError(
                    f"trajectory {trajectory} of glass {glass} is both in {owners[trajectory]} and "
                    f"in {path}, expected every trajectory once"
                )
            owners[trajectory] = path
        repeated = frame.duplicated(["trajectory", "step"])
        if repeated.any():
            row = frame[repeated].iloc[0]
            raise InputError(
                f"{path}: step {row['step']} of trajectory {row['trajectory']} occurs twice"
            )
        minimum = frame["minimum"].fillna(NO_MINIMUM).astype(np.int64)
        frames.append(frame.assign(minimum=minimum, block=number))
    filled = [frame for frame in frames if len(frame)]
    visits = pd.concat(filled, ignore_index=True) if filled else frames[0]
    if not (visits["minimum"] != NO_MINIMUM).any():
        raise InputError(
            f"glass {glass}: none of {len(visits)} quenches in {len(blocks)} block(s) converged to "
            "a minimum, expected at least one; see explore.max_evaluations and "
            "explore.force_tolerance"
        )
    return visits.sort_values(["trajectory", "step"], ignore_index=True)


def check_glass(path: Path, found: Sequence[str] | np.ndarray, glass: str) -> None:
    """Raise an InputError unless all names ``found`` in the file ``path`` are ``glass``."""
    others = [str(name) for name in found if name != glass]
    if others:
        raise InputError(f"{path} belongs to glass {others[0]}, expected glass {glass}")


def minima_table(glass: str, visits: pd.DataFrame, catalogue: Catalogue) -> pd.DataFrame:
    """One row per minimum, in the order of identifiers.

    Args:
        glass: name of the glass.
        visits: in canonical order, with identifiers of the catalogue.
        catalogue: the distinct minima.
    """
    count = len(catalogue)
    energies = catalogue.energies
    rank = np.empty(count, np.int32)
    rank[np.argsort(energies, kind="stable")] = np.arange(1, count + 1)
    visited = visits[visits["minimum"] != NO_MINIMUM]
    first = visited.drop_duplicates("minimum").set_index("minimum").loc[np.arange(count)]
    return pd.DataFrame(
        {
            "glass": glass,
            "minimum": np.arange(count, dtype=np.int32),
            "energy": energies,
            "energy_per_particle": energies / catalogue.positions.shape[1],
            "max_force": catalogue.max_forces,
            "rank": rank,
            "visits": np.bincount(visited["minimum"], minlength=count),
            "trajectory": first["trajectory"].to_numpy(),
            "step": first["step"].to_numpy(),
        }
    )


def _merge(visits: pd.DataFrame, glass: str, blocks: Sequence[Path], config: Config) -> _Merged:
    """Give every block's minima to one catalogue in the order of their first visits."""
    first = visits[visits["minimum"] != NO_MINIMUM].drop_duplicates(["block", "minimum"])
    block_of, local = first["block"].to_numpy(), first["minimum"].to_numpy()
    # A stretch is a series of first visits in one block: trajectories are whole within a block.
    cuts = np.flatnonzero(np.diff(block_of)) + 1
    merged: _Merged | None = None
    origin = current = None
    minima: Minima | None = None
    with progress(len(first), f"landscape {glass}: minima") as advance:
        for stretch in np.split(np.arange(len(first)), cuts):
            number = int(block_of[stretch[0]])
            if minima is None or number != current:
                minima, current = _load_block(blocks[number], glass), number
            if merged is None or origin is None:
                origin = minima
                catalogue = Catalogue(
                    minima.box,
                    config.landscape.energy_window,
                    config.landscape.displacement_tolerance,
                    config.model.identical(minima.types),
                )
                merged = _Merged(catalogue, minima.diameters, minima.types, {})
            if number not in merged.identifiers:
                _check_block(minima, local[block_of == number], merged, origin.source)
                merged.identifiers[number] = np.full(len(minima), NO_MINIMUM, np.int64)
            known = merged.identifiers[number]
            for index in local[stretch]:
                known[index] = merged.catalogue.find_or_add(
                    minima.positions[index],
                    float(minima.energies[index]),
                    float(minima.max_forces[index]),
                )
            advance(len(stretch))
    assert merged is not None  # read_visits has seen at least one minimum
    return merged


def _load_block(block: Path, glass: str) -> Minima:
    minima = load_minima(block / "minima.npz")
    check_glass(block / "minima.npz", [minima.glass], glass)
    if not np.array_equal(minima.minimum, np.arange(len(minima))):
        raise InputError(f"{minima.source}: the identifiers are not 0, 1, ... {len(minima) - 1}")
    finite = np.isfinite(minima.positions).all(axis=(1, 2)) & np.isfinite(minima.energies)
    if not finite.all():
        raise InputError(
            f"{minima.source}: {np.sum(~finite)} minima with NaN or infinite numbers, the first is "
            f"minimum {np.flatnonzero(~finite)[0]}"
        )
    return minima


def _check_block(minima: Minima, visited: np.ndarray, merged: _Merged, origin: str) -> None:
    """Raise unless the block's visits fit its minima, and its particles those of the others."""
    source = minima.source
    wrong = visited[(visited < 0) | (visited >= len(minima))]
    if wrong.size:
        raise InputError(
            f"{source} holds {len(minima)} minima, but visits.parquet beside it names minimum "
            f"{wrong[0]}"
        )
    if len(visited) < len(minima):
        unvisited = np.setdiff1d(np.arange(len(minima)), visited)
        raise InputError(
            f"{source}: minimum {unvisited[0]} (of {unvisited.size} such) has no visit in "
            "visits.parquet beside it"
        )
    if abs(minima.box - merged.catalogue.box) > 1e-9 * merged.catalogue.box:
        raise InputError(f"{origin} has box edge {merged.catalogue.box}, {source} has {minima.box}")
    if minima.diameters.shape != merged.diameters.shape or not np.allclose(
        minima.diameters, merged.diameters, rtol=0, atol=1e-9
    ):
        raise InputError(f"{origin} and {source} hold different particles (their diameters differ)")
    if not same_types(minima.types, merged.types):
        raise InputError(f"{origin} and {source} hold different particles (their types differ)")


def _global_identifiers(visits: pd.DataFrame, identifiers: dict[int, np.ndarray]) -> np.ndarray:
    """The ``minimum`` column (V,) translated from the blocks' numbers to identifiers."""
    block, local = visits["block"].to_numpy(), visits["minimum"].to_numpy()
    result = np.full(len(visits), NO_MINIMUM, np.int64)
    for number, known in identifiers.items():
        here = (block == number) & (local != NO_MINIMUM)
        result[here] = known[local[here]]
    return result
