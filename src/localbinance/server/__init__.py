"""The wire: HTTP and WebSocket as thin shells over the core."""
