"""What `kexp build` writes, by the file's suffix; one file each."""

FORMATS = {
    ".keras": "kexp.export.keras_file:keras_file",
    ".json": "kexp.export.json_file:json_file",
    ".py": "kexp.export.script:script",
}
"""Each takes a `Built` and the folder that the file will lie in, and returns the file's bytes."""
