"""Time and memory of the stages that stream over all pairs of one glass, on a made-up landscape.

    python benchmarks/streaming.py --minima 6325 --particles 1500
    python benchmarks/streaming.py --minima 20000 --particles 1500 --rows-limit 4000000

Every stage runs in a process of its own. The table says how many rows it handled, how long that
took, its memory at a quarter, half and three quarters of its time, and at most. The landscape
has so many distinct minima, 50 visits each, in ten blocks of trajectories. A minimum is a state of
40 places that can each rearrange, about 20 particles by 0.5 in all; consecutive minima differ in
one of them. Paths are not solved: their results are made up from the features.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.config import Config, parse

GLASS = "T0.07-0000"
BLOCKS = 10
VISITS = 50
PLACES = 40
PATHS = 1500


def make_config(particles: int) -> Config:
    """A config with the defaults of a run, for a glass of ``particles`` particles."""
    return parse(
        {
            "run": {"name": "streaming", "output": "unused"},
            "model": {"n_particles": particles},
            "glasses": [{"preparation_temperature": 0.07, "count": 1}],
            "prepare": {"blocks": 20},
            "explore": {"trajectories": BLOCKS, "steps": 20_000, "quench_every": 20},
            "loop": {"initial_paths": PATHS},
        }
    )


class Landscape:
    """The made-up minima: energies, and positions one by one, the same for the same numbers."""

    def __init__(self, minima: int, particles: int) -> None:
        rng = np.random.default_rng(0)
        self.box = particles ** (1 / 3)
        self.base = rng.uniform(0.0, self.box, (particles, 3))
        centres = rng.choice(particles, PLACES)
        apart = self.base[:, None] - self.base[centres]
        apart -= self.box * np.rint(apart / self.box)
        width = np.exp(-((np.linalg.norm(apart, axis=2) / 1.5) ** 2)).T[..., None]
        fields = width * rng.normal(size=(PLACES, particles, 3))
        self.fields = 0.5 * fields / np.linalg.norm(fields, axis=(1, 2))[:, None, None]
        flips = np.zeros((minima, PLACES), bool)
        flips[np.arange(minima), rng.integers(0, PLACES, minima)] = True
        self.states = np.cumsum(flips, axis=0) % 2 == 1
        self.energies = self.states @ rng.normal(size=PLACES) + rng.normal(size=minima)

    def positions(self, k: int) -> np.ndarray:
        """Positions (N, 3) of minimum ``k``."""
        noise = 1e-3 * np.random.default_rng([1, k]).normal(size=self.base.shape)
        return self.base + self.fields[self.states[k]].sum(axis=0) + noise

    def write_block(self, folder: Path, block: int, members: np.ndarray) -> None:
        """What ``explore`` writes, of the minima ``members`` (m,)."""
        folder.mkdir(parents=True)
        count = len(members)
        arrays = {
            "energies": self.energies[members],
            "max_forces": np.full(count, 1e-7),
            "minimum": np.arange(count, dtype=np.int32),
            "diameters": np.ones(len(self.base)),
            "box": np.array(self.box),
            "glass": np.array(GLASS),
        }
        with zipfile.ZipFile(folder / "minima.npz", "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, array)
            with archive.open("positions.npy", "w", force_zip64=True) as member:
                header = {"descr": "<f8", "fortran_order": False}
                shape = {"shape": (count, *self.base.shape)}
                np.lib.format.write_array_header_1_0(member, {**header, **shape})
                for k in members:
                    member.write(self.positions(k).tobytes())
        number = np.arange(count * VISITS)
        minimum = np.minimum(number // VISITS + number % 2, count - 1)
        visits = pd.DataFrame({"glass": GLASS, "trajectory": block, "step": 20 * (number + 1)})
        visits = visits.assign(minimum=minimum, energy=arrays["energies"][minimum], max_force=1e-7)
        tables.write(visits, folder / "visits.parquet", tables.schema("visits"))


def solved(config: Config, selections: list[Path], pairs: Path, output: Path) -> None:
    """Made-up results of the paths of a selection: close pairs are double wells."""
    from tlsfind.pairs.keys import join_columns

    chosen = tables.read_many(selections)
    rows = join_columns(chosen, [pairs], ["delta_e", "total_displacement"], "the selection")
    rng = np.random.default_rng(2)
    d = rows["total_displacement"].to_numpy()
    wells = d < 1.2 * rng.lognormal(0.0, 0.2, len(d))
    tunnel = 10.0 ** (-1.0 - 3.0 * d + 0.1 * rng.normal(size=len(d)))
    made = {
        "status": np.where(wells, "double_well", "single_well"),
        "barrier": np.where(wells, d**2, np.nan),
        **{
            f"quantum_splitting_{unit}": np.where(wells, np.hypot(rows["delta_e"], tunnel), np.nan)
            for unit in config.unit_systems
        },
    }
    schema = tables.schema("paths", tables.paths_columns(config.unit_systems))
    tables.write(rows.assign(**made), output, schema)


def run_generate(root: Path, config: Config, minima: int, limit: int) -> int:
    """Blocks of trajectories as ``explore`` leaves them."""
    landscape = Landscape(minima, config.model.n_particles)
    for block, members in enumerate(np.array_split(np.arange(minima), BLOCKS)):
        landscape.write_block(root / f"block-{block}", block, members)
    return minima


def run_landscape(root: Path, config: Config, minima: int, limit: int) -> int:
    """Stage ``landscape``; rows are minima."""
    from tlsfind.landscape.stage import landscape

    blocks = [root / f"block-{block}" for block in range(BLOCKS)]
    landscape(config, GLASS, blocks, root / "landscape")
    return minima


def run_pairs(root: Path, config: Config, minima: int, limit: int) -> int:
    """Stage ``pairs``, of the first ``limit`` pairs only unless that is 0."""
    from tlsfind.pairs import stage

    class FirstPairs(stage.PairOrder):
        def __len__(self) -> int:
            total = super().__len__()
            return min(limit, total) if limit else total

    stage.PairOrder = FirstPairs  # type: ignore[misc]
    stage.pairs(config, GLASS, root / "landscape", root / "pairs.parquet")
    return _rows(root)


def run_select_initial(root: Path, config: Config, minima: int, limit: int) -> int:
    """``select`` of the first batch, from the strata."""
    from tlsfind.learn.stage import select

    select(config, 0, [root / "pairs.parquet"], root / "selection")
    return _rows(root)


def run_train(root: Path, config: Config, minima: int, limit: int) -> int:
    """``train``: features of the paths and a sample of the pool, both streamed, and the models."""
    from tlsfind.learn.stage import train

    pairs = root / "pairs.parquet"
    solved(config, sorted((root / "selection").iterdir()), pairs, root / "paths.parquet")
    train(config, 0, root / "paths.parquet", [pairs], root / "model")
    return _rows(root)


def run_predict(root: Path, config: Config, minima: int, limit: int) -> int:
    """``predict``."""
    from tlsfind.learn.stage import predict

    share = predict(config, root / "model", [root / "pairs.parquet"], root / "predictions.parquet")
    print(f"predict: {share:.2%} of the pairs by the ensembles")
    return _rows(root)


def run_assess(root: Path, config: Config, minima: int, limit: int) -> int:
    """``assess``."""
    from tlsfind.learn.stage import assess

    paths, predictions = root / "paths.parquet", [root / "predictions.parquet"]
    assess(config, 0, paths, predictions, root / "model", root)
    return _rows(root)


def run_select_next(root: Path, config: Config, minima: int, limit: int) -> int:
    """``select`` of a later batch, by the predictions."""
    from tlsfind.learn.stage import select

    paths, predictions = root / "paths.parquet", [root / "predictions.parquet"]
    select(config, 1, [root / "pairs.parquet"], root / "selection-1", paths, predictions)
    return _rows(root)


def _rows(root: Path) -> int:
    return tables.open_file(root / "pairs.parquet").metadata.num_rows


STAGES: dict[str, Callable[[Path, Config, int, int], int]] = {
    "generate": run_generate,
    "landscape": run_landscape,
    "pairs": run_pairs,
    "select 0": run_select_initial,
    "train": run_train,
    "predict": run_predict,
    "assess": run_assess,
    "select 1": run_select_next,
}


def memory(field: str) -> float:
    """``VmRSS`` (now) or ``VmHWM`` (at most) of this process, MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc/self/status has no {field}")


def measured(pipe: Connection, name: str, *arguments: Any) -> None:
    """Run a stage in this process and send rows, seconds, memory over time, and at most."""
    samples: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            samples.append(memory("VmRSS"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    begin = time.perf_counter()
    try:
        rows = STAGES[name](*arguments)
    finally:
        over.set()
        watcher.join()
    seconds = time.perf_counter() - begin
    samples = samples or [memory("VmRSS")]
    quarters = [samples[int(share * len(samples))] for share in (0.25, 0.5, 0.75)]
    pipe.send((rows, seconds, quarters, memory("VmHWM")))


def run(name: str, *arguments: Any) -> tuple[int, float, list[float], float]:
    """Run a stage in a fresh process.

    Raises:
        SystemExit: it failed.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=measured, args=(there, name, *arguments))
    process.start()
    there.close()
    try:
        return here.recv()
    except EOFError:
        raise SystemExit(f"stage {name} failed") from None
    finally:
        process.join()


def main() -> None:
    """Run all stages and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minima", type=int, default=2000)
    parser.add_argument("--particles", type=int, default=1500)
    parser.add_argument("--rows-limit", type=int, default=0, help="first pairs only; 0: all")
    parser.add_argument("--folder", type=Path, help="keep the files there; default: a temporary")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    options = parser.parse_args()
    root = options.folder or Path(tempfile.mkdtemp(prefix="tlsfind-streaming-"))
    root.mkdir(parents=True, exist_ok=True)
    config = make_config(options.particles)
    head = f"{'stage':10} {'rows':>11} {'seconds':>8} {'us/row':>8}  {'MiB at 1/4, 1/2, 3/4':>22}"
    print(f"{head} {'at most':>8}", flush=True)
    try:
        for name in options.stages:
            rows, seconds, quarters, peak = run(
                name, root, config, options.minima, options.rows_limit
            )
            shown = " ".join(f"{value:7.0f}" for value in quarters)
            print(
                f"{name:10} {rows:11d} {seconds:8.1f} {1e6 * seconds / rows:8.2f} {shown}"
                f" {peak:8.0f}",
                flush=True,
            )
        for file in ("pairs.parquet", "predictions.parquet"):
            if (root / file).exists():
                size = (root / file).stat().st_size
                print(f"{file}: {size / 1e6:.0f} MB, {size / _rows(root):.1f} bytes per row")
    finally:
        if options.folder is None:
            shutil.rmtree(root)


if __name__ == "__main__":
    main()
