"""What says what is in each image: the folder it stands in, a table, or a mask."""

from collections.abc import Mapping
from dataclasses import dataclass

from kexp.data.class_folders import split_folders
from kexp.data.files import existing
from kexp.data.image_files import Found, in_class_folders, listed_in_table, with_masks
from kexp.errors import SpecError
from kexp.protocols import Site


@dataclass(frozen=True, slots=True)
class Labelling:
    """The options of a spec; without `table` and `masks`, folders are classes."""

    table: str | None
    file: str
    targets: tuple[str, ...]
    masks: str | None
    class_names: tuple[str, ...] | None

    def found(self, site: Site, paths: Mapping[str, str | None]) -> Found:
        """Return the images below `path`, or below `train`, `val` and `test`.

        Raises: conflicting-options, wrong-type; what finds the files raises.
        """
        self._check_alone(paths)
        if self.table is not None:
            path = paths["path"]
            listed = existing(site.folder / self.table, "data.table")
            folder = listed.parent if path is None else site.folder / path
            return Found(listed_in_table(listed, folder, self.file, self.targets))
        folders = split_folders(site, paths)
        if self.masks is not None:
            return Found(with_masks(folders, site.folder / self.masks))
        return in_class_folders(folders, self.class_names, self.targets[0])

    def _check_alone(self, paths: Mapping[str, str | None]) -> None:
        """Refuse what a table, or masks, would leave unheeded."""
        others = {**paths, "masks": self.masks, "class_names": self.class_names}
        unheeded = {"table": ("train", "val", "test", "masks", "class_names"), "masks": ("class_names",)}
        first = "table" if self.table is not None else "masks"
        other = next((name for name in unheeded[first] if others[name] is not None), None)
        if other is not None and (self.table or self.masks) is not None:
            message = (
                f"`{first}` and `{other}` are both given, and `{first}` alone says what is in each image"
            )
            help = f"leave out `{first}` or `{other}`"
            raise SpecError.because("conflicting-options", message, path=f"data.{other}", help=help)
        if self.table is None and len(self.targets) > 1:
            message = "`target` is a list, and only a `table` has several columns"
            raise SpecError.because("wrong-type", message, path="data.target", help="write one name")
