# A sample of the run evaluated again by LAMMPS; `validation.enabled: false` leaves it out.

VALIDATION = []

if CONFIG.validation.enabled:
    VALIDATION = [f"{R}/validation.parquet"]

    rule validate:
        input:
            double_wells=f"{R}/library/double_wells.parquet",
            minima=LANDSCAPE_FILES,
        output:
            table=f"{R}/validation.parquet",
        log:
            f"{R}/logs/validate.log",
        benchmark:
            f"{R}/benchmarks/validate.tsv"
        priority: 1
        conda:
            "../envs/tlsfind.yaml"
        threads: 1
        resources:
            mem_mb=memory("validate"),
            runtime=minutes("validate"),
        params:
            config=CONFIG_FILE,
            depends=depends(
                "run.seed",
                "model",
                "engine",
                "paths",
                "units",
                "loop.unit_system",
                "explore.temperature",
                "explore.time_step",
                "explore.quench_every",
                "explore.force_tolerance",
                "explore.max_evaluations",
                "landscape.displacement_tolerance",
                "validation",
                without=["paths.batch", "validation.enabled"],
            ),
            results=subpath(output.table, parent=True),
        shell:
            "tlsfind validate {params.results} --config {params.config} --output {output.table}"
            " > {log} 2>&1"
