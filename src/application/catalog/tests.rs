use super::*;
use crate::domain::{ContentId, Tags};
use proptest::prelude::*;

fn file(path: &str, root: u8, artist: Option<&str>) -> SharedFile {
    let path: Arc<Path> = Path::new(path).into();
    let name = path.file_name().expect("name").to_str().expect("text").to_owned();
    let content = ContentId {
        sha1: Sha1Hash::from_bytes([root / 2; 20]),
        root: Root::from_bytes([root; 32]),
        size: 1,
    };
    let tags = Tags { artist: artist.map(str::to_owned), ..Tags::default() };
    let stamp = Stamp { dev: 0, inode: 0, size: 1, mtime: 0, mtime_ns: 0 };
    let manifest = Manifest { name, content, media_type: None, tags };
    SharedFile { path, stamp, manifest }
}

fn insert(catalog: &Catalog, file: SharedFile) -> Number {
    catalog.insert(catalog.prepare(file))
}

fn names(catalog: &Catalog, text: &str, field: Option<Field>) -> Vec<String> {
    let query = Query::new(text, field).expect("query");
    catalog.answer(&query, 10).into_iter().map(|manifest| manifest.name).collect()
}

#[test]
fn queries_are_answered_by_word_and_by_field() {
    let catalog = Catalog::default();
    insert(&catalog, file("/m/Swan Lake.flac", 2, Some("Tchaikovsky")));
    insert(&catalog, file("/m/Swan Song.flac", 4, Some("Schubert")));
    assert_eq!(names(&catalog, "SWAN schubert", None), ["Swan Song.flac"]);
    assert_eq!(names(&catalog, "swan", None).len(), 2);
    assert!(names(&catalog, "swan brahms", None).is_empty());
    assert_eq!(names(&catalog, "TCHAIKOVSKY", Some(Field::Artist)), ["Swan Lake.flac"]);
    assert!(names(&catalog, "swan", Some(Field::Filename)).is_empty());
    let query = Query::new("swan", None).expect("query");
    assert_eq!(catalog.answer(&query, 1).len(), 1);
}

#[test]
fn one_content_at_two_paths_answers_once_and_outlives_one_of_them() {
    let catalog = Catalog::default();
    let first = insert(&catalog, file("/a/same.txt", 2, None));
    insert(&catalog, file("/b/same.txt", 2, None));
    assert_eq!(names(&catalog, "same", None).len(), 1);
    assert!(catalog.remove(first).is_some() && catalog.remove(first).is_none());
    let left = catalog.by_root(&Root::from_bytes([2; 32])).expect("the other path");
    assert_eq!(*left.path, *Path::new("/b/same.txt"));
}

#[test]
fn variants_of_one_sha1_are_told_apart() {
    let catalog = Catalog::default();
    for (path, root) in [("/a", 2), ("/b", 3), ("/c", 3)] {
        insert(&catalog, file(path, root, None));
    }
    assert_eq!(catalog.by_sha1(&Sha1Hash::from_bytes([1; 20])).len(), 2);
}

#[test]
fn a_changed_file_is_not_opened() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("file");
    std::fs::write(&path, b"one").expect("write");
    let (_, stamp) = open_regular(&path).expect("open");
    let shared = SharedFile { path: path.as_path().into(), stamp, ..file("/x", 1, None) };
    shared.open_unchanged().expect("unchanged");
    std::fs::write(&path, b"other").expect("write");
    assert!(matches!(shared.open_unchanged(), Err(Changed::Stamp(_))));
    std::fs::remove_file(&path).expect("remove");
    assert!(matches!(shared.open_unchanged(), Err(Changed::Open(..))));
}

proptest! {
    /// Whatever is added and removed, the index says what looking at every file would say.
    #[test]
    fn the_index_agrees_with_a_look_at_every_file(
        steps in prop::collection::vec((0_u8..6, "[ab]{2} [cd]{2}", any::<bool>()), 0..40),
        asked in "[ab]{2} [cd]{2}",
    ) {
        let catalog = Catalog::default();
        let mut model: HashMap<Arc<Path>, (Number, SharedFile)> = HashMap::new();
        for (step, (folder, name, add)) in steps.into_iter().enumerate() {
            let root = u8::try_from(step).expect("few steps");
            let file = file(&format!("/{folder}/{name}"), root, Some(&name));
            if let Some((number, old)) = model.remove(&file.path) {
                prop_assert_eq!(catalog.remove(number), Some(old));
            }
            if add {
                let number = insert(&catalog, file.clone());
                model.insert(file.path.clone(), (number, file));
            }
        }
        prop_assert_eq!(catalog.len(), model.len());
        for field in [None, Some(Field::Artist)] {
            let query = Query::new(&asked, field).expect("query");
            let matches = |(_, file): &&(Number, SharedFile)| query.matches(&file.manifest);
            let expected = model.values().filter(matches).count();
            prop_assert_eq!(catalog.answer(&query, usize::MAX).len(), expected);
        }
        for (number, file) in model.values() {
            let ContentId { sha1, root, .. } = &file.manifest.content;
            prop_assert!(catalog.by_root(root).as_deref() == Some(file));
            prop_assert!(catalog.by_sha1(sha1).iter().any(|found| **found == *file));
            prop_assert_eq!(catalog.paths_of(&file.manifest.content), [file.path.clone()]);
            prop_assert!(catalog.get(*number).as_ref() == Some(file));
            prop_assert!(catalog.by_stamp(&file.stamp).is_some());
        }
        for (number, _) in model.values() {
            catalog.remove(*number);
        }
        prop_assert!(catalog.read().postings.is_empty() && catalog.is_empty());
    }
}

#[test]
fn what_is_packed_is_unpacked_as_it_was() {
    let catalog = Catalog::default();
    let mut odd = file("/m/x", 2, Some("Artist"));
    odd.manifest.name = "another name".into();
    odd.manifest.media_type = Some("audio/flac".into());
    for file in [odd, file("/m/plain", 4, None)] {
        let number = insert(&catalog, file.clone());
        assert_eq!(catalog.get(number), Some(file));
    }
}
