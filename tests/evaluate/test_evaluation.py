"""Evaluation on labelled tables: one small real one, the rest with models that cost nothing."""

import json
import tempfile
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from authors_tables import FEATURES
from tlsfind import tables
from tlsfind.cli import evaluate as command
from tlsfind.config import Learn
from tlsfind.errors import InputError, TlsfindError, TrainingError
from tlsfind.evaluate import held_out, speed
from tlsfind.evaluate import source as evaluation_input
from tlsfind.evaluate import stage as evaluation
from tlsfind.evaluate.report import DESCRIPTIONS, lines
from tlsfind.learn import labelled, screen
from tlsfind.learn.ensemble import Trained

THRESHOLD = 0.0015
SETTINGS = Learn(rounds=20, trees=10, folds=2, models=["lightgbm"], screen_rounds=20)
REQUIRED = [
    "classifier.random.accuracy",
    "classifier.grouped.accuracy",
    "splitting.random.r_log",
    "splitting.grouped.r_log",
    "splitting.random.average_precision_tls",
    "splitting.grouped.average_precision_tls",
    "splitting.random.recall_at_twice_threshold",
    "splitting.grouped.recall_at_twice_threshold",
    "splitting.random.precision_at_twice_threshold",
    "splitting.grouped.precision_at_twice_threshold",
    "screen.microseconds_per_pair",
    "screen.recall_tls",
    "screen.share_rescored",
    "screen.random.recall_tls",
    "screen.grouped.recall_tls",
    "tls.random.average_precision",
    "ensemble.microseconds_per_pair",
    "ensemble.megabytes",
]


def make_table(glasses: int = 6, pairs: int = 120, seed: int = 0) -> pd.DataFrame:
    """Pairs whose exact results follow from their features."""
    rng = np.random.default_rng(seed)
    n = glasses * pairs
    d = rng.uniform(0.2, 1.8, n)
    number = np.arange(n) % pairs
    frame = pd.DataFrame(
        {
            "glass": np.repeat([f"g{k}" for k in range(glasses)], pairs),
            "minimum_a": number.astype(np.int32),
            "minimum_b": (number + 1000).astype(np.int32),
            "delta_e": rng.exponential(0.02, n),
            "total_displacement": d,
            "participation_ratio": rng.uniform(1, 30, n),
            "transitions_ab": rng.poisson(1.0, n).astype(np.int32),
            "transitions_ba": rng.poisson(1.0, n).astype(np.int32),
            "preparation_temperature": 0.062,
            "unit_system": "argon",
        }
    )
    for k in (1, 2, 3):
        frame[f"displacement_{k}"] = d / (k + 1)
    for k in (2, 3):
        frame[f"distance_1_{k}"] = rng.uniform(0.8, 2.5, n)
    frame["is_double_well"] = d + 0.05 * rng.normal(size=n) < 1.1
    splitting = np.hypot(0.3 * frame["delta_e"], 0.02 * np.exp(-4.0 * d))
    frame["quantum_splitting"] = splitting.where(frame["is_double_well"])
    frame["barrier"] = np.nan
    return frame[[name for name, _, _ in tables.labelled_columns(3)]]


def source(frame: pd.DataFrame) -> evaluation_input.Source:
    table = labelled.check(frame, tables.feature_names(3), "test")
    report = {"files": [], "joined": {}, "notes": []}
    return evaluation_input.Source(table, "test", "test.parquet", report)


def leaves(content, prefix: str = "") -> dict[str, object]:
    """Values by dotted path; lists are values."""
    found: dict[str, object] = {}
    for key, value in content.items():
        if isinstance(value, dict) and value:
            found |= leaves(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def timeless(result) -> dict[str, object]:
    """Everything that must not depend on how long it took."""
    return {k: v for k, v in leaves(result).items() if "seconds" not in k}


class FakeScreen:
    """Knows the law without noise; its cutoff is that of :class:`screen.Screen`."""

    admit = screen.Screen.admit

    def __init__(self, bound: float) -> None:
        self.bound, self.cutoff = bound, 1.0

    def predict(self, frame: pd.DataFrame) -> screen.Predictions:
        d = frame["total_displacement"].to_numpy()
        exact = np.hypot(0.3 * frame["delta_e"].to_numpy(), 0.02 * np.exp(-4.0 * d))
        probability = 1 / (1 + np.exp(-8 * (1.1 - d)))
        below = 1 / (1 + np.exp(-30 * (-np.log10(exact) - self.bound)))
        return screen.Predictions(probability, -np.log10(exact), probability * below)


class Fakes:
    """Models that know the law of :func:`make_table` up to noise of their seed."""

    def __init__(self) -> None:
        self.calls: list[SimpleNamespace] = []
        self.screen_folds: list[np.ndarray | None] = []
        self.notes: list[str] = []
        self.struck = False
        self.error: str | None = None

    def install(self, monkeypatch) -> None:
        fakes = self

        def fit(kind):
            def run(features, value, folder, settings, seed, glasses, *rest):
                if fakes.error:
                    raise TrainingError(fakes.error)
                folder.mkdir(parents=True)
                (folder / "seed").write_text(str(seed))
                call = SimpleNamespace(
                    kind=kind, settings=settings, seed=seed, glasses=set(glasses),
                    rows=features.index, rest=rest,
                )  # fmt: skip
                fakes.calls.append(call)
                return Trained(np.zeros(len(features)), fakes.struck, list(fakes.notes))

            return run

        def fit_screen(features, is_double_well, target, bound, *, rounds, seed, fold, threads):
            self.screen_folds.append(fold)
            fake = FakeScreen(bound)
            return screen.Trained(fake, fake.predict(features))

        class Classifier:
            def __init__(self, folder, threads):
                self.rng = np.random.default_rng(int((folder / "seed").read_text()))

            def probability(self, frame):
                x = 8 * (1.1 - frame["total_displacement"]) + self.rng.normal(size=len(frame))
                return (1 / (1 + np.exp(-x))).to_numpy()

        class Predictor(Classifier):
            def target(self, frame):
                d = frame["total_displacement"]
                exact = np.hypot(0.3 * frame["delta_e"], 0.02 * np.exp(-4.0 * d))
                return (-np.log10(exact) + 0.05 * self.rng.normal(size=len(d))).to_numpy()

            def below(self, target, threshold):
                return 1 / (1 + np.exp(-30 * (target + np.log10(threshold))))

        monkeypatch.setattr(
            held_out, "classifier", SimpleNamespace(fit=fit("classifier"), Classifier=Classifier)
        )
        real = held_out.predictor
        monkeypatch.setattr(
            held_out,
            "predictor",
            SimpleNamespace(fit=fit("predictor"), Predictor=Predictor, to_target=real.to_target),
        )
        monkeypatch.setattr(
            held_out,
            "screen",
            SimpleNamespace(fit=fit_screen, folds_by_glass=screen.folds_by_glass),
        )
        monkeypatch.setattr(speed, "SCREEN_PAIRS", 500)
        monkeypatch.setattr(speed, "ENSEMBLE_PAIRS", 500)


@pytest.fixture
def fakes(monkeypatch):
    made = Fakes()
    made.install(monkeypatch)
    return made


def run(frame: pd.DataFrame, **changes):
    settings = changes.pop("settings", SETTINGS)
    keywords = {"threshold": THRESHOLD, "seed": 1, "folds": 3, **changes}
    result = evaluation.evaluate(source(frame), settings, **keywords)
    json.dumps(result, allow_nan=False)  # no NaN, no numpy types
    return result


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


def test_no_tls(fakes):
    frame = make_table()
    frame["quantum_splitting"] += 0.002
    result = run(frame)
    assert result["data"]["tls"] == 0
    assert result["splitting"]["random"]["average_precision_tls"] is None
    assert result["splitting"]["random"]["recall_at_twice_threshold"] is None
    assert result["splitting"]["random"]["r_log"] is not None
    assert result["screen"]["recall_tls"] is None
    assert result["screen"]["grouped"]["share_rescored"] is not None
    expected = "splitting.random.average_precision_tls is null: no TLS among these pairs"
    assert expected in result["notes"]


def test_one_glass(fakes):
    result = run(make_table(glasses=1, pairs=400))
    assert result["classifier"]["random"]["accuracy"] > 0.8
    for name in ("classifier", "splitting", "tls", "screen"):
        assert result[name]["grouped"] is None
    assert any(note.startswith("grouped is null everywhere: all 400") for note in result["notes"])


def test_two_glasses_leave_no_inner_folds_by_glass(fakes):
    result = run(make_table(glasses=2, pairs=300))
    assert result["screen"]["grouped"]["recall_tls"] is not None
    assert any("2 outer folds, because there are 2 glasses" in note for note in result["notes"])
    assert any(note.startswith("screen.grouped, trained without") for note in result["notes"])


def test_double_wells_only(fakes):
    frame = make_table()
    result = run(frame[frame["is_double_well"]])
    assert result["classifier"] is None
    assert result["tls"] is None
    assert result["ensemble"] is None
    assert result["splitting"]["random"]["r_log"] > 0.9
    assert result["screen"]["microseconds_per_pair"] is None
    assert result["screen"]["random"] is None
    reason = "classifier is null: the table has no pairs that are no double wells"
    assert reason in result["notes"]


def test_no_splittings(fakes):
    result = run(make_table().assign(quantum_splitting=np.nan))
    assert result["splitting"] is None
    assert result["classifier"]["grouped"]["accuracy"] > 0.8


def test_nothing_to_train_on(fakes):
    frame = make_table()
    with pytest.raises(InputError, match="nothing to evaluate: the table has no double wells"):
        run(frame[~frame["is_double_well"]])
    with pytest.raises(InputError, match="expected at least 20"):
        run(frame.iloc[:30])


def test_too_few_by_glass_alone(fakes):
    """All other pairs are of one glass, so that none is left where it is held out."""
    frame = make_table()
    frame = frame[frame["is_double_well"] | (frame["glass"] == "g0")]
    result = run(frame)
    assert result["classifier"]["random"]["accuracy"] > 0.5
    assert result["classifier"]["grouped"] is None
    assert any(
        note.startswith("classifier.grouped is null") and "min_double_wells" in note
        for note in result["notes"]
    )


def test_fallbacks_are_reported(fakes):
    fakes.notes, fakes.struck = ["feature(s) x constant, not used"], True
    result = run(make_table())
    assert result["time_limit_struck"] is True
    constant = "classifier.random, trained without fold 1, 2, 3: feature(s) x constant, not used"
    assert constant in result["notes"]
    assert any("time limit: the training was cut short" in note for note in result["notes"])


def test_errors_say_which_training(fakes):
    fakes.error = "the time limit ended before one model"
    with pytest.raises(TrainingError, match="classifier, folds at random, without fold 1: the"):
        run(make_table())


def test_printed_table(fakes):
    text = "\n".join(lines(run(make_table())))
    assert "random   grouped" in text
    assert "average_precision_tls" in text
    assert "note: barrier is null" in text
    text = "\n".join(lines(run(make_table(glasses=1, pairs=400))))
    assert " -" in text  # grouped


AUTHORS = {
    "glass": "conf",
    "minimum_a": "i2",
    "minimum_b": "j2",
    **{ours: theirs for theirs, ours in FEATURES.items()},
}


def write_authors(folder) -> None:
    """The two tables of another temperature, and nothing else, with a row to be dropped."""
    frame = make_table()
    frame["glass"] = frame["glass"].str[1:].astype(int)
    frame.loc[0, "total_displacement"] = 1e-5
    pairs = frame.rename(columns=AUTHORS)[list(AUTHORS.values())]
    energies = {"i": 0.2 + 1e-6 * pairs["i2"], "j": 0.2 + 1e-6 * pairs["j2"]}
    pairs = pairs.assign(**energies)
    wells = frame["is_double_well"]
    both = pairs.assign(is_dw=wells.astype(int))
    both.to_feather(folder / "pretraining-classifier-T0062.feather")
    splittings = pairs.assign(quantum_splitting=frame["quantum_splitting"])[wells]
    splittings.reset_index(drop=True).to_feather(folder / "pretraining-predictor-T0062.feather")


def call(*arguments):
    app = typer.Typer()
    command.register(app)
    return CliRunner().invoke(app, ["evaluate", *(str(argument) for argument in arguments)])


def test_command_on_the_authors_tables(fakes, tmp_path):
    write_authors(tmp_path)
    out = tmp_path / "new" / "out.json"
    done = call(
        "--authors", tmp_path, "--label", "T0062", "--json", out, "--time-limit", 100, "--seed", 0,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "random   grouped" in done.output
    result = json.loads(out.read_text())
    assert set(REQUIRED) <= set(leaves(result))
    assert result["settings"]["learn"]["time_limit"] == 100
    assert result["settings"]["seed"] == 0
    data = result["data"]
    assert data["label"] == "T0062"
    assert data["glasses"] == 6
    assert data["preparation_temperatures"] == [0.062]
    assert data["dropped"] == sum(sum(file["dropped"].values()) for file in data["files"]) > 0
    assert data["rows"] == 719


def test_command_on_a_table_with_a_config(fakes, tmp_path):
    table, out, config = tmp_path / "pairs.parquet", tmp_path / "out.json", tmp_path / "c.yaml"
    labelled.write(make_table(), table, 3, 0)
    config.write_text(
        "run: {name: t, output: r, seed: 7}\n"
        "glasses: [{preparation_temperature: 0.09, count: 2}]\n"
        "prepare: {blocks: 20}\n"
        "explore: {trajectories: 1, steps: 10, quench_every: 5}\n"
        "learn: {rounds: 33, splitting_target: paper, screen_rounds: 20}\n"
    )
    done = call("--table", table, "--json", out, "--config", config, "--folds", 2, "--threads", 1)
    assert done.exit_code == 0, done.output
    settings = json.loads(out.read_text())["settings"]
    assert settings["seed"] == 7
    assert settings["learn"]["rounds"] == 33
    assert settings["learn"]["time_limit"] == 600
    assert settings["modes"] == ["paper"]
    assert settings["threads"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "exactly one of --table"),
        (["--table", "t.parquet", "--authors", "."], "exactly one of --table"),
        (["--authors", "."], "go together"),
        (["--table", "t.parquet", "--label", "T007"], "go together"),
        (["--table", "absent.parquet"], "absent.parquet"),
        (["--authors", "absent", "--label", "T007"], "absent"),
        (["--table", "t.parquet", "--time-limit", "0"], "time limit of 0 s"),
        (["--table", "t.parquet", "--time-limit", "nan"], "time limit of nan s"),
        (["--table", "t.parquet", "--config", "absent.yaml"], "absent.yaml does not exist"),
    ],
)
def test_bad_arguments(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call(*arguments, "--json", "out.json")
    assert isinstance(done.exception, TlsfindError)  # main() turns it into exit status 2
    assert message in str(done.exception)
    assert not (tmp_path / "out.json").exists()


def test_usage_errors(tmp_path):
    assert call("--table", "t.parquet").exit_code == 2  # no --json
    assert call("--table", "t", "--json", "o", "--folds", 1).exit_code == 2
    assert call("--table", "t", "--json", "o", "--mode", "linear").exit_code == 2


def test_output_is_checked_before_the_work(tmp_path):
    done = call("--table", "absent.parquet", "--json", tmp_path)
    assert isinstance(done.exception, InputError)
    assert "is a folder, expected the name of a JSON file" in str(done.exception)
    (tmp_path / "file").touch()
    done = call("--table", "absent.parquet", "--json", tmp_path / "file" / "below" / "out.json")
    assert isinstance(done.exception, InputError)
    assert "file is a file, expected a folder" in str(done.exception)


def test_no_empty_folder_is_left(tmp_path):
    (tmp_path / "authors").mkdir()
    options = ["--authors", tmp_path / "authors", "--label", "T1", "--json"]
    done = call(*options, tmp_path / "new" / "deep" / "out.json")
    assert isinstance(done.exception, InputError)
    assert not (tmp_path / "new").exists()


def test_unknown_unit_system():
    table = labelled.check(make_table().assign(unit_system="krypton"), tables.feature_names(3), "t")
    with pytest.raises(InputError, match="'krypton', expected one of argon, nip"):
        evaluation_input.threshold_of(table, None)


def test_nan_is_never_written(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        evaluation.write({"value": float("nan")}, tmp_path / "out.json")
    assert list(tmp_path.iterdir()) == []
