# NVE trajectories with frequent quenches.


rule explore:
    input:
        glass=f"{GLASS}/glass.npz",
    output:
        visits=f"{EXPLORE}/visits.parquet",
        trajectories=f"{EXPLORE}/trajectories.parquet",
        minima=f"{EXPLORE}/minima.npz",
    log:
        f"{R}/logs/explore/{{glass}}-{{block}}.log",
    benchmark:
        f"{R}/benchmarks/explore/{{glass}}-{{block}}.tsv"
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=scaled(2000),
        runtime=scaled(120),
    params:
        config=CONFIG_FILE,
        depends=depends(
            "run.seed",
            "explore",
            "landscape",
            without=["explore.trajectories", "explore.trajectories_per_block"],
        ),
        trajectories=trajectories,
        output=subpath(output.visits, parent=True),
    shell:
        "tlsfind explore {wildcards.glass} {input.glass} --block {wildcards.block}"
        " --config {params.config} --output {params.output} > {log} 2>&1"
