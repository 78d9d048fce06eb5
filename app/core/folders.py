"""Names of the environment variables that say where things lie and what is there; apart, so that reading one costs no import."""

KERNELS_VARIABLE = "RL_PLAYGROUND_KERNELS"
GYMNASIUM_VARIABLE = "RL_PLAYGROUND_GYMNASIUM_IDS"
MODELS_VARIABLE = "RL_PLAYGROUND_MODELS"
