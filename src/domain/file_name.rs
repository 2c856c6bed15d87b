//! Names that are safe to create, made from names that somebody else chose.
//!
//! One component, on every platform: what could lead elsewhere or mean a device is written as
//! `%` and two hexadecimal digits, so that nothing is lost and two names never become one.

/// The longest file name that is created, in bytes; leaves room for ` (1)` and `.part`.
const MAX_BYTES: usize = 240;
/// What a name becomes that has nothing in it.
const NAMELESS: &str = "unnamed";
/// Names that Windows takes for devices, whatever their ending.
const DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8",
    "com9", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// A name to create a file under: one component, never hidden, never a device, never with a dot or
/// a space at its end, at most 240 bytes long with its ending kept.
#[must_use]
pub fn safe(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let last = name.chars().count().saturating_sub(1);
    for (n, c) in name.chars().enumerate() {
        let bad = match c {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => true,
            '%' => true,
            '.' | ' ' => n == 0 || n == last,
            c => c.is_control(),
        };
        if bad {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        } else {
            out.push(c);
        }
    }
    let stem = out.split('.').next().unwrap_or_default();
    if DEVICES.contains(&stem.to_ascii_lowercase().as_str()) {
        out.insert(0, '_');
    }
    if out.is_empty() { NAMELESS.to_owned() } else { shorten(out) }
}

/// A second, third, … name where the first is taken: `name (1).ext`.
#[must_use]
pub fn numbered(name: &str, n: u32) -> String {
    match split_ending(name) {
        (stem, Some(ending)) => format!("{stem} ({n}).{ending}"),
        (stem, None) => format!("{stem} ({n})"),
    }
}

fn shorten(name: String) -> String {
    if name.len() <= MAX_BYTES {
        return name;
    }
    let (stem, ending) = split_ending(&name);
    match ending.filter(|ending| ending.len() <= 16) {
        Some(ending) => {
            let room = MAX_BYTES - ending.len() - 1;
            format!("{}.{ending}", &stem[..stem.floor_char_boundary(room)])
        }
        // What was within the name may be its end now.
        None => {
            let start = &name[..name.floor_char_boundary(MAX_BYTES)];
            start.trim_end_matches(['.', ' ']).to_owned()
        }
    }
}

fn split_ending(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && !ending.is_empty() => (stem, Some(ending)),
        _ => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_lead_elsewhere_stay_here() {
        for (name, expected) in [
            ("Swan Lake.flac", "Swan Lake.flac"),
            ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
            ("..", "%2E%2E"),
            ("/abs", "%2Fabs"),
            ("C:\\x", "C%3A%5Cx"),
            (".bashrc", "%2Ebashrc"),
            ("nul.txt", "_nul.txt"),
            ("a\0b\n", "a%00b%0A"),
            ("100%25", "100%2525"),
            ("", "unnamed"),
            ("東京.ogg", "東京.ogg"),
        ] {
            assert_eq!(safe(name), expected, "{name:?}");
        }
    }

    #[test]
    fn long_names_keep_their_ending() {
        let name = safe(&format!("{}.flac", "ж".repeat(300)));
        assert!(name.len() <= MAX_BYTES && name.ends_with("ж.flac"));
    }

    #[test]
    fn a_cut_leaves_no_dot_at_the_end() {
        let name = safe(&format!("a{} . .{}", "b".repeat(235), "c".repeat(20)));
        assert!(name.starts_with("abb") && name.ends_with('b'), "{name}");
    }

    #[test]
    fn further_names() {
        assert_eq!(numbered("a.tar", 2), "a (2).tar");
        assert_eq!(numbered("README", 1), "README (1)");
    }

    proptest! {
        #[test]
        fn any_name_is_one_plain_component(name in "\\PC*|[./\\\\%:\\x00-\\x20]{0,10}|.{0,400}") {
            let safe = safe(&name);
            let path = std::path::Path::new(&safe);
            prop_assert_eq!(path.components().count(), 1);
            prop_assert!(matches!(path.components().next(), Some(std::path::Component::Normal(_))));
            prop_assert!(safe.len() <= MAX_BYTES && !safe.starts_with('.'));
        }

        #[test]
        fn short_names_stay_apart(a in "[a./% ]{1,6}", b in "[a./% ]{1,6}") {
            prop_assert_eq!(a == b, safe(&a) == safe(&b));
        }
    }
}
