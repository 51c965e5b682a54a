"""The inputs of the models against formulas written row by row."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlsfind import tables
from tlsfind.learn import features
from tlsfind.learn.features import DISPLACEMENT_FLOOR, ENERGY_FLOOR, HARMONIC_ENERGY


def pairs(n: int, particles: int, seed: int = 0) -> pd.DataFrame:
    """Pairs with the columns of the pairs table, displacements of 40 particles."""
    rng = np.random.default_rng(seed)
    moves = np.sort(rng.gamma(0.3, 0.1, (n, 40)), axis=1)[:, ::-1]
    square = (moves**2).sum(axis=1)
    frame = pd.DataFrame(
        {
            "delta_e": rng.exponential(0.03, n),
            "total_displacement": np.sqrt(square),
            "participation_ratio": square**2 / (moves**4).sum(axis=1),
            "transitions_ab": rng.poisson(1.0, n),
            "transitions_ba": rng.poisson(1.0, n),
            **{f"displacement_{k + 1}": moves[:, k] for k in range(particles)},
            **{f"distance_1_{k + 1}": rng.uniform(0.8, 2.5, n) for k in range(1, particles)},
        }
    )
    return frame[tables.feature_names(particles)]


def naive(pair: dict[str, float], particles: int) -> dict[str, float]:
    """All inputs of one pair."""
    energy = max(pair["delta_e"], ENERGY_FLOOR)
    d = max(pair["total_displacement"], DISPLACEMENT_FLOOR)
    moves = [pair[f"displacement_{k}"] for k in range(1, particles + 1)]
    known = [d, *(max(move, DISPLACEMENT_FLOOR) for move in moves)]
    ab, ba = pair["transitions_ab"], pair["transitions_ba"]
    rest = math.sqrt(max(0.0, 1.0 - sum(move**2 for move in moves) / d**2))
    found = {
        "log_delta_e": math.log10(energy),
        "log_d": math.log10(d),
        "log_slope": math.log10(energy / d),
        "log_curvature": math.log10(energy / d**2),
        "log_two_level": 0.5 * math.log10(pair["delta_e"] ** 2 + HARMONIC_ENERGY**2),
        "log_delta_e_root_d": math.log10(energy * math.sqrt(d)),
        "log_participation": math.log10(max(pair["participation_ratio"], DISPLACEMENT_FLOOR)),
        "log_transitions": math.log10(1 + ab + ba),
        "log_transitions_min": math.log10(1 + min(ab, ba)),
        "log_transitions_ratio": math.log10((1 + ba) / (1 + ab)),
        "rest_share": rest,
        "rest": rest * d,
    }
    for k in range(1, particles + 1):
        found[f"log_displacement_{k}"] = math.log10(known[k])
        found[f"log_ratio_{k}"] = math.log10(known[k] / known[k - 1])
    if particles >= 2:
        found["share_of_two"] = (moves[0] ** 2 + moves[1] ** 2) / d**2
    for k in range(2, particles + 1):
        distance = max(pair[f"distance_1_{k}"], DISPLACEMENT_FLOOR)
        found[f"log_distance_1_{k}"] = math.log10(distance)
    return found


@pytest.mark.parametrize("particles", [1, 2, 3, 4, 5])
def test_physics_equals_the_formulas(particles):
    frame = pairs(40, particles)
    frame.loc[:3, "delta_e"] = [0.0, 1e-7, ENERGY_FLOOR, 2e-5]
    made = features.inputs(frame, "physics")
    rows = [naive(row, particles) for row in frame.to_dict("records")]
    assert set(made.columns) == set(rows[0])
    pd.testing.assert_frame_equal(
        made, pd.DataFrame(rows)[made.columns.tolist()], check_exact=False, rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("particles", [1, 3, 5])
def test_plain_is_the_table_itself(particles):
    frame = pairs(10, particles)
    made = features.inputs(frame, "plain")
    pd.testing.assert_frame_equal(made, frame.astype(float))
    assert (made.dtypes == np.float64).all()


@pytest.mark.parametrize("kind", ["physics", "plain"])
def test_the_callers_table_is_left_alone_and_rows_keep_their_index(kind):
    frame = pairs(10, 3).set_index(pd.Index(range(50, 60)))
    before = frame.copy()
    made = features.inputs(frame, kind)
    pd.testing.assert_frame_equal(frame, before)
    assert made.index.equals(frame.index)
    assert (made.dtypes == np.float64).all()
    # a pair's inputs are its own, whatever stands beside it
    pd.testing.assert_frame_equal(features.inputs(frame[3:4], kind), made[3:4])
    pd.testing.assert_frame_equal(features.inputs(frame[::-1], kind), made[::-1])
    assert features.inputs(frame[:0], kind).shape == (0, made.shape[1])


@pytest.mark.parametrize("particles", [3, 11])
def test_the_order_of_the_columns_does_not_matter(particles):
    frame = pairs(20, particles)
    made, other = (features.inputs(f, "physics") for f in (frame, frame[frame.columns[::-1]]))
    pd.testing.assert_frame_equal(other, made)


@pytest.mark.parametrize("particles", [1, 2, 3, 4, 5])
def test_zeros_everywhere_are_finite(particles):
    frame = pairs(3, particles) * 0
    assert np.isfinite(features.inputs(frame, "physics").to_numpy()).all()


value = st.one_of(st.just(0.0), st.floats(1e-12, 1e3))
counts = st.integers(0, 10**6)


@given(st.lists(st.tuples(*[value] * 8, counts, counts), min_size=1, max_size=5))
@settings(deadline=None)
def test_whatever_is_finite_stays_finite(rows):
    """Displacements beyond d and unsorted ones too: tables of others are not always consistent."""
    frame = pd.DataFrame(rows, columns=tables.feature_names(3))
    made = features.inputs(frame, "physics").to_numpy()
    assert np.isfinite(made).all()
    assert np.abs(made).max() < 1e30


def test_energies_below_the_floor_are_one():
    frame = pairs(4, 3)
    frame["delta_e"] = [0.0, 0.5 * ENERGY_FLOOR, ENERGY_FLOOR, 1.1 * ENERGY_FLOOR]
    made = features.inputs(frame, "physics")["log_delta_e"].to_numpy()
    assert made[0] == made[1] == made[2] == math.log10(ENERGY_FLOOR)
    assert made[3] > made[2]
