"""A run in numbers, for ``summary.json``, the terminal and the report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from tlsfind import __version__, tables
from tlsfind.analysis import validation
from tlsfind.analysis.results import Results
from tlsfind.analysis.tables import table1

if TYPE_CHECKING:
    from rich.console import Console

#: Statuses of a path that did not give an answer.
#: The estimate of the missing TLS and the ends of its 90 % interval: name, ending of the column.
ENDS = (("estimate", ""), ("low", "_low"), ("high", "_high"))

UNSOLVED = ("not_converged", "failed")


def collect(results: Results) -> dict[str, Any]:
    """The numbers of a run; nan and infinity become None, so that the result is valid JSON."""
    solved = results.solved
    statuses = {name: int((solved["status"] == name).sum()) for name in tables.STATUSES}
    verdicts = results.glasses["equilibrated"]  # null: imported
    drift = results.trajectories["energy_drift"].abs().max()
    unit = results.config.loop.unit_system
    table = table1.collect(results)
    row = table[(table["unit_system"] == unit) & table["preparation_temperature"].isna()].iloc[0]
    numbers = {
        "run": results.config.run.name,
        "tlsfind_version": __version__,
        "config_hash": results.config.hash,
        "unit_system": unit,
        "glasses": len(results.temperatures),
        "glasses_not_equilibrated": results.glasses.loc[verdicts.eq(False), "glass"].tolist(),
        "glasses_not_judged": results.glasses.loc[verdicts.isna(), "glass"].tolist(),
        "minima": sum(results.minima.values()),
        "pairs": sum(results.scan.pairs.values()),
        "paths": len(solved),
        "paths_loop": len(results.loop_paths),
        "paths_standard_only": len(solved) - len(results.loop_paths),
        "statuses": statuses,
        "unsolved_share": sum(statuses[name] for name in UNSOLVED) / max(len(solved), 1),
        "double_wells": statuses["double_well"],
        "tls": int(results.is_tls(solved).sum()),
        "tls_by_unit_system": {
            name: int(results.is_tls(solved, name).sum()) for name in results.units
        },
        "loop": _rate(row, "loop"),
        "loop_after_initial": _rate(row, "iterated"),
        "standard": {
            "qualifying_pairs": int(row["standard_qualifying"]),
            "paths": int(row["standard_paths"]),
            "complete": bool(row["standard_complete"]),
            "tls": int(row["standard_tls"]),
            "tls_estimate": float(row["standard_tls_estimate"]),
            **interval(row, "standard"),
            "selection": results.standard_selection,
        },
        "ratio": float(row["ratio"]),
        "ratio_after_initial": float(row["iterated_ratio"]),
        "iterations": results.final_iteration,
        "converged": bool(results.state.get("converged", False)),
        "stop_reason": str(results.state.get("reason", "")),
        "time_limit_struck": bool(results.history["time_limit_struck"].fillna(False).any()),
        "training_notes": str(results.history["notes"].iloc[-1] or ""),
        "missing_tls": {
            name: float(results.history[f"missing_tls{end}"].iloc[-1]) for name, end in ENDS
        },
        "trajectories": len(results.trajectories),
        "energy_drift_max": float(drift) if len(results.trajectories) else float("nan"),
        "quenches": int(results.trajectories["quenches"].sum()),
        "unconverged_quenches": int(results.trajectories["unconverged"].sum()),
        "validation": validation.numbers(results.validation),
    }
    return finite(numbers)


def _rate(row: pd.Series, name: str) -> dict[str, Any]:
    return {
        "paths": int(row[f"{name}_paths"]),
        "tls": int(row[f"{name}_tls"]),
        **interval(row, name),
    }


def interval(row: Mapping[Any, Any] | pd.Series, name: str) -> dict[str, Any]:
    """TLS per path with its limits, from a row of Table I."""
    return {
        key: float(row[f"{name}_{key}"])
        for key in ("tls_per_path", "tls_per_path_low", "tls_per_path_high")
    }


def finite(value: Any) -> Any:
    """``value`` with every float that is not finite replaced by None."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def missing_text(row: Mapping[Any, Any]) -> str:
    """The estimate of the TLS still missing and its interval, in words."""
    value, low, high = (row[f"missing_tls{end}"] for _, end in ENDS)
    if value is None or math.isnan(value):
        return "unknown"
    return f"{value:.1f} ({low:.0f} to {high:.0f})"


def rate_text(rate: dict[str, Any]) -> str:
    """TLS per path with its interval, in words."""
    if rate["tls_per_path"] is None:
        return "unknown"
    value, low, high = (rate[f"tls_per_path{s}"] for s in ("", "_low", "_high"))
    return f"{value:.3g} ({low:.2g} to {high:.2g})"


def ratio_text(value: float | None, loop: dict[str, Any], standard: dict[str, Any]) -> str:
    """The loop's TLS per path over the standard procedure's, or why it is not known."""
    if value is not None:
        return f"{value:.3g}"
    if not loop["paths"]:
        return "unknown (no path of the loop)"
    if standard["tls_per_path"] is None:
        return "unknown (no path of the standard procedure)"
    return "unknown (no TLS by the standard procedure)"


def lines(numbers: dict[str, Any]) -> list[tuple[str, str]]:
    """The summary as pairs of a name and a value, both to be read by people."""
    glasses = f"{numbers['glasses']:,}"
    for key, words in (
        ("glasses_not_equilibrated", "not equilibrated"),
        ("glasses_not_judged", "imported, equilibration not judged"),
    ):
        if numbers[key]:
            glasses += f", {len(numbers[key])} {words}"
    statuses = ", ".join(
        f"{count:,} {name.replace('_', ' ')}"
        for name, count in numbers["statuses"].items()
        if count
    )
    standard = numbers["standard"]
    counted = "" if standard["complete"] else ", extrapolated"
    sampled = f"{standard['paths']:,} of {standard['qualifying_pairs']:,} qualifying pairs solved"
    units = ", ".join(f"{n:,} {name}" for name, n in numbers["tls_by_unit_system"].items())
    drift = numbers["energy_drift_max"]
    stop = "converged" if numbers["converged"] else "not converged"
    loop, iterated = numbers["loop"], numbers["loop_after_initial"]
    return [
        ("Glasses", glasses),
        ("Minima", f"{numbers['minima']:,}"),
        ("Pairs", f"{numbers['pairs']:,}"),
        ("Paths solved", f"{numbers['paths']:,} ({statuses})"),
        ("Double wells", f"{numbers['double_wells']:,}"),
        ("Two-level systems", f"{numbers['tls']:,} ({units})"),
        (
            "TLS per path, loop",
            f"{rate_text(loop)}: {loop['tls']:,} TLS, {loop['paths']:,} paths",
        ),
        (
            "TLS per path, loop without its initial batch",
            f"{rate_text(iterated)}: {iterated['tls']:,} TLS, {iterated['paths']:,} paths",
        ),
        (
            "TLS per path, standard procedure",
            f"{rate_text(standard)}{counted}: {standard['tls']:,} TLS, {sampled}",
        ),
        ("Loop over standard procedure", ratio_text(numbers["ratio"], loop, standard)),
        (
            "The same, without the initial batch",
            ratio_text(numbers["ratio_after_initial"], iterated, standard),
        ),
        ("Iterations", f"{numbers['iterations']} ({stop}: {numbers['stop_reason']})"),
        (
            "TLS estimated to be missing",
            missing_text({f"missing_tls{end}": numbers["missing_tls"][name] for name, end in ENDS}),
        ),
        ("Largest energy drift", "unknown" if drift is None else f"{drift:.1e} per particle"),
        (
            "Quenches that did not converge",
            f"{numbers['unconverged_quenches']:,} of {numbers['quenches']:,}",
        ),
        ("Checked by LAMMPS", validation.line(numbers["validation"])),
    ]


def print_summary(numbers: dict[str, Any], console: Console | None = None) -> None:
    """Print the summary as a plain table of two columns."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=False)
    table.add_column(overflow="fold")
    for name, value in lines(numbers):
        table.add_row(Text(name), Text(value))
    (console or Console()).print(table)
