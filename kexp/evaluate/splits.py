"""The split of the data that a run is measured on."""

from kexp.data.load import Datasets
from kexp.diagnostics import Diagnostic
from kexp.errors import DataError, SpecError
from kexp.evaluate.rebuilt import checked_manifest
from kexp.protocols import Samples
from kexp.record.rundir import RunDir


def check_data(run: RunDir, datasets: Datasets, split: str) -> None:
    """Compare a split with what the run was trained and tested on.

    Raises: DataError (data-changed).
    """
    hashes = (checked_manifest(run).get("data") or {}).get("content_sha256")
    trained = hashes.get(split) if isinstance(hashes, dict) else None
    found = datasets.fingerprint.content_sha256.get(split)
    if trained is not None and trained != found:
        raise DataError.because(
            "data-changed",
            f"the `{split}` data is not what `{run.id}` was trained with: sha256 {str(found)[:12]}, "
            f"and {str(trained)[:12]} then",
            help="restore the data, or measure the changed data with `--accept`",
        )


def choose_split(datasets: Datasets, split: str) -> Samples:
    """Return the samples of a split.

    Raises: SpecError (no-such-split).
    """
    if split not in datasets.splits:
        listed = ", ".join(f"`{name}`" for name in datasets.splits)
        raise SpecError(
            Diagnostic(
                "no-such-split", f"the data has no `{split}` split", help=f"choose with `--split`: {listed}"
            )
        )
    return datasets.splits[split]
