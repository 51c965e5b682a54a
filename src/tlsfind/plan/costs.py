"""What one job of each rule costs: core time, memory, and what it writes.

The rules are those of ``rules/*.smk``. Costs are put together from the unit costs of
:mod:`tlsfind.plan.units` and the sizes of the run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tlsfind.config import Config
from tlsfind.plan import counts, scan_costs, units
from tlsfind.plan.pool import Pool, frames_bytes, quenches

MB = 1e6


@dataclass(frozen=True)
class Size:
    """What a job works on.

    Attributes:
        minima: of its glass.
        block_minima: of all blocks of trajectories of its glass, doubles between blocks included.
        pairs: in the tables that it reads.
        paths: that it solves, or that are solved so far.
        frames: of its glass, imported.
        trajectories: of its block.
        blocks: of swaps and dynamics of its glass.
    """

    minima: float
    block_minima: float
    pairs: float
    paths: float
    frames: float
    trajectories: float
    blocks: float


@dataclass(frozen=True)
class Job:
    """One job: core-seconds, resident memory and written files in MB."""

    seconds: float
    memory_mb: float
    disk_mb: float


class Costs:
    """Costs of the jobs of one run.

    Args:
        config: the run.
        minima: its minima.
    """

    def __init__(self, config: Config, minima: Pool) -> None:
        self.config = config
        self.pool = minima
        self.n = config.model.n_particles
        self.rates = units.rates(config)
        own = [group for group in config.glasses if group.frames is not None]
        self.own = len(own)
        made = [g for g in config.glasses if g.frames is None for _ in range(g.count)]
        self.made = len(made)
        self.blocks = [float(group.prepared(config.prepare).blocks) for group in made]
        self.frames = max((quenches(config, group) for group in own), default=0.0)
        self.frames_mb = sum(frames_bytes(group) for group in own) / MB / max(self.own, 1)
        self.pair_bytes = units.PAIR + units.PAIR_PARTICLE * (config.pairs.particles - 3)

    # Sizes

    def typical(self, rule: str) -> Size:
        """What a job of a rule works on, on average."""
        config, total = self.config, self.pool.pairs
        loop, glasses = config.loop, self.pool.glasses
        solved = loop.initial_paths + 0.5 * loop.max_iterations * loop.paths_per_iteration
        pairs = {
            "pair_features": total / glasses,
            "predict": total / counts.prediction_jobs(config),
            "predict_start": total / counts.prediction_jobs(config),
        }.get(rule, total)
        paths = {
            "solve_paths": self.loop_paths
            / counts.after(config, loop.max_iterations)["solve_paths"],
            "solve_standard": self.standard_paths / counts.slices(config),
            "select_standard": self.standard_paths,
            "collect_standard": self.standard_paths,
        }.get(rule, min(solved, total))
        trajectories = config.explore.trajectories / config.trajectory_blocks
        blocks = sum(self.blocks) / max(self.made, 1)
        return self._size(self.pool.minima, pairs, paths, trajectories, blocks)

    def fullest(self, rule: str, input_mb: float | None = None) -> Size:
        """What the largest job of a rule works on.

        Args:
            rule: name of the rule.
            input_mb: size of what decides, if the files are there: `minima.npz` of the blocks
                (landscape), of the glass (pair_features) or the largest of all glasses
                (solve_paths, solve_standard), or the pairs tables that the job reads.
        """
        config = self.config
        loop, pool_pairs = config.loop, self.pool.pairs
        minima = self.pool.fullest
        glass_pairs = minima * (minima - 1.0) / 2.0
        per_job = min(config.learn.glasses_per_job, self.pool.glasses)
        pairs = {
            "pair_features": glass_pairs,
            "predict": min(pool_pairs, max(per_job * pool_pairs / self.pool.glasses, glass_pairs)),
        }.get("predict" if rule == "predict_start" else rule, pool_pairs)
        batch = float(config.paths.batch)
        most = loop.initial_paths + loop.max_iterations * loop.paths_per_iteration
        paths = {
            "solve_paths": min(batch, max(loop.initial_paths, loop.paths_per_iteration)),
            "solve_standard": min(batch, max(loop.standard_paths, 1)),
            "select_standard": float(loop.standard_paths),
            "collect_standard": float(loop.standard_paths),
        }.get(rule, float(most))
        block_minima = None
        if input_mb is not None:
            in_file = input_mb * MB / (units.COORDINATES * self.n)
            if rule == "landscape":
                minima, block_minima = in_file, in_file
            elif rule in ("pair_features", "solve_paths", "solve_standard"):
                minima, pairs = in_file, in_file * max(in_file - 1.0, 0.0) / 2.0
            else:
                pairs = input_mb * MB / self.pair_bytes
        block = min(config.explore.trajectories_per_block, config.explore.trajectories)
        longest = max(self.blocks, default=0.0)
        return self._size(minima, pairs, paths, float(block), longest, block_minima)

    def _size(
        self,
        minima: float,
        pairs: float,
        paths: float,
        trajectories: float,
        blocks: float,
        block_minima: float | None = None,
    ) -> Size:
        """A size; blocks of trajectories of a glass share part of their minima."""
        if block_minima is None:
            block_minima = minima * self.config.trajectory_blocks**0.4
        return Size(minima, block_minima, pairs, paths, self.frames, trajectories, blocks)

    # Numbers of paths

    @property
    def loop_paths(self) -> float:
        """Paths of the whole loop; never more than there are pairs."""
        loop = self.config.loop
        wanted = loop.initial_paths + loop.max_iterations * loop.paths_per_iteration
        return min(float(wanted), max(self.pool.pairs, 1.0))

    @property
    def standard_paths(self) -> float:
        """Paths of the standard procedure.

        About one pair for each minimum has transitions enough: 0.2 to 0.3 in demo, Kob-Andersen
        and test, 0.9 and 3.1 in the paper at T_f = 0.07 and 0.092.
        """
        return min(float(self.config.loop.standard_paths), self.pool.total_minima)

    # Jobs

    def job(self, rule: str, size: Size | None = None) -> Job:
        """One job of a rule.

        Args:
            rule: name of the rule.
            size: what it works on; by default the mean.

        Raises:
            KeyError: there is no such rule.
        """
        seconds, memory, disk = _WORK[rule](self, size or self.typical(rule))
        second = units.SECOND_PROCESS.get(rule, 0.0)
        return Job(seconds, units.MEMORY[rule] + second + memory, disk / MB)

    def minima_bytes(self, count: float) -> float:
        """Bytes of the positions of minima."""
        return count * self.n * units.COORDINATES

    def prepare(self, size: Size) -> tuple[float, float, float]:
        """Melt, equilibration, cooling, and the quenches of the evidence."""
        config, rates = self.config, self.rates
        settings = config.prepare
        steps = settings.cooling_time / settings.time_step
        if settings.cooling_rate is not None:
            made = [group for group in config.glasses if group.frames is None]
            mean = sum(g.preparation_temperature * g.count for g in made) / max(self.made, 1)
            fall = max(mean - settings.cooling_temperature, 0.0)
            steps = fall / settings.cooling_rate / settings.time_step
        seconds = units.START + rates.start
        seconds += (settings.melt_blocks + size.blocks) * rates.block
        seconds += steps * rates.step + (settings.inherent_structures + 1) * rates.quench
        return seconds, 0.0, units.GLASS + units.GLASS_PARTICLE * self.n

    def explore(self, size: Size) -> tuple[float, float, float]:
        """Dynamics and quenches of a block of trajectories."""
        explore, rates = self.config.explore, self.rates
        count = size.trajectories * (explore.steps // explore.quench_every)
        seconds = count * (explore.quench_every * rates.step + rates.quench)
        found = self.minima_bytes(size.block_minima / self.config.trajectory_blocks)
        disk = found + units.VISIT * count
        return units.START + rates.start + seconds, 1.5 * found / MB, disk

    def import_frames(self, size: Size) -> tuple[float, float, float]:
        """A quench for each frame."""
        seconds = size.frames * (self.rates.quench + 20e-6 * self.n)
        found = self.minima_bytes(size.minima)
        disk = units.GLASS + units.GLASS_PARTICLE * self.n + found + units.VISIT * size.frames
        memory = 1.5 * found / MB + 500e-6 * size.frames
        return units.START + self.rates.start + seconds, memory, disk

    def landscape(self, size: Size) -> tuple[float, float, float]:
        """Every minimum of every block is looked up; visits are sorted and counted."""
        visits = max(self._visits(), 1.0)
        seconds = units.MERGE_PARTICLE * self.n * size.block_minima + units.MERGE_VISIT * visits
        blocks = self.config.trajectory_blocks
        one_block = size.block_minima / blocks if blocks > 1 else size.block_minima
        memory = self.minima_bytes(1.5 * size.minima + one_block) / MB + 400e-6 * visits
        return units.START + seconds, memory, self.minima_bytes(size.minima) + units.VISIT * visits

    def _visits(self) -> float:
        return max((quenches(self.config, group) for group in self.config.glasses), default=0.0)

    def pair_features(self, size: Size) -> tuple[float, float, float]:
        """Features of all pairs of a glass, streamed; displacements in memory, 4 bytes each."""
        seconds = units.START + size.pairs * units.feature_seconds(self.config)
        share = 0.5 if self.config.model.lammps is None else 1.0  # identical particles: 8 bytes
        return seconds, share * self.minima_bytes(size.minima) / MB, self.pair_bytes * size.pairs

    def select(self, size: Size) -> tuple[float, float, float]:
        """A scan of pairs and predictions."""
        seconds = 0.6 + units.SCAN * size.pairs
        return seconds, 1e-3 * size.paths, units.SELECTION * size.paths

    def solve(self, size: Size) -> tuple[float, float, float]:
        """The paths of a batch; of the minima of a glass, which are mapped, two are in memory."""
        seconds = units.START + self.rates.start + size.paths * units.path_seconds(self.config)
        memory = 0.25 * self.minima_bytes(size.minima) / MB + 0.05 * size.paths
        if self.config.engine_name == "lammps":
            memory += units.MEMORY_WORKER
        row = units.PATH + units.PATH_IMAGE * self.config.paths.images + units.SELECTION
        row += units.CANDIDATES * units.CANDIDATE_PARTICLE * self.n
        journal = units.JOURNAL + units.CANDIDATES * units.JOURNAL_PARTICLE * self.n
        return seconds, memory, size.paths * (row + journal)

    def collect(self, size: Size) -> tuple[float, float, float]:
        """A merge of path tables."""
        row = units.PATH + units.PATH_IMAGE * self.config.paths.images
        return 0.6 + 50e-6 * size.paths, 5e-3 * size.paths, row * size.paths

    def train(self, size: Size) -> tuple[float, float, float]:
        """Passes for the features of the solved pairs and a sample of all, then the models."""
        seconds = units.TRAIN_SCAN * size.pairs + units.training_seconds(self.config, size.paths)
        return seconds, 0.02 * size.paths, units.MODEL + units.MODEL_ROW * size.paths

    def predict(self, size: Size) -> tuple[float, float, float]:
        """All pairs by the screen, a share of them by the ensembles."""
        each = units.SCREEN + self.config.learn.screen_share * units.ENSEMBLE
        return units.PREDICT_START + each * size.pairs, 0.0, units.PREDICTION * size.pairs

    def assess(self, size: Size) -> tuple[float, float, float]:
        """A scan of the predictions."""
        return 0.7 + units.SCAN * size.pairs, 5e-3 * size.paths, units.SMALL_FILE

    def library(self, size: Size) -> tuple[float, float, float]:
        """Features joined to the double wells; the TLS exported one by one."""
        return 1.4 + units.SCAN * size.pairs, 0.01 * size.paths, units.LIBRARY_FILES

    def validate(self, size: Size) -> tuple[float, float, float]:
        """Minima and paths once more on LAMMPS."""
        config = self.config
        check = config.validation
        _, evaluation, image = units.lammps_costs(config)
        quench = units.LAMMPS_EVALUATIONS * evaluation
        path = units.PATH_ITERATIONS * config.paths.images * image
        if check.solver == "lammps-neb":
            path = units.neb_seconds(config)
        seconds = 5.0 + 2.0 * check.minima * quench + (check.double_wells + check.tls) * path
        return seconds, self.minima_bytes(size.minima) / MB, units.SMALL_FILE

    def draw(self, size: Size) -> tuple[float, float, float]:
        """All figures; the pairs are scanned once."""
        return units.FIGURES + units.SCAN * size.pairs, 0.01 * size.paths, units.FIGURE_FILES

    def explain(self, size: Size) -> tuple[float, float, float]:
        """Shapley values of a sample, for both models."""
        seconds = units.EXPLAIN_START + units.EXPLAIN_PAIR * self.config.analysis.explain_sample
        return seconds, 0.0, units.EXPLAIN_FILES

    def transfer(self, size: Size) -> tuple[float, float, float]:
        """Models of each preparation temperature."""
        return units.TRANSFER + 5e-3 * size.paths, 0.0, units.SMALL_FILE

    def stability(self, size: Size) -> tuple[float, float, float]:
        """A perceptron and a model that tell preparation temperatures apart."""
        return units.STABILITY + 2e-3 * size.paths, 0.0, units.SMALL_FILE

    def scan(self, kind: str, size: Size) -> tuple[float, float, float]:
        """Trainings of one ensemble each; the importance is explained besides."""
        rows = min(size.paths, float(self.config.scans.training_pairs))
        one = (
            units.SCAN_START + (units.training_seconds(self.config, rows) - units.TRAIN_START) / 3.0
        )
        seconds = units.START + scan_costs.trainings(self.config, kind) * one
        if kind == "importance":
            seconds += self.config.scans.repeats * self.explain(size)[0]
        return seconds, 0.02 * rows, units.FIGURE_FILES

    def structure(self, size: Size) -> tuple[float, float, float]:
        """Voronoi tessellation and q_l of the minima of labelled pairs."""
        seconds = units.STRUCTURE_PARTICLE * self.n * 2.0 * size.paths
        return units.START + seconds, 0.25 * self.minima_bytes(size.minima) / MB, 300.0 * size.paths

    def stability_scan(self, size: Size) -> tuple[float, float, float]:
        """Perceptrons of several depths and widths, each by row and by glass."""
        return 3.5 * units.STABILITY + 10e-3 * size.paths, 0.0, units.SMALL_FILE

    def table(self, size: Size) -> tuple[float, float, float]:
        """A scan of the pairs, a small file."""
        return units.TABLES + units.SCAN * size.pairs, 0.0, units.SMALL_FILE

    def provenance(self, size: Size) -> tuple[float, float, float]:
        """The records of all jobs."""
        return units.TABLES, 0.0, 10 * units.SMALL_FILE

    def report(self, size: Size) -> tuple[float, float, float]:
        """One HTML file."""
        return units.REPORT, 0.0, units.REPORT_FILE

    def convergence(self, size: Size) -> tuple[float, float, float]:
        """Sixty double wells at six forces for each of three numbers of images."""
        seconds = units.CONVERGENCE_IMAGES * self.rates.image
        if self.config.paths.solver == "lammps-neb":
            seconds = 18 * 60 * units.neb_seconds(self.config)
        memory = 0.25 * self.minima_bytes(size.minima) / MB
        return units.START + self.rates.start + seconds, memory, 0.2 * MB


def _scan(kind: str) -> Callable[[Costs, Size], tuple[float, float, float]]:
    return lambda costs, size: costs.scan(kind, size)


_WORK: dict[str, Callable[[Costs, Size], tuple[float, float, float]]] = {
    "prepare": Costs.prepare,
    "import_frames": Costs.import_frames,
    "explore": Costs.explore,
    "landscape": Costs.landscape,
    "pair_features": Costs.pair_features,
    "train_start": Costs.train,
    "predict_start": Costs.predict,
    "select_initial": Costs.select,
    "select_next": Costs.select,
    "solve_paths": Costs.solve,
    "collect_paths": Costs.collect,
    "train": Costs.train,
    "predict": Costs.predict,
    "assess": Costs.assess,
    "select_standard": Costs.select,
    "solve_standard": Costs.solve,
    "collect_standard": Costs.collect,
    "library": Costs.library,
    "validate": Costs.validate,
    "draw": Costs.draw,
    "draw_scan": Costs.draw,
    "explain": Costs.explain,
    "transfer": Costs.transfer,
    "stability": Costs.stability,
    "stability_scan": Costs.stability_scan,
    "table_one": Costs.table,
    "summary": Costs.table,
    "provenance": Costs.provenance,
    "table_two": Costs.table,
    "report": Costs.report,
    "structure": Costs.structure,
    **{f"scan_{kind}": _scan(kind) for kind in scan_costs.KINDS},
    "convergence": Costs.convergence,
}
