"""The reference path solver: what is written and read, real runs of LAMMPS, and failures."""

import os
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np
import pytest

from os_processes import alive
from tlsfind.config import Engine as EngineSettings
from tlsfind.config import LammpsModel, Paths
from tlsfind.configuration import Configuration, wrap
from tlsfind.engine.lammps.engine import LammpsEngine
from tlsfind.engine.lammps.system import System
from tlsfind.engine.native.engine import NativeEngine
from tlsfind.errors import TlsfindError
from tlsfind.paths import lammps_replicas
from tlsfind.paths.lammps_neb import (
    FINAL,
    NebRelaxation,
    neb_commands,
    read_images,
    read_record,
    system_of,
    write_run,
)
from tlsfind.paths.lammps_replicas import Programs, environment, find_programs
from tlsfind.paths.mep import StringRelaxation, straight_path
from tlsfind.paths.solver import solve_path
from tlsfind.units import BUILT_IN

LOG = """\
LAMMPS (22 Jul 2025 - Update 4)
Running on 3 partitions of processors
    Step     MaxReplicaForce  MaxAtomForce GradV0 GradV1 GradVc EBF EBR RDT RD1 PE1 RD2 PE2 RD3 PE3
        40   0.6     0.04    8e-06   6e-06   0.58   0.014   0.013   0.45   0   124.7  0.5  124.9  1  124.8
        57   0.0024  0.002   3e-07   3e-07   0.06   0.009   0.009   0.47   0   124.5  0.4  124.8  1  124.6
Climbing replica = 2
    Step     MaxReplicaForce  MaxAtomForce GradV0 GradV1 GradVc EBF EBR RDT RD1 PE1 RD2 PE2 RD3 PE3
        57   0.067   0.001   3e-07   3e-07   0.06   0.009   0.009   0.47   0   1  0.5  2  1  3
"""  # noqa: E501
LOST = "ERROR: Lost atoms: original 255 current 254 (src/thermo.cpp:494)"


def lennard_jones(mass=1.0):
    """A model of identical particles whose forces are continuous at the cutoff."""
    return LammpsModel(
        species={"a": {"share": 1.0, "mass": mass}},
        commands="pair_style lj/smooth/linear 2.3\npair_coeff * * 1.0 1.0",
    )


def crystal(hopped=False, cells=4, density=1.05):
    """An fcc crystal without one site, to which a neighbour may have hopped."""
    edge = (4.0 / density) ** (1 / 3)
    corners = np.stack(np.meshgrid(*[np.arange(cells)] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
    basis = 0.5 * np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]])
    sites = edge * (corners + basis).reshape(-1, 3) + 0.25
    particles = sites[1:].copy()
    if hopped:
        particles[0] = sites[0]
    return particles, edge * cells


@pytest.fixture(scope="module")
def vacancy():
    """(engine, a, b, box): a vacancy that changes places with a neighbour."""
    a, box = crystal()
    b, _ = crystal(hopped=True)
    configuration = Configuration(a, np.ones(len(a)), box, types=np.ones(len(a), np.int32))
    with LammpsEngine(System.from_model(lennard_jones(), configuration)) as engine:
        ends = [engine.quench(x, 1e-7).positions for x in (a, b)]
        yield engine, *ends, box


def polydisperse(n=200, seed=5):
    """(diameters, positions, box) of a relaxed small packing."""
    rng = np.random.default_rng(seed)
    box = n ** (1 / 3)
    diameters = rng.uniform(0.8, 1.2, n)
    engine = NativeEngine(diameters, box)
    start = np.array(np.meshgrid(*[np.arange(6)] * 3)).reshape(3, -1).T[:n] * box / 6
    return diameters, engine.quench(start + rng.normal(0, 0.05, (n, 3))).positions, box


def script(path, text):
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


def gone(pid, patience=10.0):
    end = time.monotonic() + patience
    while alive(pid):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


# what is written and read


def test_record_is_that_of_the_relaxation():
    record = read_record(LOG)
    assert record.steps == 17
    assert record.force == 0.0024
    np.testing.assert_array_equal(record.energies, [124.5, 124.8, 124.6])
    with pytest.raises(TlsfindError, match="holds no line 'Step"):
        read_record("LAMMPS (22 Jul 2025)\n")


def test_images_are_read_next_to_where_they_were(tmp_path):
    rng = np.random.default_rng(1)
    box = 3.0
    images = rng.uniform(-4, 7, (4, 6, 3))
    moved = images + rng.uniform(-0.4, 0.4, images.shape)
    for k in (2, 3):
        rows = np.column_stack([np.arange(1, 7), wrap(moved[k - 1], box)])
        np.savetxt(
            tmp_path / f"{FINAL}.{k}",
            rows,
            header="\n" * 8,
            comments="",
            fmt=["%d"] + 3 * ["%.17g"],
        )
    found = read_images(tmp_path, images, box)
    np.testing.assert_array_equal(found[[0, 3]], images[[0, 3]])
    np.testing.assert_allclose(found[1:3], moved[1:3], atol=1e-14)
    rows[0, 0] = 2
    np.savetxt(tmp_path / f"{FINAL}.3", rows, header="\n" * 8, comments="", fmt="%.17g")
    with pytest.raises(TlsfindError, match=r"final\.3 holds 6 rows, expected 6 particles with"):
        read_images(tmp_path, images, box)
    (tmp_path / f"{FINAL}.2").unlink()
    with pytest.raises(TlsfindError, match=r"final\.2 is no dump"):
        read_images(tmp_path, images, box)


def test_files_hold_the_images_in_full_precision(tmp_path):
    diameters, a, box = polydisperse()
    b = a + np.random.default_rng(2).normal(0, 0.3, a.shape) + 2 * box
    path = straight_path(a, b, 5)
    write_run(tmp_path, path.images, System.polydisperse(diameters, box), Paths(), 0.01, 100)
    for k, image in enumerate(path.images, start=1):
        rows = np.loadtxt(tmp_path / f"start.{k}", skiprows=1)
        np.testing.assert_array_equal(rows[:, 0], np.arange(1, 201))
        np.testing.assert_array_equal(rows[:, 1:], wrap(image, box))
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["particles.data", "in.neb", *(f"start.{k}" for k in range(1, 6))]
    )


def test_input_is_that_of_the_paper(tmp_path):
    a, box = crystal()
    configuration = Configuration(a, np.ones(len(a)), box, types=np.ones(len(a), np.int32))
    model = lennard_jones(mass=63.5).model_copy(update={"units": "metal"})
    system = System.from_model(model, configuration)
    settings = Paths()
    lines = neb_commands(tmp_path, settings.images, system, settings, 0.01, 2000)
    assert lines[0].split()[:3] == ["variable", "replica", "world"]
    assert lines[0].split()[3:] == [str(k) for k in range(1, 41)]
    assert "fix springs all neb 1.0 parallel neigh" in lines
    assert "min_style fire" in lines
    assert "neb 0.0 0.01 2000 0 2000 each start.${replica}" in lines
    # the longest time step is that of the config, for unit mass, in LAMMPS's unit
    first, growth = (
        float(next(line for line in lines if line.startswith(command)).split()[-1])
        for command in ("timestep", "min_modify tmax")
    )
    assert first * growth == pytest.approx(settings.time_step * system.time_unit)
    assert system.time_unit == pytest.approx(0.01018, rel=1e-3)  # ps
    assert lines.index("mass * 1.0") > lines.index("mass 1 63.5")


def test_system_of_an_engine(vacancy):
    engine, *_ = vacancy
    assert system_of(engine) is engine.system
    diameters, _, box = polydisperse()
    system = system_of(NativeEngine(diameters, box), EngineSettings(size_classes=3))
    assert system.types.max() == 3
    np.testing.assert_array_equal(system.radii, diameters / 2)
    with pytest.raises(TypeError, match="no potential for a object"):
        system_of(object())


# real runs


def test_vacancy_in_a_crystal(vacancy):
    """Both solvers find the saddle half way, which symmetry puts on the middle image."""
    engine, a, b, _ = vacancy
    paths = {}
    for solver in ("string", "neb"):
        path = straight_path(a, b, 7)
        settings = Paths(images=7, time_step=0.03)
        relaxation = (
            StringRelaxation(engine, path, settings.time_step)
            if solver == "string"
            else NebRelaxation(engine, path, engine.system, settings)
        )
        start = path.force
        assert relaxation.run(5.0, 1000)
        between = path.iterations
        assert relaxation.run(0.02, 1000)
        assert 0 < between < path.iterations
        assert path.force <= 0.02 < start
        paths[solver] = path
    string, neb = paths["string"], paths["neb"]
    np.testing.assert_array_equal(neb.images[[0, -1]], string.images[[0, -1]])
    for path in (string, neb):
        profile = path.energies - path.energies[0]
        np.testing.assert_allclose(profile, profile[::-1], atol=1e-4 * profile.max())
        assert np.argmax(profile) == 3
        np.testing.assert_allclose(np.diff(path.lengths()), path.lengths()[-1] / 6, rtol=0.05)
    tops = [path.energies.max() - path.energies[0] for path in (string, neb)]
    assert tops[0] > 0.5
    assert tops[1] == pytest.approx(tops[0], abs=1e-4)
    assert neb.lengths()[-1] == pytest.approx(string.lengths()[-1], rel=1e-2)


def test_real_double_well(real):
    """Glass: barrier to 1e-4, the same end points, E_qs to what so few images allow."""
    (a, b, _), *_ = real.double_wells(1)
    changes = {"images": 8, "refinements": 0, "force_tolerance": 0.003}
    string = real.solve(a, b, **changes)
    neb = real.solve(a, b, solver="lammps-neb", **changes)
    assert neb.status == string.status == "double_well"
    assert neb.message == ""
    assert neb.final_force <= 0.003
    assert neb.barrier == pytest.approx(string.barrier, abs=1e-4)
    assert neb.delta_e == pytest.approx(string.delta_e, abs=1e-9)
    assert neb.path_length == pytest.approx(string.path_length, rel=0.02)
    for name in BUILT_IN:
        assert neb.quantum_splitting[name] == pytest.approx(string.quantum_splitting[name], rel=0.2)


def test_iterations_are_limited(vacancy):
    engine, a, b, box = vacancy
    settings = Paths(images=5, solver="lammps-neb", max_iterations=12, time_step=0.03)
    result = solve_path(engine, a, b, box, settings, BUILT_IN)
    assert result.status == "not_converged"
    assert result.iterations == 12
    assert "after 12 iterations" in result.message
    assert "LAMMPS neb: largest force of a replica" in result.message


def test_another_potential_is_noticed():
    diameters, a, box = polydisperse()
    engine = NativeEngine(diameters, box)
    b = a + np.random.default_rng(3).normal(0, 0.01, a.shape)
    path = straight_path(a, engine.quench(b).positions, 5)
    path.images[2] += np.random.default_rng(4).normal(0, 0.01, a.shape)
    wrong = System.polydisperse(diameters * 0.99, box)
    relaxation = NebRelaxation(engine, path, wrong, Paths(images=5))
    with pytest.raises(TlsfindError, match="expected one model in both"):
        relaxation.run(1e-6, 1)


# failures


def failure(vacancy, **settings):
    """Message of the row of a path that fails; nothing is left in the temporary folder."""
    engine, a, b, box = vacancy
    left = set(os.listdir(tempfile.gettempdir()))
    paths = Paths(images=5, solver="lammps-neb")
    result = solve_path(engine, a, b, box, paths, BUILT_IN, programs=EngineSettings(**settings))
    new = set(os.listdir(tempfile.gettempdir())) - left
    assert not [name for name in new if name.startswith("tlsfind-neb-")]
    assert result.status == "failed"
    assert np.isnan(result.barrier)
    return result.message


def test_named_programs_that_are_not_there(vacancy, tmp_path):
    nowhere = str(tmp_path / "lmp_serial")
    message = failure(vacancy, executable=nowhere)
    assert f"engine.executable: '{nowhere}' is no program on this machine" in message
    message = failure(vacancy, mpirun="mpirun_of_nobody --bind-to core")
    assert "engine.mpirun: 'mpirun_of_nobody' is no program on this machine" in message


def test_nothing_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TlsfindError, match=r"needs the program 'mpirun'.*pip install lammps mpich"):
        find_programs()
    mpirun = script(tmp_path / "mpirun", "exit 0\n")
    with pytest.raises(TlsfindError, match=r"needs the program 'lmp'.*engine\.executable"):
        find_programs()
    lmp = script(tmp_path / "lmp", "exit 0\n")
    assert find_programs(EngineSettings(mpirun="mpirun -host 'a b'", executable=lmp)) == Programs(
        [mpirun, "-host", "a b"], lmp
    )


def test_death_with_an_error(vacancy, tmp_path):
    """The error is in the log of one replica; the others say nothing."""
    lmp = script(
        tmp_path / "lmp",
        'while [ "$1" != -log ]; do shift; done\n'
        'echo "LAMMPS" > "$2.$PMI_RANK"\n'
        f'[ "$PMI_RANK" = 3 ] && echo "{LOST}\nLast command: neb" >> "$2.3"\n'
        'until grep -qs ERROR "$2.3"; do sleep 0.1; done\n'
        "exit 1\n",
    )
    message = failure(vacancy, executable=lmp)
    assert "LAMMPS neb with 5 replicas failed" in message
    assert message.endswith(LOST)


def test_death_by_a_signal(vacancy, tmp_path):
    lmp = script(
        tmp_path / "lmp", '[ "$PMI_RANK" = 2 ] && sleep 1 && kill -SEGV $$\nexec sleep 60\n'
    )
    assert "Segmentation fault (signal 11)" in failure(vacancy, executable=lmp)


def test_end_without_results(vacancy, tmp_path):
    assert "its logs tell no error" in failure(vacancy, executable=script(tmp_path / "lmp", ""))


def test_error_of_the_input(vacancy):
    """LAMMPS itself refuses: a potential whose commands are wrong outside the engine only."""
    engine, a, b, box = vacancy
    system = System.from_model(
        lennard_jones(), Configuration(a, np.ones(len(a)), box, types=np.ones(len(a), np.int32))
    )
    system.pair_commands.append("pair_modify nonsense yes")
    relaxation = NebRelaxation(engine, straight_path(a, b, 5), system, Paths(images=5))
    with pytest.raises(TlsfindError, match=r"neb with 5 replicas failed.*: ERROR: .*pair_modify"):
        relaxation.run(0.1, 10)


def test_launcher_of_another_mpi(vacancy, tmp_path):
    """Such a launcher starts P processes, each of which is a world of its own."""
    mpirun = script(
        tmp_path / "mpirun", 'shift 2\nfor k in 1 2; do "$@" || status=$?; done\nexit $status\n'
    )
    message = failure(vacancy, mpirun=mpirun)
    assert "not one MPI world of 5: mpirun and lmp belong to different MPI libraries" in message
    assert "engine.mpirun" in message
    assert "ERROR: Processor partitions do not match" in message


def test_interruption_ends_the_launcher(vacancy, tmp_path, monkeypatch):
    engine, a, b, box = vacancy
    lmp = script(tmp_path / "lmp", f'echo $$ > "{tmp_path}/pid.$PMI_RANK"\nexec sleep 60\n')
    wait = subprocess.Popen.wait

    def interrupted(child, timeout=None):
        if timeout is None:
            while len(list(tmp_path.glob("pid.?"))) < 5:
                time.sleep(0.05)
            raise KeyboardInterrupt
        return wait(child, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        failure((engine, a, b, box), executable=lmp)
    assert all(gone(int(file.read_text())) for file in tmp_path.glob("pid.?"))


def test_launcher_ends_with_a_killed_parent(tmp_path):
    program = script(tmp_path / "mpirun", f'echo $$ > "{tmp_path}/pid"\nexec sleep 60\n')
    code = (
        "import os; from pathlib import Path; from tlsfind.paths.lammps_replicas import _call; "
        f"_call([{program!r}], dict(os.environ), Path({str(tmp_path / 'output')!r}))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    while not (tmp_path / "pid").is_file() or not (tmp_path / "pid").read_text().strip():
        assert parent.poll() is None
        time.sleep(0.05)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert gone(int((tmp_path / "pid").read_text()))


def test_environment(monkeypatch):
    for name in ("MPIR_CVAR_CH4_PROGRESS_THROTTLE", "HYDRA_LAUNCHER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PMI_RANK", "0")  # left by a launcher of one process
    monkeypatch.setenv("LD_LIBRARY_PATH", "/elsewhere")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    programs = Programs(["mpirun"], "lmp", tmp := lammps_replicas.find_mpi().parent)
    roomy, crowded = environment(programs, 8), environment(programs, 9)
    assert "MPIR_CVAR_CH4_PROGRESS_THROTTLE" not in roomy
    assert crowded["MPIR_CVAR_CH4_PROGRESS_THROTTLE"] == "1"
    assert "PMI_RANK" not in crowded
    assert crowded["OMP_NUM_THREADS"] == "1"
    assert crowded["LD_LIBRARY_PATH"] == f"{tmp}:/elsewhere"
    monkeypatch.setenv("MPIR_CVAR_CH4_PROGRESS_THROTTLE", "0")
    assert environment(programs, 9)["MPIR_CVAR_CH4_PROGRESS_THROTTLE"] == "0"
