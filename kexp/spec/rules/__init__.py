"""Rules between keys: what no single key can know. Each takes a draft and yields what it finds in it."""

from collections.abc import Callable, Iterator

from kexp.diagnostics import Diagnostic
from kexp.spec.phases import Phase
from kexp.spec.rules.draft import Draft, Unknown
from kexp.spec.rules.frozen import unknown_layers
from kexp.spec.rules.heads import wrong_ends
from kexp.spec.rules.layers import ends_of_the_model, odd_layers
from kexp.spec.rules.monitors import unknown_monitors
from kexp.spec.rules.outputs import one_for_several, unknown_outputs
from kexp.spec.rules.pipelines import pipeline_faults
from kexp.spec.rules.secrets import kept_secrets
from kexp.spec.rules.settings import other_backends, refused_callbacks, same_stages, wrong_choices
from kexp.spec.rules.times import idle_callbacks, rare_validation, uneven_schedules
from kexp.spec.rules.unused import unused_blocks, unused_inputs, unused_values

__all__ = ["findings"]

_OF_THE_SPEC: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (
    kept_secrets,
    wrong_choices,
    other_backends,
    same_stages,
    pipeline_faults,
    odd_layers,
    ends_of_the_model,
    unused_values,
    unused_blocks,
    unused_inputs,
)
_OF_A_PHASE: tuple[Callable[[Draft, Phase], Iterator[Diagnostic]], ...] = (
    unknown_layers,
    unknown_outputs,
    one_for_several,
    unknown_monitors,
    refused_callbacks,
    wrong_ends,
    idle_callbacks,
    rare_validation,
    uneven_schedules,
)


def findings(draft: Draft) -> Iterator[Diagnostic]:
    """Yield the faults and warnings of all rules; one that needs what could not be read falls silent."""
    found = [rule(draft) for rule in _OF_THE_SPEC]
    found += [rule(draft, phase) for phase in draft.phases for rule in _OF_A_PHASE]
    for diagnostics in found:
        try:
            yield from diagnostics
        except Unknown:
            continue
