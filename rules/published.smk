# Published mode: figures and numbers of the paper from the tables that its authors published. Its
# config is one like config/published.yaml; the rules of a run are not there.

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from tlsfind import config as settings
from tlsfind.errors import ConfigError, InputError
from tlsfind.interop import authors_files
from tlsfind.published import resources as published_needs
from tlsfind.published import settings as published_settings
from tlsfind.published.source import labels_of
from tlsfind.scans.kinds import FIGURES as SCAN_FIGURES

min_version("9.10")

try:
    CONFIG = published_settings.parse(
        config, " ".join(map(str, workflow.configfiles)) or "config"
    )
    TRAINED, SOLVED = labels_of(CONFIG.published.folder)
except ConfigError as error:
    raise WorkflowError(str(error)) from None
except InputError as error:
    raise WorkflowError(
        f"published.folder: {error}. Name the folder in the config, or put the tables there "
        "(docs/published.md)"
    ) from None

R = str(CONFIG.run.output)
CONFIG_FILE = f"{R}/config.yaml"

shell.prefix(
    f"set -euo pipefail; export PATH='{Path(sys.executable).parent}':$PATH"
    f" TLSFIND_JOBS='{R}/jobs'; "
)


onstart:
    from tlsfind.provenance import record_start
    from tlsfind.tables import atomic

    text, file = settings.dump(CONFIG), Path(CONFIG_FILE)
    try:
        if not file.is_file() or file.read_text() != text:
            with atomic(file) as temporary:
                temporary.write_text(text)
        record_start(CONFIG, [Path(sys.argv[0]).name, *sys.argv[1:]])
    except (InputError, OSError) as error:
        raise WorkflowError(str(error)) from None


def of_a_run(wildcards):
    """Input function of the targets that this config knows nothing of."""
    raise WorkflowError(
        "this target needs the config of a run; this one is of published mode (it has a section "
        "`published`), whose target is published"
    )


def section(name, without=()):
    """The values of a section as text, for `params`: a change of one re-runs the rule."""
    content = CONFIG.model_dump(mode="json")[name]
    return str({key: value for key, value in content.items() if key not in without})


def published_memory(rule):
    """MB that a job asks for, more with every retry."""
    return lambda wildcards, attempt: attempt * published_needs.memory(rule)


def published_minutes(rule):
    """Minutes that a job asks for, more with every retry."""
    return lambda wildcards, attempt: attempt * published_needs.runtime(rule)


# Files of the authors that are read. Their content decides, not their time.
AUTHORS_FILES = [
    str(file)
    for kinds in authors_files.find(CONFIG.published.folder).values()
    for file in kinds.values()
]
IMPORTED = expand(f"{R}/tables/labelled-{{label}}.parquet", label=TRAINED) + expand(
    f"{R}/tables/verdicts-{{label}}.parquet", label=SOLVED
)
PREDICTED = expand(
    f"{R}/predictions/{{label}}/{{split}}/scores.json",
    label=TRAINED,
    split=["row", "glass"],
)
EXPLAINED = expand(f"{R}/explain/{{label}}/importance.parquet", label=TRAINED)

# Studies of the models (S1 to S5): figures of the page.
PUBLISHED_SCANS = {figure: kind for kind, figure in SCAN_FIGURES.items()}
PUBLISHED_IMAGES = expand(
    f"{R}/scans/{{label}}/{{figure}}/{{figure}}.png",
    label=TRAINED,
    figure=PUBLISHED_SCANS if "png" in CONFIG.analysis.formats else [],
)
PUBLISHED_EXTRA = expand(
    f"{R}/scans/{{label}}/{{figure}}/scan.parquet",
    label=TRAINED,
    figure=PUBLISHED_SCANS,
)


wildcard_constraints:
    label=r"[A-Za-z0-9.]+",
    split=r"row|glass",
    figure=r"fig[A-Z0-9]+",


rule published_import:
    input:
        AUTHORS_FILES,
    output:
        tables=IMPORTED,
        counts=f"{R}/tables/import.json",
    log:
        f"{R}/logs/published_import.log",
    benchmark:
        f"{R}/benchmarks/published_import.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=published_memory("published_import"),
        runtime=published_minutes("published_import"),
    params:
        folder=CONFIG.published.folder,
        limit=CONFIG.published.min_displacement,
        output=subpath(output.counts, parent=True),
    shell:
        "tlsfind import authors {params.folder} --min-displacement {params.limit}"
        " --json {output.counts} --output {params.output} > {log} 2>&1"


rule published_predict:
    input:
        labelled=f"{R}/tables/labelled-{{label}}.parquet",
    output:
        scores=f"{R}/predictions/{{label}}/{{split}}/scores.json",
        held_out=f"{R}/predictions/{{label}}/{{split}}/held_out.parquet",
        models=directory(f"{R}/predictions/{{label}}/{{split}}/models"),
    log:
        f"{R}/logs/published_predict/{{label}}-{{split}}.log",
    benchmark:
        f"{R}/benchmarks/published_predict/{{label}}-{{split}}.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=published_memory("published_predict"),
        runtime=published_minutes("published_predict"),
    params:
        config=CONFIG_FILE,
        depends=[
            section("learn"),
            section("published", without=["folder", "particles"]),
            CONFIG.run.seed,
        ],
        output=subpath(output.scores, parent=True),
    shell:
        "tlsfind published predict {input.labelled} --split {wildcards.split}"
        " --config {params.config} --output {params.output} --threads {threads} > {log} 2>&1"


rule published_explain:
    input:
        labelled=f"{R}/tables/labelled-{{label}}.parquet",
        held_out=f"{R}/predictions/{{label}}/row/held_out.parquet",
        models=f"{R}/predictions/{{label}}/row/models",
    output:
        shap=f"{R}/explain/{{label}}/shap.parquet",
        importance=f"{R}/explain/{{label}}/importance.parquet",
    log:
        f"{R}/logs/published_explain/{{label}}.log",
    benchmark:
        f"{R}/benchmarks/published_explain/{{label}}.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=published_memory("published_explain"),
        runtime=published_minutes("published_explain"),
    params:
        config=CONFIG_FILE,
        depends=[
            section("analysis", without=["formats", "min_points"]),
            CONFIG.run.seed,
        ],
        predictions=subpath(input.held_out, parent=True),
        output=subpath(output.shap, parent=True),
    shell:
        "tlsfind published explain {input.labelled} --predictions {params.predictions}"
        " --config {params.config} --output {params.output} --threads {threads} > {log} 2>&1"


rule published_scan:
    input:
        labelled=f"{R}/tables/labelled-{{label}}.parquet",
    output:
        scan=f"{R}/scans/{{label}}/{{figure}}/scan.parquet",
        figures=expand(
            f"{R}/scans/{{{{label}}}}/{{{{figure}}}}/{{{{figure}}}}.{{kind}}",
            kind=CONFIG.analysis.formats,
        ),
    log:
        f"{R}/logs/published_scan/{{label}}-{{figure}}.log",
    benchmark:
        f"{R}/benchmarks/published_scan/{{label}}-{{figure}}.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=published_memory("published_scan"),
        runtime=published_minutes("published_scan"),
    params:
        config=CONFIG_FILE,
        depends=[
            section("learn"),
            section("scans"),
            section("analysis", without=["min_points"]),
            CONFIG.run.seed,
        ],
        kind=lambda wildcards: PUBLISHED_SCANS[wildcards.figure],
        output=subpath(output.scan, parent=True),
    shell:
        "tlsfind published scan {params.kind} {input.labelled} --config {params.config}"
        " --output {params.output} --threads {threads} > {log} 2>&1"


rule published_figures:
    input:
        IMPORTED,
        PREDICTED,
        EXPLAINED,
        counts=f"{R}/tables/import.json",
    output:
        figure=f"{R}/figures/fig4.{CONFIG.analysis.formats[0]}",
    log:
        f"{R}/logs/published_figures.log",
    benchmark:
        f"{R}/benchmarks/published_figures.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=published_memory("published_figures"),
        runtime=published_minutes("published_figures"),
    params:
        config=CONFIG_FILE,
        depends=[section("analysis"), CONFIG.published.particles],
        results=subpath(output.figure, ancestor=2),
        output=subpath(output.figure, parent=True),
    shell:
        "tlsfind published figures {params.results} --config {params.config}"
        " --output {params.output} > {log} 2>&1"


rule published_compare:
    input:
        IMPORTED,
        PREDICTED,
        EXPLAINED,
        counts=f"{R}/tables/import.json",
    output:
        table=f"{R}/paper_vs_ours.csv",
    log:
        f"{R}/logs/published_compare.log",
    benchmark:
        f"{R}/benchmarks/published_compare.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=published_memory("published_compare"),
        runtime=published_minutes("published_compare"),
    params:
        config=CONFIG_FILE,
        depends=CONFIG.published.particles,
        results=subpath(output.table, parent=True),
    shell:
        "tlsfind published compare {params.results} --config {params.config}"
        " --output {output.table} > {log} 2>&1"


rule published_report:
    input:
        IMPORTED,
        PREDICTED,
        EXPLAINED,
        counts=f"{R}/tables/import.json",
        comparison=f"{R}/paper_vs_ours.csv",
        images=PUBLISHED_IMAGES,
    output:
        page=f"{R}/report_published.html",
    log:
        f"{R}/logs/published_report.log",
    benchmark:
        f"{R}/benchmarks/published_report.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=published_memory("published_report"),
        runtime=published_minutes("published_report"),
    params:
        config=CONFIG_FILE,
        depends=[section("analysis"), CONFIG.published.particles, CONFIG.run.name],
        images=[f"--image {file}" for file in PUBLISHED_IMAGES],
        results=subpath(output.page, parent=True),
    shell:
        "tlsfind published report {params.results} --config {params.config} {params.images}"
        " --comparison {input.comparison} --output {output.page} > {log} 2>&1"
