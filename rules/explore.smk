# NVE trajectories with frequent quenches, or trajectories of the user.


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
    wildcard_constraints:
        glass=MADE,
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("explore"),
        runtime=minutes("explore"),
    params:
        config=CONFIG_FILE,
        depends=depends(
            "run.seed",
            "model",
            "engine",
            "explore",
            "landscape",
            without=[
                *PROGRAMS,
                "explore.trajectories",
                "explore.trajectories_per_block",
            ],
        ),
        trajectories=trajectories,
        output=subpath(output.visits, parent=True),
    shell:
        "tlsfind explore {wildcards.glass} {input.glass} --block {wildcards.block}"
        " --config {params.config} --output {params.output} > {log} 2>&1"


rule import_frames:
    input:
        frames=lambda wildcards: FRAMES[wildcards.glass],
    output:
        glass=f"{GLASS}/glass.npz",
        table=f"{GLASS}/glass.parquet",
        evidence=f"{GLASS}/equilibration.parquet",
        visits=expand(f"{EXPLORE}/visits.parquet", block="000", allow_missing=True),
        trajectories=expand(
            f"{EXPLORE}/trajectories.parquet", block="000", allow_missing=True
        ),
        minima=expand(f"{EXPLORE}/minima.npz", block="000", allow_missing=True),
    log:
        f"{R}/logs/import/{{glass}}.log",
    benchmark:
        f"{R}/benchmarks/import/{{glass}}.tsv"
    wildcard_constraints:
        glass=OWN,
    conda:
        "../envs/tlsfind.yaml"
    threads: 1
    resources:
        mem_mb=memory("import_frames"),
        runtime=minutes("import_frames"),
    params:
        config=CONFIG_FILE,
        depends=depends(
            "model",
            "engine",
            "landscape",
            "explore.temperature",
            "explore.force_tolerance",
            "explore.max_evaluations",
            without=PROGRAMS,
        ),
        glass=lambda wildcards: CONFIG.glass(wildcards.glass),
        diameters=diameters_from,
        output=subpath(output.glass, ancestor=3),
    shell:
        "tlsfind import trajectory {input.frames:q} --glass {wildcards.glass} {params.diameters}"
        " --config {params.config} --output {params.output} > {log} 2>&1"
