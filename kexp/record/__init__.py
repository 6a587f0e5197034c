"""What a run leaves behind: its directory, status, history and manifest, and how runs are found again."""
