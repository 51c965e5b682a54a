"""The active loop by simulation, before anybody spends paths."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tlsfind.cli.common import OutputFolder, start_log

_PANEL = "Learning"


class Start(StrEnum):
    """What a loop begins with."""

    cold = "cold"
    transfer = "transfer"


def register(app: typer.Typer) -> None:
    """Add the commands of this module to ``app``."""
    app.command("simulate-loop", rich_help_panel=_PANEL)(simulate_loop)


def simulate_loop(
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", help="Labelled table: pairs with exact results.")
    ],
    output: OutputFolder,
    rule: Annotated[
        list[str] | None,
        typer.Option(metavar="R", help="Acquisition rule; repeatable. All rules if none is named."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Loops of each rule.")] = 3,
    initial: Annotated[
        int | None,
        typer.Option(
            min=1, help="K_0, paths before any model; by default that of loop.initial_paths."
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            min=1, help="K_i, paths of an iteration; by default that of loop.paths_per_iteration."
        ),
    ] = None,
    max_paths: Annotated[
        int, typer.Option(min=1, help="Most paths of a rule that needs models.")
    ] = 4000,
    dilute: Annotated[
        float,
        typer.Option(min=0.0, help="Pairs that are no double wells, added for each labelled one."),
    ] = 0.0,
    start: Annotated[
        Start,
        typer.Option(
            help="cold: K_0 pairs first; transfer: models of two thirds of the glasses hunt in "
            "the others."
        ),
    ] = Start.cold,
    gate: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Smallest double-well probability that passes; by default that of loop.gate.",
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="E_qs (eps) below which a double well is a TLS; by default that of the table's "
            "unit system."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The first seed.")] = 0,
    rounds: Annotated[int, typer.Option(min=10, help="Trees of the screening models.")] = 100,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the training.")] = 1,
) -> None:
    """Simulate the active loop on a labelled table: TLS found against paths, for each rule.

    Writes curves.parquet and curves.csv, summary.csv, and the figure simulated_loops.

    Diluted pools draw the first batch from the strata of the real loop.
    """
    from tlsfind.config import Loop
    from tlsfind.simulate import stage as simulation
    from tlsfind.simulate.loop import Settings

    start_log()
    loop = Loop()
    settings = Settings(
        initial=loop.initial_paths if initial is None else initial,
        batch=loop.paths_per_iteration if batch is None else batch,
        max_paths=max_paths,
        rounds=rounds,
        gate=loop.gate if gate is None else gate,
        confidence=loop.confidence,
        shares=(loop.initial_transition_share, loop.initial_close_share),
        close_displacement=loop.close_displacement,
        stop_fraction=loop.stop_fraction,
        missing_fraction=loop.missing_fraction,
        threads=threads,
    )
    found = simulation.simulate_loop(
        table,
        output,
        settings,
        rules=rule or (),
        seeds=seeds,
        seed=seed,
        dilute=dilute,
        transfer=start is Start.transfer,
        threshold=threshold,
    )
    shown = ["rule", "paths_to_50", "paths_to_80", "paths_to_95", "paths_to_100", "never_found"]
    shown += ["coverage", "random_batches"]
    typer.echo(found[shown].to_string(index=False, float_format="%.4g", na_rep="-"))
