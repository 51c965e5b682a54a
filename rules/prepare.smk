# Equilibrium liquids at T_f, cooled to glasses.


rule prepare:
    output:
        glass=f"{GLASS}/glass.npz",
        table=f"{GLASS}/glass.parquet",
        evidence=f"{GLASS}/equilibration.parquet",
    log:
        f"{R}/logs/prepare/{{glass}}.log",
    benchmark:
        f"{R}/benchmarks/prepare/{{glass}}.tsv"
    wildcard_constraints:
        glass=MADE,
    # The longest jobs of a run: none is to be left for the end.
    priority: 2
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("prepare"),
        runtime=minutes("prepare"),
    params:
        config=CONFIG_FILE,
        depends=prepared_by,
        glass=lambda wildcards: CONFIG.glass(wildcards.glass),
        output=subpath(output.glass, parent=True),
    shell:
        "tlsfind prepare {wildcards.glass} --config {params.config} --output {params.output}"
        " > {log} 2>&1"
