"""Telegram: an operator's face. It brings questions to the desk and tells notices; trading never waits for it."""
