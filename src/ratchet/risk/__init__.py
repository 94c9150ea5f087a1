"""Risk decisions, pure: a planned bracket and the state in, approval or refusal with its reason out."""
