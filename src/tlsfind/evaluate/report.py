"""What the keys of an evaluation mean, and its scores as a printed table."""

from __future__ import annotations

from typing import Any

#: Meaning of every key of the JSON. SPLIT is `random` or `grouped`.
DESCRIPTIONS: dict[str, str] = {
    "SPLIT": "`random`: pairs held out at random, so that their glasses were trained on (the "
    "paper's way); `grouped`: whole glasses held out, as for a new glass; scores are of all "
    "held-out pairs together, means over the repetitions",
    "SPLIT.over_folds": "standard deviation of each score over the outer folds of all repetitions",
    "SPLIT.over_repeats": "standard deviation of each score over the repetitions; null for one",
    "classifier.SPLIT.accuracy": "share of right verdicts at a probability of 1/2",
    "classifier.SPLIT.balanced_accuracy": "mean of the shares of right verdicts of both classes",
    "classifier.SPLIT.log_loss": "mean of -ln of the probability given to the true class",
    "classifier.SPLIT.brier": "mean square of probability minus truth (0 or 1)",
    "classifier.SPLIT.roc_auc": "chance that a double well has a higher probability than another "
    "pair",
    "classifier.SPLIT.expected_calibration_error": "distance of the mean probability from the "
    "share of double wells, mean over 20 bins of equal numbers of pairs",
    "classifier.SPLIT.calibration_slope": "slope of the true log-odds against the predicted ones; "
    "below 1: too sure",
    "classifier.SPLIT.calibration_offset": "offset of the true log-odds where the predicted ones "
    "are 0",
    "splitting.mode": "`log` or `paper` (`learn.splitting_target`)",
    "splitting.SPLIT.r_log": "Pearson's r of exact and predicted log10 E_qs, over double wells as "
    "are all scores of `splitting`",
    "splitting.SPLIT.r": "Pearson's r of exact and predicted E_qs",
    "splitting.SPLIT.rmse_log": "root mean square difference of log10 E_qs, in decades",
    "splitting.SPLIT.median_offset": "median of predicted minus exact log10 E_qs, in decades",
    "splitting.SPLIT.median_offset_tls": "the same of the TLS alone",
    "splitting.SPLIT.average_precision_tls": "area under the precision-recall curve of TLS among "
    "double wells, ordered by predicted E_qs",
    "splitting.SPLIT.recall_at_threshold": "share of the TLS whose predicted E_qs is below the "
    "threshold",
    "splitting.SPLIT.precision_at_threshold": "share of TLS among double wells predicted there",
    "splitting.SPLIT.share_below_threshold": "share of the double wells predicted there",
    "splitting.SPLIT.recall_at_twice_threshold": "share of the TLS whose predicted E_qs is below "
    "twice the threshold",
    "splitting.SPLIT.precision_at_twice_threshold": "share of TLS among double wells predicted "
    "there",
    "splitting.SPLIT.share_below_twice_threshold": "share of the double wells predicted there",
    "splitting.SPLIT.tls": "TLS among the held-out double wells",
    "splitting.SPLIT.expected_tls": "sum of the predicted P(E_qs < threshold), to compare with "
    "`tls`",
    "splitting.SPLIT.expected_calibration_error": "of P(E_qs < threshold), as for `classifier`",
    "splitting_paper": "as `splitting`, for a further `--mode`; so is `splitting_log`",
    "tls.SPLIT.average_precision": "of TLS among all pairs, ordered by P(TLS) = P(double well) x "
    "P(E_qs < threshold)",
    "tls.SPLIT.tls": "TLS among the held-out pairs",
    "tls.SPLIT.expected_tls": "sum of the predicted P(TLS), to compare with `tls`",
    "tls.SPLIT.expected_calibration_error": "of P(TLS), as for `classifier`",
    "barrier": "null if the table has no barriers; else over double wells as for `splitting`",
    "barrier.SPLIT.r_log": "Pearson's r of exact and predicted log10 of the barrier",
    "barrier.SPLIT.r": "Pearson's r of exact and predicted barrier",
    "barrier.SPLIT.rmse_log": "root mean square difference of log10 of the barrier, in decades",
    "barrier.SPLIT.median_offset": "median of predicted minus exact log10 of the barrier, in "
    "decades",
    "screen.microseconds_per_pair": "wall time of a whole prediction of the screening models on "
    "one thread, from a table in memory to P(TLS), per pair; the fastest of several calls",
    "screen.pairs_timed": "pairs in such a call: those of the table, over and over",
    "screen.recall_tls": "that of `screen.random`",
    "screen.share_rescored": "that of `screen.random`",
    "screen.SPLIT.recall_tls": "share of held-out TLS that the screen leaves to the ensembles; its "
    "cutoff is found on the other folds as in a training of the loop, lowered until "
    "`learn.screen_share` of their pairs pass by scores out of fold",
    "screen.SPLIT.share_rescored": "share of held-out pairs that it leaves to the ensembles",
    "screen.SPLIT.average_precision_tls": "of TLS among all pairs, ordered by the screen's own "
    "P(TLS), to compare with `tls`",
    "screen.SPLIT.tls": "TLS among the held-out pairs",
    "screen.SPLIT.tls_lost": "TLS among them that the screen does not leave to the ensembles",
    "ensemble.microseconds_per_pair": "wall time of classifier and splitting predictor together, "
    "per pair; the faster of two calls",
    "ensemble.processor_microseconds_per_pair": "the same in processor time of all threads",
    "ensemble.pairs_timed": "pairs in such a call",
    "ensemble.threads": "threads that the ensembles had",
    "ensemble.megabytes": "size of both model folders, 10^6 bytes",
    "data.source": "folder or file of the pairs",
    "data.label": "label of the authors' tables, or name of the table's file",
    "data.rows": "pairs",
    "data.double_wells": "double wells among them",
    "data.double_wells_with_splitting": "double wells whose E_qs is known",
    "data.double_wells_with_barrier": "double wells whose barrier is known",
    "data.tls": "double wells with E_qs below the threshold",
    "data.glasses": "glasses",
    "data.preparation_temperatures": "T_f of the glasses",
    "data.particles": "M, displacements among the features",
    "data.unit_system": "unit system of E_qs",
    "data.threshold": "E_qs of a TLS, eps",
    "data.dropped": "rows of the authors' files that the import dropped",
    "data.files": "rows read from each of these files, dropped and changed ones by reason",
    "data.joined": "what happened to pairs when the files were joined",
    "settings.learn": "section `learn` in force, with the time limit",
    "settings.inner_split": "folds inside the trainings of each split (`learn.split`)",
    "settings.modes": "values of `learn.splitting_target`, the leading one first",
    "settings.seed": "of folds and models",
    "settings.folds": "outer folds",
    "settings.repeats": "repetitions with other folds and seeds",
    "settings.threads": "threads of trainings and predictions",
    "settings.processors": "processors of the machine",
    "settings.versions": "versions of the packages",
    "settings.seconds": "duration",
    "settings.processor_seconds": "processor time",
    "time_limit_struck": "whether the time limit cut a training short",
    "notes": "why numbers are null, and what was done otherwise than asked for",
    "description": "this list",
}

#: The splits, as columns of the printed table.
_SPLITS = ("random", "grouped")

#: What is printed: a title and the keys of its section.
_PRINTED = {
    "classifier": ("accuracy", "balanced_accuracy", "log_loss", "roc_auc", "brier",
                   "expected_calibration_error", "calibration_slope"),
    "splitting": ("r_log", "r", "rmse_log", "median_offset", "average_precision_tls",
                  "recall_at_twice_threshold", "precision_at_twice_threshold", "expected_tls"),
    "tls": ("average_precision", "expected_tls", "expected_calibration_error"),
    "barrier": ("r_log", "r", "rmse_log"),
    "screen": ("recall_tls", "share_rescored", "average_precision_tls"),
}  # fmt: skip


def lines(result: dict[str, Any]) -> list[str]:
    """The scores side by side, and what else a user should know, as lines of text."""
    data = result["data"]
    text = [
        f"{data['label']}: {data['rows']} pairs of {data['glasses']} glasses, "
        f"{data['double_wells']} double wells, {data['tls']} TLS (E_qs < {data['threshold']:g})",
        "",
        f"{'':<46}{'random':>10}{'grouped':>10}",
    ]
    for name, content in result.items():
        keys = _PRINTED.get("splitting" if name.startswith("splitting") else name)
        if keys is None or content is None:
            continue
        if content["random"] is None and content["grouped"] is None:
            continue
        for key in keys:
            shown = "".join(f"{_number(content[split], key):>10}" for split in _SPLITS)
            text.append(f"{name:<16}{key:<30}{shown}")
    text.append("")
    if result["screen"]["microseconds_per_pair"] is not None:
        text.append(f"screen: {result['screen']['microseconds_per_pair']:.3g} us for a pair")
    if result["ensemble"] is not None:
        ensemble = result["ensemble"]
        text.append(
            f"ensembles: {ensemble['microseconds_per_pair']:.3g} us for a pair on "
            f"{ensemble['threads']} thread(s), {ensemble['megabytes']:.3g} MB"
        )
    return text + [f"note: {note}" for note in result["notes"]]


def _number(content: dict[str, Any] | None, key: str) -> str:
    value = None if content is None else content[key]
    return "-" if value is None else f"{value:.4g}"
