"""Published mode: what the published tables of the paper's authors give of its figures and numbers.

=============  ====================================================================================
module         what
=============  ====================================================================================
settings       the config of this mode
predict        models trained on a part of the labelled pairs, and predictions of the others
explain        Shapley values and permutation importance of these models (Fig. 5)
source         what the steps before left: tables, predictions, importance
density        the plateau n_0 of n(E)/E at low E (Fig. 4 b)
fig3, fig4     the figures: numbers, and their drawing
stage          all figures, written with their numbers
paper          the numbers that the paper prints
compare        these numbers and ours side by side
report         one page with everything
resources      what the rules ask a scheduler for
=============  ====================================================================================
"""
