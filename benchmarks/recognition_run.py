"""Whether recognising minima ever names the wrong one, on trajectories in the glasses of a run.

    python -m benchmarks.recognition_run results/workstation --quenches 400

Each trajectory of 100 quenches starts from the first minimum of a glass; what is counted is said in
``benchmarks/parts/recognition.py``, which measures it on glasses of its own.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.parts.recognition import follow
from tlsfind.interop import read_configuration


def main() -> None:
    """Print the counts for every glass and for all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="folder with landscape/")
    parser.add_argument("--quenches", type=int, default=400, help="of each glass")
    parser.add_argument("--seed", type=int, default=11)
    arguments = parser.parse_args()
    totals = dict.fromkeys(("quenches", "recognised", "wrong", "spent", "to_the_end"), 0.0)
    for folder in sorted((arguments.results / "landscape").iterdir()):
        start = read_configuration(f"{folder / 'minima.npz'}#0")
        found = follow(start, arguments.quenches, arguments.seed)
        totals = {name: total + found[name] for name, total in totals.items()}
        print(folder.name, {name: found[name] for name in (*totals, "minima")}, flush=True)
    print("all", totals, f"evaluations left: {totals['spent'] / totals['to_the_end']:.3f}")


if __name__ == "__main__":
    main()
