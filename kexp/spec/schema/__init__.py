"""The language as a JSON Schema, for editors: made from `spec.types` and the catalogue."""
