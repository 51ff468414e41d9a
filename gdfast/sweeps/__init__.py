"""Sweeps: many fits on the same data that share the passes over it."""
