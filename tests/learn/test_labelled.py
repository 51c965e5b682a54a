"""Labelled tables: what is read is what was written, and what does not fit is named."""

import numpy as np
import pandas as pd
import pytest

from tlsfind import tables
from tlsfind.errors import InputError
from tlsfind.learn import labelled
from tlsfind.pairs.keys import KEYS


def made_up(particles: int = 3, n: int = 12, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    columns = labelled_names(particles)
    frame = pd.DataFrame({name: rng.random(n) for name in columns})
    double_well = np.arange(n) % 3 > 0
    return frame.assign(
        glass=[f"glass-{k % 2}" for k in range(n)],
        minimum_a=np.arange(n, dtype=np.int32),
        minimum_b=np.arange(n, dtype=np.int32) + 5,
        transitions_ab=rng.integers(0, 4, n).astype(np.int32),
        transitions_ba=rng.integers(0, 4, n).astype(np.int32),
        is_double_well=double_well,
        quantum_splitting=np.where(double_well, 10.0 ** rng.uniform(-5, -1, n), np.nan),
        barrier=np.where(double_well, rng.random(n), np.nan),
        unit_system="argon",
    )[columns]


def labelled_names(particles: int) -> list[str]:
    return [name for name, _, _ in tables.labelled_columns(particles)]


def refused(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=message):
        labelled.check(frame, tables.feature_names(3), "table X")


@pytest.mark.parametrize("particles", [1, 2, 3, 5])
def test_what_is_read_is_what_was_written(tmp_path, particles):
    frame = made_up(particles)
    path = tmp_path / "deep" / "labelled.parquet"
    labelled.write(frame[frame.columns[::-1]], path, particles, 7, "hash")
    for asked in (None, particles):
        table = labelled.read(path, asked)
        pd.testing.assert_frame_equal(table.frame[frame.columns], frame, check_dtype=False)
        assert table.features == tables.feature_names(particles)
        assert table.particles == particles
        assert table.unit_system == "argon"
    stamp = tables.metadata(path)
    assert (stamp["table"], stamp["seed"], stamp["config_hash"]) == ("labelled", "7", "hash")


def test_columns_as_arrays():
    frame = made_up()
    table = labelled.check(frame, tables.feature_names(3), "X")
    assert table.is_double_well.dtype == bool
    np.testing.assert_array_equal(table.is_double_well, frame["is_double_well"])
    np.testing.assert_array_equal(table.splitting, frame["quantum_splitting"])
    assert table.glasses.tolist() == frame["glass"].tolist()


def test_a_tls_is_a_double_well_of_known_splitting_below_the_threshold():
    frame = made_up(n=6).assign(
        is_double_well=[True, True, True, True, False, False],
        quantum_splitting=[0.001, 0.0015, 0.02, np.nan, np.nan, 0.001],
    )
    table = labelled.check(frame, tables.feature_names(3), "X")
    assert table.is_tls(0.0015).tolist() == [True, False, False, False, False, False]
    # a splitting of what is no double well is not one
    assert np.isnan(table.splitting[5])


def test_the_index_of_the_frame_does_not_matter():
    frame = made_up()
    shuffled = frame.sample(frac=1.0, random_state=0)
    table = labelled.check(shuffled, tables.feature_names(3), "X")
    assert table.frame.index.tolist() == list(range(12))
    assert table.frame["minimum_a"].tolist() == shuffled["minimum_a"].tolist()
    assert table.is_tls(0.01).sum() == labelled.check(frame, table.features, "X").is_tls(0.01).sum()


def test_no_rows():
    refused(made_up()[:0], "^labelled table table X has no rows, expected at least one$")


def test_a_pair_twice():
    frame = pd.concat([made_up(), made_up()[4:5]])
    refused(frame, "^pair glass-0, 4, 9 stands more than once in table X$")
    # the same minima in another glass are another pair
    other = pd.concat([made_up(), made_up()[4:5].assign(glass="glass-9")])
    assert len(labelled.check(other, tables.feature_names(3), "X").frame) == 13


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_no_numbers(value):
    frame = made_up()
    frame.loc[[3, 7], "distance_1_3"] = value
    refused(
        frame,
        "^2 pairs in table X have a feature that is not a finite number, the first is "
        "glass-1, 3, 8$",
    )


@pytest.mark.parametrize(("value", "said"), [(0.0, "0"), (-1e-3, "-0.001"), (np.inf, "inf")])
def test_splittings_that_are_not_positive(value, said):
    frame = made_up()
    frame.loc[2, "quantum_splitting"] = value
    refused(frame, f"^pair glass-0, 2, 7 in table X has E_qs = {said}, expected a positive number$")
    frame.loc[2, "is_double_well"] = False
    assert not labelled.check(frame, tables.feature_names(3), "X").is_double_well[2]


def test_two_unit_systems():
    frame = made_up()
    frame.loc[5, "unit_system"] = "nip"
    refused(frame, "^table X holds E_qs in argon, nip, expected one unit system$")


@pytest.mark.parametrize("name", [*KEYS, "is_double_well", "unit_system"])
def test_what_must_not_be_null(name):
    """A missing verdict is not the verdict that there is no double well."""
    frame = made_up().astype({name: object})
    frame.loc[4, name] = None
    refused(frame, f"^1 rows in table X have no {name}, the first is ")


def test_nulls_in_a_file_are_found_too(tmp_path):
    frame = made_up().astype({"is_double_well": object})
    frame.loc[[0, 4], "is_double_well"] = None
    path = tmp_path / "labelled.parquet"
    labelled.write(frame, path, 3, 0)
    message = f"^2 rows in {path} have no is_double_well, the first is glass-0, 0, 5$"
    with pytest.raises(InputError, match=message):
        labelled.read(path)


def test_another_number_of_displacements(tmp_path):
    path = tmp_path / "labelled.parquet"
    labelled.write(made_up(2), path, 2, 0)
    message = (
        r"^labelled table .*labelled.parquet has the displacements of 2 particles, expected 3 "
        r"\(pairs.particles\)$"
    )
    with pytest.raises(InputError, match=message):
        labelled.read(path, 3)


@pytest.mark.parametrize(
    "name", ["glass", "delta_e", "displacement_2", "is_double_well", "barrier", "unit_system"]
)
def test_a_missing_column_is_named(tmp_path, name):
    path = tmp_path / "labelled.parquet"
    columns = [column for column in tables.labelled_columns(3) if column[0] != name]
    tables.write(made_up(), path, tables.schema("labelled", columns))
    with pytest.raises(InputError, match=rf"labelled.parquet lacks the column\(s\) {name}; it has"):
        labelled.read(path)


def test_missing_and_damaged_files(tmp_path):
    path = tmp_path / "labelled.parquet"
    with pytest.raises(InputError, match=r"table .*labelled.parquet does not exist"):
        labelled.read(path)
    labelled.write(made_up(), path, 3, 0)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputError, match=r"labelled.parquet is not a complete Parquet file"):
        labelled.read(path)


def test_the_message_names_the_file(tmp_path):
    path = tmp_path / "labelled.parquet"
    labelled.write(made_up()[:0], path, 3, 0)
    with pytest.raises(InputError, match=rf"^labelled table {path} has no rows"):
        labelled.read(path)
