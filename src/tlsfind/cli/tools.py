"""Tools of the project itself: generated reference files, compiled kernels."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from tlsfind.cli.common import start_log
from tlsfind.errors import InputError

_PANEL = "Tools"


def register(app: typer.Typer) -> None:
    """Add the commands of this module to ``app``."""
    app.command(rich_help_panel=_PANEL)(schema)
    app.command("warm-up", rich_help_panel=_PANEL)(warm_up)


def schema(
    root: Annotated[
        Path, typer.Option(metavar="DIR", help="Root of the tlsfind repository.")
    ] = Path("."),
    write: Annotated[bool, typer.Option("--write", help="Write the files.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Fail unless the files are in step with the code.")
    ] = False,
) -> None:
    """Generate the config's JSON schema, the pages of keys and tables, and snakemake's captions.

    Without an option the JSON schema is printed and nothing is written.
    """
    from tlsfind import reference

    if write and check:
        raise typer.BadParameter("--write and --check exclude each other", param_hint="--check")
    if write:
        for file in reference.write(root):
            typer.echo(f"wrote {file}")
    elif check:
        stale = reference.out_of_step(root)
        if stale:
            names = ", ".join(str(file) for file in stale)
            raise InputError(
                f"{names}: out of step with the code, expected what `tlsfind schema --write` writes"
            )
        typer.echo("schema, reference pages and captions are in step with the code")
    else:
        typer.echo(reference.config_schema(), nl=False)


def warm_up() -> None:
    """Compile the numerical kernels and cache them, so that later commands start at once."""
    start_log()
    begin = time.monotonic()
    from tlsfind.beside import beside
    from tlsfind.engine.native.warmup import warm_up as compile_engine
    from tlsfind.kernels import drop_stale

    drop_stale()
    with beside(_compile_others, processes=min(2, os.cpu_count() or 1)) as others:
        compile_engine()
        others()
    typer.echo(f"kernels compiled and cached in {time.monotonic() - begin:.1f} s")


def _compile_others() -> None:
    _compile_landscape_and_pairs()
    _compile_shapley()


def _compile_landscape_and_pairs() -> None:
    """Run the kernels that tell minima apart and that compute features, on ten particles."""
    import numpy as np

    from tlsfind.landscape.identity import Catalogue
    from tlsfind.pairs.features import PairGeometry, pair_features

    first = np.random.default_rng(0).uniform(0.0, 2.0, (10, 3))
    second = first + 0.1 * first[::-1]
    catalogue = Catalogue(box=2.0, energy_window=1.0, displacement_tolerance=1e-2)
    catalogue.find_or_add(first, 0.0, 0.0)
    catalogue.find_or_add(second, 0.5, 0.0)
    pair_features(first, second, 0.0, 0.5, 2.0, particles=3)
    one = np.zeros(1, np.int64)
    PairGeometry([first, second], 2.0, particles=3, single=True).features(one, one + 1)
    alike = np.ones(len(first), np.int32)
    pair_features(first, first[::-1].copy(), 0.0, 0.5, 2.0, particles=3, types=alike)


def _compile_shapley() -> None:
    """Shapley values of two features of two pairs."""
    import numpy as np

    from tlsfind.interpret.importance import shapley

    rows = np.arange(4.0).reshape(2, 2)
    shapley(lambda x: x.sum(axis=1), rows, rows + 1.0, seed=0)
