# Features of all pairs of minima of a glass.


rule pair_features:
    input:
        minima=f"{LANDSCAPE}/minima.npz",
        transitions=f"{LANDSCAPE}/transitions.parquet",
    output:
        pairs=f"{R}/pairs/{{glass}}.parquet",
    log:
        f"{R}/logs/pairs/{{glass}}.log",
    benchmark:
        f"{R}/benchmarks/pairs/{{glass}}.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("pair_features", "minima"),
        runtime=minutes("pair_features", "minima"),
    params:
        config=CONFIG_FILE,
        depends=depends("pairs", without=["pairs.rows_per_block"]),
        landscape=subpath(input.minima, parent=True),
    shell:
        "tlsfind pairs {wildcards.glass} {params.landscape} --config {params.config}"
        " --output {output.pairs} > {log} 2>&1"
