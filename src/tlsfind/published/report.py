"""The page of published mode: the comparison with the paper and all figures, in one HTML file."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pandas as pd

from tlsfind import __version__, tables
from tlsfind.analysis import style
from tlsfind.analysis.captions import CAPTIONS as STUDIES
from tlsfind.errors import InputError
from tlsfind.published.compare import COLUMNS
from tlsfind.published.settings import PublishedConfig
from tlsfind.published.source import Source
from tlsfind.published.stage import CAPTIONS, drawings


def report(
    config: PublishedConfig,
    results: Path,
    comparison: Path,
    output: Path,
    images: list[Path] | None = None,
) -> None:
    """Write the page; it needs no network and no other file.

    Args:
        config: of published mode.
        results: folder of its results.
        comparison: ``paper_vs_ours.csv``.
        output: the page.
        images: further figures (of scans) as PNG files; the text of the file of the same name with
            the suffix ``.txt``, if there is one, is the caption, else that of the figure's name.

    Raises:
        InputError: a result is missing or damaged.
    """
    source = Source(config, results)
    try:
        rows = pd.read_csv(comparison, dtype=str, keep_default_na=False)[COLUMNS]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{comparison} is missing or damaged: {error}") from None
    shown = []
    for name, make in drawings(source).items():
        with style.styled():
            image = style.png(make()[0])
        caption = CAPTIONS[name.split("_")[0]]
        shown.append({"name": name, "source": _data(image), "caption": caption})
    for path in images or []:
        text = path.with_suffix(".txt")
        known = STUDIES.get(path.stem, path.stem)
        caption = text.read_text() if text.is_file() else known
        shown.append({"name": path.stem, "source": _data(_bytes(path)), "caption": caption})
    page = _template().render(
        config=config,
        version=__version__,
        footer=source.footer,
        columns=COLUMNS,
        rows=rows.to_dict("records"),
        figures=shown,
        imported=_imported(source),
        notes=_notes(source),
    )
    with tables.atomic(output) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"figure {path} cannot be read: {error.strerror}") from None


def _data(image: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(image).decode()


def _imported(source: Source) -> list[dict[str, Any]]:
    """The authors' files, their rows, and what was dropped."""
    return [
        {
            "name": file["name"],
            "rows": file["rows"],
            "dropped": "; ".join(f"{n}: {why}" for why, n in file["dropped"].items()) or "none",
        }
        for entry in source.imported.values()
        for file in entry["files"]
    ]


def _notes(source: Source) -> list[str]:
    """What the reader should know besides."""
    found = [note for entry in source.imported.values() for note in entry["notes"]]
    for t_f in source.trained:
        for split in ("row", "glass"):
            scores = source.scores(t_f, split)
            kind = f"T_f = {t_f:g}, held out by {split}"
            if scores["time_limit_struck"]:
                found.append(
                    f"{kind}: the time limit cut a training short, the scores are not reproducible"
                )
            found += [f"{kind}: {note}" for note in scores["notes"]]
    return list(dict.fromkeys(found))


def _template() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tlsfind.published"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("published.html.j2")
