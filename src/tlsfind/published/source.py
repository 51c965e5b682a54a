"""What the import made of the authors' tables: labelled pairs and verdicts by label."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.errors import InputError
from tlsfind.interop import authors_files
from tlsfind.learn import labelled
from tlsfind.learn.labelled import Labelled
from tlsfind.published.predict import SPLITS
from tlsfind.published.settings import PublishedConfig

TABLES, PREDICTIONS, EXPLAIN, FIGURES = "tables", "predictions", "explain", "figures"


def labels_of(folder: Path) -> tuple[list[str], list[str]]:
    """Labels with labelled pairs (features, verdicts and E_qs), and labels with verdicts.

    Raises:
        InputError: the folder does not exist or holds none of the authors' tables.
    """
    found = authors_files.find(folder)
    trained = [name for name, kinds in found.items() if {"classifier", "predictor"} <= set(kinds)]
    solved = [name for name, kinds in found.items() if {"splittings", "others"} & set(kinds)]
    return trained, solved


@dataclass(frozen=True)
class Source:
    """The results of published mode.

    Args:
        config: of the mode.
        root: folder of the results.
    """

    config: PublishedConfig
    root: Path

    @cached_property
    def imported(self) -> dict[str, dict[str, Any]]:
        """What became of the authors' rows, by table (``labelled-T007.parquet``)."""
        content = self._json(self.root / TABLES / "import.json")
        return {entry["table"]: entry for entry in content}

    @cached_property
    def labelled(self) -> dict[float, Labelled]:
        """Labelled pairs by T_f, those of the labels that models were trained on."""
        read = [labelled.read(path) for path in self._tables("labelled")]
        found = {float(t.frame["preparation_temperature"].iloc[0]): t for t in read}
        return {t_f: found[t_f] for t_f in sorted(found)}

    @cached_property
    def verdicts(self) -> dict[float, pd.DataFrame]:
        """Exact results of the iterative runs by T_f."""
        found = {}
        for path in self._tables("verdicts"):
            frame = tables.read(path, tables.schema("verdicts").names)
            found[float(frame["glass"].iloc[0][1:].rpartition("-")[0])] = frame
        return {t_f: found[t_f] for t_f in sorted(found)}

    @cached_property
    def glasses(self) -> dict[float, list[str]]:
        """All glasses that occur in any table of a T_f."""
        frames: list[tuple[float, pd.DataFrame]] = [*self.verdicts.items()]
        frames += [(t_f, table.frame) for t_f, table in self.labelled.items()]
        found: dict[float, set[str]] = {}
        for t_f, frame in frames:
            found.setdefault(t_f, set()).update(frame["glass"].unique())
        return {t_f: sorted(names) for t_f, names in sorted(found.items())}

    @property
    def volume(self) -> float:
        """Volume of a glass, at density 1."""
        return float(self.config.published.particles)

    def splittings(self, t_f: float) -> np.ndarray:
        """E_qs of all double wells of the iterative run, shape (n,)."""
        frame = self.verdicts[t_f]
        known = frame["is_double_well"].astype(bool) & frame["quantum_splitting"].notna()
        return frame.loc[known, "quantum_splitting"].to_numpy(dtype=float)

    def predictions(self, t_f: float, split: str) -> pd.DataFrame:
        """Held-out predictions, rows of table "out_of_fold"."""
        path = self._folder(t_f, split) / "held_out.parquet"
        return tables.read(path, tables.schema("out_of_fold").names)

    def scores(self, t_f: float, split: str) -> dict[str, Any]:
        """Scores of the held-out predictions."""
        return dict(self._json(self._folder(t_f, split) / "scores.json"))

    def importance(self, t_f: float) -> pd.DataFrame:
        """Importance of the features."""
        path = self.root / EXPLAIN / authors_files.label_of(t_f) / "importance.parquet"
        return tables.read(path, tables.schema("importance").names)

    def shap(self, t_f: float) -> pd.DataFrame:
        """Shapley values of the explained pairs."""
        path = self.root / EXPLAIN / authors_files.label_of(t_f) / "shap.parquet"
        return tables.read(path, tables.schema("shap").names)

    @property
    def trained(self) -> list[float]:
        """T_f that models were trained at."""
        return [t_f for t_f in self.labelled if self._folder(t_f, SPLITS[0]).is_dir()]

    @property
    def footer(self) -> str:
        """One line that says what everything rests on."""
        parts = []
        for t_f, names in self.glasses.items():
            counts = []
            if t_f in self.labelled:
                counts.append(f"{len(self.labelled[t_f].frame):,} labelled pairs")
            if t_f in self.verdicts:
                counts.append(f"{len(self.verdicts[t_f]):,} paths of the iterative run")
            parts.append(f"T_f = {t_f:g}: {len(names)} glasses, {', '.join(counts)}")
        return f"{self.config.run.name}, tables of Ciarella et al. (2023). " + "; ".join(parts)

    def _folder(self, t_f: float, split: str) -> Path:
        return self.root / PREDICTIONS / authors_files.label_of(t_f) / split

    def _tables(self, kind: str) -> list[Path]:
        return sorted((self.root / TABLES).glob(f"{kind}-*.parquet"))

    @staticmethod
    def _json(path: Path) -> Any:
        try:
            return json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise InputError(f"{path} is missing or damaged: {error}") from None
