# The config of the run, its file names, and the functions that rules share.

import json
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from tlsfind import config as settings
from tlsfind.errors import ConfigError, InputError
from tlsfind.plan import counts
from tlsfind.plan import resources as needs

min_version("9.10")


def of_published_mode(wildcards):
    """Input function of the target that the config of a run knows nothing of."""
    raise WorkflowError(
        "the target published needs a config of published mode (with a section `published`): "
        "snakemake published --configfile config/published.yaml"
    )


def validated(content):
    """The run's config, or one message that names every wrong key."""
    if not content:
        raise WorkflowError(
            "no config: name one with --configfile, e.g. snakemake --configfile config/demo.yaml"
        )
    try:
        return settings.parse(
            content, " ".join(map(str, workflow.configfiles)) or "config"
        )
    except ConfigError as error:
        raise WorkflowError(str(error)) from None


CONFIG = validated(config)
R = str(CONFIG.run.output)
CONFIG_FILE = f"{R}/config.yaml"
GLASSES = CONFIG.glass_names

# The commands come from the environment that runs snakemake, whatever else is on the PATH. Each
# keeps a record of its run in the folder named.
shell.prefix(
    f"set -euo pipefail; export PATH='{Path(sys.executable).parent}':$PATH"
    f" TLSFIND_JOBS='{R}/jobs'; "
)


# The commands read the config in force, with every default spelled out, from the results. It is
# written before the first job; rules name it as a parameter, not as an input, and re-run only when
# a key changes that they depend on.
onstart:
    text = settings.dump(CONFIG)
    file = Path(CONFIG_FILE)
    from tlsfind.provenance import record_start
    from tlsfind.tables import atomic

    try:
        if not file.is_file() or file.read_text() != text:
            with atomic(file) as temporary:
                temporary.write_text(text)
        record_start(CONFIG, [Path(sys.argv[0]).name, *sys.argv[1:]])
    except (InputError, OSError) as error:
        raise WorkflowError(str(error)) from None


def depends(*keys, without=()):
    """The values of config keys as text, for `params`: a change of one re-runs the rule.

    Keys are sections or section.key; `without` takes single keys out of a section.
    """
    content = CONFIG.model_dump(mode="json")
    values = {}
    for key in keys:
        section, _, name = key.partition(".")
        value = content[section]
        if name:
            value = value[name]
        elif isinstance(value, dict):
            value = {k: v for k, v in value.items() if f"{section}.{k}" not in without}
        values[key] = value
        if key in CONTENTS:
            values[f"{key}: content of its file"] = CONTENTS[key]
    return json.dumps(values, sort_keys=True)


def contents():
    """Hashes of the files that config sections name: rules re-run when one changes."""
    try:
        model = CONFIG.model.data_digest()
    except InputError as error:
        raise WorkflowError(str(error)) from None
    return {"model": model} if model else {}


# Keys that only `lammps-neb` reads.
PROGRAMS = ["engine.executable", "engine.mpirun"]

CONTENTS = contents()


def prepared_by(wildcards):
    """The keys that a glass depends on; blocks of its own take the place of `prepare.blocks`."""
    blocks = CONFIG.group(wildcards.glass).blocks
    without = [*PROGRAMS, "prepare.blocks"] if blocks else PROGRAMS
    keys = depends("run.seed", "model", "engine", "prepare", without=without)
    return f"{keys} {blocks}" if blocks else keys


# `Resources` itself is a name of snakemake's.
NEEDS = needs.Resources(CONFIG)


def megabytes(input, name, of):
    """Size of the input that decides what a job needs; None before it exists."""
    if of is None:
        return None
    files = getattr(input, of)
    files = [Path(file) for file in ([files] if isinstance(files, str) else files)]
    if not all(file.is_file() for file in files):
        return None
    sizes = [file.stat().st_size / 1e6 for file in files]
    return max(sizes) if name.startswith("solve_") else sum(sizes)


def memory(name, of=None):
    """MB that a job asks for, more with every retry; `of`: name of the input that decides."""
    return lambda wildcards, input, attempt: attempt * NEEDS.memory(
        name, megabytes(input, name, of)
    )


def minutes(name, of=None):
    """Run time in minutes that a job asks for, more with every retry."""
    return lambda wildcards, input, attempt: attempt * NEEDS.runtime(
        name, megabytes(input, name, of)
    )


def repeated(option, name):
    """Parameter: the option once for each file of the input `name`, which may be none."""
    return lambda wildcards, input: [
        f"{option} {file}" for file in getattr(input, name)
    ]


def numbered(jobs):
    """Names 000, 001, ... of jobs."""
    return [f"{job:03d}" for job in range(jobs)]


def own_trajectories():
    """The files of the glasses that come with frames of their own, by name."""
    groups = [group for group in CONFIG.glasses for _ in range(group.count)]
    own = {glass: g.frames for glass, g in zip(GLASSES, groups) if g.frames}
    if not own:
        return {}
    from tlsfind.interop.frames import find_files

    found = {}
    for glass, patterns in own.items():
        try:
            found[glass] = [str(file) for file in find_files(patterns)]
        except InputError as error:
            raise WorkflowError(f"frames of glass {glass}: {error}") from None
    return found


def diameters_from(wildcards):
    """Parameter: the option that says where the frames of a glass have their diameters."""
    column = CONFIG.group(wildcards.glass).diameter_from
    return f"--diameter-from {column}" if column else []


def any_of(names):
    """A wildcard's constraint to some names; to nothing if there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


def of_blocks(path):
    """Input function: `path` in every block of trajectories of a glass."""
    return lambda wildcards: expand(
        path, glass=wildcards.glass, block=CONFIG.block_names(wildcards.glass)
    )


# Files that more than one rules file names.
GLASS = f"{R}/glasses/{{glass}}"
EXPLORE = f"{R}/explore/{{glass}}/block-{{block}}"
LANDSCAPE = f"{R}/landscape/{{glass}}"
LOOP = f"{R}/loop/{{k}}"
STANDARD = f"{R}/standard"

FRAMES = own_trajectories()
GLASS_FILES = expand(f"{GLASS}/glass.npz", glass=GLASSES)
LANDSCAPE_FILES = expand(f"{LANDSCAPE}/minima.npz", glass=GLASSES)
PAIR_FILES = expand(f"{R}/pairs/{{glass}}.parquet", glass=GLASSES)


# Glasses without frames are prepared and explored, the others imported.
MADE = any_of([glass for glass in GLASSES if glass not in FRAMES])
OWN = any_of(FRAMES)


wildcard_constraints:
    glass=r"T[0-9.e-]+-\d\d\d\d+",
    block=r"\d\d\d+",
    k=r"\d\d+",
    batch=r"\d\d\d+",
    job=r"\d\d\d+",


def trajectories(wildcards):
    """First and last trajectory of a block: what else of the config does not change it."""
    first = int(wildcards.block) * CONFIG.explore.trajectories_per_block
    return [
        first,
        min(first + CONFIG.explore.trajectories_per_block, CONFIG.explore.trajectories)
        - 1,
    ]


# The active loop. Batches of the initial selection, of a later one, and of the standard procedure;
# prediction jobs, each for some glasses.
INITIAL_BATCHES = numbered(counts.initial_batches(CONFIG))
BATCHES = numbered(counts.batches(CONFIG))
SLICES = numbered(counts.slices(CONFIG))
PREDICTION_JOBS = numbered(counts.prediction_jobs(CONFIG))


def before(path):
    """Input function: `path` at the iteration before; nothing at iteration 0."""
    return lambda wildcards: (
        expand(path, k=f"{int(wildcards.k) - 1:02d}", job=PREDICTION_JOBS)
        if int(wildcards.k)
        else []
    )


# A warm start: models of another run, or models trained on a table, pick the initial batch.
START_TABLE = CONFIG.loop.start_table
START_MODEL = CONFIG.loop.start_model or (START_TABLE and f"{R}/loop/start/model")
START_PREDICTIONS = (
    expand(f"{R}/loop/start/predictions/{{job}}.parquet", job=PREDICTION_JOBS)
    if START_MODEL
    else []
)


# Snakemake keeps what is there when the input of a rule is missing, and says nothing.
for key, file in (
    ("start_table", START_TABLE),
    (
        "start_model",
        CONFIG.loop.start_model and CONFIG.loop.start_model / "training.json",
    ),
):
    if file and not file.is_file():
        raise WorkflowError(f"loop.{key}: {file} does not exist")

START_KEYS = (
    ["loop.acquisition", "loop.gate", "loop.start_explore"] if START_MODEL else []
)


def solved_batches(wildcards):
    """The path tables of an iteration."""
    names = BATCHES if int(wildcards.k) else INITIAL_BATCHES
    return expand(f"{LOOP}/paths/batch-{{batch}}.parquet", k=wildcards.k, batch=names)


def predicted_pairs(wildcards):
    """The pairs tables of a prediction job."""
    first = int(wildcards.job) * CONFIG.learn.glasses_per_job
    return PAIR_FILES[first : first + CONFIG.learn.glasses_per_job]


def converged(state):
    """Whether the loop ends with the iteration of a state file."""
    try:
        with state.open() as file:
            return json.load(file)["converged"]
    except (ValueError, KeyError):
        raise WorkflowError(
            f"{state} is damaged: delete it and start snakemake again"
        ) from None


def last(path):
    """Input function: `path` at the loop's last iteration.

    Walks the checkpoints 0, 1, ... until one says converged or the maximum is reached. Asking for
    a state that does not exist yet makes snakemake run that iteration and then ask again.
    """

    def of_last_iteration(wildcards):
        for k in range(CONFIG.loop.max_iterations + 1):
            name = f"{k:02d}"
            if converged(checkpoints.assess.get(k=name).output.state):
                break
        return expand(path, k=name)

    return of_last_iteration


# Figures are drawn in every format of the config; the report of snakemake shows the first.
def figure(name):
    """File of a figure."""
    return f"{R}/figures/{name}.{CONFIG.analysis.formats[0]}"


def caption(name):
    """Caption of a figure or table in the report of snakemake."""
    return f"../workflow/report/{name}.rst"
