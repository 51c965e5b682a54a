"""Table I against naive counts, and the extrapolation of a sampled standard procedure."""

import numpy as np
import pytest

from synthetic_run import KEYS
from tlsfind.analysis.statistics import poisson_interval
from tlsfind.analysis.tables import table1


def naive(run, temperature, unit):
    """Counts with plain loops over rows."""
    threshold = run.config.unit_systems[unit].tls_threshold
    truth = run.truth["pairs"].set_index(KEYS)
    names = ["by_loop", "alone", "loop", "k0"]
    counts = dict.fromkeys(["qualifying", *names, *(f"{name}_tls" for name in names)], 0)

    def here(glass):
        return temperature is None or glass.startswith(f"T{temperature:g}-")

    for glass, ab, ba in zip(
        run.truth["pairs"]["glass"],
        run.truth["pairs"]["transitions_ab"],
        run.truth["pairs"]["transitions_ba"],
        strict=True,
    ):
        counts["qualifying"] += here(glass) and min(ab, ba) >= 4
    for source in ("paths", "standard"):
        for row in run.truth[source].to_dict("records"):
            if not here(row["glass"]):
                continue
            pair = truth.loc[tuple(row[key] for key in KEYS)]
            qualifies = min(pair["transitions_ab"], pair["transitions_ba"]) >= 4
            tls = row["status"] == "double_well" and row[f"quantum_splitting_{unit}"] < threshold
            if source == "standard":
                counts["alone"] += qualifies
                counts["alone_tls"] += qualifies and tls
                continue
            counts["by_loop"] += qualifies
            counts["by_loop_tls"] += qualifies and tls
            counts["loop"] += 1
            counts["loop_tls"] += tls
            counts["k0"] += row["iteration"] == 0
            counts["k0_tls"] += row["iteration"] == 0 and tls
    return counts


@pytest.mark.parametrize("unit", ["argon", "nip"])
@pytest.mark.parametrize("temperature", [0.062, 0.092, None])
def test_counts_are_the_naive_ones(run, temperature, unit):
    table = table1.collect(run.results)
    assert len(table) == 6
    value = table["preparation_temperature"]
    chosen = value.isna() if temperature is None else value == temperature
    row = table[chosen & (table["unit_system"] == unit)].iloc[0]
    count = naive(run, temperature, unit)
    assert row["standard_qualifying"] == count["qualifying"] > count["by_loop"] > 0
    assert row["standard_paths"] == count["by_loop"] + count["alone"]
    assert row["standard_sampled"] == count["alone"]
    assert row["standard_tls"] == count["by_loop_tls"] + count["alone_tls"]
    assert row["loop_paths"] == count["loop"]
    assert row["loop_tls"] == count["loop_tls"] > 0
    assert row["initial_paths"] == count["k0"]
    assert row["iterated_paths"] == count["loop"] - count["k0"]
    assert row["iterated_tls"] == count["loop_tls"] - count["k0_tls"]
    left = count["qualifying"] - count["by_loop"]
    estimate = count["by_loop_tls"] + left * count["alone_tls"] / count["alone"]
    assert row["standard_tls_estimate"] == pytest.approx(estimate)
    assert row["standard_tls_per_path"] == pytest.approx(estimate / count["qualifying"])
    assert row["loop_tls_per_path"] == pytest.approx(count["loop_tls"] / count["loop"])
    if estimate:
        expected = row["loop_tls_per_path"] / row["standard_tls_per_path"]
        assert row["ratio"] == pytest.approx(expected)
    low, high = (limit / count["loop"] for limit in poisson_interval(int(count["loop_tls"])))
    assert row["loop_tls_per_path_low"] == pytest.approx(low)
    assert row["loop_tls_per_path_high"] == pytest.approx(high)


def test_a_complete_standard_procedure_is_a_plain_count():
    found = table1.standard_procedure(20, (12, 3), (8, 1))
    assert found["standard_complete"]
    assert found["standard_tls_estimate"] == found["standard_tls"] == 4
    assert found["standard_tls_per_path"] == 4 / 20
    low, high = poisson_interval(4)
    assert found["standard_tls_per_path_low"] == pytest.approx(low / 20)
    assert found["standard_tls_per_path_high"] == pytest.approx(high / 20)


def test_the_loops_picks_do_not_bias_the_estimate():
    """The loop solves the likeliest TLS; the plain share would then be far too high."""
    rng = np.random.default_rng(3)
    estimates, shares = [], []
    for _ in range(300):
        tls = rng.random(1000) < np.linspace(0.3, 0.0, 1000)
        picked = np.arange(1000) < 150
        sampled = np.zeros(1000, dtype=bool)
        sampled[rng.choice(np.flatnonzero(~picked), 100, replace=False)] = True
        found = table1.standard_procedure(
            1000, (150, int(tls[picked].sum())), (100, int(tls[sampled].sum()))
        )
        estimates.append(found["standard_tls_per_path"])
        shares.append(found["standard_tls"] / found["standard_paths"])
    assert np.mean(estimates) == pytest.approx(0.15, abs=0.005)
    assert np.mean(shares) > 0.19


def test_nothing_sampled_is_not_a_rate():
    found = table1.standard_procedure(50, (10, 2), (0, 0))
    assert not found["standard_complete"]
    assert found["standard_tls"] == 2
    assert np.isnan(found["standard_tls_per_path"])
    nothing = table1.standard_procedure(0, (0, 0), (0, 0))
    assert nothing["standard_complete"]
    assert np.isnan(nothing["standard_tls_per_path"])
