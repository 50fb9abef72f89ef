"""Fuzzing: valid requests, files and events with naughty values in them, at running services."""
