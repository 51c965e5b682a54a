"""What the parts share: glasses of several sizes, the finished run, and how much is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.glasses import Glass, Recipe, load_or_make
from tlsfind.analysis.results import Results
from tlsfind.config import load
from tlsfind.errors import InputError

#: Glasses by number of particles. Short preparations: times depend on them little.
FULL = (
    Recipe(500, blocks=3000, steps=8000, quench_every=40),
    Recipe(1500, blocks=3000, steps=6000, quench_every=40),
    Recipe(5000, blocks=300, steps=1600, quench_every=80),
)
#: The same for tests: nothing in it is a glass.
QUICK = (
    Recipe(200, blocks=20, steps=4000, quench_every=40, temperature=0.092),
    Recipe(216, blocks=20, steps=4000, quench_every=40, temperature=0.092),
)


@dataclass
class Context:
    """What a part may use.

    Attributes:
        cache: folder of the glasses, which are made once.
        run: folder of the finished run.
        quick: everything at its smallest: a test of the benchmarks, whose numbers mean nothing.
    """

    cache: Path
    run: Path
    quick: bool = False
    _glasses: dict[int, Glass] = field(default_factory=dict)

    @property
    def sizes(self) -> list[int]:
        """Numbers of particles, the growth with which is measured."""
        return [recipe.particles for recipe in self._recipes]

    @property
    def main(self) -> int:
        """The number of particles of everything that is not said to have another."""
        return self.sizes[0] if self.quick else 1500

    @property
    def rounds(self) -> int:
        """Rounds of a timing."""
        return 2 if self.quick else 7

    @property
    def _recipes(self) -> tuple[Recipe, ...]:
        return QUICK if self.quick else FULL

    def glass(self, particles: int) -> Glass:
        """The glass of ``particles`` particles, from the cache or made now."""
        if particles not in self._glasses:
            recipe = next(r for r in self._recipes if r.particles == particles)
            self._glasses[particles] = load_or_make(recipe, self.cache)
        return self._glasses[particles]

    def by_particles(self, measure: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
        """What ``measure`` finds with the main number of particles, and of each number.

        The latter stand under ``by_particles``, by the number as text.
        """
        found = {str(particles): measure(particles) for particles in self.sizes}
        return {**found[str(self.main)], "by_particles": found}

    def pick(self, full: int, quick: int) -> int:
        """``full``, or ``quick`` where everything is at its smallest."""
        return quick if self.quick else full

    def results(self) -> Results:
        """The finished run.

        Raises:
            InputError: there is none.
        """
        config = self.run / "config.yaml"
        if not config.is_file():
            raise InputError(f"{self.run} holds no finished run, expected {config}: make demo")
        return Results(load(config), self.run)
