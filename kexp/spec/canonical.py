"""Experiment -> YAML: one spelling for each experiment, and the hash that identifies it."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from kexp.document import means_other_than_text
from kexp.spec.catalogue import catalogue
from kexp.spec.formula import escape
from kexp.spec.references import with_custom_names, with_data_files, with_weight_files
from kexp.spec.types import (
    Block,
    Component,
    Duration,
    Experiment,
    Expr,
    Formula,
    Graph,
    Group,
    Operand,
    Operands,
    Pipeline,
    Port,
    Promise,
    Reuse,
    Step,
    Use,
    Value,
)

_ONE_LINE = 1_000_000
_VALUES = (Component, Duration, Formula, Promise)
_OUTSIDE_IDENTITY = ("name", "description", "tags", "trackers", "expect")
_SECTIONS = (
    "kexp",
    "name",
    "description",
    "tags",
    "seed",
    "runtime",
    "data",
    "preprocess",
    "augment",
    "blocks",
    "model",
    "train",
    "trackers",
    "expect",
)


def canonical(experiment: Experiment, defaults: bool = False, short: bool = False) -> str:
    """Return the experiment as YAML; `parse_experiment` of it gives an equal experiment.

    With `defaults`, every default that is known is written out. `short` is for people: `Dense: 64`.
    """
    tree = _Printer(defaults, short, experiment.blocks).experiment(experiment)
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, width=_ONE_LINE, allow_unicode=True)


def identity(experiment: Experiment) -> str:
    """Return the sha256 of what is trained: names, threads and the places of files left out."""
    placeless = with_custom_names(experiment, lambda name: name.rpartition("/")[2])
    placeless = with_weight_files(placeless, lambda path: Path(path).name)
    placeless = replace(placeless, data=with_data_files(placeless.data, lambda path: Path(path).name))
    tree = _Printer(defaults=True).experiment(placeless)
    for key in _OUTSIDE_IDENTITY:
        tree.pop(key, None)
    tree.get("runtime", {}).pop("threads", None)
    tree["data"].pop("cache", None)
    for key in ("every", "keep"):
        tree["train"].get("checkpoint", {}).pop(key, None)
    text = json.dumps(tree, sort_keys=True, allow_nan=True)
    return hashlib.sha256(text.encode()).hexdigest()


def resolve(experiment: Experiment, folder: Path, threads: int) -> Experiment:
    """Fix what a run must not leave open: the threads, and files by their absolute paths."""

    def absolute(path: str) -> str:
        return str((folder / path).resolve())

    return replace(
        with_weight_files(experiment, absolute),
        data=with_data_files(experiment.data, absolute),
        runtime=replace(experiment.runtime, threads=experiment.runtime.threads or threads),
    )


class _Flow(dict[str, Any]):
    """A map that is printed on one line."""


class _FlowList(list[Any]):
    """A list that is printed on one line."""


class _Nothing:
    """The argument of a step that has only siblings; nothing stands after its colon."""


class _Printer:
    def __init__(
        self, defaults: bool, short: bool = False, blocks: Mapping[str, Block] | None = None
    ) -> None:
        self.defaults, self.short, self.blocks = defaults, short, blocks or {}

    def experiment(self, experiment: Experiment) -> dict[str, Any]:
        values = self._record(experiment, always=("kexp", "name", "data", "model", "train"))
        values["data"] = self._data(experiment)
        model = experiment.model
        values["model"] = self._graph(model) if isinstance(model, Graph) else self._component(model)
        if experiment.blocks:
            values["blocks"] = {name: self._block(block) for name, block in experiment.blocks.items()}
        if experiment.preprocess:
            values["preprocess"] = {n: self._pipeline(p) for n, p in experiment.preprocess.items()}
        if experiment.augment:
            values["augment"] = {n: self._layers(layers) for n, layers in experiment.augment.items()}
        if experiment.expect:
            values["expect"] = {p.metric: str(p) for p in experiment.expect}
        return {key: values[key] for key in _SECTIONS if key in values}

    def _record(self, record: Any, always: tuple[str, ...] = ()) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for item in dataclasses.fields(record):
            value = getattr(record, item.name)
            if not item.compare or (item.name not in always and not self._worth_printing(item, value)):
                continue
            if item.name in ("model", "preprocess", "augment", "expect", "blocks"):
                values[item.name] = None
            elif dataclasses.is_dataclass(value) and not isinstance(value, _VALUES):
                inner = self._record(value)
                if inner:
                    values[item.name] = _Flow(inner) if item.name == "split" else inner
            elif item.name == "stages":
                values[item.name] = [_Flow(self._record(stage)) for stage in value]
            else:
                values[item.name] = self._value(value)
        return values

    def _worth_printing(self, item: "dataclasses.Field[Any]", value: Any) -> bool:
        default = item.default if item.default is not dataclasses.MISSING else None
        if item.default_factory is not dataclasses.MISSING:
            default = item.default_factory()
        if self.defaults:
            return value is not None and value not in ("", (), {})
        return bool(value != default) or (
            item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        )

    def _data(self, experiment: Experiment) -> dict[str, Any]:
        data = experiment.data
        options = {name: self._value(value) for name, value in data.options.items()}
        signature = catalogue().signature("sources", data.source)
        if self.defaults and signature is not None:
            given = {
                p.name: self._value(_frozen(p.default))
                for p in signature.params
                if p.default not in (None, [], {})
            }
            options = {**given, **options}
        shared = self._record(replace(data, options={}))
        values = {"source": data.source, **options, **{k: v for k, v in shared.items() if k != "source"}}
        return _Flow(values) if self.short else values

    def _pipeline(self, pipeline: Pipeline) -> Any:
        if not pipeline.takes:
            return self._layers(pipeline.layers)
        takes = pipeline.takes[0] if len(pipeline.takes) == 1 else _FlowList(pipeline.takes)
        return _Flow({"from": takes, "layers": self._layers(pipeline.layers)})

    def _layers(self, layers: Sequence[Component]) -> Any:
        printed = [self._component(layer) for layer in layers]
        return printed[0] if len(printed) == 1 else _FlowList(printed)

    # ------------------------------------------------------------ the graph

    def _graph(self, graph: Graph) -> dict[str, Any]:
        printed: dict[str, Any] = {}
        if graph.inputs is not None:
            ports = {port.name: self._port(port) for port in graph.inputs}
            bare = not any(ports.values())
            printed["inputs"] = ports if not self.short else _FlowList(ports) if bare else _Flow(ports)
        printed["layers"] = [self._step(step) for step in graph.steps]
        if isinstance(graph.outputs, Mapping):
            printed["outputs"] = _Flow(graph.outputs)
        elif graph.outputs is not None:
            printed["outputs"] = _FlowList(graph.outputs)
        return printed

    def _block(self, block: Block) -> dict[str, Any]:
        params = {name: self._value(value) for name, value in block.params.items()}
        return {**({"params": _Flow(params)} if params else {}), **self._graph(block.graph)}

    def _port(self, port: Port) -> Any:
        options: dict[str, Any] = {}
        if port.shape is not None:
            options["shape"] = _FlowList(s.text if isinstance(s, Formula) else s for s in port.shape)
        if port.dtype != "float32" or self.defaults:
            options["dtype"] = port.dtype
        if port.column != port.name:
            options["from"] = port.column
        if self.short and list(options) == ["shape"]:
            return options["shape"]
        return _Flow(options) or None

    def _step(self, step: Step) -> Any:
        what, argument = self._what(step.what)
        takes = "" if isinstance(step.what, Expr) else operands(step.takes)
        key = " -> ".join(part for part in (takes, what, _gives(step)) if part)
        siblings: dict[str, Any] = {}
        if step.call:
            siblings["call"] = _Flow({name: self._value(value) for name, value in step.call.items()})
        if step.trainable is not None:
            siblings["trainable"] = step.trainable
        if step.repeat is not None:
            siblings["repeat"] = self._value(step.repeat)
        if step.trainable_from is not None:
            siblings["trainable_from"] = step.trainable_from
        if step.weights is not None:
            layer = {} if step.weights.layer is None else {"layer": step.weights.layer}
            siblings["weights"] = (
                _Flow({"from": step.weights.source, **layer}) if layer else step.weights.source
            )
        if step.adapt:
            siblings["adapt"] = True
        if step.outputs_of:
            siblings["outputs_of"] = _FlowList(step.outputs_of)
        if argument is None and not siblings:
            return key
        return {key: _Nothing() if self.short and argument is None else argument, **siblings}

    def _what(self, what: Component | Reuse | Graph | Use | Group | Expr) -> tuple[str, Any]:
        match what:
            case Reuse(name=name):
                return "reuse", name
            case Graph():
                return "model", self._graph(what)
            case Use(block=block, arguments=arguments):
                first = next(iter(self.blocks[block].params), "") if block in self.blocks else ""
                if self._stands_alone(arguments, first):
                    return block, self._value(arguments[first])
                return block, self._mapping({n: self._value(v) for n, v in arguments.items()}) or None
            case Group(steps=steps):
                return "layers", [self._step(step) for step in steps]
            case Expr(text=text):
                return "expr", text
            case Component():
                printed = self._component(what)
                return (printed, None) if isinstance(printed, str) else next(iter(printed.items()))

    # ------------------------------------------------------------ values

    def _value(self, value: Value | Duration) -> Any:
        match value:
            case Formula(text=text):
                return text
            case Duration():
                return str(value)
            case Component():
                return self._component(value)
            case Graph():
                return {"model": self._graph(value)}
            case str():
                return escape(value)
            case tuple():
                return _FlowList(self._value(item) for item in value)
            case Mapping():
                return self._mapping({name: self._value(item) for name, item in value.items()})
            case _:
                return value

    def _mapping(self, values: dict[str, Any]) -> Any:
        """Keep a one-key map that looks like an object from being read as one."""
        looks = len(values) == 1 and (next(iter(values))[:1].isupper() or ":" in next(iter(values)))
        return _Flow({"literal": _Flow(values)}) if looks else _Flow(values)

    def _stands_alone(self, arguments: Mapping[str, Value], first: str) -> bool:
        """Tell whether the arguments are the first one alone, and plain enough to stand without its name."""
        if not self.short or list(arguments) != [first]:
            return False
        value = arguments[first]
        arrow = isinstance(value, str) and "->" in value
        return value is not None and not arrow and not isinstance(value, (Mapping, Graph))

    def _component(self, component: Component) -> Any:
        if component.first is not None:
            return _Flow({component.name: self._value(component.first[0])})
        given = component.options or {}
        options = {name: self._value(value) for name, value in given.items()}
        signature = catalogue().signature(component.namespace, component.name)
        if self.defaults and signature is not None and not component.is_custom:
            for param in signature.params:
                known = param.default is not None and not param.required and param.name != "name"
                if known and param.name not in options:
                    options[param.name] = self._value(_frozen(param.default))
        first = signature.params[0].name if signature is not None and signature.params else ""
        if first != "axis" and self._stands_alone(given, first):  # `Concatenate: 3` would read as a count
            return _Flow({component.name: options[first]})
        bare = component.options is None and not options
        return component.name if bare else _styled({component.name: _styled(options)})


def _styled(values: dict[str, Any]) -> dict[str, Any]:
    """Print a map on one line, unless a graph stands in it."""
    return values if any(type(value) is dict for value in values.values()) else _Flow(values)


def _frozen(value: Any) -> Value:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def operands(takes: Operands) -> str:
    """Return the left side of a step's key."""
    positional = [_operand(operand) for operand in takes.positional]
    keywords = [f"{name}={_operand(operand)}" for name, operand in takes.keywords.items()]
    return ", ".join(positional + keywords)


def _operand(operand: Operand) -> str:
    if operand is None:
        return "null"
    return f"[{', '.join(_operand(o) for o in operand)}]" if isinstance(operand, tuple) else operand


def _gives(step: Step) -> str:
    names = ", ".join(step.gives)
    return f"{step.layer_name}({names})" if step.layer_name else names


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if means_other_than_text(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _number(dumper: yaml.SafeDumper, number: float) -> yaml.ScalarNode:
    text = repr(number).replace("inf", ".inf").replace("nan", ".nan")
    if "e" in text and "." not in text:
        text = text.replace("e", ".0e")  # PyYAML takes `1e-07` for text and would write a tag
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


_Dumper.add_representer(_Nothing, lambda dumper, data: dumper.represent_scalar("tag:yaml.org,2002:null", ""))
_Dumper.add_representer(str, _text)
_Dumper.add_representer(float, _number)
_Dumper.add_representer(
    _Flow, lambda dumper, data: dumper.represent_mapping("tag:yaml.org,2002:map", data, flow_style=True)
)
_Dumper.add_representer(
    _FlowList, lambda dumper, data: dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)
)
