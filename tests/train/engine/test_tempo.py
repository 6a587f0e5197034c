from fakes import KERAS

pytestmark = KERAS


def lengths(tempo, *steps_and_seconds):
    found = [tempo.length]
    for steps, seconds in steps_and_seconds:
        tempo.took(steps, seconds)
        found.append(tempo.length)
    return found


def test_a_segment_grows_until_it_lasts_a_quarter_of_a_second():
    from kexp.train.engine.tempo import Tempo

    traced, measured = (1, 3.0), (1, 0.001)
    assert lengths(Tempo(), traced, measured, (16, 0.016), (250, 0.25)) == [1, 1, 16, 250, 250]


def test_a_segment_is_at_least_one_step():
    from kexp.train.engine.tempo import Tempo

    assert lengths(Tempo(), (1, 9.0), (1, 2.0)) == [1, 1, 1]


def test_a_segment_of_a_given_length_keeps_it():
    from kexp.train.engine.tempo import Tempo

    assert lengths(Tempo(5), (5, 3.0), (5, 0.001)) == [5, 5, 5]
