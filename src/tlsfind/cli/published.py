"""Published mode: what the authors' tables give, each step by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tlsfind.cli.common import LOG, ConfigOption, OutputFile, OutputFolder, start_log
from tlsfind.cli.scans import Kind

if TYPE_CHECKING:
    from tlsfind.published.settings import PublishedConfig

_PANEL = "Import"

Results = Annotated[
    Path, typer.Argument(metavar="RESULTS", help="Folder of the results (run.output).")
]
LabelledTable = Annotated[
    Path, typer.Argument(metavar="LABELLED", help="What `tlsfind import authors` wrote.")
]
Threads = Annotated[int, typer.Option(min=1, help="Threads of the models.")]


def register(app: typer.Typer) -> None:
    """Add the group ``published`` to ``app``."""
    group = typer.Typer(
        name="published",
        help="Figures and numbers of the paper from the authors' tables.",
        rich_markup_mode=None,
    )
    for command in (predict, explain, scan, figures, compare, report):
        group.command()(command)
    app.add_typer(group, rich_help_panel=_PANEL, no_args_is_help=True)


@contextmanager
def _stage(name: str, item: str, config_file: Path) -> Iterator[PublishedConfig]:
    """Read the config of published mode, log and record a step."""
    from tlsfind.jobs import recorded
    from tlsfind.published.settings import load

    start_log()
    config = load(config_file)
    LOG.info("published %s %s: config %s (%s)", name, item, config_file, config.hash)
    with recorded(f"published-{name}", item, config.hash, config.run.seed):
        yield config
    LOG.info("published %s %s: done", name, item)


def predict(
    labelled: LabelledTable,
    config: ConfigOption,
    output: OutputFolder,
    split: Annotated[Literal["row", "glass"], typer.Option(help="How pairs are held out.")] = "row",
    threads: Threads = 1,
) -> None:
    """Train on a part of the pairs, predict and score the held-out ones.

    Writes models/, held_out.parquet and scores.json.
    """
    with _stage("predict", f"{labelled.stem}-{split}", config) as settings:
        from tlsfind.published.predict import predict as run

        run(settings, labelled, split, output, threads)


def explain(
    labelled: LabelledTable,
    predictions: Annotated[
        Path, typer.Option(metavar="DIR", help="What `tlsfind published predict` wrote.")
    ],
    config: ConfigOption,
    output: OutputFolder,
    threads: Threads = 1,
) -> None:
    """Explain both models on held-out pairs: shap.parquet and importance.parquet."""
    with _stage("explain", labelled.stem, config) as settings:
        from tlsfind.published.explain import explain as run

        run(settings, labelled, predictions, output, threads)


def scan(
    kind: Annotated[Kind, typer.Argument(help="What is scanned (S1 to S5).")],
    labelled: LabelledTable,
    config: ConfigOption,
    output: OutputFolder,
    threads: Threads = 1,
) -> None:
    """Train the models many times and score them: `tlsfind scan` on an imported table."""
    with _stage("scan", f"{kind.value} {labelled.stem}", config) as settings:
        from tlsfind.scans.stage import scan as run

        run(kind.value, [labelled], output, config=settings, threads=threads)


def figures(results: Results, config: ConfigOption, output: OutputFolder) -> None:
    """Draw the figures, each with tables of its numbers."""
    with _stage("figures", "", config) as settings:
        from tlsfind.published.stage import figures as run

        run(settings, results, output)


def compare(
    results: Results,
    config: ConfigOption,
    output: OutputFile,
    also: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="CSV with further rows, of scans; repeatable."),
    ] = None,
) -> None:
    """Put the paper's numbers and ours side by side, as CSV."""
    with _stage("compare", "", config) as settings:
        from tlsfind.published.compare import write
        from tlsfind.published.source import Source

        rows = write(Source(settings, results), output, also)
        for row in rows.to_dict("records"):
            typer.echo(f"{row['quantity']}: paper {row['paper'] or '-'}, ours {row['ours'] or '-'}")


def report(
    results: Results,
    config: ConfigOption,
    output: OutputFile,
    comparison: Annotated[
        Path, typer.Option(metavar="FILE", help="What `tlsfind published compare` wrote.")
    ],
    image: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Further figure (PNG), of scans; repeatable."),
    ] = None,
) -> None:
    """Write one HTML page with the comparison and all figures, which needs nothing else."""
    with _stage("report", "", config) as settings:
        from tlsfind.published.report import report as run

        run(settings, results, comparison, output, image)
