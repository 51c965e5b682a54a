"""Selections against plain pandas, and that they depend on nothing but pairs, config and seed."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlsfind import tables
from tlsfind.errors import InputError
from tlsfind.learn import selection, stage
from tlsfind.pairs.keys import KEYS, PairSet


def keys(frame: pd.DataFrame) -> list[tuple]:
    return [tuple(row) for row in frame[KEYS].itertuples(index=False)]


def read_batches(folder) -> pd.DataFrame:
    return tables.read_many(sorted(folder.glob("batch-*.parquet")))


def predictions_table(landscape, path, seed=0, rescored=1.0):
    """Random predictions of the landscape, a share ``rescored`` of them by the ensembles."""
    rng = np.random.default_rng(seed)
    n = len(landscape.frame)
    splitting = (10 ** rng.uniform(-5, 0, n)).astype(np.float32)
    frame = landscape.frame[KEYS].assign(
        probability_double_well=rng.random(n).astype(np.float32),
        predicted_splitting=splitting,
        splitting_low=splitting * (10 ** rng.uniform(-1, 0, n)).astype(np.float32),
        probability_tls=(10 ** rng.uniform(-6, 0, n)).astype(np.float32),
        rescored=rng.random(n) < rescored,
    )
    tables.write(frame, path, tables.schema("predictions"))
    return frame


def naive_order(rule: str, frame: pd.DataFrame, gate: float) -> pd.DataFrame:
    """All pairs, best first, by plain sorting."""
    if rule == "tls_probability":
        return frame.sort_values("probability_tls", ascending=False)
    if rule == "smallest_delta_e":
        return frame.sort_values("delta_e")
    above = frame[frame["probability_double_well"] >= gate]
    below = frame.drop(above.index).sort_values("probability_double_well", ascending=False)
    name = {"lowest_splitting": "predicted_splitting", "lower_confidence": "splitting_low"}[rule]
    return pd.concat([above.sort_values(name), below])


def test_initial_strata_have_the_shares_of_the_config(landscape, make_config, tmp_path):
    loop = {"initial_paths": 205, "initial_transition_share": 0.5, "initial_close_share": 0.2}
    stage.select(make_config(loop=loop), 0, landscape.files, tmp_path)
    chosen = read_batches(tmp_path)
    assert chosen["stratum"].value_counts().to_dict() == {
        "transitions": 102,
        "close": 41,
        "far": 62,
    }
    assert set(chosen["iteration"]) == {0}
    assert chosen[selection.PREDICTED].isna().all(axis=None)
    assert not chosen.duplicated(KEYS).any()
    pairs = chosen.merge(landscape.frame, on=KEYS)
    some = pairs["transitions_ab"] + pairs["transitions_ba"] > 0
    close = pairs["total_displacement"] < 1.0
    assert (some == (pairs["stratum"] == "transitions")).all()
    assert ((~some & close) == (pairs["stratum"] == "close")).all()
    assert set(pairs["glass"]) == {"A", "B"}


def test_initial_selection_depends_on_the_seed_only(landscape, make_config, tmp_path, monkeypatch):
    config = make_config()
    whole = selection.initial(config, landscape.files)
    for rows in (1, 13, 500):
        if rows > 1:
            monkeypatch.setattr(tables, "BATCH_ROWS", rows)
        again = selection.initial(config, landscape.files[::-1])
        pd.testing.assert_frame_equal(again, whole)
    other = selection.initial(make_config(seed=2), landscape.files)
    assert set(keys(other)) != set(keys(whole))
    assert other["stratum"].tolist() == whole["stratum"].tolist()


def test_every_pair_of_a_stratum_is_equally_likely(landscape, make_config):
    loop = {"initial_paths": 100, "initial_transition_share": 0.0, "initial_close_share": 0.0}
    far = landscape.frame[selection.strata(landscape.frame, 1.0) == 2]
    picked = pd.concat(
        selection.initial(make_config(seed=seed, loop=loop), landscape.files) for seed in range(20)
    )
    share = (far["glass"] == "A").mean()
    found = (picked["glass"] == "A").mean()
    assert abs(found - share) < 4 * np.sqrt(share * (1 - share) / len(picked))
    assert picked.duplicated(KEYS).sum() > 0  # seeds draw independently


@given(
    st.integers(0, 50),
    st.floats(0, 1),
    st.floats(0, 1),
    st.tuples(*[st.integers(0, 40)] * 3),
)
@settings(deadline=None)
def test_quotas_fill_up_from_the_other_strata(size, first, second, available):
    shares = [first, (1 - first) * second]
    counts = selection.quotas(size, shares, available)
    assert sum(counts) == min(size, sum(available))
    assert all(0 <= count <= there for count, there in zip(counts, available, strict=True))


def test_quotas_fill_transitions_first_then_close():
    assert selection.quotas(100, [0.5, 0.4], [10, 200, 200]) == [10, 80, 10]
    assert selection.quotas(100, [0.5, 0.4], [200, 200, 3]) == [57, 40, 3]
    assert selection.quotas(100, [0.5, 0.4], [55, 20, 200]) == [55, 20, 25]


def test_a_selection_of_more_than_there_is_takes_all_and_leaves_empty_batches(
    landscape, make_config, tmp_path
):
    n = len(landscape.frame)
    config = make_config(loop={"initial_paths": n + 1000}, paths={"batch": 400})
    stage.select(config, 0, landscape.files, tmp_path)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == [f"batch-{i:03d}.parquet" for i in range(10)]
    assert -(-(n + 1000) // 400) == 10
    assert set(keys(read_batches(tmp_path))) == set(keys(landscape.frame))
    assert len(tables.read(files[-1])) == 0
    strata = selection.strata(landscape.frame, 1.0)
    expected = {name: int((strata == i).sum()) for i, name in enumerate(selection.STRATA)}
    assert read_batches(tmp_path)["stratum"].value_counts().to_dict() == expected


@pytest.mark.parametrize(
    "rule", ["lowest_splitting", "tls_probability", "lower_confidence", "smallest_delta_e"]
)
def test_next_batch_equals_a_sort_of_everything(
    landscape, make_config, tmp_path, monkeypatch, rule
):
    predictions = tmp_path / "predictions.parquet"
    frame = predictions_table(landscape, predictions)
    config = make_config(loop={"gate": 0.6, "paths_per_iteration": 120, "acquisition": rule})
    solved = frame.sample(300, random_state=1)
    free = frame.assign(delta_e=landscape.frame["delta_e"]).drop(solved.index)
    naive = naive_order(rule, free, 0.6).head(120)
    for rows in (97, None):
        monkeypatch.setattr(tables, "BATCH_ROWS", rows or 10**6)
        chosen = selection.following(config, 2, landscape.files, [predictions], PairSet(solved))
        assert keys(chosen) == keys(naive)
        for name in selection.PREDICTED:
            np.testing.assert_array_equal(chosen[name], naive[name])
        assert set(chosen["stratum"]) == {rule}


@pytest.mark.parametrize("rule", ["lowest_splitting", "lower_confidence"])
def test_too_few_above_the_gate_are_filled_by_probability(landscape, make_config, tmp_path, rule):
    predictions = tmp_path / "predictions.parquet"
    frame = predictions_table(landscape, predictions)
    above = frame[frame["probability_double_well"] >= 0.99]
    size = len(above) + 15
    config = make_config(loop={"gate": 0.99, "paths_per_iteration": size, "acquisition": rule})
    chosen = selection.following(config, 1, [], [predictions], PairSet())
    assert set(keys(chosen[: len(above)])) == set(keys(above))
    assert set(chosen["stratum"][: len(above)]) == {rule}
    below = frame[frame["probability_double_well"] < 0.99]
    best = below.sort_values("probability_double_well", ascending=False).head(15)
    assert keys(chosen[len(above) :]) == keys(best)
    assert (chosen["stratum"] == selection.BELOW_GATE).sum() == 15


@pytest.mark.parametrize("rule", ["lowest_splitting", "tls_probability", "lower_confidence"])
def test_pairs_that_the_ensembles_have_not_seen_come_last(landscape, make_config, tmp_path, rule):
    """Whatever the screen says of them: their probabilities are not those of the ensembles."""
    predictions = tmp_path / "predictions.parquet"
    frame = predictions_table(landscape, predictions, rescored=0.02)
    seen, unseen = frame[frame["rescored"]], frame[~frame["rescored"]]
    size = len(seen) + 20
    config = make_config(loop={"paths_per_iteration": size, "acquisition": rule})
    chosen = selection.following(config, 1, [], [predictions], PairSet())
    expected = [naive_order(rule, part, config.loop.gate) for part in (seen, unseen)]
    assert keys(chosen) == [*keys(expected[0]), *keys(expected[1].head(20))]
    late = chosen["stratum"] == selection.SCREENED_OUT
    assert late.sum() == 20
    assert late[len(seen) :].all()


def test_a_tls_certain_to_the_screen_stays_behind_the_most_unlikely_of_the_ensembles(
    landscape, make_config, tmp_path
):
    """The order of the two groups holds at the ends of the scores too."""
    predictions = tmp_path / "predictions.parquet"
    frame = predictions_table(landscape, predictions)
    frame = frame.assign(
        probability_double_well=np.float32(1.0), splitting_low=np.float32(0.0),
        predicted_splitting=np.float32(0.0), probability_tls=np.float32(1.0), rescored=False,
    )  # fmt: skip
    seen = frame.index[:7]
    values = {
        "probability_double_well": 0.0, "splitting_low": 1e3, "predicted_splitting": 1e3,
        "probability_tls": 0.0,
    }  # fmt: skip
    for name, value in values.items():
        frame.loc[seen, name] = np.float32(value)
    frame.loc[seen, "rescored"] = True
    tables.write(frame, predictions, tables.schema("predictions"))
    for rule in ("lowest_splitting", "tls_probability", "lower_confidence"):
        config = make_config(loop={"paths_per_iteration": 10, "acquisition": rule})
        chosen = selection.following(config, 1, [], [predictions], PairSet())
        assert set(keys(chosen[:7])) == set(keys(frame.loc[seen]))
        assert set(chosen["stratum"][7:]) == {selection.SCREENED_OUT}


def test_equal_predictions_are_broken_at_random(landscape, make_config, tmp_path):
    predictions = tmp_path / "predictions.parquet"
    frame = landscape.frame[KEYS].assign(
        probability_double_well=0.9, predicted_splitting=0.002, splitting_low=0.001,
        probability_tls=0.3, rescored=True,
    )  # fmt: skip
    tables.write(frame, predictions, tables.schema("predictions"))
    first = selection.following(make_config(), 1, [], [predictions], PairSet())
    later = selection.following(make_config(), 2, [], [predictions], PairSet())
    assert set(first["glass"]) == {"A", "B"}
    assert set(keys(first)) != set(keys(later))


def test_random_acquisition_excludes_solved_pairs(landscape, make_config, tmp_path):
    predictions = tmp_path / "predictions.parquet"
    frame = predictions_table(landscape, predictions, rescored=0.1)
    left = frame.sample(40, random_state=2)
    solved = frame.drop(left.index)
    config = make_config(loop={"acquisition": "random"})
    chosen = selection.following(config, 1, [], [predictions], PairSet(solved))
    assert set(keys(chosen)) == set(keys(left))
    assert set(chosen["stratum"]) == {"random"}


def test_random_acquisition_does_not_care_for_the_screen(landscape, make_config, tmp_path):
    predictions = tmp_path / "predictions.parquet"
    frame = predictions_table(landscape, predictions, rescored=0.1)
    config = make_config(loop={"acquisition": "random", "paths_per_iteration": 500})
    chosen = selection.following(config, 1, [], [predictions], PairSet())
    seen = chosen[KEYS].merge(frame, on=KEYS)["rescored"].mean()
    assert abs(seen - frame["rescored"].mean()) < 4 * np.sqrt(0.09 / 500)


def test_standard_acquisition_takes_most_transitions_and_looks_up_predictions(
    landscape, make_config, tmp_path
):
    predictions = tmp_path / "predictions.parquet"
    frame = predictions_table(landscape, predictions)
    config = make_config(loop={"acquisition": "standard", "paths_per_iteration": 30})
    chosen = selection.following(config, 1, landscape.files, [predictions], PairSet())
    smaller = landscape.frame[["transitions_ab", "transitions_ba"]].min(axis=1)
    found = chosen.merge(landscape.frame, on=KEYS)[["transitions_ab", "transitions_ba"]].min(axis=1)
    assert sorted(found, reverse=True) == sorted(smaller, reverse=True)[:30]
    exact = chosen[KEYS].merge(frame, on=KEYS)
    for name in selection.PREDICTED:
        np.testing.assert_array_equal(chosen[name], exact[name])


def test_next_selection_excludes_solved_pairs_and_keeps_predictions(
    first_iteration, landscape, tmp_path
):
    run = first_iteration
    stage.select(run.config, 1, landscape.files, tmp_path, run.paths, run.predictions)
    chosen = read_batches(tmp_path)
    assert len(sorted(tmp_path.iterdir())) == 2
    assert len(chosen) == 60
    assert set(chosen["iteration"]) == {1}
    solved = set(keys(tables.read(run.paths, only=KEYS)))
    assert not solved & set(keys(chosen))
    predicted = chosen[KEYS].merge(tables.read(run.predictions[0]), on=KEYS)
    for name in selection.PREDICTED:
        np.testing.assert_array_equal(chosen[name], predicted[name].astype(float))


def test_predictions_of_an_older_version_are_refused(landscape, make_config, tmp_path):
    predictions = tmp_path / "predictions.parquet"
    frame = predictions_table(landscape, predictions)
    old = tables.FIXED["predictions"][:5]
    tables.write(frame, predictions, tables.schema("predictions", old))
    with pytest.raises(InputError, match=r"lacks the column\(s\) probability_tls, rescored"):
        selection.following(make_config(), 1, [], [predictions], PairSet())


def test_selecting_after_iteration_0_needs_paths_and_predictions(landscape, make_config, tmp_path):
    config = make_config()
    with pytest.raises(InputError, match="needs the paths solved so far"):
        stage.select(config, 1, landscape.files, tmp_path)
    with pytest.raises(InputError, match="no table was given"):
        selection.following(config, 1, landscape.files, [], PairSet())


@pytest.mark.parametrize("most", [10, 1000])
def test_standard_selection_counts_and_excludes(
    landscape, make_config, tmp_path, write_paths, solved_pairs, most
):
    config = make_config(loop={"standard_transitions": 2, "standard_paths": most})
    smaller = landscape.frame[["transitions_ab", "transitions_ba"]].min(axis=1)
    qualifying = landscape.frame[smaller >= 2]
    assert 20 < len(qualifying) < 1000
    output = tmp_path / "selection.parquet"
    stage.select_standard(config, landscape.files, None, output)
    sample = tables.read(output)
    assert len(sample) == min(most, len(qualifying))
    assert set(keys(sample)) <= set(keys(qualifying))
    assert set(sample["iteration"]) == {-1}
    assert set(sample["stratum"]) == {"standard"}

    known = landscape.frame.merge(sample[KEYS][:4], on=KEYS)
    paths = write_paths(solved_pairs(known, 0), tmp_path / "paths.parquet")
    stage.select_standard(config, landscape.files, paths, output)
    rest = tables.read(output)
    assert set(keys(rest)) == set(keys(sample)) - set(keys(known))
    assert json.loads(output.with_suffix(".json").read_text()) == {
        "qualifying": len(qualifying),
        "sampled": len(sample),
        "already_solved": 4,
        "to_solve": len(sample) - 4,
    }


def test_no_standard_pairs_at_all(landscape, make_config, tmp_path):
    config = make_config(loop={"standard_transitions": 10_000})
    output = tmp_path / "selection.parquet"
    stage.select_standard(config, landscape.files, None, output)
    assert len(tables.read(output)) == 0
    assert json.loads(output.with_suffix(".json").read_text())["qualifying"] == 0
