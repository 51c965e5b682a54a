"""Which files of a run are damaged: empty, cut off, or not readable to the end.

Every table is read to its last page with checksums, every array and JSON file is read, figures and
pages must have their end. Of a folder that counts as one result (the models of a training, the
library's configurations) it is the folder that is damaged, with the file that says it is complete.

Only what the rules write is looked at: whatever else lies in the folder is its owner's. A file that
the system does not let us read says nothing about its content and is never deleted.
"""

from __future__ import annotations

import errno
import json
import os
import re
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
from tlsfind.jobs import is_running
from tlsfind.paths import journal
from tlsfind.progress import track

_GLASS = r"[^/.][^/]*-\d{4}"
_IMAGE = r"\.(png|svg|pdf|csv)"
#: The files of a run, relative to the results: outputs of the rules, and what stands beside them.
_OURS = re.compile(
    "|".join(
        [
            r"config\.yaml|summary\.json|report\.html|(validation|jobs)\.parquet",
            rf"glasses/{_GLASS}/((glass|restart)\.npz|(glass|equilibration)\.parquet)",
            rf"explore/{_GLASS}/block-\d+/((visits|trajectories)\.parquet|minima\.npz)",
            rf"landscape/{_GLASS}/((minima|transitions|visits)\.parquet|minima\.npz)",
            rf"pairs/{_GLASS}\.parquet",
            r"loop/(start|\d+)/((paths|history)\.parquet|state\.json)",
            r"loop/(start|\d+)/(selection|candidates)/batch-\d+\.parquet",
            r"loop/(start|\d+)/paths/batch-\d+\.parquet(\.journal)?",
            r"loop/(start|\d+)/predictions/\d+\.parquet",
            r"loop/(start|\d+)/model/(training\.json|(out_of_fold|labelled)\.parquet|models/.+)",
            r"standard/((selection|paths)\.parquet|selection\.json)",
            r"standard/candidates/slice-\d+\.parquet",
            r"standard/paths/slice-\d+\.parquet(\.journal)?",
            r"library/((double_wells|tls)\.parquet|tls/[^/]+\.xyz)",
            rf"figures/(equilibration|loop|figS?\d+)(_[a-z_]+)?{_IMAGE}",
            rf"explain/((shap|importance)\.parquet|explanation(_[a-z_]+)?{_IMAGE})",
            r"tables/((table_[12]|transfer)\.csv|stability(_scan)?(\.json|_shap\.parquet))",
            r"jobs/[a-z-]+/[^/]+\.json",
        ]
    )
)
#: Folders of those files.
_FOLDERS = re.compile(
    rf"|(glasses|landscape)/{_GLASS}|explore/{_GLASS}/block-\d+|pairs|library|figures|explain|tables"
    r"|loop/(start|\d+)(/(selection|candidates|paths|predictions|model(/models(/.+)?)?))?"
    r"|standard(/(paths|candidates))?|jobs/[a-z-]+"
)
#: Folders in which something is made before it gets its name.
_STAGING = re.compile(r"loop/(start|\d+)/model/models/\.[^/]+|library/\.tls\.tmp")
#: The first format of figures, if the config does not tell.
_USUAL_IMAGE = ".png"
#: What no target of Snakemake is.
_NO_TARGET = re.compile(
    r"config\.yaml|jobs/.*|glasses/[^/]+/restart\.npz|(figures|explain)/.*\.csv"
)
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

Kind = Literal["damaged", "unreadable", "leftover", "harmless"]


@dataclass(frozen=True)
class Finding:
    """Something wrong with a file or folder.

    Attributes:
        path: the file, or the folder that counts as one result.
        kind: ``damaged``: to be made again; ``unreadable``: nothing is known of its content;
            ``leftover``: of a process that was killed; ``harmless``: nothing to do.
        reason: what was found.
        remove: all that has to be deleted with it; nothing of what is unreadable.
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
    files, unreadable = _files(folder)
    yield from unreadable
    seen: set[Path] = set()
    for path in track(files, f"check {folder}"):
        try:
            found = _look(path, folder)
        except OSError as error:
            found = _unreadable(path, error)
        if found is not None and found.path not in seen:
            seen.add(found.path)
            yield found


def _files(folder: Path) -> tuple[list[Path], list[Finding]]:
    """All files of the run, what is left of its processes, and the folders that hide theirs."""
    found: list[Path] = []
    errors: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=errors.append):
        inside = Path(place).relative_to(folder)
        folders[:] = [name for name in folders if _may_hold((inside / name).as_posix())]
        found += [
            Path(place) / name
            for name in files
            if _staging((inside / name).as_posix())
            or _OURS.fullmatch((inside / name).as_posix())
            or (_FOLDERS.fullmatch("" if place == str(folder) else inside.as_posix())
                and _is_temporary(name))
        ]  # fmt: skip
    return sorted(found), [_unreadable(Path(error.filename), error) for error in errors]


def _may_hold(name: str) -> bool:
    """Whether files of the run may lie in or below a folder, named relative to the results."""
    if _FOLDERS.fullmatch(name) or _STAGING.match(name):
        return True
    return bool(re.fullmatch(rf"glasses|explore(/{_GLASS})?|landscape|loop|jobs|library/tls", name))


def _is_temporary(name: str) -> bool:
    """Whether a file is one of ``parquet.atomic``, by its name."""
    return name.startswith(".") and parquet.owner(Path(name)) is not None


def _unreadable(path: Path, error: OSError) -> Finding:
    return Finding(path, "unreadable", f"cannot be read: {error.strerror or error}")


def _look(path: Path, folder: Path) -> Finding | None:
    """What is wrong with a file of a run, or with the folder that it is a part of.

    Raises:
        OSError: it cannot be read.
    """
    try:
        path.stat()
    except FileNotFoundError:  # deleted, e.g. with what was found before
        return None
    name = path.relative_to(folder).as_posix()
    staging = _staging(name)
    if staging is not None:
        return _leftover(folder / staging)
    if _is_temporary(path.name):
        return _leftover(path)
    return _examine(path, folder)


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
        config = load(folder / "config.yaml")
        output, image = config.run.output, f".{config.analysis.formats[0]}"
    except ConfigError:
        output, image = folder, _USUAL_IMAGE
    inside = [path.relative_to(folder) for finding in findings for path in finding.remove]
    made = [name for name in inside if not _NO_TARGET.fullmatch(name.as_posix())]
    made = [
        name  # of the figures the rules name the first format alone
        for name in made
        if name.parts[0] not in ("figures", "explain") or name.suffix in (".parquet", image)
    ]
    return [str(output / name) for name in dict.fromkeys(made)]


def _examine(path: Path, folder: Path) -> Finding | None:
    """What is wrong with a file that is there under its own name.

    Raises:
        OSError: it cannot be read.
    """
    if path.name.endswith(journal.SUFFIX):
        return _journal(path)
    try:
        reason = _fault(path)
    except _Foreign as error:
        return Finding(path, "unreadable", str(error))
    if reason is None:
        return None
    if path == folder / "config.yaml":
        return Finding(path, "damaged", f"{reason}; it stays, the next snakemake writes it again")
    for name, complete in _WHOLE.items():
        for parent in path.parents:
            if parent.is_relative_to(folder) and "/".join(parent.parts[-2:]) == name:
                beside = () if complete is None else (parent.with_name(complete),)
                what = f"{path.relative_to(parent)}: {reason}"
                return Finding(parent, "damaged", what, (parent, *beside))
    return Finding(path, "damaged", reason, (path, *_drawn_with(path, folder)))


def _drawn_with(path: Path, folder: Path) -> list[Path]:
    """What has to go with a file of a figure, so that Snakemake draws it again.

    The rules name neither the points of a figure nor its formats but the first.
    """
    leading = {"figures": "loop.*", "explain": "explanation.*"}.get(path.parent.name)
    if path.name.startswith("figS8"):  # by a rule of its own
        leading = "figS8.*"
    if path.parent.parent != folder or leading is None or path.suffix == ".parquet":
        return []
    return [other for other in sorted(path.parent.glob(leading)) if other != path]


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
            _raise_system_error(error, path)
            lines = str(error).splitlines()
            reason = lines[0] if lines else type(error).__name__
            reason = reason.removeprefix("table ").removeprefix(f"{path} ")
            if isinstance(error, InputError) and not isinstance(error, DamagedError):
                raise _Foreign(reason) from None
            return reason
    return None


class _Foreign(Exception):
    """The content is whole, but not what a run writes under that name."""


def _raise_system_error(error: BaseException, path: Path) -> None:
    """Raise the error of the system, if it is one, that made content look damaged.

    Raises:
        OSError: the file cannot be read. A seek before the begin (EINVAL) is the content's fault.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno not in (None, errno.EINVAL):
            raise cause
        cause = cause.__cause__ or cause.__context__
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass


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


def _staging(name: str) -> str | None:
    """The folder in which something was being made, if the file lies in one."""
    found = _STAGING.match(name)
    return found[0] if found and name.startswith(f"{found[0]}/") else None


def _leftover(path: Path) -> Finding:
    """A temporary file or folder: abandoned, or of a process that may still run."""
    owner = parquet.owner(path)
    if owner is not None and owner[0] == parquet.machine():
        abandoned = not is_running(owner[1])
    else:
        newest = max(file.stat().st_mtime for file in (path, *path.rglob("*")))
        abandoned = time.time() - newest > _ABANDONED
    if abandoned:
        return Finding(path, "leftover", "temporary, of a process that was killed", (path,))
    return Finding(path, "harmless", "temporary, may still be in use")
