"""What the project is measured against: LAMMPS, and plain implementations of the textbook way."""
