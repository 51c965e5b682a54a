# The double wells and the TLS, as tables and configurations.


rule library:
    input:
        pairs=PAIR_FILES,
        minima=LANDSCAPE_FILES,
        paths=last(f"{LOOP}/paths.parquet"),
        standard=f"{STANDARD}/paths.parquet",
    output:
        double_wells=f"{R}/library/double_wells.parquet",
        tls=f"{R}/library/tls.parquet",
        configurations=directory(f"{R}/library/tls"),
    log:
        f"{R}/logs/library.log",
    benchmark:
        f"{R}/benchmarks/library.tsv"
    priority: 1
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("library", "pairs"),
        runtime=minutes("library", "pairs"),
    params:
        config=CONFIG_FILE,
        depends=depends("units", "loop.unit_system"),
        landscapes=lambda wildcards, input: Path(input.minima[0]).parents[1],
        output=subpath(output.tls, parent=True),
    shell:
        "tlsfind library {input.pairs} --paths {input.paths} --standard {input.standard}"
        " --landscapes {params.landscapes} --config {params.config}"
        " --output {params.output} > {log} 2>&1"
