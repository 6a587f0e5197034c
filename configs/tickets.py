"""Support tickets written by a small function: no real customer was asked."""

import numpy as np

TOPICS = {
    "billing": "invoice refund charge card payment price receipt account",
    "network": "router wifi slow signal outage cable connection account",
    "shipping": "parcel address courier late package tracking delivery receipt",
    "software": "crash update error screen install login password connection",
}
URGENT = "urgent immediately broken angry lawyer emergency"
FILLER = "the my a is was not please help since with and again today it for you we still no"
WORDS = ["", *sorted(set(" ".join([FILLER, URGENT, *TOPICS.values()]).split()))]


def load(count, seed=0):
    """Return title, body and age in days of each ticket; its priority (1: urgent) and its department.

    Shapes: title (n, 6) and body (n, 24), numbers of `WORDS`; age (n, 1); priority and department (n,).
    """
    random = np.random.default_rng(seed)
    department = random.choice([*TOPICS], count)
    misfiled = random.random(count) < 0.1
    topic = np.where(misfiled, random.choice([*TOPICS], count), department)
    alarms = random.integers(3, size=count)
    age = random.exponential(5, count)
    priority = alarms + age / 5 + random.normal(0, 0.3, count) > 2
    title = [_text(random, 6, _some(random, TOPICS[t], 1)) for t in topic]
    body = [
        _text(random, 24, [*_some(random, TOPICS[t], 3), *_some(random, URGENT, n)])
        for t, n in zip(topic, alarms, strict=True)
    ]
    inputs = {"title": np.array(title, "int32"), "body": np.array(body, "int32"), "age": age[:, None]}
    return inputs, {"priority": priority, "department": department}


def _some(random, words, count):
    return random.choice(words.split(), count)


def _text(random, length, telling):
    """Return the telling words among filler, in any order, as numbers; the end may be empty."""
    filler = _some(random, FILLER, random.integers(length // 2, length - len(telling) + 1))
    numbers = [WORDS.index(word) for word in random.permutation([*telling, *filler])]
    return numbers + [0] * (length - len(numbers))
