"""Running runs: worker processes, the supervisor that starts and repairs them, and the hub that tells viewers."""
