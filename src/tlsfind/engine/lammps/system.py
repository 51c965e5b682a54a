"""What LAMMPS must be told about a set of particles: box, types, masses, potential.

The same :class:`System` makes the commands for the LAMMPS library in this process and the data
file and input of runs outside it.

The built-in model is given to ``pair_style lepton/sphere`` as a formula of the distance and the
two radii. The particles are divided into a few classes of size, which become LAMMPS types, so that
each pair of classes has its own cutoff; the step function in the formula cuts each pair at its own
1.25 sigma_ij, where energy and force vanish anyway. The classes change the cost, not the result.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tlsfind.config_model import FREE_ATOMS
from tlsfind.configuration import Configuration, wrap
from tlsfind.engine.lammps.data import WRITABLE, DataFile, new_text, read_data_file
from tlsfind.engine.native.potential import C0, C2, C4, CUTOFF, NON_ADDITIVITY
from tlsfind.errors import ConfigError, InputError

if TYPE_CHECKING:
    from tlsfind.config import LammpsModel

#: LAMMPS's own constants (update.cpp): m v^2 in units of energy, and Boltzmann's constant.
MVV2E = {"lj": 1.0, "metal": 1.0364269e-4, "real": 48.88821291**2}
BOLTZMANN = {"lj": 1.0, "metal": 8.617343e-5, "real": 0.0019872067}
#: Range added to the neighbour lists, in the unit of length.
SKIN = {"lj": 0.3, "metal": 1.0, "real": 1.0}
#: Commands that must precede a data file which holds their coefficients.
STYLES = {
    "Pair Coeffs": "pair_style",
    "PairIJ Coeffs": "pair_style",
    "Bond Coeffs": "bond_style",
    "Angle Coeffs": "angle_style",
    "Dihedral Coeffs": "dihedral_style",
    "Improper Coeffs": "improper_style",
}
#: Below this diameter sigma_ij grows with both diameters.
_INCREASING = 0.5 / NON_ADDITIVITY


def pair_expression() -> str:
    """Eq. 2 with non-additive mixing, as a Lepton formula of ``r``, ``radi`` and ``radj``."""
    return (
        f"(x^(-12) + ({C0!r}) + ({C2!r})*x^2 + ({C4!r})*x^4)*step({CUTOFF!r} - x);"
        "x = r/sigma;"
        f"sigma = (radi + radj)*(1 - {2.0 * NON_ADDITIVITY!r}*abs(radi - radj))"
    ).replace(" ", "")


@dataclass(frozen=True, eq=False)
class System:
    """Particles and potential, as LAMMPS knows them.

    Attributes:
        n_particles: N.
        box: edge of the cubic box.
        types: (N,) LAMMPS types, from 1.
        radii: (N,) for ``atom_style sphere``, else None.
        masses_by_type: mass of each type.
        units: ``lj``, ``metal`` or ``real``.
        atom_style: atom_style of LAMMPS.
        pair_commands: commands of the potential, one each.
        data_file: a user's data file with topology, else None.
    """

    n_particles: int
    box: float
    types: np.ndarray
    radii: np.ndarray | None
    masses_by_type: np.ndarray
    units: str
    atom_style: str
    pair_commands: list[str]
    data_file: Path | None = None
    _template: DataFile | None = field(default=None, repr=False)

    @classmethod
    def polydisperse(cls, diameters: np.ndarray, box: float, size_classes: int = 8) -> System:
        """The built-in model, in at most ``size_classes`` classes of equally many particles.

        Args:
            diameters: (N,).
            box: edge of the cubic box.
            size_classes: number of LAMMPS types.

        Raises:
            InputError: the box is too small for the minimum-image convention.
        """
        diameters = np.ascontiguousarray(diameters, dtype=np.float64)
        n = len(diameters)
        ranks = np.empty(n, dtype=int)
        ranks[np.argsort(diameters, kind="stable")] = np.arange(n)
        _, types = np.unique(ranks * min(size_classes, n) // n, return_inverse=True)
        largest = np.array([diameters[types == k].max() for k in range(types.max() + 1)])
        cutoffs = CUTOFF * _longest_sigma(largest)
        if cutoffs.max() > 0.5 * box:
            raise InputError(
                f"the box edge {box:g} is too small: the longest interaction range is "
                f"{cutoffs.max():g}, expected at most half the box edge"
            )
        commands = [f"pair_style lepton/sphere {float(cutoffs.max())!r}"]
        for i in range(len(largest)):
            for j in range(i, len(largest)):
                cutoff = float(cutoffs[i, j])
                commands.append(f'pair_coeff {i + 1} {j + 1} "{pair_expression()}" {cutoff!r}')
        return cls(
            n, float(box), (types + 1).astype(np.int32), 0.5 * diameters, np.ones(len(largest)),
            "lj", "sphere", commands,
        )  # fmt: skip

    @classmethod
    def from_model(cls, model: LammpsModel, configuration: Configuration) -> System:
        """A potential given as LAMMPS commands.

        Args:
            model: ``model.lammps`` of the config.
            configuration: particles with types; where they are does not matter.

        Raises:
            InputError: types, number of particles or box do not fit the species or data file.
            ConfigError: the masses of species and data file differ, or the atom_style needs a
                data file.
        """
        types, n_types = configuration.types, len(model.species)
        if types is None:
            raise InputError(f"{configuration.source} holds particles without types")
        types = np.ascontiguousarray(types, dtype=np.int32)
        if types.min() < 1 or types.max() > n_types:
            raise InputError(
                f"{configuration.source} holds types {types.min()} to {types.max()}, expected 1 to "
                f"{n_types}: model.lammps.species are {', '.join(model.species)}"
            )
        masses = np.array([species.mass or 1.0 for species in model.species.values()])
        template = None
        if model.data_file is not None:
            template = read_data_file(model.data_file, model.atom_style)
            _check_data_file(template, configuration, list(model.species))
            masses = _masses(model, template)
            if model.atom_style in FREE_ATOMS:
                template.check_alike()
        elif model.atom_style not in WRITABLE:
            raise ConfigError(
                f"model.lammps.atom_style {model.atom_style!r} needs a data_file; without one "
                f"expected {', '.join(WRITABLE)}"
            )
        radii = None
        if model.atom_style == "sphere" and template is None:
            sizes = np.array([species.diameter for species in model.species.values()])
            radii = 0.5 * sizes[types - 1]
        return cls(
            len(configuration), configuration.box, types, radii, masses, model.units,
            model.atom_style, split_commands(model.commands), model.data_file, template,
        )  # fmt: skip

    @property
    def time_unit(self) -> float:
        """LAMMPS time per reduced time: sqrt(mass length^2 / energy)."""
        return float(np.sqrt(MVV2E[self.units]))

    @property
    def temperature_unit(self) -> float:
        """LAMMPS temperature per reduced temperature, which is k_B T."""
        return 1.0 / BOLTZMANN[self.units]

    @cached_property
    def masses(self) -> np.ndarray:
        """(N,) masses."""
        if self._template is not None and self._template.own_masses is not None:
            return self._template.own_masses
        return self.masses_by_type[self.types - 1]

    def same_as(self, other: System) -> bool:
        """Whether ``other`` describes the same particles and potential, whatever the source."""
        for entry in fields(self):
            if entry.name == "_template":
                continue
            a, b = getattr(self, entry.name), getattr(other, entry.name)
            if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
                if not np.array_equal(a, b):
                    return False
            elif a is not b and (isinstance(a, np.ndarray) or isinstance(b, np.ndarray) or a != b):
                return False
        mine, its = self._template, other._template
        return mine is its or (mine is not None and its is not None and mine.lines == its.lines)

    def data_text(self, positions: np.ndarray) -> str:
        """A LAMMPS data file of these particles at ``positions`` (N, 3), in full precision."""
        folded = wrap(np.asarray(positions, dtype=np.float64), self.box)
        if self._template is not None:
            return self._template.text(folded)
        return new_text(
            folded, self.box, self.types, self.masses_by_type, self.atom_style, self.radii
        )

    def commands(self, data_file: Path) -> list[str]:
        """The commands that set LAMMPS up, in the order that it needs.

        Args:
            data_file: a file with the text of ``data_text``.
        """
        before = set()
        if self._template is not None:
            before = {STYLES[name] for name in self._template.sections if name in STYLES}
        early = [c for c in self.pair_commands if c.split()[0] in before]
        late = [c for c in self.pair_commands if c.split()[0] not in before]
        masses = []
        if self.atom_style != "sphere":
            masses = [f"mass {k + 1} {float(m)!r}" for k, m in enumerate(self.masses_by_type)]
        return [
            f"units {self.units}",
            f"atom_style {self.atom_style}",
            "atom_modify map array sort 0 0.0",
            "boundary p p p",
            *early,
            f'read_data "{data_file}"',
            *masses,
            f"neighbor {SKIN[self.units]!r} bin",
            *late,
            "neigh_modify delay 0 every 1 check yes",
        ]


_COMMENT = re.compile(r"""((?:[^#"']|"[^"]*"|'[^']*')*)(?:#.*)?$""")


def split_commands(text: str) -> list[str]:
    """The commands in ``text``: lines without comments, continued over a final ``&``.

    A comment begins at ``#``, unless that stands in quotes.
    """
    commands: list[str] = []
    pending = ""
    for line in text.splitlines():
        content = pending + _COMMENT.sub(r"\1", line).strip()
        pending = ""
        if content.endswith("&"):
            pending = content[:-1].rstrip() + " "
        elif content:
            commands.append(content)
    if pending.strip():
        commands.append(pending.strip())
    return commands


def _longest_sigma(largest: np.ndarray) -> np.ndarray:
    """Upper bound of sigma_ij of two classes whose largest diameters are ``largest`` (K,)."""
    a, b = largest[:, None], largest[None, :]
    sigma = 0.5 * (a + b) * (1.0 - NON_ADDITIVITY * abs(a - b))
    return np.where(np.maximum(a, b) < _INCREASING, sigma, 0.5 * (a + b))


def _check_data_file(data: DataFile, configuration: Configuration, species: list[str]) -> None:
    """Raise an InputError unless the data file holds the particles of ``configuration``."""
    if data.n_types != len(species):
        raise InputError(
            f"{data.path} declares {data.n_types} atom types, expected {len(species)}: "
            f"model.lammps.species are {', '.join(species)}"
        )
    if len(data.types) != len(configuration):
        raise InputError(
            f"{data.path} holds {len(data.types)} particles, expected {len(configuration)} as in "
            f"{configuration.source}"
        )
    if abs(data.box - configuration.box) > 1e-8 * configuration.box:
        raise InputError(
            f"{data.path} has the box edge {data.box:.10g}, expected {configuration.box:.10g} as "
            f"in {configuration.source}"
        )
    different = np.flatnonzero(data.types != configuration.types)
    if different.size:
        i = int(different[0])
        types = configuration.types
        assert types is not None
        raise InputError(
            f"{data.path} gives particle {i + 1} the type {data.types[i]}, expected {types[i]} as "
            f"in {configuration.source} ({different.size} differ)"
        )


def _masses(model: LammpsModel, data: DataFile) -> np.ndarray:
    """Masses by type: of the species where they are stated, else of the data file."""
    masses = np.array([species.mass or 1.0 for species in model.species.values()])
    if data.masses is None:
        return masses
    for k, (name, species) in enumerate(model.species.items()):
        if species.mass is None:
            masses[k] = data.masses[k]
        elif abs(masses[k] - data.masses[k]) > 1e-6 * masses[k]:
            raise ConfigError(
                f"model.lammps.species.{name}.mass is {masses[k]:g} and {data.path} has "
                f"{data.masses[k]:g}, expected one mass: leave it out of one of them"
            )
    return masses
