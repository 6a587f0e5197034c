"""Rents of homes, written by a small function: no real home was looked at."""

import numpy as np

CITIES = {"Bern": 24.0, "Lisbon": 15.0, "Oslo": 28.0, "Rome": 17.0}
HEATINGS = {"district": 1.0, "gas": 0.97, "none": 0.8, "oil": 0.93}


def load(count, seed=0):
    """Return city, heating, size in square metres and year of each home, and its rent in a month.

    Cities differ by the square metre, and old homes are dear in some and cheap in others.
    """
    random = np.random.default_rng(seed)
    city, heating = random.choice([*CITIES], count), random.choice([*HEATINGS], count)
    size, year = random.gamma(6, 13, count) + 15, random.integers(1880, 2024, count)
    is_old, is_loved = year < 1930, np.isin(city, ["Bern", "Oslo"])
    rent = size * [CITIES[name] for name in city] * np.array([HEATINGS[name] for name in heating])
    rent *= np.where(is_old, np.where(is_loved, 1.25, 0.75), 1) * random.normal(1, 0.05, count)
    inputs = {"city": city, "heating": heating, "size": size, "year": year}
    return inputs, {"rent": rent.astype("float32")}
