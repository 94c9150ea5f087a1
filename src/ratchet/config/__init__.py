"""Settings: `.env`, profile, runtime JSON, in that order of strength. Knows no other layer."""
