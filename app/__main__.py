"""`python -m app` is `rl-playground`."""

from app.cli import main

main()
