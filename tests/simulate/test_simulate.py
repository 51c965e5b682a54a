"""Simulated loops with made-up models, whose course is known, and with the screening models."""

import numpy as np
import pandas as pd
import pytest

from authors_tables import FEATURES, PUBLISHED, needs_published
from tlsfind.config import Loop
from tlsfind.errors import InputError, TrainingError
from tlsfind.simulate import loop as simulate
from tlsfind.simulate.loop import BASELINES, MODEL_RULES, RULES, Scores, Settings
from tlsfind.simulate.pool import Pool, hold_out

THRESHOLD = 0.0015


def made_up(n: int = 2000, seed: int = 0, kept: float = 1.0) -> Pool:
    """Pairs whose double wells (40 % times ``kept``) and E_qs follow from two of the features."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "delta_e": rng.exponential(0.03, n),
            "total_displacement": rng.gamma(6.0, 0.1, n),
            "transitions_ab": rng.geometric(0.2, n) - 1,
            "transitions_ba": rng.geometric(0.2, n) - 1,
        }
    ).astype(np.float32)
    d = frame["total_displacement"].to_numpy(dtype=float)
    rank = np.argsort(np.argsort(d + 0.05 * rng.standard_normal(n))) / n
    splitting = np.hypot(10.0 ** (-1.0 - 4.0 * d), 0.1 * frame["delta_e"].to_numpy(dtype=float))
    double_well = (rank < 0.4) & (rng.random(n) < kept)
    glasses = rng.choice([f"glass-{k}" for k in range(9)], n)
    return Pool(frame, glasses, double_well, np.where(double_well, splitting, np.nan), THRESHOLD)


def perfect(training, pool, settings, seed) -> Scores:
    splitting = np.nan_to_num(pool.splitting, nan=1.0)
    return Scores(
        pool.is_double_well.astype(float), splitting, splitting, pool.is_tls.astype(float)
    )


def ignorant(training, pool, settings, seed) -> Scores:
    half = np.full(len(pool), 0.5)
    return Scores(half, half, half, np.full(len(pool), 0.01))


SETTINGS = Settings(initial=200, batch=50, max_paths=600, gate=0.5, min_double_wells=5)


@pytest.fixture(scope="module")
def pool() -> Pool:
    made = made_up()
    assert 30 <= made.is_tls.sum() <= 200
    return made


@pytest.mark.parametrize("rule", MODEL_RULES)
def test_a_perfect_model_finds_the_tls_first(pool, rule):
    curve = simulate.run(pool, rule, SETTINGS, 1, train=perfect).curve
    left = int(curve["true_missing"].iloc[0])
    assert len(curve) == 1 + int(np.ceil(left / 50))
    assert curve["tls"].iloc[-1] == pool.is_tls.sum()
    new = np.diff(curve["tls"])
    assert (new[:-1] == 50).all()
    # certain predictions leave no doubt about what is missing
    np.testing.assert_allclose(curve["predicted_missing"], curve["true_missing"])
    np.testing.assert_allclose(curve["expected_tls"][1:], new)
    assert curve["missing"].iloc[-1] == 0
    assert curve["missing_high"].iloc[-1] == 0


@pytest.mark.parametrize("rule", RULES)
def test_no_pair_gets_two_paths(pool, rule):
    found = simulate.run(pool, rule, SETTINGS, 2, train=ignorant)
    assert len(np.unique(found.order)) == len(found.order) == found.curve["paths"].iloc[-1]
    assert found.curve["tls"].iloc[-1] == pool.is_tls[found.order].sum()
    assert found.curve["double_wells"].iloc[-1] == pool.is_double_well[found.order].sum()
    np.testing.assert_array_equal(found.curve["iteration"], np.arange(len(found.curve)))
    if rule in BASELINES:
        assert found.curve["tls"].iloc[-1] == pool.is_tls.sum()
        assert found.curve["missing"].isna().all()
    else:
        assert found.curve["paths"].iloc[-1] == 600


def test_random_picking_finds_its_share():
    pool = made_up(1000)
    share = []
    for seed in range(40):
        curve = simulate.run(pool, "random", Settings(initial=100, batch=100), seed).curve
        share.append(np.interp(500, curve["paths"], curve["tls"]) / pool.is_tls.sum())
    error = 0.5 / np.sqrt(40 * pool.is_tls.sum())
    assert abs(np.mean(share) - 0.5) < 4 * error


def test_baselines_follow_their_feature(pool):
    for rule, name, sign in (("smallest_delta_e", "delta_e", 1), ("standard", None, -1)):
        order = simulate.run(pool, rule, SETTINGS, 3).order[200:]
        values = (
            pool.frame[name]
            if name
            else pool.frame[["transitions_ab", "transitions_ba"]].min(axis=1)
        )
        followed = sign * values.to_numpy()[order]
        assert (np.diff(followed) >= 0).all()


def test_the_first_batch_is_the_same_for_all_rules_of_a_seed(pool):
    first = [simulate.run(pool, rule, SETTINGS, 4, train=ignorant).order[:200] for rule in RULES]
    for other in first[1:]:
        np.testing.assert_array_equal(first[0], other)
    another = simulate.run(pool, "random", SETTINGS, 5).order[:200]
    assert not np.array_equal(first[0], another)


def test_the_first_batch_from_the_strata(pool):
    settings = Settings(initial=100, shares=(0.5, 0.3), close_displacement=0.5, max_paths=100)
    rows = simulate.run(pool, "tls_probability", settings, 0, train=ignorant).order
    chosen = pool.frame.iloc[rows]
    moved = (chosen["transitions_ab"] + chosen["transitions_ba"]) > 0
    close = chosen["total_displacement"] < 0.5
    everything = pool.frame
    still = (everything["transitions_ab"] + everything["transitions_ba"]) == 0
    there = [(still & (everything["total_displacement"] < 0.5)).sum(), still.sum()]
    expected_close = min(30, there[0])
    expected_far = min(20, there[1] - there[0])
    assert (~moved & close).sum() == expected_close
    assert (~moved & ~close).sum() == expected_far
    assert len(rows) == 100


def test_the_hard_gate_never_opens_and_the_soft_one_does(pool):
    """TLS that the classifier does not believe in are found by their probability alone."""

    def doubting(training, searched, settings, seed):
        probability = np.where(searched.is_double_well, 0.9, 0.1)
        doubted = searched.is_tls & (np.arange(len(searched)) % 2 == 0)
        probability[doubted] = 0.4
        likely = np.where(searched.is_tls, 0.5, 0.001)
        splitting = np.nan_to_num(searched.splitting, nan=1.0)
        return Scores(probability, splitting, splitting, likely)

    hard = simulate.run(pool, "lowest_splitting", SETTINGS, 0, train=doubting)
    assert hard.curve["true_missing"].iloc[-1] > 0
    after = hard.order[200:]
    assert not (pool.is_tls[after] & (after % 2 == 0)).any()
    mixed = simulate.run(pool, "gate_then_soft", SETTINGS, 0, train=doubting).curve
    assert mixed["true_missing"].iloc[-1] == 0
    chosen = list(mixed["chosen_by"])
    turn = chosen.index("tls_probability")
    assert chosen[0] == "initial"
    assert set(chosen[1:turn]) == {"lowest_splitting"}
    assert set(chosen[turn:]) == {"tls_probability"}


def test_gate_then_soft_turns_when_too_few_pairs_pass(pool):
    def closed(training, searched, settings, seed):
        scores = perfect(training, searched, settings, seed)
        return scores._replace(probability=np.zeros(len(searched)))

    curve = simulate.run(pool, "gate_then_soft", SETTINGS, 0, train=closed).curve
    assert set(curve["chosen_by"][1:]) == {"tls_probability"}


def test_random_batches_until_there_are_double_wells_to_train_on():
    pool = made_up(6000, kept=0.1)
    settings = Settings(initial=50, batch=100, max_paths=1500, min_double_wells=20)
    curve = simulate.run(pool, "tls_probability", settings, 0, train=perfect).curve
    few = curve["chosen_by"] == simulate.TOO_FEW
    assert few.any()
    assert (curve["double_wells"].shift()[few] < 20).all()
    assert (curve["double_wells"].shift()[curve["chosen_by"] == "tls_probability"] >= 20).all()
    assert curve.loc[few, "expected_tls"].isna().all()
    # a random batch says nothing of convergence
    assert not curve.loc[few, "stop"].any()


@pytest.mark.parametrize("known", ["few", "one value"])
def test_random_batches_while_the_known_splittings_cannot_be_trained_on(pool, known):
    """Double wells in plenty, but of few of them E_qs is known, or it is the same for all."""
    splitting = np.full(len(pool), np.nan)
    if known == "few":
        splitting[np.flatnonzero(pool.is_tls)[:15]] = 1e-3
        splitting[np.flatnonzero(pool.is_tls)[:7]] = 5e-4
    else:
        splitting[pool.is_double_well] = 1e-3
    searched = Pool(pool.frame, pool.glasses, pool.is_double_well, splitting, THRESHOLD)
    settings = Settings(initial=200, batch=100, max_paths=500, rounds=10)
    for transfer in (False, True):
        curve = simulate.compare(searched, ["tls_probability"], [0], settings, transfer=transfer)
        assert set(curve["chosen_by"][1:]) == {simulate.TOO_FEW}
        assert curve["missing"].isna().all()
        assert len(curve) > 1


def test_a_failed_training_leaves_random_batches(pool):
    def failing(training, searched, settings, seed):
        raise TrainingError("no two values of E_qs without fold 1")

    curve = simulate.run(pool, "lowest_splitting", SETTINGS, 0, train=failing).curve
    assert list(curve["chosen_by"]) == ["initial"] + 8 * [simulate.TOO_FEW]


def test_double_wells_of_unknown_splitting_count_as_double_wells(pool):
    splitting = pool.splitting.copy()
    splitting[np.flatnonzero(pool.is_tls)[::2]] = np.nan
    searched = Pool(pool.frame, pool.glasses, pool.is_double_well, splitting, THRESHOLD)
    assert searched.is_known.sum() < searched.is_double_well.sum()
    assert searched.is_tls.sum() == pool.is_tls.sum() // 2
    curve = simulate.run(
        searched, "tls_probability", Settings(200, 50, max_paths=300, rounds=10), 0
    ).curve
    assert (curve["chosen_by"][1:] == "tls_probability").all()


def test_defaults_are_those_of_the_config():
    settings, loop = Settings(), Loop()
    assert (settings.initial, settings.batch) == (loop.initial_paths, loop.paths_per_iteration)
    for name in ("gate", "confidence", "stop_fraction", "missing_fraction", "close_displacement"):
        assert getattr(settings, name) == getattr(loop, name)


def test_both_stopping_rules_are_recorded(pool):
    def blind(training, searched, settings, seed):
        likely = np.where(searched.is_tls, 0.0, 0.001)
        return ignorant(training, searched, settings, seed)._replace(probability_tls=likely)

    curve = simulate.run(pool, "tls_probability", SETTINGS, 0, train=blind).curve
    assert not curve["stop"].iloc[0]
    assert curve["stop"].iloc[1:].all()  # batches without TLS
    assert (curve["true_missing"] > 0).all()
    good = simulate.run(pool, "tls_probability", SETTINGS, 0, train=perfect).curve
    assert good["stop_missing"].iloc[-1]
    assert not good["stop_missing"].iloc[0]


def test_transfer_starts_from_other_glasses(pool):
    start, searched = hold_out(pool, 1)
    assert not set(start.glasses) & set(searched.glasses)
    assert len(start) + len(searched) == len(pool)
    everywhere = [set(hold_out(pool, seed)[1].glasses) for seed in (0, 1, 2)]
    assert set().union(*everywhere) == set(pool.glasses)
    assert sum(len(glasses) for glasses in everywhere) == len(set(pool.glasses))
    sizes = []

    def counting(training, rest, settings, seed):
        sizes.append(len(training))
        return perfect(training, rest, settings, seed)

    curve = simulate.run(
        searched, "tls_probability", SETTINGS, 0, start=start, train=counting
    ).curve
    assert curve["paths"].iloc[0] == 0
    assert curve["chosen_by"].iloc[1] == "tls_probability"
    assert sizes == [len(start) + paths for paths in curve["paths"]]


def test_screening_models_hunt_and_the_seed_decides(pool):
    settings = Settings(initial=200, batch=50, max_paths=350, rounds=30)
    curves = [
        simulate.compare(pool, ["tls_probability", "lower_confidence"], [seed], settings)
        for seed in (0, 0, 1)
    ]
    pd.testing.assert_frame_equal(curves[0], curves[1])
    assert not curves[0].drop(columns="seed").equals(curves[2].drop(columns="seed"))
    first = curves[0][curves[0]["rule"] == "tls_probability"]
    by_chance = pool.is_tls.mean() * 150
    assert first["tls"].iloc[-1] - first["tls"].iloc[0] > 3 * by_chance
    assert (first["missing_low"] <= first["missing_high"]).all()


def test_transfer_with_screening_models(pool):
    settings = Settings(batch=50, max_paths=50, rounds=30)
    curves = simulate.compare(pool, ["tls_probability"], [0], settings, transfer=True)
    assert list(curves["paths"]) == [0, 50]
    total = curves["total_tls"].iloc[0]
    assert curves["tls"].iloc[-1] > 0.4 * min(total, 50)


def test_transfer_skips_thirds_without_tls(pool, caplog):
    """All TLS in one glass: only the seeds that search it are simulated."""
    glasses = pool.glasses.copy()
    glasses[pool.is_tls] = "glass-0"
    one = Pool(pool.frame, glasses, pool.is_double_well, pool.splitting, THRESHOLD)
    done = []
    with caplog.at_level("INFO", "tlsfind"):
        curves = simulate.compare(
            one,
            ["standard", "random"],
            range(3),
            SETTINGS,
            transfer=True,
            advance=lambda: done.append(1),
        )
    assert curves["seed"].nunique() == 1
    assert len(done) == 6
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert all("is skipped: no TLS (E_qs < 0.0015) among the" in line for line in lines)
    skipped = sorted(set(range(3)) - set(curves["seed"]))
    with pytest.raises(InputError, match=r"no TLS .* with any of the seeds"):
        simulate.compare(one, ["random"], skipped, SETTINGS, transfer=True)


def test_errors(pool):
    with pytest.raises(InputError, match="'greedy' is unknown, expected one of tls_probability"):
        simulate.run(pool, "greedy", SETTINGS, 0)
    with pytest.raises(InputError, match="no TLS"):
        simulate.run(pool.take(~pool.is_tls), "random", SETTINGS, 0)


@needs_published
def test_published_pairs():
    """From 300 pairs at random: half of the 291 TLS within 700 paths, where chance finds 5."""
    keys = ["conf", "i2", "j2"]
    table = pd.read_feather(PUBLISHED / "pretraining-classifier-T007.feather")
    wells = pd.read_feather(PUBLISHED / "pretraining-predictor-T007.feather")
    table = table.merge(wells[[*keys, "quantum_splitting"]], on=keys, how="left")
    pool = Pool(
        table[list(FEATURES)].rename(columns=FEATURES).astype(np.float32),
        table["conf"].astype(int).astype(str).to_numpy(),
        table["is_dw"].to_numpy() == 1,
        table["quantum_splitting"].to_numpy(),
        THRESHOLD,
    )
    assert pool.is_tls.sum() == 291
    settings = Settings(initial=300, batch=100, max_paths=700, rounds=60)
    curve = simulate.run(pool, "tls_probability", settings, 0).curve
    assert curve["tls"].iloc[-1] > 145
