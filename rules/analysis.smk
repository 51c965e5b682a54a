# Figures, Tables I and II, the numbers and the report.


rule draw:
    input:
        evidence=expand(f"{GLASS}/equilibration.parquet", glass=GLASSES),
        pairs=PAIR_FILES,
        paths=last(f"{LOOP}/paths.parquet"),
        out_of_fold=last(f"{LOOP}/model/out_of_fold.parquet"),
        standard=f"{STANDARD}/paths.parquet",
        double_wells=f"{R}/library/double_wells.parquet",
        temperatures=lambda wildcards: OTHER_TEMPERATURES,
    output:
        equilibration=report(
            figure("equilibration"),
            caption=caption("equilibration"),
            category="Evidence",
        ),
        loop=report(figure("loop"), caption=caption("loop"), category="Evidence"),
        fig1=report(figure("fig1"), caption=caption("fig1"), category="Figures"),
        fig2=report(figure("fig2"), caption=caption("fig2"), category="Figures"),
        fig3=report(figure("fig3"), caption=caption("fig3"), category="Figures"),
        fig3_prospective=report(
            figure("fig3_prospective"),
            caption=caption("fig3_prospective"),
            category="Figures",
        ),
        fig4=report(figure("fig4"), caption=caption("fig4"), category="Figures"),
        fig6=report(figure("fig6"), caption=caption("fig6"), category="Figures"),
        recall=report(figure("recall"), caption=caption("recall"), category="Evidence"),
        picture=report(
            figure("picture"), caption=caption("picture"), category="Figures"
        ),
        disconnectivity=report(
            figure("disconnectivity"),
            caption=caption("disconnectivity"),
            category="Figures",
        ),
        density_bootstrap=report(
            figure("density_bootstrap"),
            caption=caption("density_bootstrap"),
            category="Figures",
        ),
        figS6=report(figure("figS6"), caption=caption("figS6"), category="Figures"),
        figS7=report(figure("figS7"), caption=caption("figS7"), category="Figures"),
        figS9=report(figure("figS9"), caption=caption("figS9"), category="Figures"),
        figS10=report(figure("figS10"), caption=caption("figS10"), category="Figures"),
    log:
        f"{R}/logs/draw.log",
    benchmark:
        f"{R}/benchmarks/draw.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("draw", "pairs"),
        runtime=minutes("draw", "pairs"),
    params:
        config=CONFIG_FILE,
        depends=depends(
            "run.name",
            "run.seed",
            "analysis.formats",
            "analysis.min_points",
            "analysis.landscape_glass",
            "units",
            "loop.unit_system",
        ),
        results=subpath(output.loop, ancestor=2),
        output=subpath(output.loop, parent=True),
    shell:
        "tlsfind figures {params.results} --config {params.config} --output {params.output}"
        " > {log} 2>&1"


rule explain:
    input:
        training=last(f"{LOOP}/model/training.json"),
        labelled=last(f"{LOOP}/model/labelled.parquet"),
    output:
        shap=f"{R}/explain/shap.parquet",
        importance=f"{R}/explain/importance.parquet",
        figure=report(
            f"{R}/explain/explanation.{CONFIG.analysis.formats[0]}",
            caption=caption("explanation"),
            category="Figures",
        ),
    log:
        f"{R}/logs/explain.log",
    benchmark:
        f"{R}/benchmarks/explain.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("explain"),
        runtime=minutes("explain"),
    params:
        config=CONFIG_FILE,
        depends=depends(
            "run.seed",
            "analysis.formats",
            "analysis.explain_sample",
            "analysis.explain_background",
            "analysis.permutations",
        ),
        model=lambda wildcards, input: Path(str(input.training)).parent,
        output=subpath(output.shap, parent=True),
    shell:
        "tlsfind explain --model {params.model} --labelled {input.labelled}"
        " --config {params.config} --output {params.output} > {log} 2>&1"


# With one preparation temperature there is nothing to compare.
OTHER_TEMPERATURES = []
STABILITY_SCAN = []

if len({group.preparation_temperature for group in CONFIG.glasses}) > 1:
    OTHER_TEMPERATURES = [
        f"{R}/tables/transfer.csv",
        f"{R}/tables/stability.json",
        f"{R}/tables/stability_shap.parquet",
    ]
    STABILITY_SCAN = [figure("figS8")]

    rule transfer:
        input:
            labelled=last(f"{LOOP}/model/labelled.parquet"),
        output:
            table=report(
                f"{R}/tables/transfer.csv",
                caption=caption("transfer"),
                category="Tables",
            ),
        log:
            f"{R}/logs/transfer.log",
        benchmark:
            f"{R}/benchmarks/transfer.tsv"
        conda:
            "../envs/tlsfind.yaml"
        threads: 1
        resources:
            mem_mb=memory("transfer"),
            runtime=minutes("transfer"),
        params:
            config=CONFIG_FILE,
            depends=depends(
                "run.seed",
                "units",
                "loop.unit_system",
                "learn",
                without=["learn.glasses_per_job"],
            ),
            seed=CONFIG.run.seed,
        shell:
            "tlsfind transfer {input.labelled} --seed {params.seed}"
            " --config {params.config} --output {output.table} > {log} 2>&1"

    rule stability:
        input:
            labelled=last(f"{LOOP}/model/labelled.parquet"),
        output:
            scores=f"{R}/tables/stability.json",
            shap=f"{R}/tables/stability_shap.parquet",
        log:
            f"{R}/logs/stability.log",
        benchmark:
            f"{R}/benchmarks/stability.tsv"
        conda:
            "../envs/tlsfind.yaml"
        threads: 1
        resources:
            mem_mb=memory("stability"),
            runtime=minutes("stability"),
        params:
            config=CONFIG_FILE,
            seed=CONFIG.run.seed,
        shell:
            "tlsfind stability {input.labelled} --seed {params.seed} --allow-too-few"
            " --config {params.config} --output {output.scores} > {log} 2>&1"

    # Not part of the default target: dozens of perceptrons.
    rule stability_scan:
        input:
            labelled=last(f"{LOOP}/model/labelled.parquet"),
        output:
            scores=f"{R}/tables/stability_scan.json",
            shap=f"{R}/tables/stability_scan_shap.parquet",
        log:
            f"{R}/logs/stability_scan.log",
        benchmark:
            f"{R}/benchmarks/stability_scan.tsv"
        conda:
            "../envs/tlsfind.yaml"
        threads: 1
        resources:
            mem_mb=memory("stability_scan"),
            runtime=minutes("stability_scan"),
        params:
            config=CONFIG_FILE,
            seed=CONFIG.run.seed,
        shell:
            "tlsfind stability {input.labelled} --scan --seed {params.seed} --allow-too-few"
            " --config {params.config} --output {output.scores} > {log} 2>&1"

    rule draw_scan:
        input:
            pairs=PAIR_FILES,
            scan=f"{R}/tables/stability_scan.json",
            double_wells=f"{R}/library/double_wells.parquet",
        output:
            figS8=report(figure("figS8"), caption=caption("figS8"), category="Figures"),
        log:
            f"{R}/logs/draw_scan.log",
        benchmark:
            f"{R}/benchmarks/draw_scan.tsv"
        conda:
            "../envs/tlsfind.yaml"
        threads: 1
        resources:
            mem_mb=memory("draw_scan", "pairs"),
            runtime=minutes("draw_scan", "pairs"),
        params:
            config=CONFIG_FILE,
            depends=depends("run.name", "analysis.formats", "units", "loop.unit_system"),
            results=subpath(output.figS8, ancestor=2),
            output=subpath(output.figS8, parent=True),
        shell:
            "tlsfind figures {params.results} --config {params.config} --only figS8"
            " --output {params.output} > {log} 2>&1"


rule table_one:
    input:
        pairs=PAIR_FILES,
        paths=last(f"{LOOP}/paths.parquet"),
        standard=f"{STANDARD}/paths.parquet",
        counts=f"{STANDARD}/selection.json",
    output:
        table=report(
            f"{R}/tables/table_1.csv", caption=caption("table_1"), category="Tables"
        ),
    log:
        f"{R}/logs/table_1.log",
    benchmark:
        f"{R}/benchmarks/table_1.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("table_one", "pairs"),
        runtime=minutes("table_one", "pairs"),
    params:
        config=CONFIG_FILE,
        depends=depends("units", "loop.unit_system"),
        results=subpath(output.table, ancestor=2),
    shell:
        "tlsfind table-one {params.results} --config {params.config} --output {output.table}"
        " > {log} 2>&1"


rule summary:
    input:
        pairs=PAIR_FILES,
        state=last(f"{LOOP}/state.json"),
        table=f"{R}/tables/table_1.csv",
        tls=f"{R}/library/tls.parquet",
        validation=VALIDATION,
    output:
        summary=f"{R}/summary.json",
    log:
        f"{R}/logs/summary.log",
    benchmark:
        f"{R}/benchmarks/summary.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("summary", "pairs"),
        runtime=minutes("summary", "pairs"),
    params:
        results=subpath(output.summary, parent=True),
    shell:
        "tlsfind summary {params.results} --output {output.summary} > {log} 2>&1"


rule provenance:
    input:
        summary=f"{R}/summary.json",
        figures=rules.draw.output,
        explanation=rules.explain.output,
        temperatures=OTHER_TEMPERATURES,
    output:
        jobs=f"{R}/jobs.parquet",
    log:
        f"{R}/logs/provenance.log",
    benchmark:
        f"{R}/benchmarks/provenance.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("provenance"),
        runtime=minutes("provenance"),
    params:
        config=CONFIG_FILE,
        results=subpath(output.jobs, parent=True),
    shell:
        "tlsfind provenance {params.results} --config {params.config} --output {output.jobs}"
        " > {log} 2>&1"


rule table_two:
    input:
        pairs=PAIR_FILES,
        paths=last(f"{LOOP}/paths.parquet"),
        standard=f"{STANDARD}/paths.parquet",
        jobs=f"{R}/jobs.parquet",
    output:
        table=report(
            f"{R}/tables/table_2.csv", caption=caption("table_2"), category="Tables"
        ),
    log:
        f"{R}/logs/table_2.log",
    benchmark:
        f"{R}/benchmarks/table_2.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("table_two", "pairs"),
        runtime=minutes("table_two", "pairs"),
    params:
        config=CONFIG_FILE,
        results=subpath(output.table, ancestor=2),
    shell:
        "tlsfind table-two {params.results} --config {params.config} --output {output.table}"
        " > {log} 2>&1"


rule report:
    input:
        glasses=expand(f"{GLASS}/glass.parquet", glass=GLASSES),
        figures=rules.draw.output,
        table=f"{R}/tables/table_1.csv",
        costs=f"{R}/tables/table_2.csv",
        summary=f"{R}/summary.json",
        state=last(f"{LOOP}/state.json"),
        explanation=rules.explain.output,
        temperatures=OTHER_TEMPERATURES,
        validation=VALIDATION,
        jobs=f"{R}/jobs.parquet",
    output:
        report=f"{R}/report.html",
    log:
        f"{R}/logs/report.log",
    benchmark:
        f"{R}/benchmarks/report.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("report"),
        runtime=minutes("report"),
    params:
        config=CONFIG_FILE,
        depends=depends("run.name", "analysis", "units", "loop.unit_system"),
        results=subpath(output.report, parent=True),
        drawn=lambda wildcards, input: Path(str(input.figures[0])).parent,
        explained=lambda wildcards, input: Path(str(input.explanation[0])).parent,
    shell:
        "tlsfind report {params.results} --config {params.config} --output {output.report}"
        " --figures {params.drawn} --figures {params.explained} > {log} 2>&1"


# Not part of a run: `snakemake convergence --configfile ...` on the results of a finished one.
rule convergence:
    input:
        double_wells=f"{R}/library/double_wells.parquet",
        minima=LANDSCAPE_FILES,
    output:
        table=f"{R}/convergence/convergence.parquet",
        figure=report(
            f"{R}/convergence/convergence.{CONFIG.analysis.formats[0]}",
            caption=caption("convergence"),
            category="Evidence",
        ),
    log:
        f"{R}/logs/convergence.log",
    benchmark:
        f"{R}/benchmarks/convergence.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("convergence"),
        runtime=minutes("convergence"),
    params:
        config=CONFIG_FILE,
        depends=depends("run.seed", "units", "loop.unit_system", "paths"),
        results=subpath(output.table, ancestor=2),
        output=subpath(output.table, parent=True),
    shell:
        "tlsfind convergence {params.results} --config {params.config}"
        " --output {params.output} > {log} 2>&1"
