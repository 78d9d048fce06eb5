"""Names of the environment variables that say where things lie; apart, so that reading one costs no import."""

KERNELS_VARIABLE = "RL_PLAYGROUND_KERNELS"
