# The active loop, select -> solve -> collect -> train -> predict -> assess -> select ..., and the
# standard procedure that it is compared with. `assess` is a checkpoint: its state says whether to
# go on.


if CONFIG.loop.start_model is None and START_TABLE is not None:

    rule train_start:
        input:
            table=START_TABLE,
        output:
            training=f"{START_MODEL}/training.json",
            models=directory(f"{START_MODEL}/models"),
        log:
            f"{R}/logs/train/start.log",
        benchmark:
            f"{R}/benchmarks/train/start.tsv"
        conda:
            "../envs/tlsfind.yaml"
        threads: 2
        resources:
            mem_mb=memory("train_start"),
            runtime=minutes("train_start"),
        params:
            config=CONFIG_FILE,
            depends=depends(
                "run.seed",
                "learn",
                "units",
                "loop.unit_system",
                "pairs.particles",
                without=["learn.glasses_per_job"],
            ),
            output=subpath(output.training, parent=True),
        shell:
            "tlsfind train-table {input.table} --config {params.config}"
            " --processes {threads} --output {params.output} > {log} 2>&1"


if START_MODEL:

    rule predict_start:
        input:
            pairs=predicted_pairs,
            training=f"{START_MODEL}/training.json",
        output:
            predictions=f"{R}/loop/start/predictions/{{job}}.parquet",
        log:
            f"{R}/logs/predict/start-{{job}}.log",
        benchmark:
            f"{R}/benchmarks/predict/start-{{job}}.tsv"
        conda:
            "../envs/tlsfind.yaml"
        threads: 1
        resources:
            mem_mb=memory("predict_start", "pairs"),
            runtime=minutes("predict_start", "pairs"),
        params:
            config=CONFIG_FILE,
            depends=depends("units", "loop.unit_system", "loop.confidence"),
            model=subpath(input.training, parent=True),
        shell:
            "tlsfind predict {input.pairs} --model {params.model} --config {params.config}"
            " --output {output.predictions} > {log} 2>&1"


rule select_initial:
    input:
        pairs=PAIR_FILES,
        predictions=START_PREDICTIONS,
    output:
        batches=expand(
            f"{LOOP}/selection/batch-{{batch}}.parquet", k="00", batch=INITIAL_BATCHES
        ),
    log:
        f"{R}/logs/select/00.log",
    benchmark:
        f"{R}/benchmarks/select/00.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("select_initial", "pairs"),
        runtime=minutes("select_initial", "pairs"),
    params:
        config=CONFIG_FILE,
        depends=depends(
            "run.seed",
            "paths.batch",
            *START_KEYS,
            "loop.initial_paths",
            "loop.initial_transition_share",
            "loop.initial_close_share",
            "loop.close_displacement",
        ),
        predictions=repeated("--predictions", "predictions"),
        output=lambda wildcards, output: Path(output.batches[0]).parent,
    shell:
        "tlsfind select {input.pairs} --iteration 0 {params.predictions}"
        " --config {params.config} --output {params.output} > {log} 2>&1"


rule select_next:
    input:
        pairs=PAIR_FILES,
        paths=before(f"{LOOP}/paths.parquet"),
        predictions=before(f"{LOOP}/predictions/{{job}}.parquet"),
    output:
        batches=expand(
            f"{LOOP}/selection/batch-{{batch}}.parquet",
            batch=BATCHES,
            allow_missing=True,
        ),
    log:
        f"{R}/logs/select/{{k}}.log",
    benchmark:
        f"{R}/benchmarks/select/{{k}}.tsv"
    wildcard_constraints:
        k=r"(?!00)\d\d+",
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("select_next", "pairs"),
        runtime=minutes("select_next", "pairs"),
    params:
        config=CONFIG_FILE,
        depends=depends(
            "run.seed",
            "paths.batch",
            "loop.acquisition",
            "loop.paths_per_iteration",
            "loop.gate",
        ),
        predictions=repeated("--predictions", "predictions"),
        output=lambda wildcards, output: Path(output.batches[0]).parent,
    shell:
        "tlsfind select {input.pairs} --iteration {wildcards.k} --paths {input.paths}"
        " {params.predictions} --config {params.config} --output {params.output} > {log} 2>&1"


rule solve_paths:
    input:
        selection=f"{LOOP}/selection/batch-{{batch}}.parquet",
        minima=LANDSCAPE_FILES,
    output:
        paths=f"{LOOP}/paths/batch-{{batch}}.parquet",
        candidates=f"{LOOP}/candidates/batch-{{batch}}.parquet",
    log:
        f"{R}/logs/paths/{{k}}-{{batch}}.log",
    benchmark:
        f"{R}/benchmarks/paths/{{k}}-{{batch}}.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("solve_paths", "minima"),
        runtime=minutes("solve_paths", "minima"),
    params:
        config=CONFIG_FILE,
        depends=depends(
            "model",
            "engine",
            "paths",
            "units",
            "loop.unit_system",
            without=["paths.batch"],
        ),
        landscapes=lambda wildcards, input: Path(input.minima[0]).parents[1],
    shell:
        "tlsfind paths {input.selection} {params.landscapes} --config {params.config}"
        " --output {output.paths} --candidates {output.candidates} > {log} 2>&1"


rule collect_paths:
    input:
        batches=solved_batches,
        previous=before(f"{LOOP}/paths.parquet"),
    output:
        paths=f"{LOOP}/paths.parquet",
    log:
        f"{R}/logs/collect/{{k}}.log",
    benchmark:
        f"{R}/benchmarks/collect/{{k}}.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("collect_paths"),
        runtime=minutes("collect_paths"),
    params:
        config=CONFIG_FILE,
        previous=repeated("--previous", "previous"),
    shell:
        "tlsfind collect {input.batches} {params.previous} --config {params.config}"
        " --output {output.paths} > {log} 2>&1"


rule train:
    input:
        pairs=PAIR_FILES,
        paths=f"{LOOP}/paths.parquet",
        start=[START_TABLE] if START_TABLE else [],
    output:
        training=f"{LOOP}/model/training.json",
        out_of_fold=f"{LOOP}/model/out_of_fold.parquet",
        labelled=f"{LOOP}/model/labelled.parquet",
        models=directory(f"{LOOP}/model/models"),
    log:
        f"{R}/logs/train/{{k}}.log",
    benchmark:
        f"{R}/benchmarks/train/{{k}}.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 2
    resources:
        mem_mb=memory("train", "pairs"),
        runtime=minutes("train", "pairs"),
    params:
        config=CONFIG_FILE,
        depends=depends(
            "run.seed",
            "learn",
            "units",
            "loop.unit_system",
            "loop.start_table",
            without=["learn.glasses_per_job"],
        ),
        output=subpath(output.training, parent=True),
    shell:
        "tlsfind train {input.pairs} --iteration {wildcards.k} --paths {input.paths}"
        " --processes {threads} --config {params.config} --output {params.output} > {log} 2>&1"


rule predict:
    input:
        pairs=predicted_pairs,
        training=f"{LOOP}/model/training.json",
    output:
        predictions=f"{LOOP}/predictions/{{job}}.parquet",
    log:
        f"{R}/logs/predict/{{k}}-{{job}}.log",
    benchmark:
        f"{R}/benchmarks/predict/{{k}}-{{job}}.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("predict", "pairs"),
        runtime=minutes("predict", "pairs"),
    params:
        config=CONFIG_FILE,
        depends=depends("loop.confidence"),
        model=subpath(input.training, parent=True),
    shell:
        "tlsfind predict {input.pairs} --model {params.model} --config {params.config}"
        " --output {output.predictions} > {log} 2>&1"


checkpoint assess:
    input:
        predictions=expand(
            f"{LOOP}/predictions/{{job}}.parquet",
            job=PREDICTION_JOBS,
            allow_missing=True,
        ),
        paths=f"{LOOP}/paths.parquet",
        training=f"{LOOP}/model/training.json",
        previous=before(f"{LOOP}/history.parquet"),
    output:
        history=f"{LOOP}/history.parquet",
        state=f"{LOOP}/state.json",
    log:
        f"{R}/logs/assess/{{k}}.log",
    benchmark:
        f"{R}/benchmarks/assess/{{k}}.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("assess"),
        runtime=minutes("assess"),
    params:
        config=CONFIG_FILE,
        depends=depends(
            "loop.stop_on",
            "loop.stop_fraction",
            "loop.missing_fraction",
            "loop.min_iterations",
        ),
        at_maximum=lambda wildcards: int(wildcards.k) >= CONFIG.loop.max_iterations,
        model=subpath(input.training, parent=True),
        previous=repeated("--previous", "previous"),
        output=subpath(output.state, parent=True),
    shell:
        "tlsfind assess {input.predictions} --iteration {wildcards.k} --paths {input.paths}"
        " --model {params.model} {params.previous} --config {params.config}"
        " --output {params.output} 2>&1 | tee {log}"


# Its paths, the library and the validation are the longest way to the end: they go before the jobs that
# only wait for the loop.
rule select_standard:
    input:
        pairs=PAIR_FILES,
        paths=last(f"{LOOP}/paths.parquet"),
    output:
        selection=f"{STANDARD}/selection.parquet",
        counts=f"{STANDARD}/selection.json",
    log:
        f"{R}/logs/select/standard.log",
    benchmark:
        f"{R}/benchmarks/select/standard.tsv"
    priority: 1
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("select_standard", "pairs"),
        runtime=minutes("select_standard", "pairs"),
    params:
        config=CONFIG_FILE,
        depends=depends("run.seed", "loop.standard_transitions", "loop.standard_paths"),
    shell:
        "tlsfind select-standard {input.pairs} --paths {input.paths} --config {params.config}"
        " --output {output.selection} > {log} 2>&1"


rule solve_standard:
    input:
        selection=f"{STANDARD}/selection.parquet",
        minima=LANDSCAPE_FILES,
    output:
        paths=f"{STANDARD}/paths/slice-{{batch}}.parquet",
        candidates=f"{STANDARD}/candidates/slice-{{batch}}.parquet",
    log:
        f"{R}/logs/paths/standard-{{batch}}.log",
    benchmark:
        f"{R}/benchmarks/paths/standard-{{batch}}.tsv"
    priority: 1
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("solve_standard", "minima"),
        runtime=minutes("solve_standard", "minima"),
    params:
        config=CONFIG_FILE,
        depends=depends(
            "model",
            "engine",
            "paths",
            "units",
            "loop.unit_system",
            without=["paths.batch"],
        ),
        landscapes=lambda wildcards, input: Path(input.minima[0]).parents[1],
        slices=len(SLICES),
    shell:
        "tlsfind paths {input.selection} {params.landscapes} --config {params.config}"
        " --slice {wildcards.batch}/{params.slices}"
        " --output {output.paths} --candidates {output.candidates} > {log} 2>&1"


rule collect_standard:
    input:
        batches=expand(f"{STANDARD}/paths/slice-{{batch}}.parquet", batch=SLICES),
    output:
        paths=f"{STANDARD}/paths.parquet",
    log:
        f"{R}/logs/collect/standard.log",
    benchmark:
        f"{R}/benchmarks/collect/standard.tsv"
    priority: 1
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("collect_standard"),
        runtime=minutes("collect_standard"),
    params:
        config=CONFIG_FILE,
    shell:
        "tlsfind collect {input.batches} --config {params.config} --output {output.paths}"
        " > {log} 2>&1"
