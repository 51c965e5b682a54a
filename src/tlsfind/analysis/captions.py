"""Captions of the figures and of Tables I and II, for both reports: ours and Snakemake's."""

CAPTIONS: dict[str, str] = {
    "fig1": (
        "(a) Left: energies of the minima of some glasses of this run (at most 200 levels each), "
        "per particle: each glass has its own metabasin. Right: minimum-energy paths of one "
        "glass that share minima, strung together: V along the paths above the lowest minimum "
        "drawn. The energies and lengths are those of the paths; their order along the axis is "
        "chosen. Dashed: the dynamics never went from one of these minima directly to the other, "
        "so that only a search over all pairs finds the double well. (b) Potential energy V along "
        "the minimum-energy paths of two-level systems found in this "
        "run, against the reaction coordinate xi (0 at the lower minimum, 1 at the other), "
        "continued beyond both minima with true energies. Horizontal lines: the two lowest "
        "energy levels E_1 and E_2; their distance is the quantum splitting E_qs. The examples "
        "are spread evenly over the found TLS, sorted by E_qs. Compare Fig. 1 of the paper, whose "
        "panel a is a sketch."
    ),
    "fig2": (
        "From glasses to two-level systems, with the numbers of this run. Blue: the active loop. "
        "Accuracy and r are out of fold, at the last iteration. Compare Fig. 2 of the paper."
    ),
    "fig3": (
        "Predicted against exact quantum splitting (a-c) and energy barrier (d-f) of double "
        "wells, a column for each preparation temperature T_f, the most stable glasses first. Out "
        "of fold: each pair is predicted by models that were not trained on it. With folds by row, "
        "as in the paper, this flatters, because neighbouring pairs share minima. One model serves "
        "all T_f of a run; the paper trains one for each. Pearson's r is given for the "
        "logarithms and for the values themselves. Dashed: equality; dotted: the TLS threshold. "
        "Compare Fig. 3 of the paper."
    ),
    "fig3_prospective": (
        "Predicted against exact quantum splitting once more, with the prediction with which a "
        "pair was picked by the active loop, before its path was solved. Picking only low "
        "predictions narrows the range, which lowers the correlation. Dashed: equality; dotted: "
        "the TLS threshold. The paper has no such figure."
    ),
    "fig4": (
        "(a) Predicted (out of fold) against exact quantum splitting of double wells after the "
        "last iteration. Shades and the small matrix: confusion of TLS and other double wells at "
        "the threshold (dotted), shares of each exact class and counts. Horizontal lines: "
        "multiples of the threshold, with the share of the TLS that are predicted below. Pairs "
        "that are no double wells have no exact splitting and are not in this panel. "
        "(b) Cumulative number n of double wells with a quantum splitting below E_qs, for each "
        "glass and unit of volume, divided by E_qs, with its 95 % Poisson band. In the "
        "tunnelling model it tends to a plateau n_0; the dashed line is n_0 taken at the TLS "
        "threshold (dotted). It is a lower bound, complete only as far as the loop has found "
        "the double wells of low splitting. (c) Number of glasses against their numbers of TLS "
        "and double wells, for each preparation temperature T_f. Compare Fig. 4 of the paper."
    ),
    "fig6": (
        "Probability distributions for all pairs, for the double wells (DW) and for the TLS "
        "that were found: (a) recorded transitions T_ab + T_ba, (b) classical energy difference "
        "Delta E, (c) largest displacement of a particle, (d) total displacement d, (e) WKB "
        "tunnel splitting Delta_0, with the line 1/Delta_0 of the tunnelling model (raised "
        "twofold to be seen). Green: the central 90 % of the TLS; red: beyond every double well "
        "found; yellow: between. All preparation temperatures together (each on its own in the "
        "table of numbers). The double wells are those the loop chose to solve, not a random "
        "sample. Compare Fig. 6 of the paper."
    ),
    "equilibration": (
        "Evidence of equilibration, a line for each glass: (a) potential energy for each "
        "particle of the liquid at T_f, (b) energy of its inherent structures, (c) self-overlap "
        "with the first recorded configuration (solid) and with the one at half time (dashed), "
        "against the blocks of swaps and molecular dynamics done. Thin dotted lines: glasses "
        "judged not equilibrated. Imported glasses have no lines."
    ),
    "loop": (
        "The active loop. (a) Paths, double wells and TLS found so far, against the iteration. "
        "(b) Share of double wells and of TLS among the paths of each iteration, with the TLS "
        "of the standard procedure for each of its paths (dashed). Bars: 95 % intervals "
        "(Wilson); shaded: that of the standard procedure. Iteration 0 is the initial batch, "
        "picked without a model. (c) "
        "TLS of each iteration, the number that the models expected when they picked its pairs "
        "(crosses), and the estimate of the TLS that are still missing after it, with its 90 % "
        "interval."
    ),
    "figS6": (
        "(a) Two-level systems, other double wells and pairs that are neither, found up to each "
        "iteration of the active loop. (b) Confusion at each iteration after the first batch: "
        "exact class of the pairs of the batch against the class predicted by the models that "
        "picked them (double well from a probability of 0.5, TLS by the predicted E_qs). Paths "
        "without a verdict are left out. With many iterations evenly spread ones are shown; all "
        "are in the table of numbers. Compare Fig. S6 of the paper."
    ),
    "figS7": (
        "The active loop against the standard procedure. (a) Double wells and TLS against the "
        "paths spent; diamond and dashed line: all pairs that qualify for the standard procedure, "
        "and the TLS among them, counted or extrapolated from a sample, with the 95 % interval. "
        "(b) TLS that each iteration added: pairs that qualify for the standard procedure, and "
        "those that it excludes. Compare Fig. S7 of the paper."
    ),
    "figS8": (
        "A perceptron that tells the preparation temperature from one pair: accuracy out of fold "
        "against (a) the number of hidden layers of 60 units and (b) the number of units of two "
        "hidden layers. By row it may recognise glasses, whose pairs share minima; by glass, all "
        "glasses told are new to it. Compare Fig. S8 of the paper."
    ),
    "figS9": (
        "What the perceptron that tells the preparation temperature goes by. (a) Shapley values of "
        "the T_f that it tells (mean over its probabilities), the nine most important features. "
        "(b, c) T_f told against the smallest and the largest displacement among the M particles "
        "of the pairs table, the other features at their mean; dotted: the temperatures of the "
        "run. M is pairs.particles, in the paper 5. It was trained on all pairs explained. "
        "Compare Fig. S9 of the paper."
    ),
    "figS10": (
        "Models trained at one preparation temperature (across) and used at another (down): "
        "Pearson's r of log10 E_qs and accuracy of the double-well classifier. On the diagonal the "
        "scores are out of fold, by row on the left, by glass on the right; another temperature "
        "means new glasses, so that the diagonal by glass is what to compare it with. Compare Fig. "
        "S10 of the paper."
    ),
    "explanation": (
        "What the models of the last iteration go by. (a, b) Shapley values of the splitting "
        "predictor (of -log10 E_qs, so that the right side is lower E_qs) and of the double-well "
        "classifier (of its probability): a point for each pair, coloured by the value of the "
        "feature, features sorted by their mean absolute Shapley value. (c, d) Permutation "
        "importance: how much worse a score becomes when a feature is shuffled. The pairs are "
        "ones that the models were trained on, which flatters the scores. Compare Fig. 5 and S4a "
        "of the paper, whose Fig. 5a has E_qs itself on its axis and is mirrored."
    ),
    "transfer": (
        "Models trained at one preparation temperature and used at another. At the training "
        "temperature itself the scores are out of fold, by glass and by row; the row by glass is "
        "what another temperature compares with. Compare Fig. S10 of the paper."
    ),
    "figS1": (
        "Kinds of models on the same pairs: (a) R2 of log10 E_qs on pairs that were held out, "
        "mean and standard deviation over repetitions with other pairs held out; filled: pairs "
        "held out at random, open: whole glasses held out. Weighted ensemble, each of its kinds "
        "alone (bagged), the screening model, and a multilayer perceptron of 10 hidden layers of "
        "1.1 N_features units. (b) Predicted against exact E_qs of held-out double wells for the "
        "perceptron and the ensemble, at the lowest T_f. (c) Accuracy of the double-well "
        "classifier for the same kinds. Compare Fig. S1 of the paper."
    ),
    "figS2": (
        "The splitting predictor on held-out pairs: R2 (top) and Pearson's r (bottom) of "
        "log10 E_qs against (a, d) the number M of displaced particles in the features, (b, e) "
        "the number of training pairs, (c, f) the boosting rounds, which stand for the training "
        "time; above them the seconds that it took. Mean and standard deviation (band) over "
        "repetitions; solid: pairs held out at random, dashed: whole glasses. Compare Fig. S2 of "
        "the paper."
    ),
    "figS3": (
        "The double-well classifier on held-out pairs: accuracy against (a) M, (b) the boosting "
        "rounds, with the seconds of a training above, (c) the number of training pairs. Lines "
        "and bands as in Fig. S2. Compare Fig. S3 of the paper, which is at T_f = 0.062."
    ),
    "figS4": (
        "What the ensembles go by, on pairs that they were not trained on. (a, c) Permutation "
        "importance: how much worse a score becomes when a feature is shuffled, as a share of the "
        "largest, for each T_f; mean and standard deviation over repetitions. Triangles: below a "
        "thousandth, or none. (b, d) Shapley values at the lowest T_f, of -log10 E_qs (right: "
        "lower E_qs) and of the probability of a double well. Compare Fig. S4 of the paper."
    ),
    "figS5": (
        "Scores on held-out pairs against the number of features, which are added in the order of "
        "their Shapley values (Table S1), with all of them and without Delta E, T_ab and T_ba: "
        "accuracy of the classifier, Pearson's r of log10 E_qs of the predictor. Mean and "
        "standard deviation over repetitions; solid: pairs held out at random, dashed: whole "
        "glasses. Compare Fig. S5 of the paper."
    ),
    "table_s1": (
        "The features of both models in the order of their mean absolute Shapley value on pairs "
        "held out, mean over repetitions, with the best and the worst rank in a single one and "
        "the rank in Table S1 of the paper."
    ),
    "recall": (
        "Share of the known TLS found against the paths spent, on the pairs of this run. Solid: "
        "the active loop (points: ends of its iterations); its band runs down to the share of all "
        "TLS there are, if as many more are missing as the upper end of the loop's own 90 % "
        "estimate says. Dashed: what the standard procedure, on its pairs in any order, and "
        "picking pairs at random would find on average, with 95 % bands (Poisson; "
        "hypergeometric). The standard procedure ends where no more pairs qualify."
    ),
    "picture": (
        "The two-level system of lowest quantum splitting, seen along the direction in which "
        "least of the motion happens, the particle that moves most in the middle. Coloured: "
        "particles that move at least a quarter as far as that one, by their displacement between "
        "both minima; circles have the diameters of the particles, arrows are longer than the "
        "displacements by the factor given. Faint: their neighbours. The command tlsfind picture "
        "draws any pair, and writes its path for OVITO."
    ),
    "disconnectivity": (
        "Disconnectivity graph of the glass with most TLS (Becker and Karplus 1997). Every line "
        "ends below at the energy of a minimum; lines join at the energy above which the minima "
        "can reach each other over known saddles, on a ladder of 60 energies. Red: the minima of "
        "the TLS, up to where both join. Saddles are those of the solved paths: exact for double "
        "wells, for other paths the top of the path, which is an upper bound. Minima without any "
        "solved path to another are left out, and barriers on which no path was solved are "
        "missing, so the true tree may join lower."
    ),
    "density_bootstrap": (
        "Density of two-level systems n_0 at the TLS threshold, for each preparation temperature "
        "and system of units, with 95 % intervals of two kinds: Poisson (every TLS an event of "
        "its own) and bootstrap over glasses (whole glasses drawn with replacement). Where the "
        "TLS of the glasses scatter more than Poisson counts (variance over mean above 1) the "
        "first is too narrow. Diamonds: the paper's values (its Fig. 4b). A lower bound, as in "
        "Fig. 4b."
    ),
    "convergence": (
        "Double wells of this run solved again from the straight path to several perpendicular "
        "forces, with several numbers of images. (a) E_qs against that of most images and the "
        "lowest force: median and central 90 %. (b) TLS among these pairs (dotted: at the "
        "reference). The pairs are TLS, double wells next to the threshold and others, no random "
        "sample. (c) Iterations. (d) Double wells drawn at random: median of log10 of our E_qs "
        "over that predicted by a model of the published values, with 95 % bootstrap intervals; "
        "zero means that ours are as large as the published ones would be."
    ),
    "table_1": (
        "The standard procedure (pairs with min(T_ab, T_ba) at least the threshold) against the "
        "active loop on the same pairs. Where the standard procedure was sampled, its TLS are "
        "extrapolated from the sample to all pairs that qualify: the qualifying pairs that the "
        "loop solved count as they are, the others with the share of TLS in the sample. "
        "Intervals are 95 % (Garwood; Fay and Feuer where extrapolated). The paper excludes the "
        "initial batch from the loop's paths, so both counts are given. Compare Table I of the "
        "paper."
    ),
    "table_2": (
        "Cost of every step, in seconds of one core, beside the paper's numbers (an Intel "
        "i9-9980HK). Paths carry their own wall time; the others are processor times of the jobs, "
        "with the start of each job, which small runs feel. These times are not reproducible. "
        "Compare Table II of the paper."
    ),
}
