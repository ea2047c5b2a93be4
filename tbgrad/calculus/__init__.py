"""How it is differentiated: derivatives, the passes by hand, sweeps and surfaces."""
