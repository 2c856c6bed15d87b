"""From notes to samples: a small additive synthesiser, standard library only.

A part is `[instrument, loudness, notes]`. Notes are words: `F#5:1.5` is a pitch and its
beats, `C4+E4+G4` a chord, `-` a rest; beats that are not given are those of the word
before. `( … )x4` repeats, `|` is a bar line and means nothing. The pitches of `drums`
are K (kick), S (snare), H (hi-hat) and W (wood block).
"""

import array
import math
import random
import re
import wave
from dataclasses import dataclass

RATE = 22050  # samples a second
TAIL = 0.7  # seconds for the last note to ring
TABLE = 2048  # samples in one stored period
PEAK = 0.8  # of full scale, after mixing
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
# (delay in seconds, feedback) of the echoes that make a room
ROOM = ((0.0297, 0.62), (0.0371, 0.60), (0.0411, 0.58), (0.0437, 0.56))
ROOM_LEVEL = 0.05


@dataclass(frozen=True)
class Instrument:
    """A timbre and how a note of it begins, fades and ends."""

    harmonics: tuple  # loudness of the 1st, 2nd, … partial
    attack: float  # seconds to full loudness
    decay: float  # how fast a held note fades, per second; 0 holds
    release: float  # seconds after the note's end
    vibrato: float = 0.0  # depth, as a part of the pitch


INSTRUMENTS = {
    "piano": Instrument((1, 0.5, 0.25, 0.16, 0.08, 0.04), 0.004, 2.4, 0.35),
    "harpsichord": Instrument((1, 0.8, 0.7, 0.5, 0.4, 0.3, 0.2, 0.1), 0.002, 3.5, 0.12),
    "harp": Instrument((1, 0.35, 0.12, 0.05), 0.003, 3.0, 0.7),
    "koto": Instrument((1, 0.7, 0.45, 0.3, 0.2, 0.1), 0.002, 4.0, 0.6),
    "celesta": Instrument((1, 0.0, 0.1, 0.3, 0.0, 0.08), 0.002, 4.5, 0.5),
    "organ": Instrument((1, 0.7, 0.35, 0.5, 0.1, 0.2, 0.05, 0.25), 0.015, 0.0, 0.09),
    "strings": Instrument((1, 0.5, 0.33, 0.25, 0.2, 0.16, 0.12), 0.07, 0.0, 0.18, 0.003),
    "flute": Instrument((1, 0.18, 0.06), 0.05, 0.0, 0.1, 0.004),
    "oboe": Instrument((0.6, 1, 0.8, 0.45, 0.3, 0.18), 0.03, 0.0, 0.09, 0.003),
    "horn": Instrument((1, 0.65, 0.4, 0.2, 0.1), 0.04, 0.3, 0.14),
    "voices": Instrument((1, 0.6, 0.2, 0.25, 0.05), 0.09, 0.0, 0.25, 0.005),
    "bass": Instrument((1, 0.4, 0.15), 0.006, 1.6, 0.12),
    "keys": Instrument((1, 0.12, 0.0, 0.1, 0.0, 0.03), 0.004, 1.5, 0.3, 0.0015),
}


def render(tempo, parts):
    """The samples of all parts together, -1 to 1; `tempo` in beats a minute."""
    voices = [(name, level, parse(notes)) for name, level, notes in parts]
    beats = max(sum(beats for _, beats in words) for _, _, words in voices)
    mix = array.array("d", bytes(8 * int((beats * 60 / tempo + TAIL) * RATE)))
    for name, level, words in voices:
        start = 0.0
        for pitches, beats in words:
            for pitch in pitches:
                seconds = beats * 60 / tempo
                add(mix, int(start * RATE), sound(name, pitch, seconds), level)
            start += beats * 60 / tempo
    return finish(with_room(mix))


def parse(notes):
    """`[(pitches, beats)]` of a part's words."""
    notes = re.sub(r"\(([^()]*)\)x(\d+)", lambda m: (m[1] + " ") * int(m[2]), notes)
    words, beats = [], 1.0
    for word in notes.replace("|", " ").split():
        pitches, _, length = word.partition(":")
        beats = float(length) if length else beats
        words.append(([] if pitches == "-" else pitches.split("+"), beats))
    return words


def sound(name, pitch, seconds):
    """One note's samples."""
    if name == "drums":
        return drum(pitch)
    instrument = INSTRUMENTS[name]
    hertz = frequency(pitch)
    table = period(instrument.harmonics, hertz)
    samples = array.array("d")
    phase = 0.0
    for n in range(int((seconds + instrument.release) * RATE)):
        time = n / RATE
        bend = 1 + instrument.vibrato * math.sin(33 * time) if instrument.vibrato else 1
        phase = (phase + hertz * bend / RATE) % 1.0
        samples.append(table[int(phase * TABLE)] * envelope(instrument, time, seconds))
    return samples


def envelope(instrument, time, seconds):
    loudness = min(1.0, time / instrument.attack) * math.exp(-instrument.decay * time)
    if time > seconds:
        loudness *= max(0.0, 1 - (time - seconds) / instrument.release) ** 2
    return loudness


def period(harmonics, hertz):
    """One period of the timbre, without partials that the rate cannot carry."""
    audible = [(n, level) for n, level in enumerate(harmonics, 1) if n * hertz < RATE / 2.3]
    turn = 2 * math.pi / TABLE
    return [sum(level * math.sin(n * i * turn) for n, level in audible) for i in range(TABLE)]


def frequency(pitch):
    letter, accidental, octave = re.fullmatch(r"([A-G])([#b]?)(\d)", pitch).groups()
    step = SEMITONES[letter] + {"#": 1, "b": -1, "": 0}[accidental]
    return 440.0 * 2 ** ((step + 12 * int(octave) - 57) / 12)


def drum(kind):
    """A stroke; the noise is seeded, so that it is the same every time."""
    noise = random.Random(kind)
    length, fade = {"K": (0.25, 16), "S": (0.18, 22), "H": (0.05, 90), "W": (0.07, 60)}[kind]
    samples = array.array("d")
    for n in range(int(length * RATE)):
        time = n / RATE
        if kind == "K":  # falls from 150 Hz to 50 Hz
            value = math.sin(2 * math.pi * (50 * time + 4 * (1 - math.exp(-25 * time))))
        elif kind == "W":
            value = math.sin(2 * math.pi * 880 * time)
        else:
            value = 0.5 * noise.uniform(-1, 1)
        samples.append(value * math.exp(-fade * time))
    return samples


def add(mix, start, samples, level):
    for n, value in enumerate(samples[: max(0, len(mix) - start)], start):
        mix[n] += level * value


def with_room(dry):
    """Adds a short reverberation: a few feedback delays side by side."""
    wet = array.array("d", dry)
    for seconds, feedback in ROOM:
        delay = int(seconds * RATE)
        echo = array.array("d", dry)
        for n in range(delay, len(echo)):
            echo[n] += feedback * echo[n - delay]
            wet[n] += ROOM_LEVEL * echo[n - delay]
    return wet


def finish(samples):
    """Normalises, and fades the tail to silence."""
    fade = int(TAIL * RATE)
    for n in range(1, fade + 1):
        samples[-n] *= n / fade
    peak = max(map(abs, samples))
    return [PEAK * value / peak for value in samples]


def write_wav(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        pcm = array.array("h", (round(32767 * value) for value in samples))
        file.writeframes(pcm.tobytes())
