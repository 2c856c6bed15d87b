//! How the terminal looks: every kind of screen at three sizes, as committed pictures in text.
//!
//! To look at a change: `INSTA_UPDATE=always cargo test --test tui_screens`, then `git diff`.

#![allow(clippy::unwrap_used)]

mod fixtures;

use fixtures::{FakeNode, Screen, scenes};
use p2pfs_tui::application::message::Rate;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (50, 15)];

/// Draws a scene at every size, after some keys.
fn pictures(name: &str, node: fn() -> FakeNode, first_start: bool, play: impl Fn(&mut Screen)) {
    for (width, height) in SIZES {
        let mut screen =
            Screen::with(node(), width, height, |setup| setup.first_start = first_start);
        play(&mut screen);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), screen.text());
    }
}

#[test]
fn empty() {
    pictures("empty", scenes::empty, false, |_| {});
}

#[test]
fn first_start() {
    pictures("first_start", scenes::empty, true, |_| {});
}

#[test]
fn routing() {
    pictures("routing", scenes::typical, false, |_| {});
}

#[test]
fn shares() {
    pictures("shares", scenes::typical, false, |screen| {
        screen.press("2 j j");
    });
}

#[test]
fn results() {
    pictures("results", scenes::typical, false, |screen| {
        screen.press("s").type_text("tchaikovsky").press("Enter j");
    });
}

#[test]
fn transfers() {
    pictures("transfers", scenes::typical, false, |screen| {
        screen.press("4");
    });
}

#[test]
fn queue() {
    pictures("queue", scenes::queue, false, |screen| {
        screen.press("4");
    });
    pictures("paused", scenes::queue, false, |screen| {
        screen.press("4 p j j j z");
    });
    pictures("waiting", scenes::queue, false, |screen| {
        screen.press("4 j j j j j z");
    });
}

#[test]
fn sources() {
    pictures("sources", scenes::typical, false, |screen| {
        screen.press("4 z");
    });
    pictures("sources_of_many", scenes::queue, false, |screen| {
        for n in 20..60 {
            let mut source = screen.node.sources[1].clone();
            (source.peer, source.rate) = (scenes::peer(n), u64::from(n) * 10_000);
            screen.node.sources.push(source);
        }
        screen.press("4 z");
    });
}

#[test]
fn limits() {
    pictures("limits", scenes::queue, false, |screen| {
        screen.press("4 L");
    });
    pictures("limits_by_hours", scenes::queue, false, |screen| {
        screen.node.limits.schedule.push("09:00-17:00 up=1MiB down=2MiB".parse().unwrap());
        screen.node.limits.in_force = (Rate(Some(1 << 20)), Rate(Some(2 << 20)));
        screen.press("L");
    });
}

#[test]
fn zoomed() {
    pictures("zoomed", scenes::typical, false, |screen| {
        screen.press("s").type_text("tchaikovsky").press("Enter 8 j j j j j j j j z");
    });
}

#[test]
fn failing() {
    pictures("failing_transfers", scenes::failing, false, |screen| {
        screen.press("s").type_text("swan lake brahms").press("Enter 4");
    });
    pictures("failing_search", scenes::failing, false, |screen| {
        screen.press("s").type_text("swan lake brahms").press("Enter");
    });
}

#[test]
fn hostile() {
    pictures("hostile", scenes::hostile, false, |screen| {
        screen.press("s").type_text("tokyo").press("Enter z");
    });
}

#[test]
fn help() {
    pictures("help", scenes::typical, false, |screen| {
        screen.press("3 ?");
    });
}

#[test]
fn prompt() {
    pictures("prompt", scenes::typical, false, |screen| {
        screen.press("s").type_text("Pyotr Tchaikovsky").press("Tab Tab");
    });
}

#[test]
fn question() {
    pictures("question", scenes::typical, false, |screen| {
        screen.press("q");
    });
}

#[test]
fn invitation() {
    pictures("invitation", scenes::empty, false, |screen| {
        screen.press("i");
    });
}

#[test]
fn notices() {
    pictures("notices", scenes::typical, false, |screen| {
        screen.press("a").type_text("~/Films").press("Enter 2 u y n");
    });
}

#[test]
fn very_many() {
    pictures("very_many", scenes::huge, false, |screen| {
        screen.press("2 G");
    });
}

#[test]
fn without_colour_and_in_ascii() {
    let mut screen = Screen::open(scenes::typical(), 120, 40);
    screen.press("s").type_text("tchaikovsky").press("Enter");
    screen.theme = p2pfs_tui::tui::view::Theme::monochrome().in_ascii();
    assert!(screen.text().is_ascii());
    screen.press("s");
    assert!(screen.text().contains("| > "), "{}", screen.text());
    screen.press("Esc");
    insta::assert_snapshot!("ascii_120x40", screen.text());
    let plain = ratatui::style::Color::Reset;
    assert!(screen.buffer().content.iter().all(|cell| cell.fg == plain && cell.bg == plain));
}

#[test]
fn too_small() {
    let screen = Screen::open(scenes::typical(), 40, 10);
    insta::assert_snapshot!("too_small_40x10", screen.text());
}

/// Whatever a peer sends, no control character and no direction override reaches the terminal.
#[test]
fn nothing_hostile_is_drawn() {
    for pane in ["1", "2", "3", "4"] {
        for zoom in ["", "z"] {
            let mut screen = Screen::open(scenes::hostile(), 120, 40);
            screen.press("s").type_text("tokyo").press("Enter").press(pane).press(zoom).press("j");
            for cell in &screen.buffer().content {
                let bad = |c: char| {
                    c.is_control()
                        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
                };
                assert!(!cell.symbol().contains(bad), "{:?}", cell.symbol());
            }
        }
    }
}

/// The pictures of the documentation show the program as it is.
#[test]
fn pictures_are_up_to_date() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(fixtures::pictures::FOLDER);
    for (name, svg) in fixtures::pictures::all() {
        let committed = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(committed == svg, "{name} is out of date: run cargo run --example screenshots");
    }
}
