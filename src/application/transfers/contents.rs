//! What a transfer consists of: one file, or the files of a collection, whose list is fetched first.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use tokio::{
    sync::{Notify, watch},
    task::spawn_blocking,
};

use super::{
    Inner, course, destination, explain, offers::Whole, record, sources::Found, transfer::Transfer,
};
use crate::{
    application::message::{Failure, FailureKind},
    domain::{
        Collection, Manifest, Root,
        collection::{self, MAX_LIST},
        units,
    },
    network::content::{
        fetch::Fetch,
        layout::{Layout, SpanNo},
        store::{Plan, Store, disk::FilePath},
    },
};

/// What is fetched, file by file.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) layout: Arc<Layout>,
    /// Under what providers are asked which spans they have.
    pub(super) followed: Root,
    /// The list, of a collection.
    pub(super) list: Option<Arc<Whole>>,
    /// Where each file is within the folder; none for a single file.
    paths: Vec<String>,
    /// Files that are not wanted.
    unwanted: BTreeSet<usize>,
}

/// Whether somebody says that a content is the list of a collection.
pub(super) fn is_collection(manifest: &Manifest) -> bool {
    collection::is_list(manifest.media_type.as_deref())
}

/// Finds out what a transfer consists of.
pub(super) async fn find(
    inner: &Arc<Inner>,
    transfer: &Arc<Transfer>,
    manifest: &Manifest,
    (found, hungry): (&Found, &Arc<Notify>),
) -> Result<Contents, Failure> {
    let select = transfer.record().select;
    if !is_collection(manifest) {
        if !select.is_empty() {
            return Err(Failure::new(FailureKind::Usage, format!("{} is one file", manifest.name))
                .hint("get it whole: files can be selected only of a folder"));
        }
        return single(manifest);
    }
    let list = list(inner, transfer, manifest, (found, hungry)).await?;
    let collection = Collection::decode(&list).map_err(|error| {
        Failure::new(FailureKind::Verification, format!("{}: {error}", manifest.name))
            .hint("whoever made this link made it wrong; nothing was saved")
    })?;
    transfer.shown().files = u32::try_from(collection.files().len()).ok();
    of_collection(manifest, &collection, list, &select)
}

fn single(manifest: &Manifest) -> Result<Contents, Failure> {
    let root = manifest.content.root;
    let layout = Layout::new([(root, manifest.content.size)]).map_err(|error| too_large(&error))?;
    Ok(Contents {
        layout: Arc::new(layout),
        followed: root,
        list: None,
        paths: Vec::new(),
        unwanted: BTreeSet::new(),
    })
}

fn of_collection(
    manifest: &Manifest,
    collection: &Collection,
    list: Vec<u8>,
    select: &[String],
) -> Result<Contents, Failure> {
    let files = collection.files();
    let is_wanted = |path: &str| {
        select.is_empty() || select.iter().any(|wanted| Collection::is_below(path, wanted))
    };
    let unwanted: BTreeSet<_> =
        (0..files.len()).filter(|file| !is_wanted(&files[*file].path)).collect();
    if !select.is_empty() && unwanted.len() == files.len() {
        let message = format!("{} has nothing at {}", manifest.name, select.join(", "));
        return Err(Failure::new(FailureKind::NotFound, message)
            .hint("paths are those within the folder, as its owner named them"));
    }
    let contents = files.iter().map(|file| (file.content.root, file.content.size));
    let layout = Layout::new(contents).map_err(|error| too_large(&error))?;
    Ok(Contents {
        layout: Arc::new(layout),
        followed: collection::files_of(&manifest.content.root),
        list: Some(Arc::new(Whole::new(list))),
        paths: collection.safe_paths(),
        unwanted,
    })
}

impl Contents {
    /// Where everything goes.
    pub(super) fn plan(&self, part: &Path, home: &Path) -> Plan {
        let paths = match &self.list {
            Some(_) => self.paths.iter().map(|path| FilePath::new(part, path)).collect(),
            None => vec![FilePath::new(
                part.parent().unwrap_or(Path::new("/")),
                part.file_name().unwrap_or_default(),
            )],
        };
        let (layout, unwanted) = (self.layout.clone(), self.unwanted.clone());
        Plan { layout, paths, unwanted, state: home.into() }
    }

    pub(super) fn unwanted_spans(&self) -> Vec<SpanNo> {
        self.unwanted.iter().flat_map(|file| self.layout.files()[*file].spans()).collect()
    }
}

/// The verified bytes of the list: from an earlier run, or fetched like any content.
async fn list(
    inner: &Arc<Inner>,
    transfer: &Arc<Transfer>,
    manifest: &Manifest,
    (found, hungry): (&Found, &Arc<Notify>),
) -> Result<Vec<u8>, Failure> {
    let (root, size) = (manifest.content.root, manifest.content.size);
    if size > MAX_LIST {
        let message =
            format!("the list of {} has {}, too many to be one", manifest.name, units::bytes(size));
        return Err(Failure::new(FailureKind::Verification, message));
    }
    let home = record::folder(&inner.parts.data_dir, transfer.id).join("list");
    let path = home.join("data");
    let read = |path: std::path::PathBuf| {
        spawn_blocking(move || {
            let data = std::fs::read(&path).unwrap_or_default();
            (blake3::hash(&data).as_bytes() == root.as_bytes()).then_some(data)
        })
    };
    if let Some(list) = read(path.clone()).await.map_err(|_| explain::broken())? {
        return Ok(list);
    }
    let layout = Arc::new(Layout::new([(root, size)]).map_err(|error| too_large(&error))?);
    let paths = vec![FilePath::new(home.as_path(), "data")];
    let plan = Plan { layout, paths, unwanted: BTreeSet::new(), state: home.as_path().into() };
    let disk = inner.parts.disk.clone();
    let opened = spawn_blocking(move || {
        std::fs::create_dir_all(&plan.state)?;
        Store::open(disk, plan, &mut |_| {})
    });
    let opened = opened.await.map_err(|_| explain::broken())?;
    let (store, recovered) = opened.map_err(|error| destination::explain(&path, &error))?;
    let store = Arc::new(store);
    let fetch = Fetch {
        providers: inner.parts.providers.clone(),
        followed: root,
        store: store.clone(),
        here: recovered.here,
        unwanted: Vec::new(),
        reader: watch::channel(None).1,
        limits: vec![inner.parts.limiter.clone(), transfer.limiter.clone()],
        meter: inner.parts.meter.clone(),
        progress: course::unseen(),
        hungry: hungry.clone(),
    };
    let fetched = fetch.run(found.subscribe()).await;
    fetched.map_err(|error| explain::fetch(inner, &path, error, false))?;
    store.complete().await.map_err(|failed| destination::explain(&path, &failed.0))?;
    let list = read(path).await.map_err(|_| explain::broken())?;
    list.ok_or_else(explain::broken)
}

fn too_large(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Verification, error.to_string())
}
