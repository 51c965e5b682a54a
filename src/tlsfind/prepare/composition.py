"""Where a preparation of a model given as LAMMPS commands starts: a recipe, or a data file."""

from __future__ import annotations

import numpy as np

from tlsfind.config import LammpsModel, Model
from tlsfind.configuration import Configuration
from tlsfind.errors import InputError
from tlsfind.interop.lammps_types import read_typed_configuration
from tlsfind.prepare.start import box_edge, lattice

DISPLACEMENT = 0.02  # of the particles from the sites, in mean distances


def species_counts(shares: list[float], n: int) -> list[int]:
    """Particles of each species: whole parts, then one more by the largest remainders.

    Of equal remainders the species named first gets the particle.

    Args:
        shares: of the species, sum 1.
        n: particles in all.
    """
    exact = [round(share / sum(shares) * n, 9) for share in shares]
    counts = [int(x) for x in exact]
    by_remainder = sorted(range(len(shares)), key=lambda k: round(counts[k] - exact[k], 9))
    for k in by_remainder[: n - sum(counts)]:
        counts[k] += 1
    return counts


def species_start(model: Model, rng: np.random.Generator) -> Configuration:
    """The particles of a model given as LAMMPS commands, before anything has moved.

    Without a data file, types by the species' shares in random order, on sites of a lattice; else
    the file's types, positions and box.

    Args:
        model: the section ``model`` of the config.
        rng: random generator.

    Raises:
        InputError: the data file is unusable or contradicts the config.
        ValueError: the built-in model.
    """
    if model.lammps is None:
        raise ValueError("the built-in model has no species")
    if model.lammps.data_file is not None:
        return _from_file(model)
    n, box = model.n_particles, box_edge(model)
    shares = [float(species.share or 0.0) for species in model.lammps.species.values()]
    counts = species_counts(shares, n)
    types = rng.permutation(np.repeat(np.arange(1, len(counts) + 1), counts)).astype(np.int32)
    positions = lattice(n, box, DISPLACEMENT * box / n ** (1.0 / 3.0), rng)
    sizes = np.array([species.diameter for species in model.lammps.species.values()])
    return Configuration(positions, sizes[types - 1], box, "recipe", types)


def _from_file(model: Model) -> Configuration:
    """The particles of the data file, checked against what else the config says."""
    lammps = model.lammps
    assert lammps is not None
    path = lammps.data_file
    assert path is not None
    found = read_typed_configuration(path, lammps)
    n = len(found)
    default = Model.model_fields["n_particles"].default
    if model.n_particles not in (default, n):
        raise InputError(
            f"{path}: found {n} atoms, expected model.n_particles, which is {model.n_particles}; "
            "leave the key out to take the number from the file"
        )
    _check_shares(lammps, found)
    return found


def _check_shares(lammps: LammpsModel, found: Configuration) -> None:
    """Raise if the config has shares and the file another composition."""
    shares = [species.share for species in lammps.species.values()]
    given = [share for share in shares if share is not None]
    if not given:
        return
    assert found.types is not None
    counts = np.bincount(found.types, minlength=len(shares) + 1)[1:].tolist()
    expected = species_counts(given, len(found))
    if max(abs(a - b) for a, b in zip(counts, expected, strict=True)) > 1:
        names = list(lammps.species)
        raise InputError(
            f"{lammps.data_file}: found {_named(names, counts)} atoms, expected about "
            f"{_named(names, expected)} by the shares of model.lammps.species (leave the shares "
            "out to take the file's composition)"
        )


def _named(names: list[str], counts: list[int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in zip(names, counts, strict=True))
