"""Which run is best."""
