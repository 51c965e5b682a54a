"""Which files of a run are damaged: empty, cut off, or not readable to the end.

Every table is read to its last page with checksums, every array and JSON file is read, figures and
pages must have their end. Of a folder that counts as one result (the models of a training, the
library's configurations) it is the folder that is damaged, with the file that says it is complete.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tlsfind import parquet
from tlsfind.errors import ConfigError, DamagedError, InputError
from tlsfind.paths import journal
from tlsfind.progress import track

#: Folders with what no result depends on.
_ASIDE = {"logs", "benchmarks", "jobs"}
#: Folders that are one result, with the file that Snakemake asks for beside them, if there is one.
_WHOLE = {"model/models": "training.json", "library/tls": None}
#: How files end that are complete.
_ENDS = {
    ".html": (b"</html>",),
    ".svg": (b"</svg>",),
    ".png": (b"IEND\xaeB`\x82",),
    ".pdf": (b"%%EOF",),
    ".pkl": (b".",),
}
_NONEMPTY = {".csv", ".cbm", ".txt", ".xyz", ".extxyz", ".data", ".yaml"}
#: Seconds after which a temporary file of another machine that nobody writes to is a leftover.
_ABANDONED = 3600.0

Kind = Literal["damaged", "leftover", "harmless"]


@dataclass(frozen=True)
class Finding:
    """Something wrong with a file or folder.

    Attributes:
        path: the file, or the folder that counts as one result.
        kind: ``damaged``: to be made again; ``leftover``: of a process that was killed;
            ``harmless``: nothing to do.
        reason: what was found.
        remove: all that has to be deleted with it.
    """

    path: Path
    kind: Kind
    reason: str
    remove: tuple[Path, ...] = ()


def check(folder: Path) -> Iterator[Finding]:
    """Look at every file of a run.

    Args:
        folder: the results.

    Raises:
        InputError: there is no such folder, or no run in it.
    """
    if not (folder / "config.yaml").is_file():
        raise InputError(
            f"{folder} holds no config.yaml, expected the folder of a run's results (run.output)"
        )
    seen: set[Path] = set()
    for path in track(_files(folder), f"check {folder}"):
        if not path.exists():  # deleted with what was found before
            continue
        found: Finding | None
        staging = _staging(path)
        if staging is not None or path.suffix == ".tmp":
            found = _leftover(staging or path)
        else:
            found = _examine(path, folder)
        if found is not None and found.path not in seen:
            seen.add(found.path)
            yield found


def _files(folder: Path) -> list[Path]:
    """All files but those in hidden folders of others, such as ``.snakemake``."""
    found = []
    for path in sorted(folder.rglob("*")):
        hidden = [p for p in path.relative_to(folder).parents if p.name.startswith(".")]
        if path.is_file() and all(_is_staging(parent) for parent in hidden):
            found.append(path)
    return found


def remove(finding: Finding) -> None:
    """Delete what is damaged or left over.

    Raises:
        OSError: something cannot be deleted.
    """
    for path in finding.remove:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def targets(findings: Iterable[Finding], folder: Path) -> list[str]:
    """What Snakemake has to be asked for to make again what was damaged and is deleted.

    Args:
        findings: the damaged files and folders.
        folder: the results.

    Returns:
        Files and folders as the rules name them, under ``run.output`` of the config in force.
    """
    from tlsfind.config import load

    try:
        output = load(folder / "config.yaml").run.output
    except ConfigError:
        output = folder
    inside = [path.relative_to(folder) for finding in findings for path in finding.remove]
    made = [name for name in inside if name.parts[0] not in _ASIDE and name.name != "restart.npz"]
    return [str(output / name) for name in dict.fromkeys(made)]


def _examine(path: Path, folder: Path) -> Finding | None:
    """What is wrong with a file that is there under its own name."""
    if path.relative_to(folder).parts[0] in _ASIDE - {"jobs"}:
        return None
    if path.name.endswith(journal.SUFFIX):
        return _journal(path)
    try:
        reason = _fault(path)
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
    if reason is None:
        return None
    for name, complete in _WHOLE.items():
        for parent in path.parents:
            if parent.is_relative_to(folder) and "/".join(parent.parts[-2:]) == name:
                beside = () if complete is None else (parent.with_name(complete),)
                what = f"{path.relative_to(parent)}: {reason}"
                return Finding(parent, "damaged", what, (parent, *beside))
    return Finding(path, "damaged", reason, (path,))


def _journal(path: Path) -> Finding | None:
    solved, cut = journal.count_whole(path)
    if not cut:
        return None
    lines = "a line is" if cut == 1 else f"{cut} lines are"
    reason = f"{lines} cut off, {solved} paths are whole; what is missing is solved again"
    return Finding(path, "harmless", reason)


def _fault(path: Path) -> str | None:
    """Why a file is damaged, or None.

    Raises:
        OSError: it cannot be read.
    """
    suffix = path.suffix
    readers: dict[str, Callable[[Path], None]] = {
        ".parquet": _read_table,
        ".npz": _read_arrays,
        ".json": _read_json,
    }
    if suffix not in {*readers, *_ENDS, *_NONEMPTY}:
        return None
    if not path.stat().st_size:
        return "is empty"
    if suffix in _ENDS and not _tail(path).endswith(_ENDS[suffix]):
        return "is cut off"
    if suffix in readers:
        try:
            readers[suffix](path)
        except (InputError, ValueError) as error:
            lines = str(error).splitlines()
            reason = lines[0] if lines else type(error).__name__
            return reason.removeprefix("table ").removeprefix(f"{path} ")
    return None


def _tail(path: Path) -> bytes:
    """The last bytes of a file without white space; a pickle may end with any byte before its."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 64, 0))
        end = file.read()
    return end if path.suffix == ".pkl" else end.rstrip()


def _read_table(path: Path) -> None:
    """Read every page of a table, a bounded number of rows at a time."""
    file = parquet.open_file(path)
    columns = file.schema_arrow.names
    file.close()
    for _ in parquet.iter_batches(path, columns):
        pass


def _read_arrays(path: Path) -> None:
    """Read an archive to its end, with checksums and little memory.

    Raises:
        InputError: it is damaged.
    """
    from tlsfind.interop.archive import open_archive

    open_archive(path).close()
    try:
        with zipfile.ZipFile(path) as members:
            damaged = members.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DamagedError(f"is damaged: {error}") from None
    if damaged is not None:
        raise DamagedError(f"is damaged: the checksum of {damaged} does not fit")


def _read_json(path: Path) -> None:
    json.loads(path.read_text(encoding="utf-8"))


def _is_staging(folder: Path) -> bool:
    """Whether something is made in a hidden folder, before it gets its name."""
    return folder.name.startswith(".") and (
        folder.suffix == ".tmp" or folder.parent.name == "models"
    )


def _staging(path: Path) -> Path | None:
    """The folder in which something was being made, if the file lies in one."""
    return next((parent for parent in path.parents if _is_staging(parent)), None)


def _leftover(path: Path) -> Finding:
    """A temporary file or folder: abandoned, or of a process that may still run."""
    owner = parquet.owner(path)
    if owner is not None and owner[0] == parquet.machine():
        abandoned = not _is_running(owner[1])
    else:
        newest = max(file.stat().st_mtime for file in (path, *path.rglob("*")))
        abandoned = time.time() - newest > _ABANDONED
    if abandoned:
        return Finding(path, "leftover", "temporary, of a process that was killed", (path,))
    return Finding(path, "harmless", "temporary, may still be in use")


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
