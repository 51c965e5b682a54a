"""Find tunnelling two-level systems in computer glasses."""

import os

# Threads of LightGBM and CatBoost that wait for others spin by default: on a shared machine a fit
# of two threads then takes up to fifty times as long. To be set before the libraries are loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
