"""The command line: its commands, the data files it reads, and the demo."""
