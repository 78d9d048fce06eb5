"""The history of the tables: one file in `versions/` per change, run whenever a store is opened."""
