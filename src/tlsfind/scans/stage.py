"""The entry of the scans: labelled tables in, one folder of tables and a figure out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from tlsfind import tables
from tlsfind.config import Analysis, Config, Learn, Scans
from tlsfind.errors import InputError
from tlsfind.evaluate.source import threshold_of
from tlsfind.interpret import temperatures
from tlsfind.learn.labelled import Labelled
from tlsfind.scans import features, importance, leaderboard, particles, performance, structure
from tlsfind.scans.draws import Study, studies
from tlsfind.scans.kinds import FIGURES

if TYPE_CHECKING:
    from tlsfind.published.settings import PublishedConfig

    Settings = Config | PublishedConfig

Name = Literal["leaderboard", "predictor", "classifier", "importance", "features"]


@dataclass(frozen=True)
class Inputs:
    """What a scan works on.

    Args:
        kind: which scan.
        table: labelled pairs of one or more T_f.
        config: the run, or published mode; None: defaults.
        landscapes: folder ``landscape`` of the run that the pairs are of, for other M.
        structure: table "structure" of the pairs, for the importance.
        seed: of folds and models.
        threads: of every training.
    """

    kind: Name
    table: Labelled
    config: Settings | None = None
    landscapes: Path | None = None
    structure: Path | None = None
    seed: int = 0
    threads: int = 1

    @property
    def scans(self) -> Scans:
        """Section ``scans``."""
        return self.config.scans if self.config else Scans()

    @property
    def analysis(self) -> Analysis:
        """Section ``analysis``."""
        return self.config.analysis if self.config else Analysis()

    def studies(self) -> list[Study]:
        """The pairs of each T_f."""
        plain = self.kind == "features" or self.structure is not None
        learn = self.config.learn if self.config else Learn()
        threshold = threshold_of(self.table, self.config)
        return studies(self.table, learn, self.scans, threshold, self.seed, self.threads, plain)


def collect(inputs: Inputs) -> dict[str, pd.DataFrame]:
    """The tables of a scan, by schema; "scan" is always among them.

    Raises:
        InputError: the tables, the minima or the structures do not fit.
    """
    rows: list[dict] = []
    parts: dict[str, list[pd.DataFrame]] = {}
    for study in inputs.studies():
        if inputs.kind == "leaderboard":
            found, points = leaderboard.scan(study)
            parts.setdefault("scan_points", []).extend(points)
        elif inputs.kind == "importance":
            columns = study.table.frame[study.table.features]
            if inputs.structure is not None:
                known = structure.as_features(tables.read(inputs.structure), study.table.frame)
                columns = pd.concat([columns, known], axis=1)
            found, drops, values = importance.scan(study, columns, inputs.analysis)
            parts.setdefault("scan_importance", []).extend(drops)
            parts.setdefault("scan_shap", []).extend(values)
        elif inputs.kind == "features":
            found = features.scan(study, inputs.analysis)
        else:
            model = inputs.config.model if isinstance(inputs.config, Config) else None
            largest = max(inputs.scans.particles)
            wide = particles.wide(study.table, largest, inputs.landscapes, model)
            found = performance.scan(study, inputs.kind, wide)
        rows += found
    made = {"scan": pd.DataFrame(rows, columns=tables.schema("scan").names)}
    for name, frames in parts.items():
        columns = tables.schema(name).names
        joined = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
        made[name] = joined[columns]
    return made


def scan(
    kind: Name,
    labelled: Sequence[Path],
    output: Path,
    *,
    config: Settings | None = None,
    landscapes: Path | None = None,
    structures: Path | None = None,
    seed: int | None = None,
    threads: int = 1,
) -> list[Path]:
    """Make a scan and write its tables, its figure and the numbers of the figure into ``output``.

    Args:
        kind: which scan.
        labelled: labelled tables, of one or more T_f each.
        output: folder to write into.
        config: sections ``learn``, ``scans``, ``analysis`` and, of a run, ``units`` and ``model``;
            the defaults if None.
        landscapes: as for :class:`Inputs`.
        structures: as for :class:`Inputs`.
        seed: of folds and models; that of the config, or 0, if None.
        threads: of every training.

    Returns:
        The images.

    Raises:
        InputError: as for :func:`tlsfind.interpret.temperatures.read` and :func:`collect`; the
            config wants bond-orientational parameters and there are no structures.
    """
    if seed is None:
        seed = config.run.seed if config else 0
    table = temperatures.read(labelled)
    inputs = Inputs(kind, table, config, landscapes, structures, seed, threads)
    if kind == "importance" and inputs.scans.bond_order and structures is None:
        raise InputError(
            "scans.bond_order is true and there is no table of structures, expected one from "
            "`tlsfind structure` (--structure FILE)"
        )
    found = collect(inputs)
    stamp = config.hash if config else ""
    for name, frame in reversed(found.items()):  # "scan" is written last: it says that all is done
        schema = tables.stamped(tables.schema(name), stamp, seed)
        tables.write(frame, Path(output) / f"{name.removeprefix('scan_')}.parquet", schema)
    source = config.run.name if config else ", ".join(Path(path).stem for path in labelled)
    return draw(kind, found, Path(output), source, inputs.analysis.formats)


def draw(
    kind: Name,
    found: dict[str, pd.DataFrame],
    output: Path,
    source: str,
    formats: Sequence[str],
) -> list[Path]:
    """Draw the figure of a scan from its tables: ``<figure>.<format>`` and ``<figure>_<part>.csv``.

    Args:
        kind: which scan.
        found: its tables by schema.
        output: folder to write into.
        source: name of the run or of the tables, for the footer.
        formats: of the figure.

    Returns:
        The images.
    """
    from tlsfind.analysis import style
    from tlsfind.analysis.figures import figS1, figS2, figS4, figS5
    from tlsfind.analysis.stage import write_csv
    from tlsfind.analysis.tables import table_s1

    name = FIGURES[kind]
    modules = {"figS1": figS1, "figS2": figS2, "figS3": figS2, "figS4": figS4, "figS5": figS5}
    numbers = modules[name].collect(found)
    for part, frame in numbers.items():
        write_csv(frame, output / f"{name}_{part}.csv")
    if kind == "importance":
        write_csv(table_s1.collect(found["scan_importance"]), output / "table_s1.csv")
    with style.styled():
        figure = modules[name].draw(numbers, source)
        return style.save(figure, output / name, formats)
