//! A file as the catalog keeps it: what can be derived or is shared with others is not there twice.

use std::{collections::HashSet, path::Path, sync::Arc};

use super::SharedFile;
use crate::{
    domain::{ContentId, Manifest, Tags},
    network::content::hash::Stamp,
};

/// A shared file.
#[derive(Debug)]
pub(super) struct Packed {
    path: Arc<Path>,
    stamp: Stamp,
    content: ContentId,
    /// Only where it is another one than the path's last part.
    name: Option<Box<str>>,
    media_type: Option<Arc<str>>,
    tags: Option<Box<Tags>>,
}

impl Packed {
    pub(super) fn content(&self) -> &ContentId {
        &self.content
    }

    pub(super) fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    pub(super) fn path(&self) -> Arc<Path> {
        Arc::clone(&self.path)
    }

    /// The file as others see it.
    pub(super) fn unpack(&self) -> SharedFile {
        let name = self.name.as_deref().or_else(|| last_part(&self.path)).unwrap_or_default();
        let manifest = Manifest {
            name: name.to_owned(),
            content: self.content,
            media_type: self.media_type.as_deref().map(str::to_owned),
            tags: self.tags.as_deref().cloned().unwrap_or_default(),
        };
        SharedFile { path: Arc::clone(&self.path), stamp: self.stamp, manifest }
    }
}

fn last_part(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

/// The media types of all files, each once.
#[derive(Debug, Default)]
pub(super) struct MediaTypes(HashSet<Arc<str>>);

impl MediaTypes {
    pub(super) fn pack(&mut self, file: SharedFile) -> Packed {
        let SharedFile { path, stamp, manifest: Manifest { name, content, media_type, tags } } =
            file;
        let name = (last_part(&path) != Some(&*name)).then(|| name.into_boxed_str());
        let tags = (tags != Tags::default()).then(|| Box::new(tags));
        let media_type = media_type.map(|media_type| self.once(&media_type));
        Packed { path, stamp, content, name, media_type, tags }
    }

    fn once(&mut self, media_type: &str) -> Arc<str> {
        if let Some(known) = self.0.get(media_type) {
            return Arc::clone(known);
        }
        let new: Arc<str> = media_type.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}
