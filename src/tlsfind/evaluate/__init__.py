"""Training and scoring of the models on labelled pairs, held out at random and by glass."""
