//! The documentation stays true: commands, flags, codes, keys, bounds and examples are those of
//! the program, and every link leads somewhere.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use p2pfs_tui::{
    domain::{ContentId, Field, Key, Link, Manifest, Root, Sha1Hash, Tags, query::QueryText},
    network::{
        content::wire::{self as content, Holds, ReadRequest, Request, Spans},
        index::wire::{Answer, Question},
        wire::frame,
    },
    tui::state::KEYMAP,
};
use serde::Serialize;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn help(args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2pfs-tui"));
    let output = command.args(args).arg("--help").output().unwrap();
    assert!(output.status.success(), "{args:?} --help");
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that a help lists.
fn commands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    lines.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
}

/// The flags that a help lists.
fn flags(help: &str) -> BTreeSet<String> {
    let starts = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let words = starts.flat_map(|line| line.split([' ', ',']).take(3));
    words.filter(|word| word.starts_with('-')).map(str::to_owned).collect()
}

#[test]
fn every_command_and_flag_is_described() {
    let page = read("docs/reference/command-line.md");
    let top = help(&[]);
    let globals = flags(&top);
    assert!(globals.len() > 10, "{globals:?}");
    for flag in &globals {
        assert!(page.contains(&format!("`{flag}")), "{flag} is not in command-line.md");
    }
    let names = commands(&top);
    assert!(names.len() > 10, "{names:?}");
    for name in &names {
        let own = help(&[name]);
        let title = format!("\n### `{name}");
        let mut sections = page.split(&title).skip(1).map(|rest| rest.split("\n### ").next());
        let section = sections.next().flatten().unwrap_or_default();
        assert!(!section.is_empty(), "command-line.md has no section on {name}");
        for flag in flags(&own).difference(&globals) {
            assert!(section.contains(&format!("`{flag}")), "{name} {flag} is not described");
        }
        for deeper in commands(&own) {
            let title = format!("### `{name} {deeper}`");
            assert!(page.contains(&title), "{name} {deeper} is not described");
        }
    }
}

#[test]
fn every_exit_code_is_described() {
    let page = read("docs/reference/command-line.md");
    let source = read("src/cli/exit.rs");
    let arms = source.lines().filter_map(|line| line.trim().strip_prefix("FailureKind::"));
    let codes: Vec<&str> = arms.filter_map(|arm| arm.split_once("=> ")).map(|arm| arm.1).collect();
    assert!(codes.len() > 7, "{codes:?}");
    for code in codes {
        let row = format!("\n| `{}` |", code.trim_end_matches(','));
        assert!(page.contains(&row), "no row {row:?} in command-line.md");
    }
}

#[test]
fn every_key_is_described() {
    let page = read("docs/reference/keys.md").replace("\\|", "|");
    for binding in KEYMAP {
        for chord in binding.chords {
            let label = chord.label().replace("F(1)", "F1");
            let is_there = page.contains(&format!("`{label}`"))
                || page.split([' ', ',', '|', '\n']).any(|word| word == label);
            assert!(is_there, "{label} ({}) is not in keys.md", binding.help);
        }
    }
}

/// Every page that people read.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let mut folders = vec![root(), root().join("docs"), root().join("assets")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && folder.ends_with("docs") {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// The name that a heading gets on a web page.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().trim().to_lowercase().replace(' ', "-")
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    assert!(pages.len() > 20, "{pages:?}");
    let mut broken = Vec::new();
    for page in &pages {
        let text = fs::read_to_string(page).unwrap();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let (file, section) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { page.clone() } else { folder(page).join(file) };
            let leads = match fs::read_to_string(&path) {
                Ok(text) if !section.is_empty() => text
                    .lines()
                    .filter(|line| line.starts_with('#'))
                    .any(|line| anchor(line.trim_start_matches('#')) == section),
                _ => path.exists(),
            };
            if !leads {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn folder(page: &Path) -> &Path {
    page.parent().unwrap()
}

#[test]
fn the_tests_are_run_as_the_readme_says() {
    let readme = read("README.md");
    let command = readme.lines().find(|line| line.starts_with("cargo test")).unwrap();
    let ci = read(".ci/run").replace(" --locked", "");
    assert!(ci.lines().any(|line| line == format!("step {command}")), "{command} in .ci/run");
}

/// What an expression of a constant comes to: bytes, a count, or milliseconds.
fn value(expression: &str, source: &str) -> Option<u64> {
    let text = expression.trim();
    let inner = |name: &str| text.strip_prefix(name)?.strip_suffix(')');
    if let Some(seconds) = inner("Duration::from_secs(") {
        return Some(value(seconds, source)? * 1_000);
    }
    if let Some(ms) = inner("Duration::from_millis(") {
        return value(ms, source);
    }
    if let Some((base, by)) = text.split_once("<<") {
        return Some(value(base, source)? << value(by, source)?);
    }
    if let Some((a, b)) = text.split_once('*') {
        return Some(value(a, source)? * value(b, source)?);
    }
    text.replace('_', "").parse().ok().or_else(|| value(definition(text, source)?, source))
}

/// The expression of a constant in a file, or of a field that has its default there.
fn definition<'a>(name: &str, source: &'a str) -> Option<&'a str> {
    if let Some(line) = source.lines().find(|line| line.contains(&format!("const {name}: "))) {
        return Some(line.split_once(" = ")?.1.trim_end_matches(';'));
    }
    let field = format!("{name}: ");
    source.lines().find_map(|line| line.trim().strip_prefix(&field)?.strip_suffix(','))
}

/// A value as people write it: `64 KiB`, `1,000`, `1.5 s`, `24 h`.
fn written(text: &str) -> Option<u64> {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let number: f64 = number.replace(',', "").parse().ok()?;
    let factor = match unit {
        "" => 1.0,
        "ms" => 1.0,
        "s" => 1e3,
        "min" => 6e4,
        "h" => 36e5,
        "B" => 1.0,
        "KiB" => 1024.0,
        "MiB" => 1048576.0,
        "GiB" => 1073741824.0,
        "PiB" => 1125899906842624.0,
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]
    let value = (number * factor) as u64;
    Some(value)
}

#[test]
fn every_limit_has_its_value() {
    let page = read("docs/reference/limits.md");
    let mut checked = 0;
    let mut source = String::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("In `src/") {
            source = read(&format!("src/{}", rest.split('`').next().unwrap()));
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, name, said, _why, _] = cells[..] else { continue };
        let Some(name) = name.strip_prefix('`').and_then(|name| name.strip_suffix('`')) else {
            continue;
        };
        let expression = definition(name, &source).unwrap_or_else(|| panic!("no constant {name}"));
        let real = value(expression, &source).unwrap_or_else(|| panic!("{name} = {expression}"));
        assert_eq!(written(said), Some(real), "{name} is {expression}, limits.md says {said}");
        checked += 1;
    }
    assert!(checked > 80, "{checked} limits");
}

fn manifest() -> Manifest {
    Manifest {
        name: "a.ogg".to_owned(),
        content: ContentId {
            sha1: Sha1Hash::from_bytes([0x11; 20]),
            root: Root::from_bytes([0x22; 32]),
            size: 16_384,
        },
        media_type: Some("audio/ogg".to_owned()),
        tags: Tags { title: Some("Vltava".to_owned()), ..Tags::default() },
    }
}

#[test]
fn the_examples_of_the_wire_are_what_is_sent() {
    let words = QueryText { text: "swan lake".to_owned(), field: None };
    let field = QueryText { text: "Vltava".to_owned(), field: Some(Field::Title) };
    let search = [
        sent(&Question { query: words, limit: 100 }),
        sent(&Question { query: field, limit: 1 }),
        sent(&Answer::Row(manifest())),
        sent(&Answer::End { matching: 1 }),
    ];
    are_on("docs/reference/wire-search.md", &search);

    let Manifest { content: ContentId { sha1, root, size }, .. } = manifest();
    let holds = |spans| content::Answer::Holds(Holds { root, spans });
    let content = [
        sent(&Request::DescribeSha1(sha1)),
        sent(&Request::DescribeRoot(root)),
        sent(&Request::Follow(root)),
        sent(&Request::Read(ReadRequest { root, start: 0, end: size })),
        sent(&Request::Cancel(0)),
        sent(&content::Answer::Has(manifest())),
        sent(&content::Answer::End),
        sent(&holds(Spans::All)),
        sent(&holds(Spans::Nothing)),
        sent(&holds(Spans::Some { first: 8, bits: vec![0b11, 0b1] })),
        sent(&content::Answer::Data),
        sent(&content::Answer::Missing),
        sent(&content::Answer::OutOfRange),
        sent(&content::Answer::Cancelled),
        sent(&content::Answer::Waits(2)),
    ];
    are_on("docs/reference/wire-content.md", &content);
}

/// A message as it is sent, in hexadecimal.
fn sent(message: &impl Serialize) -> String {
    frame(message).unwrap().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Fails with what is not on a page, wherever its lines are broken.
fn are_on(page: &str, expected: &[String]) {
    let text: String = read(page).split_whitespace().collect();
    let missing: Vec<_> = expected.iter().filter(|one| !text.contains(*one)).collect();
    assert!(missing.is_empty(), "not on {page}:\n{missing:#?}");
}

#[test]
fn the_examples_of_identifiers_are_computed_so() {
    let content = ContentId {
        sha1: "a9993e364706816aba3e25717850c26c9cd0d89d".parse().unwrap(),
        root: "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85".parse().unwrap(),
        size: 3,
    };
    let link = Link::of(&content, "abc.txt");
    let expected = [
        Key::of_content(&content.sha1).to_string(),
        Key::of_root(&content.root).to_string(),
        Key::of_exact_tag(Field::Artist, "Antonín Dvořák").to_string(),
        Key::of_folded_tag(Field::Artist, "Antonín Dvořák").to_string(),
        Key::of_word("dvorak").to_string(),
        link.to_string(),
        link.short().unwrap(),
    ];
    are_on("docs/reference/identifiers-and-links.md", &expected);
}
