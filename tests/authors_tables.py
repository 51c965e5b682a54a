"""The tables of the paper's authors: where the published ones are, and their names of features."""

from __future__ import annotations

from pathlib import Path

import pytest

#: The published tables, which are no part of the project.
PUBLISHED = Path(__file__).parents[1] / ".." / "shared" / "reference-tables"

needs_published = pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason=f"the published tables are not at {PUBLISHED}"
)

#: The authors' name of each feature and ours, M = 3. Written out: the import is tested against it.
FEATURES = {
    "Delta_E": "delta_e",
    "displacement_0": "displacement_1",
    "displacement_1": "displacement_2",
    "displacement_2": "displacement_3",
    "total_displacement": "total_displacement",
    "PR": "participation_ratio",
    "0to1": "distance_1_2",
    "0to2": "distance_1_3",
    "Tij": "transitions_ab",
    "Tji": "transitions_ba",
}
