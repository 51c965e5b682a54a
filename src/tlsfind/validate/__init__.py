"""A run checks itself: a sample of it is evaluated again by LAMMPS."""

#: Message of a quench that ends elsewhere than the reference's, though nothing is wrong.
RIM = "both are minima of both engines: the start lies at the rim of two basins"
