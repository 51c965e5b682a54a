"""The content of ``report.html``: tables of text, warnings and figures, ready for the template."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.analysis import provenance, summary, validation
from tlsfind.analysis.captions import CAPTIONS
from tlsfind.analysis.cells import Table, further_tables, make_table
from tlsfind.analysis.figures import fig3, fig4
from tlsfind.analysis.results import Results
from tlsfind.analysis.sections import arranged, contents, shown_width
from tlsfind.analysis.tables import table1

UNSOLVED_WARNING = 0.05  # share of paths
DRIFT_WARNING = 0.01  # energy drift as a share of the kinetic energy 3/2 T per particle
UNCONVERGED_WARNING = 0.01  # share of quenches
TOP = 25  # TLS that are listed


def warnings(results: Results, numbers: dict[str, Any]) -> list[str]:
    """What a reader must know before believing the numbers."""
    found = []
    bad = numbers["glasses_not_equilibrated"]
    if bad:
        found.append(
            f"{len(bad)} of {numbers['glasses']} glasses {'is' if len(bad) == 1 else 'are'} not "
            f"equilibrated ({_few(bad)}). TLS found there belong to a less stable glass than the "
            "preparation temperature says."
        )
    own = numbers["glasses_not_judged"]
    if own:
        found.append(
            f"{len(own)} of {numbers['glasses']} glasses {'is' if len(own) == 1 else 'are'} "
            f"imported ({_few(own)}): neither their equilibration at the preparation temperature "
            "nor the conservation of energy in their trajectories was judged."
        )
    if numbers["unsolved_share"] > UNSOLVED_WARNING:
        found.append(
            f"{numbers['unsolved_share']:.1%} of the paths did not converge or failed (more than "
            f"{UNSOLVED_WARNING:.0%})."
        )
    if not numbers["converged"]:
        found.append(
            f"The active loop did not converge: {numbers['stop_reason'] or 'no reason given'}. "
            "TLS remain to be found."
        )
    if numbers["time_limit_struck"]:
        found.append(
            "The time limit struck in the training of a model: the run is not reproducible on "
            "another machine. Raise learn.time_limit."
        )
    if numbers["training_notes"]:
        found.append(f"The last training was done otherwise: {numbers['training_notes']}.")
    drift = numbers["energy_drift_max"]
    kinetic = 1.5 * results.config.explore.temperature
    if drift is not None and drift > DRIFT_WARNING * kinetic:
        found.append(
            f"The total energy drifted by up to {drift:.1e} per particle in a trajectory, "
            f"{drift / kinetic:.1%} of the kinetic energy (more than {DRIFT_WARNING:.0%}): the "
            "time step is too large or the trajectories are too long."
        )
    if numbers["unconverged_quenches"] > UNCONVERGED_WARNING * numbers["quenches"]:
        found.append(
            f"{numbers['unconverged_quenches']:,} of {numbers['quenches']:,} quenches missed the "
            f"force tolerance (more than {UNCONVERGED_WARNING:.0%})."
        )
    if not numbers["standard"]["complete"] and numbers["standard"]["tls_per_path"] is None:
        found.append("The standard procedure was not run, so that the loop has no comparison.")
    said = validation.warning(numbers["validation"], results.config.validation.enabled)
    if said:
        found.append(said)
    if numbers["tls"] == 0:
        found.append("No two-level system was found.")
    return found


def _few(names: list[str]) -> str:
    """The first of some names."""
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")


def glasses_table(results: Results) -> Table:
    """The evidence of equilibration."""
    columns = {
        "glass": "glass", "preparation_temperature": "T_f", "equilibrated": "equilibrated",
        "equilibrium_inherent_energy": "inherent energy / N at T_f",
        "inherent_energy": "of the cooled glass",
        "potential_energy_drift": "drift, potential", "inherent_energy_drift": "drift, inherent",
        "self_overlap": "self-overlap", "relaxation_blocks": "relaxation (blocks)",
        "swap_acceptance": "swaps accepted", "verdict": "tests not passed",
    }  # fmt: skip
    rows = results.glasses.to_dict("records")
    for row in rows:
        tests = str(row["verdict"]).split("; ")
        failed = [test for test in tests if not test.startswith("passed ")]
        row["verdict"] = "; ".join(failed) or "none"
    return make_table(rows, columns)


def landscape_table(results: Results) -> Table:
    """Exploration, landscape and finds of each glass."""
    solved = results.solved
    is_tls = results.is_tls(solved)
    grouped = dict(iter(results.trajectories.groupby("glass")))
    rows = []
    for glass, minima in results.minima.items():
        here = (solved["glass"] == glass).to_numpy()
        own = grouped.get(glass, results.trajectories.iloc[:0])
        rows.append(
            {
                "glass": glass,
                "trajectories": len(own),
                "temperature": float(own["temperature"].mean()),
                "drift": float(own["energy_drift"].abs().max()),
                "quenches": int(own["quenches"].sum()),
                "unconverged": int(own["unconverged"].sum()),
                "minima": minima,
                "pairs": results.scan.pairs[glass],
                "qualifying": results.scan.qualifying[glass],
                "paths": int(here.sum()),
                "double_wells": int((here & (solved["status"] == "double_well")).sum()),
                "tls": int((here & is_tls).sum()),
            }
        )
    columns = {
        "glass": "glass", "trajectories": "trajectories", "temperature": "mean temperature",
        "drift": "largest energy drift / N", "quenches": "quenches",
        "unconverged": "not converged", "minima": "minima", "pairs": "pairs",
        "qualifying": f"pairs with min(T_ab, T_ba) ≥ {results.config.loop.standard_transitions}",
        "paths": "paths", "double_wells": "DW", "tls": "TLS",
    }  # fmt: skip
    return make_table(rows, columns)


def status_table(results: Results) -> Table:
    """Statuses of the paths of each iteration."""
    solved = results.solved
    counts = pd.crosstab(solved["iteration"], solved["status"])
    counts = counts.reindex(columns=list(tables.STATUSES), fill_value=0)
    order = sorted(counts.index.tolist(), key=lambda k: (k < 0, k))
    rows = [
        {
            "iteration": "standard procedure" if iteration < 0 else str(iteration),
            **counts.loc[iteration].to_dict(),
            "total": int(counts.loc[iteration].sum()),
        }
        for iteration in order
    ]
    names = {name: name.replace("_", " ") for name in tables.STATUSES}
    return make_table(rows, {"iteration": "iteration", **names, "total": "total"})


def learning_table(results: Results) -> Table:
    """History of the loop with the quality of its models."""
    columns = {
        "iteration": "iteration", "paths": "paths", "double_wells": "DW", "tls": "TLS",
        "total_paths": "paths so far", "total_double_wells": "DW so far", "total_tls": "TLS so far",
        "expected": "TLS expected", "missing": "TLS missing (90 % interval)",
        "classifier_accuracy": "classifier accuracy", "splitting_r_log": "r of log10 E_qs",
        "barrier_r": "r of the barrier", "time_limit_struck": "time limit struck",
        "notes": "done otherwise",
    }  # fmt: skip
    rows = results.history.to_dict("records")
    for row in rows:
        expected = row["expected_tls"]
        row["expected"] = "–" if pd.isna(expected) else f"{expected:.1f}"
        row["missing"] = summary.missing_text(row)
        row["notes"] = row["notes"] or "nothing"
    return make_table(rows, columns)


def transfer_table(results: Results) -> Table | None:
    """Scores of models at other preparation temperatures; None if they were not computed."""
    path = results.root / "tables" / "transfer.csv"
    if not path.exists():
        return None
    columns = {
        "training_temperature": "trained at T_f", "prediction_temperature": "used at",
        "split": "split", "pairs": "pairs", "double_wells": "DW", "tls": "TLS",
        "accuracy": "classifier accuracy", "r_log": "r of log10 E_qs",
        "average_precision_tls": "average precision, TLS", "note": "note",
    }  # fmt: skip
    rows = pd.read_csv(path).to_dict("records")
    for row in rows:
        row["note"] = "none" if pd.isna(row["note"]) else row["note"]
    return make_table(rows, columns)


def stability_text(results: Results) -> str | None:
    """Accuracy of the perceptron that tells T_f, in words; None if it was not computed."""
    path = results.root / "tables" / "stability.json"
    if not path.exists():
        return None
    content = json.loads(path.read_text())
    if "note" in content:
        return f"none: {content['note']}"
    said = [
        f"{content[key]['accuracy']:.3f} {words}"
        for key, words in (("by_row", "by row"), ("by_glass", "by glass"))
        if content.get(key) and content[key].get("accuracy") is not None
    ]
    common = content.get("commonest")
    return ", ".join(said) + (f" ({common:.3f} for the commonest T_f)" if common else "")


def prediction_table(out_of_fold: fig3.Numbers, prospective: fig3.Numbers) -> Table:
    """Agreement of predicted and exact splittings and barriers, out of fold and prospectively."""
    columns = {
        "prediction": "prediction", "quantity": "of", "temperature": "T_f", "points": "DW",
        "r_log": "r of the logarithm", "r_linear": "r", "median_decades":
        "median log10(predicted / exact)",
    }  # fmt: skip
    rows = []
    for name, numbers in (("out of fold", out_of_fold), ("when picked", prospective)):
        for row in numbers["correlation"].to_dict("records"):
            value = row["preparation_temperature"]
            rows.append(
                {
                    **row,
                    "prediction": name,
                    "quantity": {"splitting": "E_qs"}.get(row["quantity"], row["quantity"]),
                    "temperature": "all" if np.isnan(value) else f"{value:g}",
                }
            )
    return make_table(rows, columns)


def table_one(table: pd.DataFrame) -> Table:
    """Table I as text."""
    rows = []
    for row in table.to_dict("records"):
        temperature = row["preparation_temperature"]
        entry: dict[str, Any] = {
            "T_f": "all" if np.isnan(temperature) else f"{temperature:g}",
            "unit": row["unit_system"],
            "ratio": round(row["ratio"], 2),
            "iterated_ratio": round(row["iterated_ratio"], 2),
            "qualifying": row["standard_qualifying"],
        }
        for name in ("standard", "loop", "iterated"):
            entry[f"{name}_counts"] = f"{row[f'{name}_tls']:,} / {row[f'{name}_paths']:,}"
            rate = summary.rate_text(summary.finite(summary.interval(row, name)))
            entry[f"{name}_rate"] = rate.replace(" (", "\n(")
        if not row["standard_complete"]:
            entry["standard_rate"] += " *"
        rows.append(entry)
    columns = {
        "T_f": "T_f", "unit": "units", "qualifying": "qualifying pairs",
        "standard_counts": "standard: TLS / paths", "standard_rate": "TLS per path",
        "loop_counts": "loop: TLS / paths", "loop_rate": "TLS per path", "ratio": "over standard",
        "iterated_counts": "loop without first batch: TLS / paths",
        "iterated_rate": "TLS per path", "iterated_ratio": "over standard",
    }  # fmt: skip
    return make_table(rows, columns)


def plateau_table(numbers: fig4.Numbers) -> Table:
    """n_0 of every preparation temperature and unit system."""
    rows = [
        {
            **row,
            "n_0_range": f"{row['n_0_low']:.3g} to {row['n_0_high']:.3g}",
            "ev_range": f"{row['n_0_ev_cm3_low']:.2e} to {row['n_0_ev_cm3_high']:.2e}",
        }
        for row in numbers["plateau"].to_dict("records")
    ]
    columns = {
        "preparation_temperature": "T_f", "unit_system": "units", "glasses": "glasses",
        "double_wells": "DW", "tls": "TLS", "n_0": "n_0 (ε⁻¹ σ⁻³)", "n_0_range": "95 %",
        "n_0_ev_cm3": "n_0 (eV⁻¹ cm⁻³)", "ev_range": "95 %",
    }  # fmt: skip
    return make_table(rows, columns)


def library_table(results: Results) -> Table:
    """The TLS of lowest quantum splitting."""
    unit = results.config.loop.unit_system
    wells = results.double_wells
    columns = {
        "glass": "glass", "minimum_a": "a", "minimum_b": "b",
        f"quantum_splitting_{unit}": f"E_qs ({unit})", "barrier": "barrier", "delta_e": "ΔE",
        "delta_0": "Δ_0", "path_length": "path length", "total_displacement": "d",
        "displacement_1": "Δr_1", "participation_ratio": "PR", "transitions_ab": "T_ab",
        "transitions_ba": "T_ba", "iteration": "iteration",
    }  # fmt: skip
    rows = wells.loc[results.is_tls(wells), list(columns)].head(TOP).to_dict("records")
    return make_table(rows, columns)


def validation_table(results: Results) -> Table | None:
    """Agreement with LAMMPS; None if the run was not checked."""
    if results.validation is None:
        return None
    return make_table(validation.rows(results.validation), validation.COLUMNS)


def outside_table(results: Results) -> Table | None:
    """The checks by LAMMPS that are outside the tolerances; None if there are none."""
    if results.validation is None or results.validation["within"].all():
        return None
    return make_table(validation.outside_rows(results.validation), validation.OUTSIDE_COLUMNS)


def jobs_table(results: Results) -> Table | None:
    """The cost of every stage; None if it was not recorded."""
    if results.jobs is None:
        return None
    return make_table(provenance.job_rows(results.jobs), provenance.JOB_COLUMNS)


def render(
    results: Results, images: Mapping[str, tuple[str, bytes]], numbers: Mapping[str, Any]
) -> str:
    """The report as HTML.

    Args:
        results: the run.
        images: MIME type and content of each figure.
        numbers: numbers of each figure.
    """
    import jinja2

    from tlsfind.config import dump

    found, transfer = summary.collect(results), transfer_table(results)
    places = arranged(images)
    further = further_tables(results.root / "tables", CAPTIONS)
    template = (Path(__file__).parent / "templates" / "report.html.j2").read_text()
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(template).render(
        run=results.config.run.name,
        footer=results.footer,
        warnings=warnings(results, found),
        summary=summary.lines(found),
        figures={
            name: {
                "source": f"data:{kind};base64,{base64.b64encode(image).decode()}",
                "width": shown_width(kind, image),
                "title": CAPTIONS.get(name, name).partition(".")[0],
                "caption": CAPTIONS.get(name, ""),
            }
            for name, (kind, image) in images.items()
        },
        arranged=places,
        contents=contents(places, further, bool(transfer)),
        further_tables=further,
        tables={
            "glasses": glasses_table(results),
            "landscape": landscape_table(results),
            "statuses": status_table(results),
            "learning": learning_table(results),
            "prediction": prediction_table(numbers["fig3"], numbers["fig3_prospective"]),
            "table1": table_one(table1.collect(results)),
            "transfer": transfer,
            "plateau": plateau_table(numbers["fig4"]),
            "library": library_table(results),
            "validation": validation_table(results),
            "outside": outside_table(results),
            "versions": make_table(provenance.version_rows(results), provenance.VERSION_COLUMNS),
            "starts": make_table(provenance.start_rows(results), provenance.START_COLUMNS),
            "jobs": jobs_table(results),
        },
        table1_caption=CAPTIONS["table_1"],
        table2_caption=CAPTIONS["table_2"],
        transfer_caption=CAPTIONS["transfer"],
        stability=stability_text(results),
        validation=validation.meaning(results),
        folds="rows" if results.config.learn.split == "row" else "whole glasses",
        threshold=results.config.loop.standard_transitions,
        standard=found["standard"],
        tls=found["tls"],
        top=TOP,
        stop_reason=found["stop_reason"],
        config=dump(results.config),
    )
