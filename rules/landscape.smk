# One identity for each minimum of a glass, and its transitions.


rule landscape:
    input:
        visits=of_blocks(f"{EXPLORE}/visits.parquet"),
        minima=of_blocks(f"{EXPLORE}/minima.npz"),
    output:
        table=f"{LANDSCAPE}/minima.parquet",
        minima=f"{LANDSCAPE}/minima.npz",
        transitions=f"{LANDSCAPE}/transitions.parquet",
        visits=f"{LANDSCAPE}/visits.parquet",
    log:
        f"{R}/logs/landscape/{{glass}}.log",
    benchmark:
        f"{R}/benchmarks/landscape/{{glass}}.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("landscape", "minima"),
        runtime=minutes("landscape", "minima"),
    params:
        config=CONFIG_FILE,
        depends=depends("landscape"),
        blocks=of_blocks(EXPLORE),
        output=subpath(output.minima, parent=True),
    shell:
        "tlsfind landscape {wildcards.glass} {params.blocks} --config {params.config}"
        " --output {params.output} > {log} 2>&1"
