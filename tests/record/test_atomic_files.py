import errno
import os

import pytest

from kexp.record.files import (
    append_line,
    is_temporary,
    make_folder,
    move,
    read_regular,
    remove,
    remove_folder,
    replacement,
    sha256_of,
    temporary_beside,
    write_atomically,
    write_once,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_write_replaces_the_file_and_leaves_nothing_else(tmp_path):
    write_atomically(tmp_path / "a.json", b"old")
    write_atomically(tmp_path / "a.json", b"new")

    assert names(tmp_path) == ["a.json"]
    assert (tmp_path / "a.json").read_bytes() == b"new"


def test_a_write_that_fails_keeps_the_old_file_and_removes_the_temporary(tmp_path):
    write_atomically(tmp_path / "a.json", b"old")

    with pytest.raises(KeyboardInterrupt), replacement(tmp_path / "a.json") as temporary:
        temporary.write_bytes(b"half")
        raise KeyboardInterrupt

    assert names(tmp_path) == ["a.json"]
    assert (tmp_path / "a.json").read_bytes() == b"old"


def test_a_write_that_exceeds_the_free_space_is_not_begun(tmp_path, monkeypatch):
    class Full:
        free = 2

    monkeypatch.setattr("kexp.record.files.shutil.disk_usage", lambda path: Full)

    with pytest.raises(OSError) as error:
        write_atomically(tmp_path / "a", b"abc")

    assert error.value.errno == errno.ENOSPC
    assert names(tmp_path) == []


def test_a_write_whose_fsync_fails_keeps_the_old_file(tmp_path, monkeypatch):
    write_atomically(tmp_path / "a", b"old")

    def fail(descriptor):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("kexp.record.files.os.fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        write_atomically(tmp_path / "a", b"new")

    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_temporary_lies_beside_its_file_keeps_the_suffix_and_is_known_as_one(tmp_path):
    with replacement(tmp_path / "model.keras") as temporary:
        temporary.write_bytes(b"zip")
        found = (temporary.parent, temporary.suffix, is_temporary(temporary))

    assert found == (tmp_path, ".keras", True)
    assert not is_temporary(tmp_path / "model.keras")
    assert not is_temporary(tmp_path / ".hidden.tmp")


def test_the_umask_decides_who_may_read(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "a", b"")
    finally:
        os.umask(before)

    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_lines_are_appended(tmp_path):
    append_line(tmp_path / "rows", "one")
    append_line(tmp_path / "rows", "zwölf")

    assert (tmp_path / "rows").read_text(encoding="utf-8") == "one\nzwölf\n"


def test_an_append_that_fails_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    append_line(tmp_path / "rows", "one")

    def fail(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("kexp.record.files.os.fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        append_line(tmp_path / "rows", "two")

    assert (tmp_path / "rows").read_bytes() == b"one\n"


def test_of_two_that_write_a_file_once_the_first_wins(tmp_path):
    write_once(tmp_path / "key", b"first", 0o600)
    write_once(tmp_path / "key", b"second", 0o600)

    assert names(tmp_path) == ["key"]
    assert (tmp_path / "key").read_bytes() == b"first"
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_disk_that_fails_is_named_with_the_file(tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("kexp.record.files.os.fsync", fail)
    with pytest.raises(OSError) as error:
        append_line(tmp_path / "rows", "one")

    assert error.value.filename == str(tmp_path / "rows")


def test_what_is_removed_may_be_gone_already(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    remove(tmp_path / "a")
    remove(tmp_path / "a")

    assert names(tmp_path) == []


def test_a_folder_is_moved_with_what_is_in_it(tmp_path):
    make_folder(tmp_path / "a")
    (tmp_path / "a" / "file").write_bytes(b"x")
    make_folder(tmp_path / "b")
    move(tmp_path / "a", tmp_path / "b" / "c")

    assert (names(tmp_path), names(tmp_path / "b" / "c")) == (["b"], ["file"])


def test_half_a_folder_never_stands_under_its_name(tmp_path, monkeypatch):
    make_folder(tmp_path / "run" / "code")

    def fail(path):
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    with monkeypatch.context() as patch, pytest.raises(OSError):
        patch.setattr("kexp.record.files.shutil.rmtree", fail)
        remove_folder(tmp_path / "run")
    (left,) = tmp_path.iterdir()

    assert is_temporary(left)
    remove_folder(left)
    assert names(tmp_path) == []


def test_a_link_is_removed_and_what_it_leads_to_stays(tmp_path):
    make_folder(tmp_path / "there")
    (tmp_path / "link").symlink_to("there")
    remove_folder(tmp_path / "link")

    assert names(tmp_path) == ["there"]
    assert temporary_beside(tmp_path / "there").parent == tmp_path


def test_folders_are_made_with_their_parents(tmp_path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")

    assert (tmp_path / "a" / "b").is_dir()


def test_links_pipes_and_folders_are_not_read(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")

    assert read_regular(tmp_path / "file") == b"x"
    for name in ("link", "pipe", "."):
        with pytest.raises(OSError):
            read_regular(tmp_path / name)


def test_a_giant_is_not_read(tmp_path):
    with (tmp_path / "giant").open("wb") as file:
        file.truncate((256 << 20) + 1)

    with pytest.raises(OSError, match="File too large"):
        read_regular(tmp_path / "giant")


def test_the_hash_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")

    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of(tmp_path / "a") == expected
