#!/usr/bin/env python3
"""Makes the sample files in `samples/`, which `p2pfs-tui demo` shares.

The committed files are the output of this script; run it again after changing
`generator/scores.toml`:

    python3 assets/make_samples.py           # render, encode and check everything
    python3 assets/make_samples.py --check   # only check the files that are there

Needs python3 (3.11 or newer, standard library only) and ffmpeg with ffprobe, built
with libmp3lame, libvorbis and libopus. One ffmpeg gives the same bytes every time;
another version may encode differently, the notes and the tags stay the same.

The texts in `samples/Texts` are written by hand and only checked here.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

sys.dont_write_bytecode = True  # no __pycache__ among the assets

from generator import picture, synth  # noqa: E402

HERE = Path(__file__).resolve().parent
SAMPLES = HERE / "samples"
SCORES = HERE / "generator" / "scores.toml"

MAX_FILE = 100 * 1024  # bytes
MAX_TOTAL = 1536 * 1024  # bytes
SECONDS = (2.0, 6.5)  # shortest and longest sound
TAGS = ("artist", "title", "album", "track")

# Mono everywhere; WAV and FLAC at a low rate, since they keep every sample.
CODECS = {
    ".mp3": ["-c:a", "libmp3lame", "-b:a", "40k", "-id3v2_version", "3"],
    ".flac": ["-c:a", "flac", "-compression_level", "12", "-ar", "11025"],
    ".ogg": ["-c:a", "libvorbis", "-q:a", "1"],
    ".opus": ["-c:a", "libopus", "-b:a", "32k"],
    ".m4a": ["-c:a", "aac", "-b:a", "40k", "-movflags", "+faststart"],
    ".wav": ["-c:a", "pcm_s16le", "-ar", "11025"],
}


def main():
    pieces = tomllib.loads(SCORES.read_text("utf-8"))["piece"]
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    if not sys.argv[1:]:
        render_all(pieces)
        picture.draw(SAMPLES / "Pictures")
    problems = check(pieces)
    if problems:
        sys.exit("\n".join(problems))


def render_all(pieces):
    by_title = {piece["title"]: piece for piece in pieces if "parts" in piece}
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "sound.wav"
        for piece in pieces:
            score = by_title[piece["same_as"]] if "same_as" in piece else piece
            synth.write_wav(sound, synth.render(score["tempo"], score["parts"]))
            encode(sound, SAMPLES / piece["file"], piece)
            print(piece["file"])


def encode(sound, target, piece):
    """Writes `target` in the format its name asks for, with tags, the same bytes each time."""
    target.parent.mkdir(parents=True, exist_ok=True)
    command = ["ffmpeg", "-v", "error", "-y", "-i", sound, "-map_metadata", "-1"]
    for name in TAGS:
        if name in piece:
            command += ["-metadata", f"{name}={piece[name]}"]
    command += CODECS[target.suffix] + ["-fflags", "+bitexact", "-flags:a", "+bitexact", target]
    subprocess.run(command, check=True)


def check(pieces):
    """Everything that is wrong with the files, in words."""
    problems = []
    files = sorted(path for path in SAMPLES.rglob("*") if path.is_file())
    expected = {SAMPLES / piece["file"] for piece in pieces}
    for path in files:
        if path.suffix in CODECS and path not in expected:
            problems.append(f"{path.name}: in no score")
        if path.stat().st_size > MAX_FILE:
            problems.append(f"{path.name}: {path.stat().st_size} bytes, over {MAX_FILE}")
    names = [path.name for path in files]
    if len(set(names)) != len(names):
        problems.append("two files have the same name: they would collide in one folder")
    for piece in pieces:
        problems += check_sound(SAMPLES / piece["file"], piece)
    total = sum(path.stat().st_size for path in files)
    if total > MAX_TOTAL:
        problems.append(f"{total} bytes in total, over {MAX_TOTAL}")
    print(f"{len(files)} files, {total} bytes, {len(problems)} problems")
    return problems


def check_sound(path, piece):
    """Compares what ffprobe reads with what the score says."""
    if not path.is_file():
        return [f"{path.name}: missing"]
    command = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", path]
    probe = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    # Ogg keeps its tags in the stream, the others in the container.
    found = probe["streams"][0].get("tags", {}) | probe["format"].get("tags", {})
    found = {name.lower(): value for name, value in found.items()}
    problems = [
        f"{path.name}: {name} is {found.get(name)!r}, expected {piece[name]!r}"
        for name in TAGS
        if name in piece and found.get(name) != str(piece[name])
    ]
    seconds = float(probe["format"]["duration"])
    if not SECONDS[0] <= seconds <= SECONDS[1]:
        problems.append(f"{path.name}: plays {seconds:.1f} s, not {SECONDS[0]} to {SECONDS[1]}")
    return problems


if __name__ == "__main__":
    main()
