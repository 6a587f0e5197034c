"""What the data sets of packages have in common: a name or a folder, and splits of their own."""

from collections.abc import Mapping, Sequence

from kexp.diagnostics import Diagnostic
from kexp.errors import DataError, KexpError, SpecError, did_you_mean

_USUAL = {"train": ("train",), "val": ("validation", "val", "valid", "dev"), "test": ("test",)}


def named_splits(
    held: Sequence[str], chosen: Mapping[str, str] | None, has_parts: bool = False
) -> dict[str, str]:
    """Return the data set's names of `train`, `val` and `test`: those chosen, or the usual ones.

    With `has_parts` a name may be followed by a part in brackets, as in `train[:90%]`.

    Raises: unknown-split.
    """
    if chosen is None:
        usual = ((part, next((n for n in names if n in held), None)) for part, names in _USUAL.items())
        chosen = {part: name for part, name in usual if name is not None}
    listed = ", ".join(f"`{name}`" for name in held)
    for part, name in chosen.items():
        if (name.partition("[")[0] if has_parts else name) not in held:
            help = did_you_mean(name, held) or f"it has {listed}"
            message = f"the data set has no split `{name}`"
            raise SpecError(Diagnostic("unknown-split", message, f"data.splits.{part}", help=help))
    if "train" not in chosen:
        raise SpecError.because(
            "unknown-split",
            f"none of the splits {listed} is called `train`",
            path="data",
            help="say which is: `splits: {train: …}`",
        )
    return dict(chosen)


def one_of_path_and_dataset(path: str | None) -> KexpError:
    """Return the refusal of a data set named twice, or not at all."""
    return SpecError.because(
        "missing-option" if path is None else "conflicting-options",
        "`data` names no data set" if path is None else "`path` and `dataset` are both given",
        path="data",
        help="write `path` for a folder, or `dataset` for a name",
    )


def unreadable(message: str, error: Exception, path: str) -> KexpError:
    """Return the refusal of a data set that its package cannot read."""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return DataError.because("dataset-unreadable", f"{message}: {reason}", path=path)
