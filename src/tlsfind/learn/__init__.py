"""Learning: the double-well classifier, the splitting predictor and the loop that they drive."""
