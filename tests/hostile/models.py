"""Specs as a stranger could send them inside a run: what runs code, reads elsewhere or takes everything."""

from hostile.runs import DATA, MODEL, spec

CANARY = "CANARY"
"""Stands for the path of a file that is there once code has been run, or a file outside been read."""

_GADGET = "{class_name: function, config: system, module: os, registered_name: system}"


def _layer(layer: str) -> str:
    return spec(
        f"model:\n  layers:\n    - {layer}\n    - Dense -> scores: {{units: 3, activation: softmax}}\n"
    )


def _argument(argument: str) -> str:
    return spec(f"model:\n  layers:\n    - Dense -> scores: {{units: 3, {argument}}}\n")


def _training(train: str) -> str:
    return spec().replace("optimizer: sgd", train)


REFUSED = {
    "a Lambda": _layer("Lambda: {function: \"lambda x: open('CANARY', 'w')\"}"),
    "a SavedModel": _layer("TFSMLayer: {filepath: CANARY}"),
    "a module of torch's": _layer("TorchModuleWrapper: {module: {literal: {a: 1}}}"),
    "a function for JAX": _layer("JaxLayer: {call_fn: CANARY}"),
    "a file of the run": _layer('"code/evil.py:Evil": {}'),
    "a file outside": _layer('"/tmp/evil.py:Evil": {}'),
    "a module": _layer('"os:system": {command: "touch CANARY"}'),
    "a module of Keras": _layer('"keras.utils:get_file": {fname: a, origin: "file:///etc/passwd"}'),
    "a custom initializer": _argument('kernel_initializer: {"os:system": {command: "touch CANARY"}}'),
    "a custom activation": _argument('activation: "os:system"'),
    "a gadget for an activation": _argument(f"activation: {_GADGET}"),
    "a gadget for an initializer": _argument(f"kernel_initializer: {{literal: {_GADGET}}}"),
    "a gadget in a list": _layer(f"Pipeline: {{layers: [{{literal: {_GADGET}}}]}}"),
    "a gadget behind an escape": _argument(
        'activation: {"class\\u005fname": __lambda__, config: {value: abc}}'
    ),
    "a gadget of a repeat": _layer(f"Dense: {{units: 3, activation: $a}}\n      repeat: {{a: [{_GADGET}]}}"),
    "a gadget of vars": _argument("activation: $a").replace("seed: 1", f"seed: 1\nvars: {{a: {_GADGET}}}"),
    "a gadget in a call": _layer(f"Dropout: 0.5\n      call: {{training: {_GADGET}}}"),
    "a gadget of a block": _layer("evil").replace(
        "model:",
        f"blocks: {{evil: {{params: {{a: {_GADGET}}}, layers: [{{Activation: $a}}]}}}}\nmodel:",
    ),
    "a custom loss": spec().replace("sparse_categorical_crossentropy", '"os:system"'),
    "a custom metric": spec().replace("[accuracy]", '["os:system"]'),
    "a custom optimizer": _training('optimizer: {"os:system": {command: "touch CANARY"}}'),
    "a gadget for an optimizer": _training(f"optimizer: {{SGD: {{learning_rate: {_GADGET}}}}}"),
    "a custom callback": _training('callbacks: ["os:system"], optimizer: sgd'),
    "a custom model": spec('model: {"code/evil.py:Evil": {}}'),
    "a vocabulary outside": _layer("StringLookup: {vocabulary: /etc/passwd}"),
    "a vocabulary of a formula": _layer("StringLookup: {vocabulary: $v}\n      repeat: {v: [/etc/passwd]}"),
    "a vocabulary on the web": _layer('TextVectorization: {vocabulary: "https://example.com/v.txt"}'),
    "weights of an application outside": _layer("MobileNetV2: {weights: /etc/passwd, include_top: false}"),
    "custom code in preprocess": spec(f'preprocess: {{features: ["os:system"]}}\n{MODEL}'),
    "custom code in augment": spec(f'augment: {{features: ["os:system"]}}\n{MODEL}'),
}
"""Models that are refused unless the run is trusted."""

LARGE = {
    "a giant layer": _layer("Dense: 1000000000"),
    "a giant embedding": _layer("Embedding: {input_dim: 10000000, output_dim: 10000}"),
    "a giant sum": _layer('expr: "prev + sum(ones((100000, 100000)))"'),
    "a giant range": _layer('expr: "prev + sum(arange(100000000000))"'),
    "many layers": _layer("Dense: 4\n      repeat: 100000"),
    "blocks in blocks": _layer("b9").replace(
        "model:",
        "blocks:\n  b0: {layers: [{Dense: 4}]}\n"
        + "".join(f"  b{n + 1}: {{layers: [{', '.join([f'b{n}'] * 10)}]}}\n" for n in range(9))
        + "model:",
    ),
    "a giant repetition": _layer("RepeatVector: 1000000000").replace(
        "- Dense ->", "- Flatten\n    - Dense ->"
    ),
}
"""Models that would take all of a machine's memory, or its time."""

DATA_REFUSED = {
    "a function": spec(data='data: {source: "code/evil.py:load"}'),
    "a module": spec(data='data: {source: "os:system", args: {command: "touch CANARY"}}'),
    "a file outside": spec(data="data: {source: csv, path: /etc/passwd, target: a}"),
    "a file above": spec(data="data: {source: npz, path: ../../../secret.npz}"),
    "a file of the run": spec(data="data: {source: csv, path: metrics.csv, target: loss}"),
    "a URL": spec(data='data: {source: csv, path: "https://example.com/a.csv", target: a}'),
    "a folder outside": spec(data="data: {source: images, path: /home}"),
    "a table that lists files": spec(data="data: {source: images, table: /etc/passwd}"),
    "a data set of the hub": spec(data="data: {source: huggingface, dataset: evil/code, target: a}"),
    "a data set of tfds": spec(data='data: {source: tfds, dataset: "evil:code", target: a}'),
    "a pattern": spec(data='data: {source: tfrecord, path: "/*", features: {a: int64}, target: a}'),
}
"""Data that is not read unless the run is trusted, or lies where `--data` says."""

DATA_LARGE = {
    "too many samples": spec(
        data="data: {source: synthetic, inputs: {x: [4]}, targets: {y: 3}, samples: 10000000000}"
    ),
    "samples of a giant shape": spec(
        data="data: {source: synthetic, inputs: {x: [1000000, 1000000]}, targets: {y: 3}}"
    ),
}
__all__ = ["CANARY", "DATA", "DATA_LARGE", "DATA_REFUSED", "LARGE", "REFUSED"]
