"""The looks of all figures: sizes, fonts, the colours of Okabe and Ito, panel letters, footers."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from tlsfind import tables

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN = 3.4  # width of a journal's column, in inches
PAGE = 7.0  # width of two columns
DPI = 300  # of image files

#: Okabe and Ito (2008), told apart by colour-blind readers.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#8A8A8A"

#: Colours of the populations in every figure.
POPULATIONS = {"all": GREY, "double_well": BLUE, "tls": VERMILION}
LABELS = {"all": "all pairs", "double_well": "DW", "tls": "TLS"}
#: Colours of preparation temperatures, from the lowest up.
TEMPERATURES = [BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION, BLACK]

#: Box behind text that stands on lines.
PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5}

RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "axes.labelsize": 8.0,
    "axes.titlesize": 8.0,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.limits": (-3, 4),
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.0,
    "mathtext.fontset": "dejavusans",
    "svg.fonttype": "none",
    "svg.hashsalt": "tlsfind",
    "pdf.fonttype": 42,
    "figure.constrained_layout.use": True,
}


@contextmanager
def styled() -> Iterator[None]:
    """The project's style, for the drawing within."""
    import matplotlib

    with matplotlib.rc_context(cast(Any, RC)):
        yield


def new_figure(width: float, height: float, footer: str) -> Figure:
    """An empty figure (sizes in inches) that says at its foot what it rests on."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    lines = textwrap.wrap(footer, int(width * 27))
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=5.0, color="#666666")
    return figure


def letter(axes: Axes, name: str) -> None:
    """Letter a panel."""
    axes.set_title(f"({name})", loc="left", fontsize=8.0, fontweight="bold")


def refuse(axes: Axes, message: str, width: int = 34) -> None:
    """Write ``message`` in the panel in the place of data."""
    axes.text(
        0.5,
        0.5,
        "\n".join(line for part in message.split("\n") for line in textwrap.wrap(part, width)),
        transform=axes.transAxes,
        ha="center",
        va="center",
        fontsize=7.0,
        color="#555555",
    )
    axes.set_xticks([])
    axes.set_yticks([])


def too_few(found: int, needed: int, what: str) -> str:
    """The sentence for a distribution of too few points."""
    return f"{what}: {found} point{'s' if found != 1 else ''}, fewer than {needed}: not drawn"


def temperature_colours(temperatures: Sequence[float]) -> dict[float, str]:
    """A colour for each preparation temperature, the lowest first."""
    ordered = sorted(set(temperatures))
    return {t: TEMPERATURES[i % len(TEMPERATURES)] for i, t in enumerate(ordered)}


def png(figure: Figure, dpi: int = 160) -> bytes:
    """The figure as a PNG image."""
    buffer = io.BytesIO()
    _lay_out(figure, dpi)
    _write_png(figure, buffer)
    return buffer.getvalue()


def save(figure: Figure, stem: Path, formats: Sequence[str]) -> list[Path]:
    """Write ``stem.<format>`` for each format, reproducibly; returns the files."""
    _lay_out(figure, DPI)
    written = []
    for name in formats:
        path = stem.with_name(f"{stem.name}.{name}")
        with tables.atomic(path) as temporary, temporary.open("wb") as file:
            _WRITERS[name](figure, file)
        written.append(path)
    return written


def _lay_out(figure: Figure, dpi: int) -> None:
    """Place everything, once for all formats.

    Panels of fixed shape, and their titles, find their place only on the second try.
    """
    figure.set_dpi(dpi)
    figure.draw_without_rendering()
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    figure.set_layout_engine("none")


def _write_png(figure: Figure, file: IO[bytes]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).print_png(file, metadata={"Software": None})


def _write_svg(figure: Figure, file: IO[bytes]) -> None:
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    FigureCanvasSVG(figure).print_svg(file, metadata={"Date": None})


def _write_pdf(figure: Figure, file: IO[bytes]) -> None:
    from matplotlib.backends.backend_pdf import FigureCanvasPdf

    FigureCanvasPdf(figure).print_pdf(file, metadata={"CreationDate": None})


_WRITERS = {"png": _write_png, "svg": _write_svg, "pdf": _write_pdf}
