"""Logs, to console and file. Secrets never pass."""
