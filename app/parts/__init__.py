"""What several algorithms and environments share, and none is about."""
