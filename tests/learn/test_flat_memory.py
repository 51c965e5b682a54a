"""What reads all pairs keeps none of them: eight times the rows take the same memory."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tlsfind import tables
from tlsfind.learn import assessment, prediction, selection, training
from tlsfind.pairs.keys import KEYS, PairSet, join_columns

BATCH = 2000
FEW, MANY = 20_000, 160_000
ROOM = 400_000  # bytes; one column of the rows between FEW and MANY takes 1.1 MB
PAIRS = tables.schema("pairs", tables.pairs_columns(3))


def write(folder, rows):
    """A pairs and a predictions table of ``rows`` rows, in row groups of one batch."""
    rng = np.random.default_rng(1)
    files = {}
    for name, schema in (("pairs", PAIRS), ("predictions", tables.schema("predictions"))):
        files[name] = folder / f"{name}-{rows}.parquet"
        with tables.writer(files[name], schema) as out:
            for begin in range(0, rows, BATCH):
                frame = pd.DataFrame(
                    rng.random((BATCH, len(schema))).astype(np.float32), columns=schema.names
                )
                row = np.arange(begin, begin + BATCH)
                keys = {"glass": "A", "minimum_a": row // 1000, "minimum_b": 1000 + row % 1000}
                frame = frame.assign(**keys)
                if name == "pairs":
                    frame["transitions_ab"] = rng.integers(0, 6, BATCH)
                    frame["transitions_ba"] = rng.integers(0, 6, BATCH)
                else:
                    frame["rescored"] = rng.random(BATCH) < 0.1
                out.write_table(tables.to_arrow(frame, schema))
    return SimpleNamespace(rows=rows, **files)


@pytest.fixture(scope="module")
def sizes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sizes")
    return [write(folder, rows) for rows in (FEW, MANY)]


class NoModels:
    """In the place of trained models: predictions that cost nothing."""

    features = tables.feature_names(3)
    screen = SimpleNamespace(features=features)

    def columns(self, x, features_of):
        names = tables.schema("predictions").names[3:-1]
        values = {name: np.full(len(x), 0.5, np.float32) for name in names}
        return {**values, "rescored": np.zeros(len(x), bool)}


def predict(config, files, solved):
    output = files.predictions.with_suffix(".new")
    prediction.predict_table(config, NoModels(), [files.pairs], output)
    assert tables.open_file(output).metadata.num_rows == files.rows


def assess(config, files, solved):
    rest = assessment.remaining([files.predictions], PairSet(solved))
    assert rest.pairs == files.rows - len(solved)


USES = {
    "initial": lambda config, files, solved: selection.initial(config, [files.pairs]),
    "following": lambda config, files, solved: selection.following(
        config, 1, [files.pairs], [files.predictions], PairSet(solved)
    ),
    "standard": lambda config, files, solved: selection.standard(
        config, [files.pairs], PairSet(solved)
    ),
    "pool": lambda config, files, solved: training.pool_sample(config, [files.pairs], 1),
    "features": lambda config, files, solved: join_columns(
        solved, [files.pairs], NoModels.features, "paths"
    ),
    "predict": predict,
    "assess": assess,
}


@pytest.mark.parametrize("use", USES)
def test_memory_does_not_grow_with_the_number_of_pairs(use, sizes, make_config, monkeypatch):
    monkeypatch.setattr(tables, "BATCH_ROWS", BATCH)
    monkeypatch.setattr(prediction, "ROWS", BATCH)
    config = make_config(
        loop={"initial_paths": 200, "paths_per_iteration": 100, "standard_paths": 200},
        learn={"pool_sample": 1000},
    )
    row = np.arange(300)
    solved = pd.DataFrame({"glass": "A", "minimum_a": row // 1000, "minimum_b": 1000 + row})
    assert list(solved) == KEYS
    peaks = []
    usual = pa.default_memory_pool()
    for files in (sizes[0], *sizes):  # the first time also imports and fills caches
        pool = pa.proxy_memory_pool(usual)
        pa.set_memory_pool(pool)
        tracemalloc.start()
        try:
            USES[use](config, files, solved)
            peaks.append(tracemalloc.get_traced_memory()[1] + (pool.max_memory() or 0))
        finally:
            tracemalloc.stop()
            pa.set_memory_pool(usual)
    assert peaks[2] - peaks[1] < ROOM, peaks
