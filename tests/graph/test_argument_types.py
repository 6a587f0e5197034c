"""The types of arguments against Keras: it constructs what they allow, and refuses what they refuse."""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fakes import KERAS, machine
from objects import EXCEPTIONS, component, make, names
from trials import use

from kexp.errors import SpecError
from kexp.spec.argument_types import Choice, DType, Flag, ListOf, Number, ObjectOf, Range, Text, Type
from kexp.spec.catalogue import Param, catalogue
from kexp.spec.objections import object_to
from kexp.spec.types import Component

pytestmark = KERAS

USED_WITH: dict[str, dict[str, Any]] = {
    "AUC.num_labels": {"multi_label": True},
    "BinaryFocalCrossentropy.alpha": {"apply_class_balancing": True},
    "CosineDecay.warmup_steps": {"warmup_target": 0.5},
    "Discretization.num_bins": {"bin_boundaries": None},
    "Discretization.sparse": {"output_mode": "one_hot"},
    "Hashing.sparse": {"output_mode": "one_hot"},
    "IntegerLookup.salt": {"oov_method": "farmhash"},
    "IntegerLookup.sparse": {"output_mode": "one_hot"},
    "Normalization.mean": {"variance": 1.0},
    "Normalization.variance": {"mean": 0.5},
    "RandomColorJitter.value_range": {"brightness_factor": 0.1},
    "ReduceLROnPlateau.cooldown": {"patience": 1},
    "Resizing.fill_value": {"pad_to_aspect_ratio": True, "width": 4},
    "StringLookup.sparse": {"output_mode": "one_hot"},
    "TextVectorization.sparse": {"output_mode": "multi_hot"},
    "ema_momentum": {"use_ema": True},
    "ema_overwrite_frequency": {"use_ema": True},
    "idf_weights": {"output_mode": "tf_idf"},
    "initial_value_threshold": {"save_best_only": True},
    "input_axes": {"output_axes": [1]},
    "lora_alpha": {"lora_rank": 2},
    "output_axes": {"input_axes": [0]},
    "pad_to_max_tokens": {"max_tokens": 9, "output_mode": "multi_hot"},
    "renorm_clipping": {"renorm": True},
    "renorm_momentum": {"renorm": True},
}
"""By argument, or class and argument: the others without which it is not used."""
USED_WITH |= {
    f"{kind}Attention.seed": {"dropout": 0.5} for kind in ("", "Additive", "MultiHead", "GroupQuery")
}

DEPENDS: dict[str, tuple[Any, ...]] = {
    "CategoryEncoding.num_tokens": (None,),
    "Discretization.bin_boundaries": (None,),
    "Discretization.num_bins": (None,),
    "Hashing.dtype": ("float16", "mixed_float16"),
    "IntegerLookup.idf_weights": ((1.0,), None),
    "IntegerLookup.mask_token": (1,),
    "IntegerLookup.max_tokens": (1.001,),
    "IntegerLookup.output_mode": ("tf_idf",),
    "Normalization.mean": (None,),
    "Normalization.variance": (None,),
    "Permute.dims": ((1, 1),),
    "PiecewiseConstantDecay.boundaries": ((1.0,),),
    "PiecewiseConstantDecay.values": ((1.0,), (1.0, 1.0)),
    "STFTSpectrogram.fft_length": (1,),
    "StringLookup.idf_weights": ((1.0,), None),
    "StringLookup.max_tokens": (1.001,),
    "StringLookup.output_mode": ("tf_idf",),
    "TextVectorization.idf_weights": ((1.0,), None),
    "TextVectorization.max_tokens": (1.001,),
    "TextVectorization.output_mode": ("tf_idf",),
    "TextVectorization.ngrams": ((1,), (1, 1)),
}
"""Values that Keras takes together with others only, or (`ngrams`) as a tuple only, which YAML has not."""

STRICTER = {
    "CSVLogger.filename": "a number is an open file to Python",
    "Dense.lora_alpha": "is not looked at",
    "Discretization.epsilon": "only `adapt` looks at it",
    "EarlyStopping.mode": "Keras warns, and goes by the name of the metric",
    "Embedding.lora_alpha": "is not looked at",
    "HashedCrossing.activity_regularizer": "is not looked at",
    "IntegerLookup.dtype": "is not looked at",
    "IntegerLookup.salt": "a text becomes a number",
    "ModelCheckpoint.mode": "Keras warns, and goes by the name of the metric",
    "Muon.exclude_layers": "a text counts as a list of letters",
    "RandomFlip.mode": "Keras flips nothing, in silence",
    "ReduceLROnPlateau.min_lr": "with null, Keras reduces nothing, in silence",
    "ReduceLROnPlateau.mode": "Keras warns, and goes by the name of the metric",
    "RemoteMonitor.field": "only a server looks at it",
    "Reshape.target_shape": "only the first item is looked at",
    "ReversibleEmbedding.lora_alpha": "is not looked at",
    "ReversibleEmbedding.logit_soft_cap": "only the reversed call looks at it",
    "ReversibleEmbedding.reverse_dtype": "only the reversed call looks at it",
    "SimpleRNN.activity_regularizer": "is not looked at",
    "StringLookup.dtype": "is not looked at",
    "StringLookup.encoding": "only lookups of numbers look at it",
    "StringLookup.oov_token": "only lookups of numbers look at it",
    "StringLookup.salt": "a text becomes a number",
    "TextVectorization.encoding": "only bytes that are no text let it be looked at",
}
"""Where a mistake is refused that Keras lets pass in silence.

Everywhere: what is no boolean where one is expected, a boolean where a number is, an empty list for
nothing, a list where numpy would spread it over an axis, and fractions in lists of whole numbers.
"""

NOT_USED = {
    "LearningRateScheduler": "takes a function of the user's own",
    "OptimizerMap": "is used by MultiOptimizer",
    "RemoteMonitor": "sends to a server",
    "Wrapper": "is there to be inherited from",
}
"""What is constructed only."""

STRINGS = {"activations": "relu", "constraints": "non_neg", "initializers": "zeros", "regularizers": "l2"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Let callbacks write their files where nobody minds."""
    monkeypatch.chdir(tmp_path)


def allowed(type: Type) -> Iterator[Any]:
    """Yield values at the edge of what a type allows."""
    if type.is_anything:
        return
    for form in type.forms:
        match form:
            case Number():
                yield from _ends(form)
            case Flag():
                yield from (True, False)
            case Choice(words=words, any_case=any_case):
                yield from words
                yield from (word.upper() for word in words if any_case)
            case ObjectOf(namespace=namespace) if namespace in STRINGS:
                yield STRINGS[namespace]
            case DType():
                yield from ("float16", "mixed_float16")
            case ListOf(item=item, least=least, most=most):
                for value in allowed(item):
                    yield from ((value,) * length for length in sorted({max(least, 1), most or least + 2}))
    if type.nullable:
        yield None


def _ends(form: Number) -> Iterator[int | float]:
    limit, step = form.range, 1 if form.kind == "whole" else 1e-3
    least = 1 if limit.least is None and limit.most is None else limit.least
    for end, inwards, is_open in ((least, step, limit.open_below), (limit.most, -step, limit.open_above)):
        if end is not None:
            value = end + inwards if is_open else end
            yield value if form.kind == "whole" else float(value)


def refused(param: Param) -> Iterator[Any]:
    """Yield values just outside of what a type allows."""
    for value in (None, "nonsense", *_beside(param.type)):
        if object_to(param.name, value, param.type, catalogue()) is not None:
            yield value


def _beside(type: Type) -> Iterator[Any]:
    for form in type.forms:
        match form:
            case Number(kind=kind, range=limit):
                yield from _outside(limit, 1 if kind == "whole" else 1e-3)
                yield from {"whole": (2.5,), "decimal": (1,), "any": ()}[kind]
            case Choice(words=words):
                yield from (words[0].swapcase(), 3)
            case Text() | DType() | ObjectOf():
                yield 3
            case ListOf(item=item, least=least, most=most):
                good = next(allowed(item), 1)
                yield from ((good,) * length for length in (least - 1, (most or 0) + 1) if length > 0)
                bad = (value for value in ("nonsense", *_beside(item)) if value != 2.5)
                yield from ((value,) * max(least, 1) for value in bad)


def _outside(limit: Range, step: float) -> Iterator[float]:
    if limit.least is not None:
        yield limit.least if limit.open_below else limit.least - step
    if limit.most is not None:
        yield limit.most if limit.open_above else limit.most + step


def cases():
    for namespace, name in names(aliases=False):
        if name not in EXCEPTIONS.get(namespace, {}) and catalogue().signature(namespace, name).params:
            yield namespace, name


def used():
    yield from (case for case in cases() if case[1] not in NOT_USED)


def complaint(namespace: str, name: str, given: dict[str, Any], in_use: bool) -> str | None:
    """Return how Keras refuses an object with these arguments; None if it takes it."""
    base = component(namespace, name)
    for argument in given:
        given = {**USED_WITH.get(f"{name}.{argument}", USED_WITH.get(argument, {})), **given}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = make(replace(base, options={**(base.options or {}), **given}))
            if in_use:
                use(namespace, name, made)
    except Exception as error:
        return str(error)
    return None


@pytest.mark.parametrize(("namespace", "name"), list(used()), ids=lambda value: value)
def test_keras_takes_an_object_with_the_data_it_is_tried_on(namespace, name):
    machine()
    assert complaint(namespace, name, {}, in_use=True) is None


@pytest.mark.parametrize(("namespace", "name"), list(cases()), ids=lambda value: value)
def test_keras_constructs_what_a_type_allows_at_its_edges(namespace, name):
    machine()
    found = {}
    for param in catalogue().signature(namespace, name).params:
        for value in allowed(param.type):
            if value not in DEPENDS.get(f"{name}.{param.name}", ()):
                found[f"{param.name}={value!r}"] = complaint(
                    namespace, name, {param.name: value}, in_use=False
                )
    assert {value: why for value, why in found.items() if why is not None} == {}


@pytest.mark.filterwarnings("ignore:Exception ignored in. <_io.FileIO")  # Keras leaves its CSV file open
@pytest.mark.parametrize(("namespace", "name"), list(used()), ids=lambda value: value)
def test_keras_refuses_what_a_type_refuses(namespace, name):
    machine()
    taken = []
    for param in catalogue().signature(namespace, name).params:
        if f"{name}.{param.name}" in STRICTER or Flag() in param.type.forms:
            continue
        for value in refused(param):
            if complaint(namespace, name, {param.name: value}, in_use=True) is None:
                taken.append(f"{param.name}={value!r}")
    assert taken == []


def test_every_default_is_one_that_its_type_allows():
    known = catalogue()
    found = []
    for namespace, name in cases():
        for param in known.signature(namespace, name).params:
            inherited = param.default is None and param.takes == "bool"
            if param.required or inherited or param.type.is_anything:
                continue
            if object_to(param.name, _frozen(param.default), param.type, known) is not None:
                found.append(f"{name}.{param.name}")
    assert found == []


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


@pytest.mark.parametrize(
    "options",
    [
        {"alpha": "half"},
        {"classes": 0},
        {"classifier_activation": "softmx"},
        {"depth_multiplier": 0},
        {"dropout": "much"},
        {"input_shape": 32},
        {"name": 3},
        {"weights": 3},
    ],
    ids=lambda options: next(iter(options)),
)
def test_keras_refuses_what_the_types_of_an_application_refuse(options):
    machine()
    [(argument, value)] = options.items()
    param = catalogue().signature("applications", "MobileNet").param(argument)
    assert object_to(argument, value, param.type, catalogue()) is not None
    small = {"alpha": 0.25, "classes": 3, "input_shape": (32, 32, 3), "weights": None}
    with pytest.raises(SpecError, match="Keras refuses `MobileNet`"):
        make(Component("MobileNet", "applications", {**small, **options}))
