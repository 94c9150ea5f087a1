"""Benchmarks: figures as ratios in one run, printed with the machine's core count."""
