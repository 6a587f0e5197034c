"""Component -> Datasets: one file per source, named here by its word in YAML."""

SOURCES: dict[str, str] = {
    "csv": "kexp.data.csv_table:load",
    "huggingface": "kexp.data.huggingface:load",
    "idx": "kexp.data.idx:load",
    "images": "kexp.data.images:load",
    "keras": "kexp.data.keras_sets:load",
    "npy": "kexp.data.npy:load",
    "npz": "kexp.data.npz:load",
    "synthetic": "kexp.data.synthetic:load",
    "text": "kexp.data.text:load",
    "tfds": "kexp.data.tfds:load",
    "tfrecord": "kexp.data.tfrecord:load",
    "parquet": "kexp.data.parquet:load",
    "sklearn": "kexp.data.sklearn_sets:load",
}
