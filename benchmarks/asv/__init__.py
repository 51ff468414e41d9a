"""Suites that asv runs on every commit."""
