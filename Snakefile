# From nothing to a table of two-level systems. Table of contents: the config is validated in
# rules/common.smk, the rules stand in rules/ in the order of the stages, the targets stand here.
#
#   snakemake --configfile config/demo.yaml              everything
#   snakemake --configfile config/demo.yaml landscapes   as far as the landscapes
#   snakemake --configfile config/demo.yaml figures      every figure and table of the paper
#   snakemake --configfile config/demo.yaml scans        studies of the models on the run's pairs
#   snakemake --configfile config/published.yaml         what the authors' tables give


if "published" in config:

    include: "rules/published.smk"

    localrules:
        published,

    rule published:
        default_target: True
        input:
            rules.published_report.output,
            rules.published_compare.output,
            rules.published_figures.output,
            PUBLISHED_EXTRA,

    for target in (
        "all",
        "glasses",
        "landscapes",
        "pairs",
        "scans",
        "figures",
        "report",
    ):

        rule:
            name:
                target
            input:
                of_a_run,

else:

    include: "rules/common.smk"
    include: "rules/prepare.smk"
    include: "rules/explore.smk"
    include: "rules/landscape.smk"
    include: "rules/pairs.smk"
    include: "rules/active.smk"
    include: "rules/library.smk"
    include: "rules/validate.smk"
    include: "rules/analysis.smk"
    include: "rules/scans.smk"

    report: "workflow/report/workflow.rst"

    localrules:
        all,
        glasses,
        landscapes,
        pairs,
        figures,
        scans,

    rule all:
        default_target: True
        input:
            rules.report.output,
            rules.library.output,
            rules.summary.output,
            rules.draw.output,
            rules.table_one.output,
            rules.table_two.output,
            rules.explain.output,
            OTHER_TEMPERATURES,

    rule glasses:
        input:
            GLASS_FILES,

    rule landscapes:
        input:
            LANDSCAPE_FILES,

    rule pairs:
        input:
            PAIR_FILES,

    rule scans:
        input:
            rules.scan_leaderboard.output,
            rules.scan_predictor.output,
            rules.scan_classifier.output,
            rules.scan_importance.output,
            rules.scan_features.output,

    # Every figure and table that this run allows, also those that the default target leaves out.
    rule figures:
        input:
            rules.draw.output,
            rules.explain.output,
            rules.table_one.output,
            rules.table_two.output,
            OTHER_TEMPERATURES,
            STABILITY_SCAN,
            rules.scans.input,

    rule published:
        input:
            of_published_mode,
