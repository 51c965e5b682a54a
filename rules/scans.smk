# Studies of the models on the run's labelled pairs (S1 to S5 of the paper), `snakemake scans`. They
# train models many times and are no part of the default target.

SCANS = f"{R}/scans"
SCAN_KEYS = ["run.name", "run.seed", "scans", "units", "loop.unit_system", "learn"]

# Bond-orientational parameters take a package that is not among the dependencies.
STRUCTURE = []

if CONFIG.scans.bond_order:
    STRUCTURE = [f"{SCANS}/structure.parquet"]

    rule structure:
        input:
            labelled=last(f"{LOOP}/model/labelled.parquet"),
            minima=LANDSCAPE_FILES,
        output:
            structure=STRUCTURE[0],
        log:
            f"{R}/logs/structure.log",
        benchmark:
            f"{R}/benchmarks/structure.tsv"
        conda:
            "../envs/tlsfind.yaml"
        threads: 1
        resources:
            mem_mb=memory("structure"),
            runtime=minutes("structure"),
        params:
            config=CONFIG_FILE,
            landscapes=lambda wildcards, input: Path(input.minima[0]).parents[1],
        shell:
            "tlsfind structure {input.labelled} --landscapes {params.landscapes}"
            " --config {params.config} --output {output.structure} > {log} 2>&1"


rule scan_leaderboard:
    input:
        labelled=last(f"{LOOP}/model/labelled.parquet"),
    output:
        scan=f"{SCANS}/leaderboard/scan.parquet",
        figure=report(
            f"{SCANS}/leaderboard/figS1.{CONFIG.analysis.formats[0]}",
            caption=caption("figS1"),
            category="Scans",
        ),
    log:
        f"{R}/logs/scan/leaderboard.log",
    benchmark:
        f"{R}/benchmarks/scan/leaderboard.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("scan_leaderboard"),
        runtime=minutes("scan_leaderboard"),
    params:
        config=CONFIG_FILE,
        depends=depends(
            *SCAN_KEYS, "analysis.formats", without=["learn.glasses_per_job"]
        ),
        output=subpath(output.scan, parent=True),
    shell:
        "tlsfind scan leaderboard {input.labelled} --config {params.config}"
        " --output {params.output} > {log} 2>&1"


rule scan_predictor:
    input:
        labelled=last(f"{LOOP}/model/labelled.parquet"),
        minima=LANDSCAPE_FILES,
    output:
        scan=f"{SCANS}/predictor/scan.parquet",
        figure=report(
            f"{SCANS}/predictor/figS2.{CONFIG.analysis.formats[0]}",
            caption=caption("figS2"),
            category="Scans",
        ),
    log:
        f"{R}/logs/scan/predictor.log",
    benchmark:
        f"{R}/benchmarks/scan/predictor.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("scan_predictor"),
        runtime=minutes("scan_predictor"),
    params:
        config=CONFIG_FILE,
        depends=depends(
            *SCAN_KEYS, "analysis.formats", without=["learn.glasses_per_job"]
        ),
        landscapes=lambda wildcards, input: Path(input.minima[0]).parents[1],
        output=subpath(output.scan, parent=True),
    shell:
        "tlsfind scan predictor {input.labelled} --landscapes {params.landscapes}"
        " --config {params.config} --output {params.output} > {log} 2>&1"


rule scan_classifier:
    input:
        labelled=last(f"{LOOP}/model/labelled.parquet"),
        minima=LANDSCAPE_FILES,
    output:
        scan=f"{SCANS}/classifier/scan.parquet",
        figure=report(
            f"{SCANS}/classifier/figS3.{CONFIG.analysis.formats[0]}",
            caption=caption("figS3"),
            category="Scans",
        ),
    log:
        f"{R}/logs/scan/classifier.log",
    benchmark:
        f"{R}/benchmarks/scan/classifier.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("scan_classifier"),
        runtime=minutes("scan_classifier"),
    params:
        config=CONFIG_FILE,
        depends=depends(
            *SCAN_KEYS, "analysis.formats", without=["learn.glasses_per_job"]
        ),
        landscapes=lambda wildcards, input: Path(input.minima[0]).parents[1],
        output=subpath(output.scan, parent=True),
    shell:
        "tlsfind scan classifier {input.labelled} --landscapes {params.landscapes}"
        " --config {params.config} --output {params.output} > {log} 2>&1"


rule scan_importance:
    input:
        labelled=last(f"{LOOP}/model/labelled.parquet"),
        structure=STRUCTURE,
    output:
        scan=f"{SCANS}/importance/scan.parquet",
        figure=report(
            f"{SCANS}/importance/figS4.{CONFIG.analysis.formats[0]}",
            caption=caption("figS4"),
            category="Scans",
        ),
        table=report(
            f"{SCANS}/importance/table_s1.csv",
            caption=caption("table_s1"),
            category="Scans",
        ),
    log:
        f"{R}/logs/scan/importance.log",
    benchmark:
        f"{R}/benchmarks/scan/importance.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("scan_importance"),
        runtime=minutes("scan_importance"),
    params:
        config=CONFIG_FILE,
        depends=depends(*SCAN_KEYS, "analysis", without=["learn.glasses_per_job"]),
        structure=repeated("--structure", "structure"),
        output=subpath(output.scan, parent=True),
    shell:
        "tlsfind scan importance {input.labelled} {params.structure}"
        " --config {params.config} --output {params.output} > {log} 2>&1"


rule scan_features:
    input:
        labelled=last(f"{LOOP}/model/labelled.parquet"),
    output:
        scan=f"{SCANS}/features/scan.parquet",
        figure=report(
            f"{SCANS}/features/figS5.{CONFIG.analysis.formats[0]}",
            caption=caption("figS5"),
            category="Scans",
        ),
    log:
        f"{R}/logs/scan/features.log",
    benchmark:
        f"{R}/benchmarks/scan/features.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("scan_features"),
        runtime=minutes("scan_features"),
    params:
        config=CONFIG_FILE,
        depends=depends(*SCAN_KEYS, "analysis", without=["learn.glasses_per_job"]),
        output=subpath(output.scan, parent=True),
    shell:
        "tlsfind scan features {input.labelled} --config {params.config}"
        " --output {params.output} > {log} 2>&1"
