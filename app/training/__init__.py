"""Drives one agent: budget, speed, pause, edits, evaluation, checkpoints. Knows no web and no database."""
