"""Superbasins of an energy landscape, and the tree that they make.

Minima that can reach each other without ever rising above an energy E are one superbasin at E
(O. M. Becker, M. Karplus, J. Chem. Phys. 106, 1495 (1997)). On a ladder of energies the superbasins
are nested and make a tree, the disconnectivity graph:

1. sort the known saddles by energy and join the minima at both sides of each, the lowest first
   (union-find);
2. at every rung of the ladder note which minima are joined by saddles below it;
3. a superbasin of one rung is the parent of those of the next rung down that it contains.

Saddles that nobody knows are missing: joined minima belong together, others may.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


class UnionFind:
    """Disjoint sets of the numbers 0 ... count - 1."""

    def __init__(self, count: int) -> None:
        self._parent = np.arange(count)

    def find(self, item: int) -> int:
        """The number that stands for the set of ``item``."""
        root = item
        while self._parent[root] != root:
            root = int(self._parent[root])
        while self._parent[item] != root:
            self._parent[item], item = root, int(self._parent[item])
        return root

    def join(self, one: int, other: int) -> bool:
        """Unite two sets; whether they were two."""
        one, other = self.find(one), self.find(other)
        if one == other:
            return False
        self._parent[max(one, other)] = min(one, other)
        return True

    def labels(self) -> np.ndarray:
        """The smallest member of the set of each item, shape (count,)."""
        return np.array([self.find(item) for item in range(len(self._parent))], dtype=np.int64)


def lowest_saddles(count: int, edges: np.ndarray, saddles: np.ndarray) -> np.ndarray:
    """Rows of ``edges`` that join something when saddles are added from the lowest up.

    Args:
        count: number of minima.
        edges: (m, 2) minima at both sides of each saddle.
        saddles: (m,) energies of the saddles.

    Returns:
        The rows of a minimum spanning forest, by energy: the lowest way from any minimum to any
        other leads over these saddles.
    """
    sets = UnionFind(count)
    order = np.argsort(saddles, kind="stable")
    return np.array([row for row in order if sets.join(*map(int, edges[row]))], dtype=np.int64)


def superbasins(
    energies: np.ndarray, edges: np.ndarray, saddles: np.ndarray, ladder: np.ndarray
) -> np.ndarray:
    """The superbasin of every minimum at every rung.

    Args:
        energies: (n,) energies of the minima.
        edges: (m, 2) minima at both sides of each saddle.
        saddles: (m,) energies of the saddles.
        ladder: (r,) rungs, decreasing.

    Returns:
        (r, n) int: the smallest number of a minimum in the superbasin; -1 where the minimum lies
        above the rung.
    """
    energies = np.asarray(energies, dtype=np.float64)
    used = lowest_saddles(len(energies), edges, saddles)
    found = np.full((len(ladder), len(energies)), -1, dtype=np.int64)
    sets, joined = UnionFind(len(energies)), 0
    for rung in range(len(ladder) - 1, -1, -1):
        while joined < len(used) and saddles[used[joined]] <= ladder[rung]:
            sets.join(*map(int, edges[used[joined]]))
            joined += 1
        below = energies <= ladder[rung]
        found[rung, below] = sets.labels()[below]
    return found


def tree(energies: np.ndarray, basins: np.ndarray, ladder: np.ndarray) -> pd.DataFrame:
    """Nodes of the tree, with places to draw them at.

    Args:
        energies: (n,) energies of the minima.
        basins: (r, n) from :func:`superbasins`.
        ladder: (r,) rungs, decreasing.

    Returns:
        A row for each superbasin of each rung: ``node``, ``rung``, ``energy`` of the rung,
        ``parent`` (node one rung up, -1 at the top), ``minima`` in it, ``lowest`` (number of its
        lowest minimum), ``x``. Leaves, the minima themselves, have ``rung`` = r, the minimum's
        energy and ``minima`` = 1; their parent is the superbasin of the lowest rung above them.
    """
    rows: list[dict[str, float]] = []
    numbers: dict[tuple[int, int], int] = {}
    for rung in range(len(ladder)):
        for basin in np.unique(basins[rung][basins[rung] >= 0]):
            inside = np.flatnonzero(basins[rung] == basin)
            up = -1 if rung == 0 else numbers[rung - 1, int(basins[rung - 1, inside[0]])]
            numbers[rung, int(basin)] = len(rows)
            lowest = inside[np.argmin(energies[inside])]
            rows.append(
                {"node": len(rows), "rung": rung, "energy": float(ladder[rung]), "parent": up,
                 "minima": len(inside), "lowest": int(lowest)}
            )  # fmt: skip
    for minimum, energy in enumerate(energies):
        rungs = np.flatnonzero(basins[:, minimum] >= 0)
        up = numbers[int(rungs[-1]), int(basins[rungs[-1], minimum])] if rungs.size else -1
        rows.append(
            {"node": len(rows), "rung": len(ladder), "energy": float(energy), "parent": up,
             "minima": 1, "lowest": minimum}
        )  # fmt: skip
    columns = ["node", "rung", "energy", "parent", "minima", "lowest"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(x=_places(frame))


def _places(nodes: pd.DataFrame) -> np.ndarray:
    """Places of the nodes: leaves side by side, every other node amid its own leaves."""
    parent = nodes["parent"].to_numpy()
    sizes = nodes["minima"].to_numpy()
    lowest = nodes["energy"].to_numpy()[-int((nodes["rung"] == nodes["rung"].max()).sum()) :]
    deepest = lowest[nodes["lowest"].to_numpy()] if len(nodes) else np.empty(0)
    children: dict[int, list[int]] = {}
    for node, up in enumerate(parent):
        children.setdefault(int(up), []).append(node)
    left, right = np.zeros(len(nodes)), np.zeros(len(nodes))
    place = 0
    stack = [(node, False) for node in reversed(_amid(children.get(-1, []), sizes, deepest))]
    while stack:
        node, done = stack.pop()
        own = children.get(node, [])
        if not own:
            left[node] = right[node] = place
            place += 1
        elif done:
            left[node] = min(left[child] for child in own)
            right[node] = max(right[child] for child in own)
        else:
            stack.append((node, True))
            stack += [(child, False) for child in reversed(_amid(own, sizes, deepest))]
    return 0.5 * (left + right)


def _amid(nodes: list[int], sizes: np.ndarray, deepest: np.ndarray) -> list[int]:
    """Nodes in the order from left to right: the largest amid the others, which alternate."""
    order = sorted(nodes, key=lambda node: (-sizes[node], deepest[node], node))
    line: list[int] = []
    for number, node in enumerate(order):
        line = [*line, node] if number % 2 == 0 else [node, *line]
    return line
