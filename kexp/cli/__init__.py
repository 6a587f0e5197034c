"""The commands: the only place that prints, exits, or imports late."""
