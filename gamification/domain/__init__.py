"""The rules of the game as pure functions: no database, no clock, no settings."""
