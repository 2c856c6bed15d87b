//! The house's order: every module uses only what lies below it.
//!
//! Reads the paths that begin with `crate::` in every file of `src/`, and holds the order of the
//! architecture: a lower layer never names a higher one.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// From the lowest to the highest. A layer may use itself and everything before it, except that
/// those of one row do not know each other.
const ORDER: &[&[&str]] = &[
    &["domain"],
    &["network::wire"],
    &["network::kad"],
    &["network::host"],
    &["network::dht", "network::content", "network::index"],
    &["application"],
    &["control"],
    &["tui"],
    &["cli"],
];

/// What the pure halves of the terminal may see: data, messages, each other, and the theme, which
/// `view` is given.
const SEEN_BY_SCREEN: &[&str] =
    &["domain", "application::message", "tui::state", "tui::view", "tui::theme"];
/// The pure halves of the terminal.
const SCREEN: &[&str] = &["tui::state", "tui::view"];

#[test]
fn every_module_uses_only_what_lies_below() {
    let mut broken = Vec::new();
    let mut seen = BTreeSet::new();
    for (module, used) in uses() {
        let (Some(own), Some(other)) = (layer(&module), layer(&used)) else { continue };
        seen.insert(own.1);
        let is_same = own.1 == other.1;
        if !is_same && other.0 >= own.0 {
            broken.push(format!("{module} uses {used}"));
        }
    }
    assert!(broken.is_empty(), "upward or sideways:\n{}", broken.join("\n"));
    assert!(seen.len() > 3, "the test reads the sources: {seen:?}");
}

#[test]
fn the_screen_sees_data_and_messages_only() {
    let is_screen = |module: &str| SCREEN.iter().any(|screen| is_under(module, screen));
    let broken: Vec<_> = uses()
        .into_iter()
        .filter(|(module, _)| is_screen(module))
        .filter(|(_, used)| !SEEN_BY_SCREEN.iter().any(|seen| is_under(used, seen)))
        .map(|(module, used)| format!("{module} uses {used}"))
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn paths_are_found_however_they_are_written() {
    let source = "
        use crate::{domain::{Key, units}, network::dht::Handle};
        use crate::application::{self, message::{Command, Reply},};
        fn f() { crate::tui::run(); }
        // use crate::cli::nothing;
    ";
    let found = paths(source, "x::y");
    for expected in [
        "domain::Key",
        "domain::units",
        "network::dht::Handle",
        "application",
        "application::message::Reply",
        "tui::run",
    ] {
        assert!(found.contains(expected), "{expected} in {found:?}");
    }
    assert!(!found.iter().any(|path| path.starts_with("cli")), "{found:?}");
    assert!(!paths("use crate::tui::{state::Row,};", "x").contains("tui"));
    let up = paths("use super::{state::Row, super::wire};", "tui::view::pane");
    assert!(up.contains("tui::view::state::Row") && up.contains("tui::wire"), "{up:?}");
}

/// Every (module, path it uses) in the library.
fn uses() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let mut uses = Vec::new();
    for file in files {
        let module = module_of(file.strip_prefix(&root).unwrap());
        if module == "main" || module.is_empty() {
            continue;
        }
        // The tests in a file may build what they need with anything.
        let source = fs::read_to_string(&file).unwrap();
        let source = source.split("#[cfg(test)]\nmod tests").next().unwrap();
        uses.extend(paths(source, &module).into_iter().map(|path| (module.clone(), path)));
    }
    uses
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

/// `network/dht/mod.rs` is `network::dht`.
fn module_of(file: &Path) -> String {
    let name = file.with_extension("").to_string_lossy().replace('/', "::");
    name.strip_suffix("::mod").unwrap_or(&name).replace("lib", "").to_owned()
}

/// The paths that a source uses, from the root of the crate.
fn paths(source: &str, module: &str) -> BTreeSet<String> {
    let code: String = source
        .lines()
        .map(|line| line.split("//").next().unwrap_or(""))
        .collect::<Vec<_>>()
        .join(" ");
    let mut found = BTreeSet::new();
    for (start, up) in [("crate::", false), ("super::", true)] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let base = if up { parent(module) } else { String::new() };
            expand(&code[at + start.len()..], &base, &mut found);
        }
    }
    found
}

/// Reads one path, with its braces, and adds what it names.
fn expand(rest: &str, base: &str, found: &mut BTreeSet<String>) -> usize {
    let mut path = base.to_owned();
    let mut at = 0;
    loop {
        let text = &rest[at..];
        let space = text.len() - text.trim_start().len();
        let text = text.trim_start();
        if text.starts_with('{') {
            at += space + 1;
            loop {
                at += expand(&rest[at..], &path, found);
                let after = rest[at..].trim_start();
                at += rest[at..].len() - after.len();
                match after.chars().next() {
                    Some(',') => at += 1,
                    _ => return at + usize::from(after.starts_with('}')),
                }
            }
        }
        let name: String =
            text.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == '*').collect();
        at += space + name.len();
        match name.as_str() {
            // Nothing comes after the last comma of a list.
            "" => return at,
            "self" | "*" => {}
            "super" => path = parent(&path),
            name if path.is_empty() => path = name.to_owned(),
            name => path = format!("{path}::{name}"),
        }
        if rest[at..].starts_with("::") {
            at += 2;
        } else {
            if !path.is_empty() {
                found.insert(path);
            }
            return at;
        }
    }
}

fn parent(path: &str) -> String {
    path.rsplit_once("::").map_or_else(String::new, |(parent, _)| parent.to_owned())
}

fn is_under(path: &str, module: &str) -> bool {
    path == module || path.strip_prefix(module).is_some_and(|rest| rest.starts_with("::"))
}

/// A module's layer: how high, and its name.
fn layer(path: &str) -> Option<(usize, &'static str)> {
    ORDER.iter().enumerate().find_map(|(height, row)| {
        row.iter().find(|name| is_under(path, name)).map(|name| (height, *name))
    })
}
