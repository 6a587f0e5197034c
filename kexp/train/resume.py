"""An unfinished run -> the same run as if nothing had ended it."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kexp.data.load import Datasets
from kexp.errors import KexpError, RunRefused
from kexp.graph.initial import learnt_layers
from kexp.protocols import Display
from kexp.record.changes import Change, Consent, Verdict, check_changes
from kexp.record.files import open_regular
from kexp.record.provenance import read_manifest
from kexp.record.rundir import RunDir
from kexp.record.status import read_status
from kexp.spec.references import formulas
from kexp.spec.types import Experiment
from kexp.train.backend import Machine
from kexp.train.loop import carry_out
from kexp.train.opening import Unfinished
from kexp.train.order import Order, Result
from kexp.train.ready import Ready, make_ready
from kexp.train.session import Restart
from kexp.train.state import State, read_state

_VERSIONS = ("keras", "tensorflow", "jax", "torch", "numpy")


def resume(order: Order, display: Display, consent: Consent) -> Result:
    """Go on with the run that `order` names, which the caller has locked, from its newest readable state.

    Raises: what `train` raises; UsageError (resume-impossible, resume-differs) for data that has changed;
        RunRefused (no-epoch-end, checkpoint-mismatch).
    """
    run = order.run
    assert run is not None
    ready = make_ready(order.experiment, order.folder)
    display.warn(ready.warnings)
    about_data = (*_data_changes(run, ready),)
    check_changes(about_data, consent.accepts)
    changes = (*consent.changes, *about_data)
    drift, beyond = (*_drift(run, order.machine),), (*_beyond(order.experiment, changes),)
    for text in drift:
        display.note(f"{text}: the result may differ from that of a run without the break")
    for text in beyond:
        display.note(text)
    state = newest_state(run, display, [c for c in changes if c.needs_new_epoch])
    restart = None if state is None else Restart(state, _apart(state, changes))
    display.note(_whence(state))
    differs = bool(beyond) or any(change.changes_the_past for change in changes)
    status = read_status(run)
    unfinished = Unfinished(status, restart, changes, consent.is_own, drift, differs)
    return carry_out(run, order, ready, display, unfinished)


def newest_state(run: RunDir, display: Display, between_epochs: Iterable[Change] = ()) -> State | None:
    """Return the newest state that is whole, one at the end of an epoch where changes ask for it.

    Raises: RunRefused (no-epoch-end, no-whole-state, state-not-readable).
    """
    changes, num_whole = [*between_epochs], 0
    for path in reversed(run.states()):
        state = _whole(path, display)
        num_whole += state is not None
        if state is not None and not (changes and state.offset):
            return state
    if run.states() and not num_whole:
        raise RunRefused.because(
            "no-whole-state",
            f"none of the states that run `{run.id}` keeps is whole",
            help=f"restore one from a copy, or remove `{run.checkpoints}` to begin the run again",
        )
    if changes and run.states():
        raise RunRefused.because(
            "no-epoch-end",
            f"`{changes[0].key}` can change only between two epochs, and no state at the end of one is kept",
            help="go on without the change until an epoch has ended",
        )
    return None


def _whole(path: Path, display: Display) -> State | None:
    """Return a state; one that is not whole is passed over, and one that the disk does not give is not.

    Raises: RunRefused (state-not-readable).
    """
    try:
        open_regular(path).close()
        return read_state(path)
    except KexpError as error:
        display.note(f"{error.diagnostics[0].message}; the state before it is taken")
        return None
    except OSError as error:
        raise RunRefused.because(
            "state-not-readable",
            f"`{path.name}` cannot be read, and may be whole: {error.strerror}",
            help="try again; where that does not help, remove the file to go on from the state before it",
        ) from None


def _whence(state: State | None) -> str:
    if state is None:
        return "no state was saved yet: the run begins again"
    return f"the run goes on after step {state.step:,}"


def _apart(state: State, changes: Iterable[Change]) -> frozenset[str]:
    """Name the variables that begin as changed settings say."""
    accepted = [change.key for change in changes if change.verdict == "accept"]
    apart = {"/learning_rate"} if any(key.startswith("train.optimizer") for key in accepted) else set()
    return frozenset(apart | ({"metrics/"} if accepted and not state.offset else set()))


# ---------------------------------------------------------------- what is not as it was


def _data_changes(run: RunDir, ready: Ready) -> Iterator[Change]:
    recorded = read_manifest(run).get("data") or {}
    verdict: Verdict = "impossible" if _has_learnt(ready) else "accept"
    for name, now in _hashes(ready.datasets).items():
        then = recorded.get(name)
        if not isinstance(then, Mapping):
            continue
        for split, digest in now.items():
            if then.get(split) != digest:
                yield Change(f"data of {split}, {name}", _short(then.get(split)), _short(digest), verdict)


def _hashes(datasets: Datasets) -> dict[str, Mapping[str, str]]:
    found = datasets.fingerprint
    return {"content_sha256": found.content_sha256, "index_sha256": found.index_sha256}


def _has_learnt(ready: Ready) -> bool:
    """Tell whether layers have learnt from the data what no checkpoint holds."""
    return bool(ready.assembly.preprocessing or learnt_layers(ready.assembly.beginnings))


def _short(digest: object) -> str | None:
    return None if digest is None else str(digest)[:12]


def _drift(run: RunDir, machine: Machine) -> Iterator[str]:
    """Say what computes otherwise than before."""
    then: Mapping[str, Any] = read_manifest(run).get("backend") or {}
    now = {**machine.details, "device": machine.device, "threads": machine.threads}
    for name in (*_VERSIONS, "device", "threads"):
        if name in then and then[name] != now.get(name):
            yield f"{name} was {then[name]} and is {now.get(name)}"


def _beyond(experiment: Experiment, changes: Iterable[Change]) -> Iterator[str]:
    """Say where more epochs are not the same as having asked for them from the start."""
    if not any(change.key == "train.epochs" for change in changes):
        return
    if any("total_steps" in formula.text for formula in formulas(experiment)):
        yield "a setting depends on `$total_steps`: a run with so many epochs from the start would differ"
    if _averages(experiment):
        yield "the optimizer averaged its weights at the end: a run with so many epochs would differ"


def _averages(experiment: Experiment) -> bool:
    options = getattr(experiment.train.optimizer, "options", None) or {}
    return bool(options.get("use_ema"))
