"""The paths stage: one row for each selected pair, whatever happens to it."""

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tlsfind import tables
from tlsfind.config import Model
from tlsfind.errors import InputError
from tlsfind.interop.native import open_minima, save_minima
from tlsfind.paths import stage
from tlsfind.paths.journal import count_whole
from tlsfind.paths.stage import KEYS, solve_batch
from tlsfind.units import BUILT_IN

GLASS = "T0.12-0000"
OTHER = "T0.12-0001"


@pytest.fixture(scope="module")
def pairs(real):
    """Three double wells, a pair with several wells, and one end twice."""
    rows = [*real.double_wells(3), *real.of_status("multiple_wells")]
    found = [(a, b) for a, b, _ in rows]
    return [*found, (found[0][0], found[0][0])]


@pytest.fixture
def landscapes(real, tmp_path):
    """A folder with two glasses of the same minima; two of the second are spoiled."""
    root = tmp_path / "landscape"
    (root / GLASS).mkdir(parents=True)
    shutil.copy(real.root / GLASS / "minima.npz", root / GLASS)
    positions = real.minima.positions.copy()
    spoiled = [0, real.minima.row(real.double_wells(1)[0][1])]
    positions[spoiled, 5, 2] = np.nan
    save_minima(
        root / OTHER / "minima.npz",
        dataclasses.replace(real.minima, positions=positions, glass=OTHER),
    )
    return root


def select(path, pairs, glass=GLASS):
    """Write a selection; ``pairs`` are (a, b) or (glass, a, b)."""
    rows = [
        {
            "glass": pair[0] if len(pair) == 3 else glass,
            "minimum_a": pair[-2],
            "minimum_b": pair[-1],
            "iteration": 2,
            "stratum": "lowest_splitting",
            "probability_double_well": None if k % 2 else 0.75,
            "predicted_splitting": None if k % 2 else 0.001 * k,
        }
        for k, pair in enumerate(pairs)
    ]
    tables.write(rows, path, tables.schema("selection"))
    return path


def solve(real, landscapes, selection, folder, part=None):
    outputs = folder / "paths.parquet", folder / "candidates.parquet"
    solve_batch(real.config, selection, landscapes, *outputs, part)
    return tables.read(outputs[0]), tables.read(outputs[1])


def keys_of(frame):
    return list(frame[["glass", "minimum_a", "minimum_b"]].itertuples(index=False, name=None))


def same(a, b):
    columns = [name for name in a.columns if name != "seconds"]
    pd.testing.assert_frame_equal(
        a[columns].reset_index(drop=True), b[columns].reset_index(drop=True), check_exact=True
    )


def test_one_row_for_each_pair(real, pairs, landscapes, tmp_path):
    """Also for those that fail."""
    wanted = [(OTHER, *pairs[0]), *((GLASS, *pair) for pair in pairs)]
    selection = select(tmp_path / "selection.parquet", wanted)
    paths, candidates = solve(real, landscapes, selection, tmp_path)
    assert sorted(keys_of(paths)) == sorted(wanted)
    found = paths.set_index(["glass", "minimum_a", "minimum_b"])
    broken = found.loc[(OTHER, *pairs[0])]
    assert broken["status"] == "failed"
    assert "finite" in broken["message"]
    assert np.isnan(broken["quantum_splitting_argon"])
    assert len(broken["xi"]) == 0
    expected = ["double_well"] * 3 + ["multiple_wells", "endpoints_identical"]
    assert [found.loc[(GLASS, *pair)]["status"] for pair in pairs] == expected
    # the selection's columns are carried over
    chosen = tables.read(selection).sort_values(KEYS[:3]).reset_index(drop=True)
    carried = paths[KEYS].sort_values(KEYS[:3]).reset_index(drop=True)
    pd.testing.assert_frame_equal(chosen, carried)
    assert (paths["seconds"] >= 0).all()
    # candidates
    several = real.of_status("multiple_wells")[0]
    assert len(candidates) == len(several[2].candidates) > 0
    assert set(keys_of(candidates)) == {(GLASS, *pairs[3])}
    engine = real.engine()
    for row, candidate in zip(candidates.itertuples(), several[2].candidates, strict=True):
        positions = np.array(row.positions).reshape(-1, 3)
        np.testing.assert_allclose(positions, candidate.positions, atol=1e-9)
        assert engine.energy(positions) == pytest.approx(row.energy, abs=1e-9)
        assert row.max_force <= 1e-6
        assert 0 < row.image < real.config.paths.images - 1


def test_rows_hold_the_results(real, pairs, landscapes, tmp_path):
    paths, _ = solve(real, landscapes, select(tmp_path / "s.parquet", pairs[:3]), tmp_path)
    for row, (_, _, result) in zip(paths.to_dict("records"), real.double_wells(3), strict=True):
        for name in (
            "barrier",
            "path_length",
            "wells",
            "iterations",
            "final_force",
            "splitting_change",
        ):
            assert row[name] == pytest.approx(getattr(result, name), rel=1e-6, nan_ok=True), name
        np.testing.assert_allclose(row["xi"], result.xi, atol=1e-9)
        np.testing.assert_allclose(row["energy"], result.energy, atol=1e-9)
        for unit in BUILT_IN:
            for name in ("quantum_splitting", "energy_1", "energy_2", "delta_0"):
                assert row[f"{name}_{unit}"] == pytest.approx(
                    getattr(result, name)[unit], rel=1e-6, nan_ok=True
                )
        assert row["delta_0"] == pytest.approx(row["delta_0_argon"], nan_ok=True)


def test_landscapes_are_mapped_not_read(real, pairs, landscapes, tmp_path, monkeypatch):
    """A batch needs a few of the minima of a glass, which may be ten thousand."""
    opened = []

    def watched(path):
        opened.append(open_minima(path))
        return opened[-1]

    monkeypatch.setattr(stage, "open_minima", watched)
    selection = select(tmp_path / "selection.parquet", pairs[-1:])
    solve_batch(real.config, selection, landscapes, tmp_path / "p.parquet", tmp_path / "c.parquet")
    assert [type(minima.positions.base) for minima in opened] == [np.memmap]


def test_schema_and_provenance(real, pairs, landscapes, tmp_path):
    solve(real, landscapes, select(tmp_path / "s.parquet", pairs[:1]), tmp_path)
    for name, columns in (
        ("paths", tables.paths_columns(real.config.unit_systems)),
        ("candidates", None),
    ):
        file = tmp_path / f"{name}.parquet"
        assert pq.read_schema(file).equals(tables.schema(name, columns))
        stamp = tables.metadata(file)
        assert stamp["table"] == name
        assert stamp["config_hash"] == real.config.hash
        assert stamp["seed"] == str(real.config.run.seed)


def test_empty_selection(real, landscapes, tmp_path):
    paths, candidates = solve(real, landscapes, select(tmp_path / "s.parquet", []), tmp_path)
    assert len(paths) == len(candidates) == 0
    expected = tables.schema("paths", tables.paths_columns(real.config.unit_systems))
    assert pq.read_schema(tmp_path / "paths.parquet").equals(expected)
    assert pq.read_schema(tmp_path / "candidates.parquet").equals(tables.schema("candidates"))


def test_parts_make_up_the_whole(real, pairs, landscapes, tmp_path):
    """Each row in one part, with the very numbers that it has in the whole."""
    selection = select(tmp_path / "selection.parquet", [*pairs, pairs[1][::-1]])
    whole, _ = solve(real, landscapes, selection, tmp_path / "whole")
    for count in (2, 4, 8):
        parts = [
            solve(real, landscapes, selection, tmp_path / f"{i}-{count}", (i, count))[0]
            for i in range(count)
        ]
        together = pd.concat([part for part in parts if len(part)])
        assert len(together) == len(whole)
        same(
            together.sort_values(KEYS[:3]).astype(whole.dtypes),
            whole.sort_values(KEYS[:3]),
        )
        if count == 8:
            assert sum(len(part) == 0 for part in parts) == 2


def test_the_same_batch_twice(real, pairs, landscapes, tmp_path):
    selection = select(tmp_path / "selection.parquet", pairs)
    first, extra = solve(real, landscapes, selection, tmp_path / "1")
    second, extra_again = solve(real, landscapes, selection, tmp_path / "2")
    same(first, second)
    same(extra, extra_again)


def assert_refused(real, landscapes, selection, folder, *words):
    with pytest.raises(InputError) as error:
        solve(real, landscapes, selection, folder)
    for word in words:
        assert str(word) in str(error.value)
    assert "\n" not in str(error.value)
    assert not (folder / "paths.parquet").exists()
    assert not (folder / "candidates.parquet").exists()


def test_a_minimum_that_does_not_exist(real, pairs, landscapes, tmp_path):
    for pair in ((pairs[0][0], 99999), (99999, pairs[0][0])):
        selection = select(tmp_path / "s.parquet", [pairs[0], pair])
        assert_refused(real, landscapes, selection, tmp_path / "out", "99999", "minima.npz")


def test_a_glass_that_does_not_exist(real, pairs, landscapes, tmp_path):
    selection = select(tmp_path / "s.parquet", pairs, "T0.12-0077")
    assert_refused(real, landscapes, selection, tmp_path / "out", "T0.12-0077", "does not exist")


def test_a_landscape_without_minima(real, pairs, landscapes, tmp_path):
    empty = dataclasses.replace(
        real.minima,
        positions=real.minima.positions[:0],
        energies=np.empty(0),
        max_forces=np.empty(0),
        minimum=np.empty(0, np.int32),
    )
    save_minima(landscapes / GLASS / "minima.npz", empty)
    selection = select(tmp_path / "s.parquet", pairs)
    assert_refused(real, landscapes, selection, tmp_path / "out", "no minimum")


def test_truncated_files(real, pairs, landscapes, tmp_path):
    selection = select(tmp_path / "s.parquet", pairs)
    content = selection.read_bytes()
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(content[: len(content) // 2])
    assert_refused(real, landscapes, cut, tmp_path / "out", "cut.parquet", "Parquet")
    missing = tmp_path / "none.parquet"
    assert_refused(real, landscapes, missing, tmp_path / "out", "none.parquet", "does not exist")
    minima = landscapes / GLASS / "minima.npz"
    minima.write_bytes(minima.read_bytes()[:5000])
    assert_refused(real, landscapes, selection, tmp_path / "out", "minima.npz")


def test_a_selection_without_a_column(real, landscapes, tmp_path):
    selection = tmp_path / "s.parquet"
    columns = [column for column in tables.FIXED["selection"] if column[0] != "minimum_b"]
    tables.write([], selection, tables.schema("selection", columns))
    assert_refused(real, landscapes, selection, tmp_path / "out", "minimum_b", "s.parquet")


def test_a_solver_that_fails_for_one_pair(real, pairs, landscapes, tmp_path, monkeypatch):
    """Failures inside numerical libraries cost their own row and no other."""
    from tlsfind.paths import solver

    honest = solver.levels
    calls = []

    def breaking(*arguments):
        calls.append(1)
        if len(calls) == 2:  # one unit system is done by then
            raise np.linalg.LinAlgError("no convergence")
        return honest(*arguments)

    monkeypatch.setattr(solver, "levels", breaking)
    paths, _ = solve(real, landscapes, select(tmp_path / "s.parquet", pairs[:3]), tmp_path)
    assert paths["status"].tolist() == ["failed", "double_well", "double_well"]
    assert "no convergence" in paths["message"][0]
    for name in ("barrier", "quantum_splitting_argon", "energy_1_nip"):
        assert paths[name].isna().tolist() == [True, False, False]


def test_numbers_that_are_not_finite_become_null():
    from tlsfind.paths.solver import PathResult

    nothing = dict.fromkeys(BUILT_IN, np.nan)
    result = PathResult(
        "failed", "reason", quantum_splitting=nothing, energy_1=nothing, energy_2=nothing,
        delta_0=nothing,
    )  # fmt: skip
    row = stage.result_row(result, list(BUILT_IN))
    schema = tables.schema("paths", tables.paths_columns(BUILT_IN))
    assert set(row) == set(schema.names) - {*KEYS, "seconds"}
    assert row["barrier"] is row["delta_0"] is row["quantum_splitting_nip"] is None
    assert row["xi"] == []


class Killed(BaseException):
    """Stands for a signal in the middle of a batch."""


def solve_with(monkeypatch, real, landscapes, folder, pairs, most=None):
    """Solve a batch; after ``most`` paths the process "dies". Returns the pairs it solved."""
    calls = []
    solver = stage.solve_pair

    def counted(config, particles, a, b):
        if len(calls) == most:
            raise Killed
        calls.append((a, b))
        return solver(config, particles, a, b)

    monkeypatch.setattr(stage, "solve_pair", counted)
    select(folder / "selection.parquet", pairs)
    output, extra = folder / "paths.parquet", folder / "candidates.parquet"
    try:
        solve_batch(real.config, folder / "selection.parquet", landscapes, output, extra)
    finally:
        monkeypatch.setattr(stage, "solve_pair", solver)
    return calls


def rows_of(folder):
    table = tables.read(folder / "paths.parquet").drop(columns="seconds")
    return table, tables.read(folder / "candidates.parquet")


def test_a_killed_batch_goes_on_where_it_was(real, pairs, landscapes, tmp_path, monkeypatch):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert len(solve_with(monkeypatch, real, landscapes, whole, pairs)) == 5
    with pytest.raises(Killed):
        solve_with(monkeypatch, real, landscapes, killed, pairs, most=2)
    assert not (killed / "paths.parquet").exists()
    journal = killed / "paths.parquet.journal"
    with journal.open("a") as file:
        file.write('{"key": "cut o')  # a line that the kill cut off
    with pytest.raises(Killed):
        solve_with(monkeypatch, real, landscapes, killed, pairs, most=1)
    assert len(solve_with(monkeypatch, real, landscapes, killed, pairs)) == 2
    assert count_whole(journal) == (5, 1)
    for again, expected in zip(rows_of(killed), rows_of(whole), strict=True):
        pd.testing.assert_frame_equal(again, expected)


def test_a_lost_table_is_written_again_from_the_journal(
    real, pairs, landscapes, tmp_path, monkeypatch
):
    """To the last byte: numbers, nulls, lists, positions of candidates, seconds."""
    assert len(solve_with(monkeypatch, real, landscapes, tmp_path, pairs)) == 5
    files = [tmp_path / f"{name}.parquet" for name in ("paths", "candidates")]
    before = [file.read_bytes() for file in files]
    assert len(tables.read(files[1])) > 0
    files[0].unlink()
    files[1].write_bytes(b"")
    assert solve_with(monkeypatch, real, landscapes, tmp_path, pairs) == []
    assert [file.read_bytes() for file in files] == before
    # a pair more is the only one to be solved
    assert len(solve_with(monkeypatch, real, landscapes, tmp_path, [*pairs, pairs[1][::-1]])) == 1
    assert len(tables.read(files[0])) == 6


def test_what_failed_is_tried_again(real, pairs, landscapes, tmp_path, monkeypatch):
    from tlsfind.paths import solver

    def breaking(*_):
        raise np.linalg.LinAlgError("no convergence")

    with monkeypatch.context() as patch:
        patch.setattr(solver, "levels", breaking)
        assert len(solve_with(patch, real, landscapes, tmp_path, pairs)) == 5
        assert (tables.read(tmp_path / "paths.parquet")["status"] == "failed").sum() == 3
    assert len(solve_with(monkeypatch, real, landscapes, tmp_path, pairs)) == 3
    assert not (tables.read(tmp_path / "paths.parquet")["status"] == "failed").any()


def test_a_journal_of_other_settings_or_positions_is_not_used(
    real, pairs, landscapes, tmp_path, monkeypatch
):
    with pytest.raises(Killed):
        solve_with(monkeypatch, real, landscapes, tmp_path, pairs, most=2)
    saved = (tmp_path / "paths.parquet.journal").read_bytes()
    other = dataclasses.replace(real)
    other.config = real.config.model_copy(
        update={"paths": real.config.paths.model_copy(update={"images": 20})}
    )
    assert len(solve_with(monkeypatch, other, landscapes, tmp_path, pairs)) == 5
    (tmp_path / "paths.parquet.journal").write_bytes(saved)
    moved = real.minima.positions + 1e-12
    save_minima(
        landscapes / GLASS / "minima.npz", dataclasses.replace(real.minima, positions=moved)
    )
    assert len(solve_with(monkeypatch, real, landscapes, tmp_path, pairs)) == 5


def test_the_content_of_a_data_file_counts_among_the_settings(real, tmp_path):
    file = tmp_path / "particles.data"
    model = {"species": {"A": {}}, "commands": "pair_style lj/cut 2.5", "data_file": file}
    config = real.config.model_copy(update={"model": Model(lammps=model)})
    with pytest.raises(InputError, match=r"particles\.data: No such file"):
        stage.settings_digest(config)
    file.write_text("one")
    before = stage.settings_digest(config)
    assert stage.settings_digest(config) == before
    file.write_text("two")
    assert stage.settings_digest(config) != before
