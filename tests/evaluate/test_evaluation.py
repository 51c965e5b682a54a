"""Evaluation on labelled tables: one small real one, the rest with models that cost nothing."""

import tempfile
from types import SimpleNamespace

import numpy as np
import pytest
from made_up_pairs import REQUIRED, SETTINGS, THRESHOLD, leaves, make_table, run, timeless

from tlsfind import tables
from tlsfind.evaluate import held_out
from tlsfind.evaluate.report import DESCRIPTIONS, lines
from tlsfind.learn import labelled


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Ensembles of AutoGluon, with a temporary folder of its own."""
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        result = run(make_table(pairs=80), folds=2)
    return SimpleNamespace(result=result, folder=folder)


def test_real_models(real):
    found = leaves(real.result)
    assert all(isinstance(found[key], int | float) for key in REQUIRED)
    for split in ("random", "grouped"):
        assert found[f"classifier.{split}.accuracy"] > 0.85
        assert found[f"splitting.{split}.r_log"] > 0.8
        assert 0 <= found[f"screen.{split}.recall_tls"] <= 1
    assert found["screen.recall_tls"] == found["screen.random.recall_tls"]
    assert 0 < found["screen.microseconds_per_pair"] < 100
    assert found["screen.pairs_timed"] >= 200_000
    assert found["ensemble.megabytes"] > 0
    assert real.result["barrier"] is None
    assert any("barrier is null: the table has no" in note for note in real.result["notes"])
    assert real.result["time_limit_struck"] is False
    assert real.result["settings"]["learn"]["rounds"] == 20


def test_no_model_folder_is_left(real):
    assert list(real.folder.iterdir()) == []


def test_every_key_is_described(real, fakes):
    with_barrier = make_table()
    with_barrier["barrier"] = with_barrier["quantum_splitting"] * 3
    for result in (real.result, run(with_barrier, modes=["log", "paper"])):
        for path in leaves(result):
            if path.startswith(("description.", "settings.", "data.files", "data.joined")):
                continue
            parts = path.split(".")
            if parts[0] == "splitting_paper":
                parts[0] = "splitting"
            if len(parts) > 2 and parts[2] in ("over_folds", "over_repeats"):
                parts = ["SPLIT", parts[2]]
            generic = ".".join("SPLIT" if p in ("random", "grouped") else p for p in parts)
            assert generic in DESCRIPTIONS, path


def test_keys_do_not_describe_what_is_not_there(fakes):
    frame = make_table()
    frame["barrier"] = frame["quantum_splitting"] * 3
    result = run(frame)
    for key in DESCRIPTIONS:
        if key.startswith(("SPLIT", "splitting_paper")):
            continue
        content = result
        for part in key.replace("SPLIT", "random").split("."):
            assert part in content, key
            content = content[part]


def test_rows_of_a_glass_never_straddle_the_grouped_split(fakes):
    frame = make_table()
    run(frame)
    grouped = [call for call in fakes.calls if call.settings.split == "glass"]
    by_row = [call for call in fakes.calls if call.settings.split == "row"]
    assert len(grouped) == len(by_row) == 6  # classifier and predictor for each of 3 folds
    for call in grouped:
        held = set(frame["glass"]) - call.glasses
        assert len(held) == 2
        assert call.glasses & held == set()
    for call in by_row:
        assert call.glasses == set(frame["glass"])
    for fold in fakes.screen_folds[:3]:  # by row: the screen deals out its own folds
        assert fold is None
    for call, fold in zip(grouped[::2], fakes.screen_folds[3:], strict=True):
        glasses = frame["glass"].to_numpy()[call.rows]
        assert len(set(zip(glasses, fold, strict=True))) == 4


def test_held_out_rows_are_not_trained_on(fakes):
    frame = make_table()
    table = labelled.check(frame, tables.feature_names(3), "test")
    task = held_out.Task(table, SETTINGS, THRESHOLD, ("log",), 1, 3, 1)
    for split in ("row", "glass"):
        fakes.calls.clear()
        fold = held_out.outer_folds(task, split, 0)
        held = held_out.predict(task, split, fold, 0, lambda n=1: None)
        assert np.isfinite(held.probability).all()
        trained = [call.rows for call in fakes.calls if call.kind == "classifier"]
        for number, rows in enumerate(trained):
            assert set(rows) == set(np.flatnonzero(fold != number))


def test_tls_are_in_every_fold_by_row():
    frame = make_table()
    table = labelled.check(frame, tables.feature_names(3), "test")
    task = held_out.Task(table, SETTINGS, THRESHOLD, ("log",), 1, 5, 1)
    fold = held_out.outer_folds(task, "row", 0)
    tls = np.bincount(fold[table.is_tls(THRESHOLD)], minlength=5)
    wells = np.bincount(fold[table.is_double_well], minlength=5)
    assert np.ptp(tls) <= 1
    assert np.ptp(wells) <= 2


def test_same_seed_same_numbers(fakes):
    first, second = run(make_table()), run(make_table())
    assert timeless(first) == timeless(second)
    other = run(make_table(), seed=2)
    assert other["classifier"]["random"]["log_loss"] != first["classifier"]["random"]["log_loss"]
    seeds = [call.seed for call in fakes.calls[:6]]
    assert len(set(seeds)) == 6  # each training has its own


def test_repeats_are_averaged(fakes):
    result = run(make_table(), repeats=2)
    assert len(fakes.calls) == 24
    random = result["classifier"]["random"]
    assert random["over_repeats"]["log_loss"] > 0
    assert random["over_folds"]["log_loss"] > 0
    assert result["settings"]["repeats"] == 2
    assert not any("over_repeats" in note for note in result["notes"])
    once = run(make_table())
    assert once["classifier"]["random"]["over_repeats"] is None
    assert any("over_repeats is null" in note for note in once["notes"])


def test_modes(fakes):
    result = run(make_table(), modes=["log", "paper"])
    assert result["splitting"]["mode"] == "log"
    assert result["splitting_paper"]["mode"] == "paper"
    assert result["splitting_paper"]["random"]["r_log"] > 0.9
    targets = [c.settings.splitting_target for c in fakes.calls if c.kind == "predictor"]
    assert sorted(set(targets)) == ["log", "paper"]
    alone = run(make_table(), modes=["paper"])
    assert alone["splitting"]["mode"] == "paper"
    assert "splitting_paper" not in alone


def test_barriers(fakes):
    frame = make_table()
    frame["barrier"] = frame["quantum_splitting"]  # the law that the fakes know
    result = run(frame)
    for split in ("random", "grouped"):
        assert result["barrier"][split]["r_log"] > 0.9
        assert "average_precision_tls" not in result["barrier"][split]
    assert result["data"]["double_wells_with_barrier"] == result["data"]["double_wells"]


def test_printed_table(fakes):
    text = "\n".join(lines(run(make_table())))
    assert "random   grouped" in text
    assert "average_precision_tls" in text
    assert "note: barrier is null" in text
    text = "\n".join(lines(run(make_table(glasses=1, pairs=400))))
    assert " -" in text  # grouped
