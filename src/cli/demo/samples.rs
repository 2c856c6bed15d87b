//! The files that the demo shares, from `assets/samples`, and who gets which.

use std::{fs, io, path::Path};

use include_dir::{Dir, File, include_dir};
use rand::{Rng, rngs::StdRng, seq::SliceRandom};

static SAMPLES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/assets/samples");

/// At most this many nodes share the same file.
const MAX_COPIES: usize = 3;

/// The node that one watches: the walk-through of the README searches and fetches from it.
const WATCHED: usize = 0;
/// What the walk-through fetches. It lies under this folder or name, in every copy.
const FETCHED: &str = "Swan Lake";

/// Every sample, in the order of their paths.
pub(super) fn all() -> Vec<&'static File<'static>> {
    let mut files = Vec::new();
    let mut folders = vec![&SAMPLES];
    while let Some(folder) = folders.pop() {
        files.extend(folder.files());
        folders.extend(folder.dirs());
    }
    files.sort_by_key(|file| file.path());
    files
}

/// Deals the samples: every node gets some, every sample is somewhere, some are in several places.
/// The watched node never has what one is told to fetch there.
pub(super) fn deal(nodes: usize, rng: &mut StdRng) -> Vec<Vec<&'static File<'static>>> {
    let mut hands = vec![Vec::new(); nodes];
    let mut order: Vec<usize> = (0..nodes).collect();
    order.shuffle(rng);
    let mut seats = order.iter().copied().cycle();
    let mut deck = all();
    deck.shuffle(rng);
    // Few samples for many nodes: go round again until nobody has empty hands.
    let rounds = nodes.div_ceil(deck.len().max(1));
    for sample in std::iter::repeat_n(deck, rounds.max(1)).flatten() {
        for _ in 0..rng.random_range(1..=MAX_COPIES) {
            let fits = |seat: &usize| *seat != WATCHED || !is_fetched(sample);
            let Some(seat) = seats.find(fits) else { break };
            let hand: &mut Vec<&File<'_>> = &mut hands[seat];
            if !hand.iter().any(|held| held.path() == sample.path()) {
                hand.push(sample);
            }
        }
    }
    hands
}

/// Whether the walk-through finds it.
fn is_fetched(sample: &File<'_>) -> bool {
    sample.path().to_string_lossy().contains(FETCHED)
}

/// Puts files into a folder, by their names: no two samples have the same.
///
/// # Errors
/// What the file system says.
pub(super) fn put(files: &[&File<'_>], folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for file in files {
        if let Some(name) = file.path().file_name() {
            fs::write(folder.join(name), file.contents())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::SeedableRng;

    use super::*;

    #[test]
    fn everybody_gets_some_and_every_sample_is_somewhere() {
        for nodes in [2, 24, 150] {
            let hands = deal(nodes, &mut StdRng::seed_from_u64(1));
            assert!(hands.iter().all(|hand| !hand.is_empty()), "{nodes}");
            let held: HashSet<_> = hands.iter().flatten().map(|file| file.path()).collect();
            assert_eq!(held.len(), all().len(), "{nodes}");
            for hand in &hands {
                let names: HashSet<_> = hand.iter().map(|file| file.path().file_name()).collect();
                assert_eq!(names.len(), hand.len(), "no name twice in one folder");
            }
        }
    }

    #[test]
    fn the_watched_node_has_to_fetch_what_it_is_told_to() {
        assert!(all().iter().filter(|sample| is_fetched(sample)).count() > 1);
        for nodes in [2, 3, 24, 150] {
            for seed in 0..50 {
                let hands = deal(nodes, &mut StdRng::seed_from_u64(seed));
                let has = |n: usize| hands[n].iter().any(|sample| is_fetched(sample));
                assert!(!has(WATCHED), "{nodes} nodes, seed {seed}");
                assert!((1..nodes).any(has), "{nodes} nodes, seed {seed}");
                assert!(hands.iter().all(|hand| !hand.is_empty()), "{nodes} nodes, seed {seed}");
            }
        }
    }

    #[test]
    fn a_seed_always_deals_the_same() {
        let paths = |seed| {
            let hands = deal(24, &mut StdRng::seed_from_u64(seed));
            hands.concat().iter().map(|file| file.path()).collect::<Vec<_>>()
        };
        assert_eq!(paths(7), paths(7));
        assert_ne!(paths(7), paths(8));
    }
}
