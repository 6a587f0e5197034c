import pytest

from kexp.diagnostics import Diagnostic
from kexp.errors import (
    DataError,
    DeviceError,
    KexpError,
    MissingExtra,
    NotFound,
    PromiseBroken,
    RunFailed,
    RunRefused,
    SpecError,
    Stopped,
    UsageError,
    did_you_mean,
    nearest,
)


def test_every_refusal_has_the_exit_code_of_the_tree():
    refusals = [
        RunFailed,
        UsageError,
        SpecError,
        PromiseBroken,
        NotFound,
        MissingExtra,
        DataError,
        DeviceError,
        RunRefused,
    ]
    assert [refusal.exit_code for refusal in refusals] == [1, 2, 2, 3, 4, 5, 6, 7, 8]
    assert all(issubclass(refusal, KexpError) for refusal in refusals)


def test_a_signal_ends_with_its_own_exit_code():
    assert Stopped(2).exit_code == 130
    assert Stopped(15).exit_code == 143


def test_an_error_reads_as_its_diagnostics():
    error = DataError.because(
        "no-column", "there is no column `age`", path="data.target", help="did you mean `Age`?"
    )
    assert type(error) is DataError
    assert error.diagnostics == (
        Diagnostic("no-column", "there is no column `age`", path="data.target", help="did you mean `Age`?"),
    )
    assert str(error) == (
        "error[no-column]: there is no column `age`\n  --> data.target\nhelp: did you mean `Age`?"
    )


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("unit", "units"),
        ("dense", "Dense"),
        ("DENSE", "Dense"),
        ("Dens", "Dense"),
        ("zebra", None),
        ("", None),
    ],
)
def test_the_nearest_name_ignores_case_and_is_none_when_nothing_is_near(name, meant):
    assert nearest(name, ["units", "Dense", "Dropout"]) == meant


def test_a_suggestion_is_a_help_line():
    assert did_you_mean("unit", ["units"]) == "did you mean `units`?"
    assert did_you_mean("zebra", ["units"]) is None
