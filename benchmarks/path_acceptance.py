"""Compare two settings of the path solver on the solved pairs of a results folder.

    python benchmarks/path_acceptance.py results/demo results/demo/loop/*/paths.parquet \
        --output out/acceptance.parquet

Each pair of the tables ``paths`` is solved with the settings of before (``steps: damped``, all
images from the start), with the config's, and as a reference with all images from the start and
to a force of 3e-4 at once. Printed are counts of image forces and seconds, and how verdict, barrier
and E_qs compare with the reference. The seconds hold where nothing else runs.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from tlsfind import config as configuration
from tlsfind.config import Paths
from tlsfind.engine import Engine, make_engine
from tlsfind.interop.native import load_minima
from tlsfind.paths.solver import PathResult, solve_path

OLD = {"steps": "damped", "first_images": 500}
REFERENCE = {
    "steps": "damped", "refinements": 0, "force_tolerance": 3e-4, "max_iterations": 4000,
    "first_images": 500,
}  # fmt: skip


class Counter:
    """Counts the images whose forces an engine computes for paths."""

    def __init__(self, engine: Engine):
        self.images = 0
        self.busy = False
        for name in ("path_energy_forces", "fill_path_forces"):
            if hasattr(engine, name):
                setattr(engine, name, self._counting(getattr(engine, name)))

    def _counting(self, method):
        def counted(images, *arguments):
            inner, self.busy = self.busy, True  # one method calls the other
            try:
                if not inner:
                    self.images += len(images)
                return method(images, *arguments)
            finally:
                self.busy = inner

        return counted


def solve(minima, pair, settings: Paths, units) -> tuple[PathResult, int, float]:
    """The result of a pair, the image forces and the seconds that it took."""
    engine = make_engine(minima.configuration(0))
    counter = Counter(engine)
    a, b = (np.array(minima.positions[minima.row(m)]) for m in (pair.minimum_a, pair.minimum_b))
    start = time.perf_counter()
    result = solve_path(engine, a, b, minima.box, settings, units)
    return result, counter.images, time.perf_counter() - start


def compare(folder: Path, table: pd.DataFrame, config, references: bool) -> pd.DataFrame:
    """One row for each pair with the columns of each way to solve it."""
    new = config.paths
    ways = {"old": new.model_copy(update=OLD), "new": new}
    if references:
        ways["reference"] = new.model_copy(update=REFERENCE)
    rows = []
    for glass, group in table.groupby("glass"):
        minima = load_minima(folder / "landscape" / str(glass) / "minima.npz")
        for pair in group.itertuples():
            row = {"glass": glass, "minimum_a": pair.minimum_a, "minimum_b": pair.minimum_b}
            for way, settings in ways.items():
                result, images, seconds = solve(minima, pair, settings, config.unit_systems)
                row |= {
                    f"{way}_status": result.status, f"{way}_images": images,
                    f"{way}_seconds": seconds, f"{way}_iterations": result.iterations,
                    f"{way}_force": result.final_force, f"{way}_barrier": result.barrier,
                    f"{way}_change": result.splitting_change,
                }  # fmt: skip
                for unit, value in result.quantum_splitting.items():
                    row[f"{way}_splitting_{unit}"] = value
            rows.append(row)
    return pd.DataFrame(rows)


def summary(found: pd.DataFrame, unit: str, tolerance: float) -> str:
    """What is printed."""
    lines = [f"{len(found)} pairs", pd.crosstab(found.old_status, found.new_status).to_string()]
    for way in ("old", "new"):
        lines.append(
            f"{way}: {found[f'{way}_images'].mean():.0f} image forces, "
            f"{found[f'{way}_iterations'].mean():.0f} iterations, "
            f"{1e3 * found[f'{way}_seconds'].mean():.0f} ms a path"
        )
    ratios = [found[f"old_{q}"].sum() / found[f"new_{q}"].sum() for q in ("images", "seconds")]
    lines.append(f"old over new: {ratios[0]:.2f} image forces, {ratios[1]:.2f} seconds")
    for status, group in found.groupby("old_status"):
        lines.append(
            f"  {status}: {len(group)} pairs, image forces {group.old_images.mean():.0f} and "
            f"{group.new_images.mean():.0f}, ms {1e3 * group.old_seconds.mean():.0f} and "
            f"{1e3 * group.new_seconds.mean():.0f}"
        )
    wells = found[(found.old_status == "double_well") & (found.new_status == "double_well")]
    lines.append(f"{len(wells)} double wells of both:")
    against = [("new", "old")]
    if "reference_status" in found:
        reached = found[found.reference_status != "not_converged"]
        wrong = [(reached[f"{w}_status"] != reached.reference_status).sum() for w in ("old", "new")]
        lines.append(
            f"status: of {len(reached)} with a converged reference old has another for {wrong[0]}, "
            f"new for {wrong[1]}"
        )
        against = [("old", "reference"), ("new", "reference")]
    for way, other in against:
        both = wells[wells[f"{other}_status"] == "double_well"]
        value, exact = both[f"{way}_splitting_{unit}"], both[f"{other}_splitting_{unit}"]
        off = np.abs(value / exact - 1)
        barrier = np.abs(both[f"{way}_barrier"] / both[f"{other}_barrier"] - 1)
        lines.append(
            f"  {way} against {other} ({len(both)}): E_qs within {tolerance:g} for "
            f"{(off <= tolerance).sum()}, median {off.median():.2g}, largest {off.max():.2g}; "
            f"barrier within 1e-4 for {(barrier <= 1e-4).sum()}, largest {barrier.max():.2g}"
        )
    return "\n".join(lines)


def main() -> None:
    """Read the tables, solve, write and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("results", type=Path, help="folder with config.yaml and landscape/")
    parser.add_argument("tables", type=Path, nargs="+", help="tables paths")
    parser.add_argument("--output", type=Path, required=True, help="table to write (Parquet)")
    parser.add_argument("--limit", type=int, help="most pairs of each status")
    parser.add_argument("--tolerance", type=float, default=0.02, help="of E_qs, relative")
    parser.add_argument("--slice", help="i/n: part i of n of the pairs")
    parser.add_argument("--no-references", action="store_true", help="old and new only")
    options = parser.parse_args()
    config = configuration.load(options.results / "config.yaml")
    keys = ["glass", "minimum_a", "minimum_b"]
    table = pd.concat([pd.read_parquet(t) for t in options.tables]).drop_duplicates(keys)
    if options.limit:
        table = table.groupby("status").head(options.limit)
    if options.slice:
        part, parts = map(int, options.slice.split("/"))
        table = table.iloc[part::parts]
    found = compare(options.results, table, config, not options.no_references)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    found.to_parquet(options.output)
    print(summary(found, config.loop.unit_system, options.tolerance))


if __name__ == "__main__":
    main()
