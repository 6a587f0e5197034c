"""Real text from the machine itself: Python's manual, and the docstrings of numpy and scikit-learn."""

import ast
import re
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np


def sentences(num_words, length, seed=0):
    """Return sentences as numbers of their words, and whose they are: `python`, `numpy` or `scikit-learn`.

    Shapes: words (n, length): 0 after the end, 1 for a word that is not among the `num_words - 2` commonest.
    """
    chosen, origins = written(seed)
    split = [re.findall("[a-z]+", sentence.lower())[:length] for sentence in chosen["sentence"]]
    common = Counter(word for words in split for word in words).most_common(num_words - 2)
    number = {word: rank + 2 for rank, (word, _) in enumerate(common)}
    numbers = np.zeros((len(split), length), "int32")
    for row, words in zip(numbers, split, strict=True):
        row[: len(words)] = [number.get(word, 1) for word in words]
    return numbers, origins


def written(seed=0):
    """Return sentences as they are written, equally many of each origin, and whose they are."""
    texts = {"python": topics.values(), "numpy": _docstrings("numpy"), "scikit-learn": _docstrings("sklearn")}
    found = {origin: sorted({s for text in each for s in _sentences(text)}) for origin, each in texts.items()}
    size = min(map(len, found.values()))
    random = np.random.default_rng(seed)
    chosen = [(str(s), origin) for origin, all in found.items() for s in random.permutation(all)[:size]]
    return {"sentence": np.array([s for s, _ in chosen])}, np.array([origin for _, origin in chosen])


def characters(length):
    """Return stretches of Python's manual, and for each character the one that follows it.

    Shapes: codes and next codes (n, length). Units: ASCII codes, 0 for anything else.
    """
    text = "\n\n".join(topics.values())
    codes = np.array([code if code < 128 else 0 for code in map(ord, text)], "int32")
    count = (len(codes) - 1) // length
    now = codes[: count * length].reshape(count, length)
    following = codes[1 : count * length + 1].reshape(count, length)
    val, test = int(0.8 * count), int(0.9 * count)
    cuts = {"train": slice(val), "val": slice(val, test), "test": slice(test, None)}
    return {name: (now[cut], following[cut]) for name, cut in cuts.items()}


def _docstrings(package):
    for path in sorted(Path(find_spec(package).origin).parent.rglob("*.py")):
        if "tests" not in path.parts:
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                    yield ast.get_docstring(node) or ""


def _sentences(text):
    """Yield the sentences of at least eight words in the paragraphs of a text."""
    for paragraph in re.split(r"\n\s*\n", text):
        for sentence in re.split(r"(?<=\.)\s+(?=[A-Z])", " ".join(paragraph.split())):
            if sentence[:1].isupper() and sentence.endswith(".") and len(sentence.split()) >= 8:
                yield sentence
