"""Specs that want to be more than a spec: bombs, tags, depths, and as many faults as a megabyte holds."""

from hostile.runs import DATA, SPEC, spec

MIB = 1 << 20


def filled(part: str, room: int = MIB - 2000) -> str:
    return part * (room // len(part))


def numbered(part: str, number: int, between: str = ", ") -> str:
    return between.join(part.replace("#", str(n)) for n in range(number))


def model(layers: str) -> str:
    return spec(f"model:\n  layers:\n{layers}")


def flow(layers: str) -> str:
    return spec(f"model: {{layers: [{layers}]}}")


def variables(text: str) -> str:
    return spec().replace("seed: 1", f"seed: 1\nvars: {{{text}}}")


_LAUGHS = "".join(f"  l{n + 1}: &l{n + 1} [{', '.join([f'*l{n}'] * 10)}]\n" for n in range(9))
_BLOCKS = "".join(f"  b{n + 1}: {{layers: [{', '.join([f'b{n}'] * 10)}]}}\n" for n in range(9))

TEXTS = {
    "a billion laughs": f"vars:\n  l0: &l0 [a]\n{_LAUGHS}",
    "a billion laughs in maps": "a: &a {x: 1}\n"
    + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} {{{', '.join(f'k{i}: *{chr(97 + n)}' for i in range(10))}}}\n"
        for n in range(9)
    ),
    "an alias of itself": "a: &a [*a]\n",
    "a merge key": "a: &a {b: 1}\nc: {<<: *a}\n",
    "many anchors": filled("- &a x\n"),
    "many aliases": "a: &a x\nb:\n" + filled("- *a\n"),
    "a python object": "a: !!python/object/apply:os.system ['touch CANARY']\n",
    "a python name": "a: !!python/name:os.system\n",
    "a python module": "a: !!python/module:antigravity\n",
    "binary": "a: !!binary aGVsbG8=\n",
    "a set": "a: !!set {x, y}\n",
    "a timestamp with a tag": "a: !!timestamp 2001-01-01\n",
    "a tag of its own": "a: !evil {b: 1}\n",
    "a long tag": f"a: !{'e' * 900_000} b\n",
    "a directive": "%TAG ! tag:evil,2000:\n--- !x\na: 1\n",
    "many directives": filled("%FOO bar\n") + "---\na: 1\n",
    "a second document": "a: 1\n---\nb: 2\n",
    "many documents": filled("---\n"),
    "a depth of 100,000": "[" * 100_000 + "]" * 100_000,
    "a depth that never ends": "[" * 500_000,
    "a depth of maps": "{a: " * 200_000,
    "a depth of blocks": "".join(f"{' ' * n}a:\n" for n in range(1400)),
    "a depth of lists": "- " * 500_000,
    "a depth of keys": "? " * 500_000,
    "many items": "[" + filled("a,") + "]",
    "many keys": numbered("k#: 1", 90_000, "\n"),
    "many keys that are one": filled("a: 1\n"),
    "a key of a megabyte": "a" * 1_000_000 + ": 1\n",
    "a text of a megabyte": f"name: {'a' * 1_000_000}\n",
    "a quote of a megabyte that never ends": 'name: "' + "a" * 1_000_000,
    "a number of a megabyte": f"seed: {'9' * 1_000_000}\n",
    "a fraction of a megabyte": f"seed: 0.{'9' * 1_000_000}\n",
    "a hexadecimal of a megabyte": f"seed: 0x{'f' * 1_000_000}\n",
    "an exponent": "seed: 1e999999999\n",
    "base 60": f"seed: {'1:' * 300_000}1\n",
    "underscores": f"seed: {'1_' * 400_000}1\n",
    "a comment of a megabyte": "#" * 1_000_000,
    "blank lines": "\n" * 1_000_000,
    "tabs": "\t" * 1_000_000,
    "no characters": "\0" * 100,
    "control characters": "a: \x1b[2J\n",
    "bidi": "a: \u202e\u2066\n",
    "half a character": "a: \ud800".encode("utf-8", "surrogatepass"),
    "UTF-16": "a: 1\n".encode("utf-16"),
    "too many bytes": b"a" * (MIB + 1),
    "unknown keys": spec() + numbered("key#: 1", 50_000, "\n"),
    "unknown keys on one line": "{" + numbered("key#: 1", 50_000) + "}",
    "long keys that are alike": spec() + numbered("a" * 200 + "#: 1", 4000, "\n"),
    "unknown layers": model("".join(f"    - Dence{n}: 3\n" for n in range(30_000))),
    "unknown arguments": model("    - Dense: {" + numbered("unit#: 1", 60_000) + "}\n"),
    "unknown layers with long names": model("".join(f"    - {'Dense' * 200}{n}: 3\n" for n in range(900))),
    "unknown names": model("".join(f"    - a{n}, b{n} -> Add -> c{n}\n" for n in range(20_000))),
    "names given twice": model("".join("    - Dense -> a: 3\n" for n in range(20_000))),
    "dangling steps": model("".join(f"    - input -> Dense -> a{n}: 3\n" for n in range(20_000))),
    "many layers": model("".join("    - Dense: 3\n" for n in range(19_000))),
    "many names in one step": model(f"    - {numbered('a#', 50_000)} -> Add\n"),
    "many arrows": model(f"    - {' -> '.join(['a'] * 100_000)}: 1\n"),
    "brackets in a key": model(f'    - "{"[" * 300_000} -> Add": {{}}\n'),
    "commas in a key": model(f'    - "{"," * 500_000} -> Add": {{}}\n'),
    "spaces in a key": model(f'    - "a{" " * 900_000}b -> Add": {{}}\n'),
    "many outputs": spec(f"model: {{layers: [Flatten], outputs: [{numbered('o#', 50_000)}]}}"),
    "many inputs": spec(f"model: {{inputs: {{{numbered('i#: [1]', 40_000)}}}, layers: [Flatten]}}"),
    "many blocks": spec().replace(
        "model:", "blocks: {" + numbered("b#: {layers: [Flatten]}", 15_000) + "}\nmodel:"
    ),
    "blocks in blocks": model("    - b9\n").replace(
        "model:", f"blocks:\n  b0: {{layers: [{{Dense: 4}}]}}\n{_BLOCKS}model:"
    ),
    "a block in itself": model("    - b\n").replace("model:", "blocks: {b: {layers: [b]}}\nmodel:"),
    "blocks in a circle": model("    - b\n").replace(
        "model:", "blocks: {b: {layers: [c]}, c: {layers: [b]}}\nmodel:"
    ),
    "repeats in repeats": model(
        "    - layers: [{layers: [{layers: [Flatten], repeat: 19000}], repeat: 19000}]\n      repeat: 19000\n"
    ),
    "nested models in repeats": flow(
        "{model: {layers: [{model: {layers: [{Dense: 1, repeat: 19000}]}, repeat: 19000}]}, repeat: 19000}"
    ),
    "nested models": flow("{model: {layers: [" * 20 + "Flatten" + "]}}" * 20),
    "objects in objects": flow("{TimeDistributed: " * 60 + "Flatten" + "}" * 60),
    "a bomb of a block in many models": flow(numbered("{model: {layers: [bomb]}}", 5000)).replace(
        "model: {", "blocks: {bomb: {layers: [{Dense: 1, repeat: 19000}]}}\nmodel: {", 1
    ),
    "a bomb whose insides are named": flow(
        "{TimeDistributed: {model: {layers: [bomb]}}, trainable_from: x, repeat: 19000}"
    ).replace("model: {", "blocks: {bomb: {layers: [{Dense: 1, repeat: 19000}]}}\nmodel: {", 1),
    "models whose insides are named": flow(
        "{model: {layers: [{Dense: 1, repeat: 19000}]}, trainable_from: x, repeat: 19000}"
    ),
    "a repeat of long lists": flow("{Dense: $a, repeat: {a: [" + filled("1,", 190_000) + "1]}}"),
    "a repeat beyond all": flow("{Dense: 1, repeat: 99999999999999999999999999}"),
    "a formula that is deep": flow('{Dense: "$(' + "(" * 300_000 + '"}'),
    "a formula that is deep and closed": flow('{Dense: "$(' + "(" * 5000 + "1" + ")" * 5000 + ')"}'),
    "a formula that is long": flow('{Dense: "$(' + filled("1+", 900_000) + '1)"}'),
    "a formula of powers": flow('{Dense: "$(9**9**9**9)"}'),
    "a formula of large powers": flow('{Dense: "$((10**40)**40)"}'),
    "a formula of texts": flow("{Dense: \"$('a' * 10000000000)\"}"),
    "a formula of long texts": variables(
        "a0: aaaaaaaaaa, " + ", ".join(f"a{n + 1}: {f'$a{n}' * 10}" for n in range(12))
    ),
    "a formula of lists": flow('{Dense: "$([1] * 10000000000)"}'),
    "a formula of joined lists": variables(
        "a0: [1, 2, 3, 4], " + ", ".join(f'a{n + 1}: "$(a{n} + a{n})"' for n in range(60))
    ),
    "a formula of lists of lists": variables(
        "a0: [1], " + ", ".join(f"a{n + 1}: [{', '.join([f'$a{n}'] * 10)}]" for n in range(12))
    ),
    "a formula with an attribute": flow('{Dense: "$((1).__class__.__base__)"}'),
    "a formula with a call": flow("{Dense: \"$(__import__('os').system('touch CANARY'))\"}"),
    "a formula with a lambda": flow('{Dense: "$((lambda: 1)())"}'),
    "many formulas": variables(numbered('v#: "$(1 + 1)"', 40_000)),
    "many unknown values": flow(numbered("{Dense: $v#}", 30_000)),
    "many unknown values beside many known": variables(numbered("known#: 1", 25_000)).replace(
        "units: 3", "units: 3, " + numbered("k#: $knwon#", 25_000)
    ),
    "vars in a chain": variables("v0: 1, " + ", ".join(f"v{n + 1}: $v{n}" for n in range(30_000))),
    "an expression that is deep": flow('{expr: "' + "(" * 100_000 + 'prev"}'),
    "an expression that is long": flow('{expr: "' + filled("prev+", 900_000) + 'prev"}'),
    "an expression of many calls": flow('{expr: "' + "abs(" * 5000 + "prev" + ")" * 5000 + '"}'),
    "an expression with an attribute": flow('{expr: "prev.__class__"}'),
    "an expression with a call": flow("{expr: \"__import__('os')\"}"),
    "an expression of powers": flow('{expr: "prev * 9**9**9**9"}'),
    "many expressions": model("".join('    - expr: "prev + 1"\n' for _ in range(19_000))),
    "many metrics": spec().replace("[accuracy]", f"[{numbered('{Mean: {name: m#}}', 20_000)}]"),
    "many stages": spec().replace("epochs: 1", f"stages: [{numbered('{name: s#, epochs: 1}', 20_000)}]"),
    "many promises": spec() + "expect: {" + numbered('m#: ">= 1"', 30_000) + "}\n",
    "many tags": spec().replace("seed: 1", f"seed: 1\ntags: [{numbered('t#', 90_000)}]"),
    "many columns": spec(
        data=f"data: {{source: csv, path: a.csv, target: y, ignore: [{numbered('c#', 90_000)}]}}"
    ),
    "many entries of preprocess": spec(
        f"preprocess: {{{numbered('e#: [Flatten]', 20_000)}}}\nmodel: {{layers: [Flatten]}}"
    ),
    "preprocess in a chain": spec(
        "preprocess: {"
        + ", ".join(f"e{n}: {{from: e{n + 1}, layers: [Flatten]}}" for n in range(10_000))
        + "}\nmodel: {layers: [Flatten]}"
    ),
    "preprocess that doubles": spec(
        "preprocess: {"
        + ", ".join(f"e{n}: {{from: [e{n + 1}, e{n + 1}], layers: [Flatten]}}" for n in range(60))
        + "}\nmodel: {layers: [Flatten]}"
    ),
    "a base that is a device": "extends: /dev/zero\n",
    "a base that is endless": "extends: /dev/stdin\n",
    "a base that is a folder": "extends: /\n",
    "a base of no name": "extends: ''\n",
    "a base with a NUL": 'extends: "a\\0b"\n',
    "many bases": f"extends: [{numbered('b#.yaml', 60_000)}]\n",
    "keys that steer the terminal": '"\\e]0;x\\a\\e[2J": 1\n"\\u202e": {"\\n  fake: line": 1}\n',
    "a name that steers the terminal": spec().replace("name: iris", 'name: "\\e[2J\\u202e"'),
    "look-alikes": spec().replace("Dense", "D\u0435nse"),
}
__all__ = ["DATA", "SPEC", "TEXTS"]
