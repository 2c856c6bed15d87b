# The few commands that are repeated. `just` alone lists them.

_list:
    @just --list --unsorted

# Everything that must hold before a change lands.
ci:
    .ci/run

# The tests; `just test indexing` runs those whose names contain the word.
test *WORD:
    cargo test {{ WORD }}

# Formatting and lints, as CI wants them.
lint:
    cargo fmt
    cargo clippy --all-targets -- -D warnings

# Fuzzes a decoder, `just fuzz link -max_total_time=60` for a minute; CONTRIBUTING.md says more.
fuzz TARGET *FLAGS:
    mkdir -p fuzz/corpus/{{ TARGET }}
    cargo fuzz run --sanitizer none {{ TARGET }} fuzz/corpus/{{ TARGET }} fuzz/seeds/{{ TARGET }} -- {{ FLAGS }}

# Beside nginx, sendme, rqbit and others; `just bench transfer --runs 3` for a part of it.
bench *FLAGS:
    cargo bench --bench rivals -- {{ FLAGS }}

# What the TCP transport costs, beside the stock one: `just bench-transport --mib 256 --pairs 3`.
bench-transport *FLAGS:
    cargo bench --bench transport -- {{ FLAGS }}

# A whole network on this machine.
demo *FLAGS:
    cargo run --release -- demo {{ FLAGS }}

# Takes over the screens as they are drawn now; look at them with `git diff` before committing.
screens:
    INSTA_UPDATE=always cargo test --test tui_screens

# Draws the pictures in docs/images from the real view code.
pictures:
    cargo run --example screenshots

# The documentation of the code, in a browser.
doc:
    cargo doc --no-deps --open
