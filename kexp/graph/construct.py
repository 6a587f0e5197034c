"""Component -> the object it names, with Keras's complaint at the component's place."""

import hashlib
import inspect
import random
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras

from kexp.custom import load_object, user_traceback
from kexp.diagnostics import Diagnostic, Span
from kexp.errors import SpecError
from kexp.spec.formula import FormulaError, compute
from kexp.spec.references import vocabulary_file
from kexp.spec.types import Component, Formula, Graph, Value
from kexp.spec.wiring import snake_case

_MODULES = {
    "layers": keras.layers,
    "applications": keras.applications,
    "optimizers": keras.optimizers,
    "schedules": keras.optimizers.schedules,
    "losses": keras.losses,
    "metrics": keras.metrics,
    "callbacks": keras.callbacks,
    "initializers": keras.initializers,
    "regularizers": keras.regularizers,
    "constraints": keras.constraints,
}
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Context:
    """What values may refer to. `nest` builds a graph that stands as an argument, given its layer name."""

    seed: int
    folder: Path
    values: Mapping[str, Any]
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    nest: "Callable[[Graph, str], Any] | None" = None

    def named_seed(self, name: str) -> int:
        """Return the seed of the random object called `name`: a function of the root seed and the name."""
        digest = hashlib.sha256(f"{self.seed}/{name}".encode()).digest()
        return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF

    @contextmanager
    def seeded(self, name: str) -> Iterator[None]:
        """Let initializers draw their seeds from (root seed, layer name), wherever the layer stands."""
        before = random.getstate()
        random.seed(self.named_seed(name))
        try:
            yield
        finally:
            random.setstate(before)


def construct(component: Component, context: Context, name: str | None = None) -> Any:
    """Return the object; `name` is the layer name that seeds hang on.

    Raises: SpecError (keras-refused, custom-refused, and those of custom code and formulas).
    """
    with complaint(component.path, component.span, component.name):
        if component.is_custom:
            return _construct_custom(component, context, name)
        made = getattr(_MODULES[component.namespace], component.name)
        options = _options(component, context, name or snake_case(component))
        if (file := vocabulary_file(component)) is not None:
            options["vocabulary"] = str(context.folder / file)
        if name is not None and component.namespace in ("layers", "applications"):
            options = _with_identity(made, options, context, name)
        return made(**options)


def evaluate(value: Value, context: Context, name: str = "") -> Any:
    """Return a YAML value as Python: objects constructed, formulas computed, lists as lists."""
    match value:
        case Component():
            inner = f"{name}_{snake_case(value)}" if value.namespace in ("layers", "applications") else None
            return construct(value, context, inner)
        case Formula(text=text):
            return compute(text, context.values, context.functions)
        case Graph():
            assert context.nest is not None
            return context.nest(value, f"{name}_model" if name else "model")
        case tuple():
            return [evaluate(item, context, f"{name}_{i}") for i, item in enumerate(value)]
        case Mapping():
            return {key: evaluate(item, context, name) for key, item in value.items()}
        case _:
            return value


def _options(component: Component, context: Context, name: str) -> dict[str, Any]:
    """Return the arguments; the graphs of a model class are called after their parameters."""
    options = component.options or {}
    is_class = component.namespace == "models"
    return {
        key: context.nest(value, key)
        if is_class and isinstance(value, Graph) and context.nest
        else evaluate(value, context, name)
        for key, value in options.items()
    }


def _with_identity(made: Any, options: dict[str, Any], context: Context, name: str) -> dict[str, Any]:
    """Give a layer its name, and a seed where it takes one and the spec gives none."""
    parameters = inspect.signature(made).parameters
    if "seed" in parameters and options.get("seed") is None:
        options["seed"] = context.named_seed(name)
    return {"name": name, **options}


def _construct_custom(component: Component, context: Context, name: str | None) -> Any:
    """A bare class is constructed, a bare function passed as it is, a function with arguments called."""
    made: Any = load_object(component.name, context.folder)
    if component.options is None and component.first is None and not inspect.isclass(made):
        return made
    first = [evaluate(value, context, name or "") for value in component.first or ()]
    options = _options(component, context, name or "")
    is_layer = inspect.isclass(made) and issubclass(made, keras.Layer)
    if is_layer and name is not None:
        accepted = inspect.signature(made).parameters
        takes_any = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
        if "seed" in accepted and "seed" not in options:
            options["seed"] = context.named_seed(name)
        if "name" in accepted or takes_any:
            options = {"name": name, **options}
    try:
        return made(*first, **options)
    except Exception as error:
        raise SpecError.because(
            "custom-refused",
            f"`{component.name}` raised {type(error).__name__}",
            detail=user_traceback(error, context.folder),
        ) from error


@contextmanager
def complaint(path: str, span: Span | None, subject: str, help: str | None = None) -> Iterator[None]:
    """Turn what Keras or custom code raises into a diagnostic at its place in the spec."""
    try:
        yield
    except SpecError as error:
        raise SpecError(*(_placed(d, path, span) for d in error.diagnostics)) from error.__cause__
    except FormulaError as error:
        raise SpecError(Diagnostic("bad-formula", str(error), path, span)) from None
    except Exception as error:
        if _is_our_own(error):
            raise
        message = f"Keras refuses {subject if ' ' in subject else f'`{subject}`'}"
        detail = keras_message(error)
        raise SpecError(Diagnostic("keras-refused", message, path, span, help, detail)) from error


def _is_our_own(error: BaseException) -> bool:
    """Tell whether kexp itself raised it: that is a bug, and nobody else's refusal."""
    frames = traceback.extract_tb(error.__traceback__)
    return Path(frames[-1].filename).is_relative_to(Path(__file__).parent.parent)


def _placed(diagnostic: Diagnostic, path: str, span: Span | None) -> Diagnostic:
    return diagnostic if diagnostic.path else replace(diagnostic, path=path, span=span)


def keras_message(error: BaseException) -> str:
    """Return the sentence of Keras's error that says what is wrong, without its dump of arguments."""
    text = _ANSI.sub("", str(error)).strip() or type(error).__name__
    text = re.sub(r"\A(?:Exception|Error) encountered when calling [^\n]*\n+", "", text)
    text = re.split(r"\n+Arguments received by ", text)[0]
    return text.strip()
