"""Studies of the models on labelled pairs: which model, how many particles, pairs, features."""
