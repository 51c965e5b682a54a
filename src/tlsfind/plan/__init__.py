"""What a run will cost, what its jobs ask of a cluster, and how far it has come."""
