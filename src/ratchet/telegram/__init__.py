"""Telegram: one face of the operator's desk, and where notices are told."""
