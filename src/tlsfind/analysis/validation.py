"""What the check of a run by LAMMPS says, for the report and the summary."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import pandas as pd

from tlsfind.validate import RIM

if TYPE_CHECKING:
    from tlsfind.analysis.results import Results

NAMES = {
    "energy": "energy per particle of a minimum",
    "force": "force component at a minimum",
    "displaced_force": "force component after a short trajectory",
    "quench": "quench from there: distance d of both ends",
    "verdict": "verdict on a path: different (1) or not (0)",
    "barrier": "barrier of a double well",
    "quantum_splitting": "E_qs of a double well, relative",
}
COLUMNS = {
    "what": "what", "checks": "checks", "largest": "largest difference",
    "tolerance": "tolerance", "outside": "outside", "failed": "of these failed",
}  # fmt: skip
OUTSIDE_COLUMNS = {
    "what": "what", "glass": "glass", "pair": "minima", "value": "run",
    "reference": "LAMMPS", "difference": "difference", "message": "message",
}  # fmt: skip
MOST = 20  # checks outside the tolerances that are listed


def rows(checks: pd.DataFrame) -> list[dict[str, Any]]:
    """One row for each kind of check, in the order of :data:`NAMES`."""
    found = []
    for what, name in NAMES.items():
        own = checks[checks["what"] == what]
        if len(own):
            outside = own[~own["within"]]
            found.append(
                {
                    "what": name,
                    "checks": len(own),
                    "largest": float(own["difference"].max()),
                    "tolerance": float(own["tolerance"].max()),
                    "outside": len(outside),
                    "failed": int(outside["difference"].isna().sum()),
                }
            )
    return found


def outside_rows(checks: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """The checks outside the tolerances."""
    found = checks[~checks["within"]].head(MOST).to_dict("records")
    for row in found:
        second = row["minimum_b"]
        row["pair"] = str(row["minimum_a"]) + ("" if pd.isna(second) else f", {second:.0f}")
        row["what"] = NAMES.get(row["what"], row["what"])
        row["message"] = row["message"] or "none"
    return found


def numbers(checks: pd.DataFrame | None) -> dict[str, Any] | None:
    """Checks, and those outside the tolerances, in all and by kind; None if there was no check."""
    if checks is None:
        return None
    outside = checks.loc[~checks["within"], "what"]
    return {
        "checks": len(checks),
        "outside": len(outside),
        "outside_by_kind": {str(what): int(n) for what, n in outside.value_counts().items()},
        "at_the_rim": int((checks["message"] == RIM).sum()),
    }


def line(found: dict[str, Any] | None) -> str:
    """The numbers in words."""
    if found is None:
        return "not checked"
    return f"{found['checks']:,} checks, {found['outside']:,} outside the tolerances"


def warning(found: dict[str, Any] | None, enabled: bool) -> str | None:
    """What a reader must know; None if all checks are within the tolerances."""
    if found is None:
        why = "its table is missing" if enabled else "validation.enabled is false"
        return f"The run was not checked by LAMMPS ({why})."
    if not found["outside"]:
        return None
    kinds = ", ".join(
        f"{n} {what.replace('_', ' ')}" for what, n in found["outside_by_kind"].items()
    )
    rim = ""
    if found["at_the_rim"]:
        rim = (
            f" In {found['at_the_rim']} of them a quench started at the rim of two basins, and "
            "both ends are minima of both engines."
        )
    return (
        f"{found['outside']} of {found['checks']} checks by LAMMPS are outside the tolerances "
        f"({kinds}).{rim} See “Agreement with LAMMPS”."
    )


def meaning(results: Results) -> str:
    """What was compared with what."""
    limits = results.config.validation
    solver = {"string": "by the string solver on forces of LAMMPS", "lammps-neb": "by LAMMPS neb"}
    how = (
        f"{limits.minima} minima, {limits.double_wells} double wells and {limits.tls} TLS, spread "
        "over the glasses, were asked for; there may be fewer."
    )
    if results.config.engine_name == "native":
        return (
            "Stored energies, forces and quenches of the native engine against the same potential "
            f"in LAMMPS; paths solved again {solver[limits.solver]}. {how}"
        )
    again = "solved again by the same solver"
    if limits.solver != results.config.paths.solver:
        again = f"solved again {solver[limits.solver]}"
    return (
        "The engine of this run is LAMMPS, and the reference is LAMMPS started afresh: what is "
        "stored is checked, and whether it can be reproduced, not the forces of LAMMPS. Paths "
        f"were {again}. {how}"
    )
