"""Where in the report each figure stands.

The report shows whatever the registry of figures holds. A figure that is named nowhere here stands
in the section ``further``, so that a new one is never lost. Figures of commands that are no part of
a run (``tlsfind convergence``, scans) are taken from the files that they wrote.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tlsfind.errors import DamagedError

#: Figures by the section of the report, in order.
SECTIONS: dict[str, tuple[str, ...]] = {
    "glasses": ("equilibration",),
    "exploration": ("fig1", "disconnectivity"),
    "paths": ("convergence",),
    "learning": ("fig3", "fig3_prospective", "figS1", "figS2", "figS3"),
    "active-loop": ("fig2", "loop", "recall", "figS6", "figS7"),
    "explanation": ("explanation", "fig5", "figS4", "figS5"),
    "temperatures": ("figS8", "figS9", "figS10"),
    "library": ("picture",),
    "distributions": ("fig4", "density_bootstrap", "fig6"),
}
FURTHER = "further"

#: Folders of a run with figures of commands that are no part of it.
FOLDERS = ("convergence", "scans")
#: Pixels of the page for an inch of a figure.
PIXELS = 160
#: Image formats that a browser shows, by their MIME type, the preferred first.
IMAGES = {".png": "image/png", ".svg": "image/svg+xml"}


def arranged(names: Iterable[str]) -> dict[str, list[str]]:
    """Names of figures by section, each once, in the order of :data:`SECTIONS`."""
    left = list(dict.fromkeys(names))
    found = {section: [name for name in own if name in left] for section, own in SECTIONS.items()}
    placed = {name for own in found.values() for name in own}
    return {**found, FURTHER: [name for name in left if name not in placed]}


def extra_images(root: Path, captions: Mapping[str, str]) -> dict[str, tuple[str, bytes]]:
    """Figures with a caption that other commands left in the folder of a run.

    Args:
        root: folder of the run.
        captions: by the name of the figure.

    Returns:
        By name the MIME type and the content of the image.
    """
    found: dict[str, tuple[str, bytes]] = {}
    for folder in FOLDERS:
        for suffix, kind in IMAGES.items():
            for file in sorted((Path(root) / folder).glob(f"*{suffix}")):
                if file.stem in captions and file.stem not in found:
                    found[file.stem] = kind, read_image(file, kind)
    return found


def read_image(file: Path, kind: str) -> bytes:
    """Content of an image.

    Raises:
        DamagedError: it is a PNG file that is damaged.
    """
    image = file.read_bytes()
    try:
        shown_width(kind, image)
    except OSError:
        raise DamagedError(f"{file} is damaged: delete it and draw it again") from None
    return image


def shown_width(kind: str, image: bytes) -> int | None:
    """Width of an image on the page in pixels, the same at any resolution; None: as it comes."""
    if kind != "image/png":
        return None
    from PIL import Image

    with Image.open(io.BytesIO(image)) as opened:
        return round(opened.width / opened.info.get("dpi", (PIXELS,))[0] * PIXELS)


def contents(
    places: Mapping[str, list[str]], tables: Iterable[Mapping[str, Any]], transfer: bool
) -> list[tuple[str, str]]:
    """Anchors and titles of the report's table of contents.

    Args:
        places: from :func:`arranged`.
        tables: further tables, with ``name`` and ``title``.
        transfer: whether other preparation temperatures were predicted.
    """
    found = [("summary", "Summary"), ("glasses", "Glasses"), ("exploration", "Exploration"),
             ("paths", "Paths"), ("learning", "Learning"), ("active-loop", "Loop")]  # fmt: skip
    if places["explanation"]:
        found.append(("explanation", "Explanation"))
    if transfer or places["temperatures"]:
        found.append(("temperatures", "Temperatures"))
    found += [("table-one", "Table I"), ("library", "Library"), ("distributions", "Distributions")]
    if places[FURTHER]:
        found.append((FURTHER, "Further figures"))
    found += [(table["name"], table["title"]) for table in tables]
    return [*found, ("validation", "Agreement"), ("provenance", "Provenance")]
