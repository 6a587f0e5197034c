"""Arrays and images that strangers send: what numpy and Pillow would believe."""

import gzip
import struct
import zipfile
import zlib

import pytest
from fakes import KERAS, machine

from hostile.commands import kexp
from hostile.runs import ID, make_run, sparse, spec

pytestmark = KERAS
PICKLE = b"\x80\x04cposix\nsystem\n(S'touch canary'\ntR."


@pytest.fixture(scope="module", autouse=True)
def backend():
    return machine()


def npy(shape, data=b"", descr="<f4"):
    """Return an .npy file whose header says whatever it likes."""
    header = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


LIES = {
    "more than any memory": (npy((10**12, 4), bytes(48)), "Unable to allocate"),
    "more than any number": (npy((10**30, 4), bytes(48)), "too large"),
    "less than nothing": (npy((-3, 4), bytes(48)), "negative"),
    "objects": (npy((3,), PICKLE, "|O"), "Python objects"),
    "nothing": (b"", "single value"),
    "an axis of truth": (npy((True, 3), bytes(12)), "an integer is required"),
    "no shape": (b"\x93NUMPY\x01\x00\x00\x00", "damaged"),
}


@pytest.mark.parametrize("name", LIES)
def test_an_array_that_lies_is_refused(name, tmp_path):
    member, why = LIES[name]
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("x.npy", member)
        archive.writestr("y.npy", npy((3,), bytes(12), "<i4"))
    (tmp_path / "spec.yaml").write_text(spec(data="data: {source: npz, path: data.npz}"))
    answer = kexp(tmp_path, "data", "spec.yaml")

    assert answer.code == 6
    assert why in answer.error
    assert answer.seconds < 5
    assert not (tmp_path / "canary").exists()


def test_an_array_that_unpacks_to_a_thousand_times_its_size_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "data.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("x.npy", "w", force_zip64=True) as member:
            member.write(npy((70_000_000, 1)))
            for _ in range(280):
                member.write(bytes(1_000_000))
        archive.writestr("y.npy", npy((3,), bytes(12), "<i4"))
    (tmp_path / "spec.yaml").write_text(spec(data="data: {source: npz, path: data.npz}"))
    answer = kexp(tmp_path, "data", "spec.yaml")

    assert answer.code == 6
    assert answer.error.startswith("error[zip-bomb]: `x` in `data.npz` unpacks from 1,2")
    assert answer.seconds < 5


@pytest.mark.parametrize("name", [name for name in LIES if name != "nothing"])
def test_rows_that_lie_are_refused(name, tmp_path):
    make_run(tmp_path / "runs")
    (tmp_path / "rows.npy").write_bytes(LIES[name][0])
    answer = kexp(tmp_path, "predict", ID, "rows.npy")

    assert answer.code == 6
    assert answer.error.startswith("error[not-an-npy]: `rows.npy` is not an .npy file of numbers or text: ")
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("name", LIES)
def test_a_mapped_array_that_lies_is_refused(name, tmp_path):
    (tmp_path / "x.npy").write_bytes(LIES[name][0])
    (tmp_path / "spec.yaml").write_text(spec(data="data: {source: npy, path: {x: x.npy, y: x.npy}}"))
    answer = kexp(tmp_path, "data", "spec.yaml")

    assert answer.code == 6
    assert answer.error.startswith(
        "error[pickled-array]: `x.npy` holds Python objects, which are never loaded"
        if name == "objects"
        else "error[not-an-npy]: `x.npy` is not a whole .npy file: "
    )
    assert not (tmp_path / "canary").exists()


def test_a_zip_archive_whose_table_leads_before_its_beginning_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("x.npy", npy((3,), bytes(12)))
        archive.writestr("y.npy", npy((3,), bytes(12), "<i4"))
    data = bytearray((tmp_path / "data.npz").read_bytes())
    end = data.rindex(b"PK\x05\x06")
    data[end + 16 : end + 20] = (int.from_bytes(data[end + 16 : end + 20], "little") + 500).to_bytes(
        4, "little"
    )
    (tmp_path / "data.npz").write_bytes(data)
    (tmp_path / "spec.yaml").write_text(spec(data="data: {source: npz, path: data.npz}"))
    answer = kexp(tmp_path, "data", "spec.yaml")

    assert answer.code == 6
    assert answer.error.startswith("error[")


def test_images_that_unpack_to_a_thousand_times_their_size_are_refused(tmp_path):
    with gzip.open(tmp_path / "x.gz", "wb", compresslevel=1) as file:
        file.write(struct.pack(">HBBIII", 0, 8, 3, 3, 10_000, 10_000))
        for _ in range(300):
            file.write(bytes(1_000_000))
    (tmp_path / "spec.yaml").write_text(spec(data="data: {source: idx, path: {x: x.gz, y: x.gz}}"))
    answer = kexp(tmp_path, "data", "spec.yaml")

    assert answer.code == 6
    assert answer.error.startswith("error[zip-bomb]: `x.gz` unpacks from 1,")
    assert answer.seconds < 5


@pytest.mark.parametrize("command", [("data", "spec.yaml"), ("predict", ID, "rows.csv")])
def test_a_table_of_zeros_without_end_is_refused(command, tmp_path):
    make_run(tmp_path / "runs")
    sparse(tmp_path / "rows.csv", 10 << 30)
    (tmp_path / "spec.yaml").write_text(spec(data="data: {source: csv, path: rows.csv, target: y}"))
    answer = kexp(tmp_path, *command)

    assert answer.code == 6
    assert answer.error.startswith(
        "error[csv-unreadable]: line 1 of `rows.csv` has more than 67,108,864 bytes, and no row does"
    )
    assert answer.seconds < 5


def test_rows_of_a_device_that_never_ends_are_refused(tmp_path):
    make_run(tmp_path / "runs")

    assert kexp(tmp_path, "predict", ID, "/dev/zero").code == 6


def test_a_table_of_very_many_columns_is_read(tmp_path):
    names = [f"measurement_{number}" for number in range(30_000)]
    (tmp_path / "wide.csv").write_text(f"{','.join(names)}\n" + f"{','.join('1' * len(names))}\n" * 4)
    (tmp_path / "spec.yaml").write_text(
        spec(data="data: {source: csv, path: wide.csv, target: measurement_0}")
    )
    answer = kexp(tmp_path, "data", "spec.yaml", "--json")

    assert answer.code == 0
    assert answer.seconds < 5


def png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"x"))
        + chunk(b"IEND", b"")
    )


def test_an_image_that_is_immense_is_refused(tmp_path):
    (tmp_path / "images" / "a").mkdir(parents=True)
    (tmp_path / "images" / "a" / "1.png").write_bytes(png(60_000, 60_000))
    (tmp_path / "spec.yaml").write_text(spec(data="data: {source: images, path: images}"))
    answer = kexp(tmp_path, "data", "spec.yaml")

    assert answer.code == 6
    assert answer.error.startswith("error[image-unreadable]: `images/a/1.png` cannot be decoded: ")


@pytest.mark.parametrize("sizes", [(2**31, 2**31, 2**31, 0), (2**31, 2**31, 2**2, 1)])
def test_images_of_giant_sizes_are_refused(sizes, tmp_path):
    (tmp_path / "x.idx").write_bytes(struct.pack(">HBB4I", 0, 8, 4, *sizes))
    (tmp_path / "spec.yaml").write_text(spec(data="data: {source: idx, path: {x: x.idx, y: x.idx}}"))
    answer = kexp(tmp_path, "data", "spec.yaml")

    assert answer.code == 6
    assert answer.error.startswith("error[not-an-idx]: `x.idx` is not an IDX file: ")
