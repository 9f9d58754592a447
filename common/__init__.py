"""The library: knows no competition, no DVC and no fixed path."""
