"""One module for each figure: a pure function from tables to numbers, and one that draws them."""
