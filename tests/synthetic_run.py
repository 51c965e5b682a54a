"""A results folder that conforms to all schemas, made of random numbers instead of physics."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.config import Config, dump, parse

KEYS = ["glass", "minimum_a", "minimum_b"]
N = 200


def make_config(
    root: Path, counts: dict[float, int], unit: str = "argon", **analysis: object
) -> Config:
    """A config with ``counts`` glasses for each preparation temperature."""
    groups = [{"preparation_temperature": t, "count": n} for t, n in counts.items()]
    return parse(
        {
            "run": {"name": "synthetic", "output": str(root), "seed": 3},
            "model": {"n_particles": N},
            "glasses": groups,
            "prepare": {"blocks": 100},
            "explore": {"trajectories": 2, "steps": 100, "quench_every": 10},
            "pairs": {"rows_per_block": 500},
            "loop": {
                "initial_paths": 300,
                "paths_per_iteration": 150,
                "max_iterations": 3,
                "unit_system": unit,
                "standard_paths": 40,
            },
            "analysis": {"formats": ["png"], **analysis},
        }
    )


def damage(path: Path) -> None:
    """Overwrite the middle of a Parquet file, all its rows; the footer stays as it is."""
    content = bytearray(path.read_bytes())
    end = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    content[4:end] = bytes(end - 4)
    path.write_bytes(content)


def make_pairs(glass: str, minima: int, rng: np.random.Generator) -> pd.DataFrame:
    """All pairs of a glass, with a hidden truth in the columns ``is_dw`` and ``splitting``."""
    first, second = np.triu_indices(minima, 1)
    n = len(first)
    d = rng.gamma(6.0, 0.35, n)
    frame = pd.DataFrame({"glass": glass, "minimum_a": first, "minimum_b": second})
    frame["delta_e"] = rng.exponential(0.08, n) * np.clip(d, 0.2, 2.0)
    frame["displacement_1"] = d * rng.uniform(0.3, 0.9, n)
    frame["displacement_2"] = frame["displacement_1"] * rng.uniform(0.3, 1.0, n)
    frame["displacement_3"] = frame["displacement_2"] * rng.uniform(0.3, 1.0, n)
    frame["total_displacement"] = d
    frame["participation_ratio"] = rng.uniform(1.0, 40.0, n)
    frame["distance_1_2"] = rng.uniform(1.0, 4.0, n)
    frame["distance_1_3"] = rng.uniform(1.0, 4.0, n)
    rate = np.where(d < 1.2, rng.gamma(0.5, 8.0, n), rng.gamma(0.02, 2.0, n))
    frame["transitions_ab"] = rng.poisson(rate)
    frame["transitions_ba"] = rng.poisson(rate)
    frame["is_dw"] = (d < 1.3) & (rng.random(n) < 0.7)
    frame["splitting"] = frame["delta_e"] * 0.5 + rng.exponential(0.002, n)
    return frame


def profile(row: dict, barrier: float) -> tuple[np.ndarray, np.ndarray]:
    """A smooth double well from 0 at xi = 0 over ``barrier`` to ``delta_e`` at xi = 1."""
    xi = np.linspace(-0.25, 1.25, 46)
    return xi, 16.0 * barrier * (xi * (1 - xi)) ** 2 + row["delta_e"] * xi


def solve(pairs: pd.DataFrame, units: list[str], rng: np.random.Generator) -> list[dict]:
    """Paths of ``pairs``, which carry the columns of a selection and the hidden truth."""
    rows = []
    for row in pairs.to_dict("records"):
        out = {name: row[name] for name in [*KEYS, "iteration", "stratum"]}
        for name in ("probability_double_well", "predicted_splitting"):
            out[name] = row.get(name)
        others = ["multiple_wells", "single_well", "not_converged", "failed"]
        status = "double_well" if row["is_dw"] else rng.choice(others, p=[0.8, 0.15, 0.03, 0.02])
        out |= {"status": status, "message": "", "wells": 2, "iterations": 200}
        out |= {"final_force": 0.01, "path_length": row["total_displacement"] * 1.1, "seconds": 1.0}
        out |= {"xi": None, "energy": None}
        barrier = row["delta_e"] + rng.exponential(0.05)
        xi, energy = profile(row, barrier)
        if status == "double_well":
            top = float(energy[(xi > 0) & (xi < 1)].max())
            out |= {"barrier": top, "xi": xi, "energy": energy}
            for k, unit in enumerate(units):
                splitting = row["splitting"] * (1.0 if k == 0 else 0.15)
                out[f"quantum_splitting_{unit}"] = splitting
                out[f"energy_1_{unit}"] = 0.15 * top
                out[f"energy_2_{unit}"] = 0.15 * top + splitting
                out[f"delta_0_{unit}"] = 10 ** rng.uniform(-9, -3)
            out["delta_0"] = out[f"delta_0_{units[0]}"]
        rows.append(out)
    return rows


def make_run(
    config: Config, minima: int = 30, iterations: int = 2, tls: bool = True, seed: int = 5
) -> dict[str, pd.DataFrame]:
    """Fill ``config.run.output`` up to the standard procedure's paths (no library).

    Args:
        config: the run.
        minima: minima of each glass.
        iterations: iterations after the initial batch.
        tls: whether there are any two-level systems.
        seed: of all random numbers.

    Returns:
        ``pairs`` with the hidden truth, ``paths`` of the loop, ``standard`` paths.
    """
    rng = np.random.default_rng(seed)
    root, names = Path(config.run.output), config.glass_names
    units = list(config.unit_systems)
    root.mkdir(parents=True, exist_ok=True)
    (root / "config.yaml").write_text(dump(config))
    pairs = pd.concat([make_pairs(name, minima, rng) for name in names], ignore_index=True)
    if not tls:
        pairs["splitting"] += 0.02
    for name in names:
        _write_glass(config, name, minima, rng)
        own = pairs[pairs["glass"] == name]
        schema = tables.schema("pairs", tables.pairs_columns(config.pairs.particles))
        tables.write(own, root / "pairs" / f"{name}.parquet", schema)
    write_checks(root)
    write_jobs(root, config)
    write_temperatures(root, config)
    return {"pairs": pairs, **_write_loop(config, pairs, iterations, units, rng)}


def write_checks(root: Path, outside: bool = False) -> None:
    """The table of the checks by LAMMPS: three, of which one may be outside its tolerance."""
    row = {"glass": "T0.092-0000", "minimum_a": 1, "tolerance": 1e-8, "within": True,
           "seconds": 0.1, "message": ""}  # fmt: skip
    rows = [
        {**row, "what": "energy", "value": 0.2, "reference": 0.2, "difference": 3e-15},
        {**row, "what": "force", "value": 1e-7, "reference": 1e-7, "difference": 2e-13},
        {**row, "what": "barrier", "minimum_b": 2, "value": 0.1, "reference": 0.1,
         "difference": 0.01 if outside else 1e-9, "within": not outside},
    ]  # fmt: skip
    tables.write(rows, root / "validation.parquet", tables.schema("validation"))


def write_jobs(root: Path, config: Config) -> None:
    """The table of jobs: one of each stage, and one that failed."""
    stages = {
        "prepare": "a", "explore": "a", "landscape": "a", "pairs": "a", "select": "0",
        "paths": "loop/00/selection/batch-000.parquet", "train": "", "assess": "",
        "predict": "loop/00/predictions/000.parquet", "figures": "",
    }  # fmt: skip
    row = {
        "status": "done", "host": "here", "pid": 1, "slurm_job": "",
        "started": "2026-01-01T00:00:00+00:00", "updated": "2026-01-01T00:01:00+00:00",
        "wall_seconds": 60.0, "cpu_seconds": 50.0, "max_rss_mb": 200.0, "done": 1, "total": 1,
        "version": "0", "config_hash": config.hash, "seed": 3, "message": "",
    }  # fmt: skip
    rows = [{**row, "stage": stage, "item": item} for stage, item in stages.items()]
    rows.append({**row, "stage": "explore", "item": "a", "status": "failed", "cpu_seconds": 7.0})
    tables.write(rows, root / "jobs.parquet", tables.schema("jobs"))


def write_temperatures(root: Path, config: Config) -> None:
    """What transfer and stability write for a run of several temperatures; else nothing."""
    groups = {group.preparation_temperature: group.count for group in config.glasses}
    if len(groups) < 2:
        return
    found = sorted(groups)
    score = {"accuracy": 0.9, "r_log": 0.8, "rmse_log": 0.2, "average_precision_tls": 0.5}
    base = {"model": "screen", "training_pairs": 90, "training_double_wells": 40,
            "training_tls": 4, "training_glasses": 4, "pairs": 80, "double_wells": 30, "tls": 3,
            "note": ""}  # fmt: skip
    rows = []
    for trained in found:
        for used in found:
            for split in ("row", "glass") if trained == used else ("other",):
                here = {**score, "r_log": None} if split == "glass" else score
                ends = {"training_temperature": trained, "prediction_temperature": used}
                rows.append({**base, **ends, "split": split, **here})
    frame = pd.DataFrame(rows)[tables.schema("transfer").names]
    (root / "tables").mkdir(parents=True, exist_ok=True)
    frame.to_csv(root / "tables" / "transfer.csv", index=False)
    names = [name for name in tables.feature_names(3) if not name.startswith("transitions")]
    shap = [
        {"model": "stability", "glass": "T0.092-0000", "minimum_a": pair, "minimum_b": pair + 1,
         "feature": name, "value": float(pair), "shap": 0.001 * (pair - 10) / (place + 1),
         "base": 0.08, "prediction": 0.08}
        for pair in range(20) for place, name in enumerate(names)
    ]  # fmt: skip
    tables.write(shap, root / "tables" / "stability_shap.parquet", tables.schema("shap"))
    accuracy = {"accuracy": 0.9, "balanced_accuracy": 0.9, "confusion": [[1]], "note": ""}
    content = {
        "temperatures": found, "pairs": [100] * len(found), "glasses": [groups[t] for t in found],
        "features": names, "layers": [60, 60], "seed": 3, "commonest": 0.5, "by_row": accuracy,
        "by_glass": {**accuracy, "accuracy": None, "note": "one glass"},
        "shap": {name: {"mean_abs": 0.001, "direction": 0.5} for name in names},
        "partial_dependence": {
            name: {"value": [0.1, 0.2], "temperature": [found[0], found[-1]]} for name in names
        },
    }  # fmt: skip
    (root / "tables" / "stability.json").write_text(json.dumps(content))


def write_scan(root: Path) -> None:
    """The scan of perceptrons, which only `snakemake figures` makes."""
    content = json.loads((root / "tables" / "stability.json").read_text())
    content["scan"] = [
        {"depth": depth, "width": width, "by_row": 0.8 + 0.01 * depth, "by_glass": None}
        for depth, width in ((1, 60), (2, 60), (3, 60), (2, 5))
    ]
    (root / "tables" / "stability_scan.json").write_text(json.dumps(content))


def _write_glass(config: Config, name: str, minima: int, rng: np.random.Generator) -> None:
    root = Path(config.run.output)
    index, temperature = config.glass(name)
    good = index != 1
    level = 0.2 + 0.4 * (temperature - 0.062)
    row = {
        "glass": name, "preparation_temperature": temperature, "n_particles": N,
        "temperature": 0.04, "inherent_energy": level - 0.002,
        "equilibrium_inherent_energy": level, "potential_energy_drift": 0.4,
        "inherent_energy_drift": -0.7 if good else -4.2, "self_overlap": 0.3 if good else 0.8,
        "relaxation_blocks": 300.0 if good else None, "swap_acceptance": 0.12, "equilibrated": good,
        "verdict": "passed" if good else "FAILED self-overlap: 0.80 after half the run",
    }  # fmt: skip
    folder = root / "glasses" / name
    tables.write([row], folder / "glass.parquet", tables.schema("glasses"))
    block = np.arange(0, 1001, 50)
    inherent = level + 0.02 * np.exp(-block / 150) + rng.normal(0, 5e-4, len(block))
    half = np.where(block >= 500, np.exp(-(block - 500) / 300), np.nan)
    series = pd.DataFrame({"glass": name, "block": block})
    series["potential_energy"] = inherent + 1.5 * temperature + rng.normal(0, 1e-3, len(block))
    series["kinetic_temperature"] = temperature
    series["inherent_energy"] = np.where(np.arange(len(block)) % 2 == 0, inherent, np.nan)
    series["self_overlap"] = np.exp(-block / 300)
    series["self_overlap_half"] = half
    series["swap_acceptance"] = 0.12
    tables.write(series, folder / "equilibration.parquet", tables.schema("equilibration"))
    for block_number in range(config.trajectory_blocks):
        rows = [
            {"glass": name, "trajectory": t, "steps": 100, "temperature": 0.0395,
             "energy_drift": 2e-6 * (t + 1), "energy_fluctuation": 1e-6, "quenches": 100,
             "unconverged": int(index == 2), "recognised": 4, "evaluations": 9000}
            for t in range(config.explore.trajectories)
        ]  # fmt: skip
        path = root / "explore" / name / f"block-{block_number:03d}" / "trajectories.parquet"
        tables.write(rows, path, tables.schema("trajectories"))
    energies = np.sort(rng.uniform(40, 44, minima))
    found = pd.DataFrame({"glass": name, "minimum": np.arange(minima), "energy": energies})
    found["energy_per_particle"] = energies / N
    found["rank"] = np.arange(1, minima + 1)
    found["visits"] = 3
    landscape = root / "landscape" / name
    tables.write(found, landscape / "minima.parquet", tables.schema("minima"))
    box = (N / config.model.density) ** (1 / 3)
    start = rng.uniform(0, box, (N, 3))
    with open(landscape / "minima.npz", "wb") as file:
        np.savez(
            file,
            positions=start + rng.normal(0, 0.05, (minima, N, 3)),
            energies=energies,
            max_forces=np.full(minima, 1e-7),
            minimum=np.arange(minima, dtype=np.int32),
            diameters=rng.uniform(0.73, 1.62, N),
            box=box,
            glass=name,
        )


def _write_loop(
    config: Config, pairs: pd.DataFrame, iterations: int, units: list[str], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    root = Path(config.run.output)
    threshold = config.unit_systems[units[0]].tls_threshold
    schema = tables.schema("paths", tables.paths_columns(units))
    noise = 10 ** rng.normal(0, 0.15, len(pairs))
    guess = pairs.assign(
        predicted_splitting=pairs["splitting"] * noise,
        probability_double_well=np.where(pairs["is_dw"], 0.9, 0.1)
        + rng.uniform(-0.1, 0.1, len(pairs)),
    )
    close = guess["total_displacement"] < 1.5
    first = guess[close].sample(min(config.loop.initial_paths, int(close.sum())), random_state=1)
    first = first.assign(iteration=0, stratum="close", predicted_splitting=None)
    rows = solve(first.assign(probability_double_well=None), units, rng)
    solved = pd.DataFrame(rows)
    history: list[dict] = []
    for k in range(iterations + 1):
        if k:
            left = _without(guess, solved)
            left = left[left["probability_double_well"] > 0.5]
            picked = left.nsmallest(config.loop.paths_per_iteration, "predicted_splitting")
            picked = picked.assign(iteration=k, stratum="lowest_splitting")
            rows += solve(picked, units, rng)
            solved = pd.DataFrame(rows)
        folder = root / "loop" / f"{k:02d}"
        tables.write(solved, folder / "paths.parquet", schema)
        wells = solved["status"] == "double_well"
        tls = wells & (solved[f"quantum_splitting_{units[0]}"] < threshold)
        now = solved["iteration"] == k
        history.append(
            {"iteration": k, "paths": int(now.sum()), "double_wells": int((now & wells).sum()),
             "tls": int((now & tls).sum()), "total_paths": len(solved),
             "total_double_wells": int(wells.sum()), "total_tls": int(tls.sum()),
             "classifier_accuracy": 0.9 + 0.01 * k, "splitting_r_log": 0.8 + 0.05 * k,
             "barrier_r": 0.9, "time_limit_struck": False, "notes": "",
             "expected_tls": None if k == 0 else float((now & tls).sum()) + 0.5,
             "missing_tls": 8.0 / (k + 1), "missing_tls_low": 1.0, "missing_tls_high": 20.0 - k}
        )  # fmt: skip
        tables.write(history, folder / "history.parquet", tables.schema("history"))
        fold = solved[[*KEYS, "barrier"]].merge(
            guess[[*KEYS, "predicted_splitting", "probability_double_well"]], on=KEYS
        )
        fold["is_double_well"] = wells.to_numpy()
        fold["quantum_splitting"] = solved[f"quantum_splitting_{units[0]}"].to_numpy()
        fold["predicted_barrier"] = fold["barrier"].astype(float) * 10 ** rng.normal(
            0, 0.05, len(fold)
        )
        fold.loc[~fold["is_double_well"], "predicted_splitting"] = np.nan
        tables.write(fold, folder / "model" / "out_of_fold.parquet", tables.schema("out_of_fold"))
        state = {"converged": False, "finished": False, "reason": "it goes on", **history[-1]}
        if k == iterations:
            state |= {"converged": True, "reason": "the last batch added 0 of 9 TLS"}
        (folder / "state.json").write_text(json.dumps(state))
    qualifying = guess[guess[["transitions_ab", "transitions_ba"]].min(axis=1) >= 4]
    sample = qualifying.sample(min(config.loop.standard_paths, len(qualifying)), random_state=2)
    rest = _without(sample, solved).assign(
        iteration=-1, stratum="standard", predicted_splitting=None, probability_double_well=None
    )
    standard = pd.DataFrame(solve(rest, units, rng), columns=schema.names)
    tables.write(standard, root / "standard" / "paths.parquet", schema)
    (root / "standard" / "selection.json").write_text(
        json.dumps(
            {"qualifying": len(qualifying), "sampled": len(sample),
             "already_solved": len(sample) - len(rest), "to_solve": len(rest)}
        )
    )  # fmt: skip
    return {"paths": solved, "standard": standard}


def _without(frame: pd.DataFrame, solved: pd.DataFrame) -> pd.DataFrame:
    merged = frame.merge(solved[KEYS], on=KEYS, how="left", indicator=True)
    return merged[merged["_merge"] == "left_only"].drop(columns="_merge")
