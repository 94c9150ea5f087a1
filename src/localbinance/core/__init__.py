"""The exchange itself, pure and synchronous: commands and ticks in, events out, time passed in. No I/O."""
