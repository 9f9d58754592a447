"""The training path. Importing it comes before importing torch, whose threads read their settings once."""

import os

# Threads that wait for work by spinning take the core from the loader, and from whoever else is on the machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
