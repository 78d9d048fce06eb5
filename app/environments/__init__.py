"""One file is one environment or family, ending in its SPEC."""
