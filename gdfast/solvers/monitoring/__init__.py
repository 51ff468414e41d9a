"""What is done between two chunks of updates: Ctrl-C, time limit, callbacks, progress, checkpoints, stopping rules."""
