"""Names of the environment variables that say where things lie and what is there; apart, so that reading one costs no import."""

import os
from pathlib import Path

KERNELS_VARIABLE = "RL_PLAYGROUND_KERNELS"
GYMNASIUM_VARIABLE = "RL_PLAYGROUND_GYMNASIUM_IDS"
MODELS_VARIABLE = "RL_PLAYGROUND_MODELS"


def model_folders() -> dict[str, Path]:
    """Return the folders of language models that the operator lists, by name."""
    listed = (Path(item.strip()) for item in os.environ.get(MODELS_VARIABLE, "").split(",") if item.strip())
    return {folder.name: folder for folder in listed}
