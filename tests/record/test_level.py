from typing import Any

import pytest

from kexp.record.level import Claim, claim, recorded_claim

MANIFEST: dict[str, Any] = {
    "spec": {"scope": "full", "code_elsewhere": [], "unheld": []},
    "backend": {
        "device": "cpu",
        "threads": 2,
        "intra_op_threads": 2,
        "inter_op_threads": 2,
        "op_determinism": False,
    },
    "data": {"info": {"sizes": {"train": 8, "val": 2}}, "content_sha256": {"train": "1", "val": "2"}},
    "git": {"dirty": False, "diff_sha256": None},
}
GPU = "gpu:0 (NVIDIA H100)"
CHANGE = {"step": 1200, "settings": ["train.epochs: 3 -> 5"], "repeats": True, "drift": []}


def but(section: str, **values: Any) -> dict[str, Any]:
    return {**MANIFEST, section: {**MANIFEST[section], **values}}


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (MANIFEST, Claim("R2")),
        ({**MANIFEST, "git": None}, Claim("R2")),
        ({**MANIFEST, "changed": [CHANGE]}, Claim("R2")),
        (but("backend", device=GPU, op_determinism=True), Claim("R2")),
        (
            but("spec", unheld=["Watcher.model"]),
            Claim("R1", ("no checkpoint can hold `Watcher.model`",)),
        ),
        (
            but("backend", device=GPU),
            Claim("R0", (f"{GPU} without `runtime.deterministic: true`",)),
        ),
        (
            but("backend", intra_op_threads=0),
            Claim("R0", ("the threads are not pinned: intra_op_threads is 0, and 2 were asked for",)),
        ),
        (
            {**MANIFEST, "changed": [{**CHANGE, "drift": ["threads was 2 and is 4"]}]},
            Claim("R0", ("the run went on elsewhere after step 1,200: threads was 2 and is 4",)),
        ),
        (
            {**MANIFEST, "changed": [{**CHANGE, "settings": ["a: 1 -> 2", "b: 3 -> 4"], "repeats": False}]},
            Claim(None, ("settings changed after step 1,200: a: 1 -> 2; b: 3 -> 4",)),
        ),
        (
            but("git", dirty=True),
            Claim(None, ("the checkout has uncommitted changes that git could not tell",)),
        ),
        (
            but("data", content_sha256={"train": "1"}),
            Claim(None, ("the data of val has no fingerprint",)),
        ),
        (
            but("spec", code_elsewhere=["lab.losses"]),
            Claim(None, ("the code of `lab.losses` is not kept: it lies outside the folder of the spec",)),
        ),
        (
            but("spec", scope="smoke", unheld=["Watcher.model"]),
            Claim(
                None,
                (
                    "a smoke run trains two steps and not what its spec says",
                    "no checkpoint can hold `Watcher.model`",
                ),
            ),
        ),
    ],
)
def test_a_run_claims_the_highest_level_that_nothing_is_against(
    manifest: dict[str, Any], expected: Claim
) -> None:
    assert claim(manifest) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"level": Claim("R1", ("because",)).as_json()}, Claim("R1", ("because",))),
        ({}, None),
        ({"level": ["R2"]}, None),
        ({"level": {"claims": ["R2"], "why_not": 3}}, Claim(None)),
    ],
)
def test_a_recorded_claim_is_read_whatever_it_holds(record: dict[str, Any], expected: Claim | None) -> None:
    assert recorded_claim(record) == expected


def test_bits_are_promised_from_the_second_level_on() -> None:
    assert [Claim(level).promises_bits for level in (None, "R0", "R1", "R2")] == [False, False, True, True]
