use super::*;
use crate::domain::{Root, Sha1Hash, Tags};

fn file(path: &str, size: u64) -> Arc<SharedFile> {
    let content = ContentId {
        sha1: Sha1Hash::from_bytes([1; 20]),
        root: Root::from_bytes([u8::try_from(size).expect("small"); 32]),
        size,
    };
    let tags = Tags { title: Some("Title".into()), ..Tags::default() };
    let manifest = Manifest { name: "name".into(), content, media_type: None, tags };
    let stamp = Stamp { dev: u64::MAX, inode: 1, size, mtime: i64::MIN, mtime_ns: 999_999_999 };
    Arc::new(SharedFile { path: Path::new(path).into(), stamp, manifest })
}

fn get(index: &Index, path: &Path, stamp: &Stamp) -> Option<Manifest> {
    let mut found = index.get_all([(path, stamp)].into_iter());
    assert_eq!(found.len(), 1);
    found.remove(0)
}

fn open(folder: &Path) -> (Index, Option<PathBuf>) {
    Index::open(folder, |error| panic!("{error}")).expect("open")
}

#[test]
fn hashes_and_roots_survive_and_are_tied_to_their_stamp() {
    let folder = tempfile::tempdir().expect("folder");
    let (a, b) = (file("/a", 1), file("/b", 2));
    let excluded = BTreeSet::from([PathBuf::from(OsStr::from_bytes(b"/m/\xff"))]);
    let roots = RememberedRoots::from([("/m".into(), excluded), ("/n".into(), BTreeSet::new())]);
    let (index, _) = open(folder.path());
    index.put(vec![a.clone()]);
    index.put(vec![b.clone()]);
    index.forget(vec![b.path.clone()]);
    index.set_roots(&RememberedRoots::from([("/old".into(), BTreeSet::new())])).expect("set");
    index.set_roots(&roots).expect("set");
    assert!(matches!(Index::open(folder.path(), |_| ()).map(|_| ()), Err(IndexError::InUse)));
    index.close();

    let (index, aside) = open(folder.path());
    assert_eq!(aside, None);
    assert_eq!(get(&index, &a.path, &a.stamp).as_ref(), Some(&a.manifest));
    assert_eq!(get(&index, &a.path, &Stamp { mtime_ns: 0, ..a.stamp }), None);
    assert_eq!(get(&index, &b.path, &b.stamp), None);
    assert_eq!(index.roots().expect("roots"), roots);
}

#[test]
fn what_is_not_kept_is_pruned() {
    let folder = tempfile::tempdir().expect("folder");
    let (index, _) = open(folder.path());
    let (a, b) = (file("/a", 1), file("/b", 2));
    index.put(vec![a.clone()]);
    index.put(vec![b.clone()]);
    index.flush();
    index.put(vec![file("/c", 3)]);
    index.flush();
    let shared = |paths: &mut Vec<PathBuf>| paths.retain(|path| path != Path::new("/c"));
    let keep = |path: &Path, stamp: &Stamp| {
        assert_ne!(path, Path::new("/c"), "it is known to be shared");
        assert!(stamp.size == 1 || stamp.size == 2);
        path == Path::new("/a")
    };
    let pruned = index.prune(shared, keep).expect("prune");
    assert_eq!(pruned, [b.manifest.content]);
    index.flush();
    assert!(get(&index, &a.path, &a.stamp).is_some() && get(&index, &b.path, &b.stamp).is_none());
}

#[test]
fn a_value_of_another_version_is_not_read() {
    let file = file("/a", 1);
    let bytes = encode(&RecordToWrite { stamp: &file.stamp, manifest: &file.manifest });
    assert!(decode::<FileRecord>(&bytes).is_some());
    assert!(decode::<FileRecord>(&[&[VERSION + 1], &bytes[1..]].concat()).is_none());
    assert!(decode::<FileRecord>(&bytes[..bytes.len() - 1]).is_none());
    assert!(decode::<FileRecord>(&[]).is_none());
}

#[test]
fn a_damaged_database_is_set_aside() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("index.redb");
    let (index, _) = open(folder.path());
    for n in 0..200 {
        index.put(vec![file(&format!("/{n}"), n % 100)]);
    }
    index.close();
    let whole = fs::read(&path).expect("read");
    let noise: Vec<u8> = (0..whole.len()).map(|n| (n * 31 % 251) as u8).collect();
    let scribbled: Vec<u8> =
        whole.iter().enumerate().map(|(n, byte)| if n > 4_000 { !byte } else { *byte }).collect();
    for damaged in
        [b"not a database at all".to_vec(), noise, scribbled, whole[..whole.len() / 2].to_vec()]
    {
        fs::write(&path, &damaged).expect("damage");
        let (index, aside) = open(folder.path());
        let aside = aside.expect("set aside");
        assert_eq!(fs::read(&aside).expect("kept").len(), damaged.len());
        assert_eq!(get(&index, Path::new("/1"), &file("/1", 1).stamp), None);
        index.put(vec![file("/1", 1)]);
        index.close();
    }
}
