"""Spot on the wire: its endpoints, streams and WebSocket API, over the same shells as futures."""
