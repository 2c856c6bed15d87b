//! What a link means: which content, how large, and who is known to have it.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{
    Inner, explain,
    sources::Found,
    transfer::Transfer,
    variants::{self, Variant},
};
use crate::{
    application::message::{Failure, TransferState},
    domain::{Manifest, Root},
    network::content::fetch::{self, Proven},
};

/// A content that may be what is meant.
#[derive(Debug)]
pub(super) struct Target {
    /// What is said of it.
    pub(super) manifest: Manifest,
    /// Whether its size is proven.
    pub(super) proven: bool,
}

/// Finds out what a link means: the one content with its root, or those that may be meant by a
/// bare SHA-1, best attested first.
pub(super) async fn resolve(
    inner: &Arc<Inner>,
    transfer: &Arc<Transfer>,
    (found, hungry): (&Found, &Notify),
) -> Result<Vec<Target>, Failure> {
    let link = transfer.record().link;
    if let Some(root) = link.root {
        let mut manifest = ask(inner, transfer, (root, link.size), (found, hungry)).await?;
        // The link's word counts for more than a peer's.
        manifest.name = link.name.unwrap_or(manifest.name);
        manifest.content.sha1 = link.sha1.unwrap_or(manifest.content.sha1);
        return Ok(vec![Target { manifest, proven: true }]);
    }
    inner.set_state(transfer, TransferState::Describing);
    let (variants, asked) = variants::describe(inner, transfer, &mut found.subscribe()).await;
    if variants.is_empty() {
        return Err(explain::nobody(inner, asked));
    }
    let target = |Variant { mut manifest, .. }: Variant| {
        manifest.name = link.name.clone().unwrap_or(manifest.name);
        Target { manifest, proven: false }
    };
    Ok(variants.into_iter().map(target).collect())
}

/// Has the size of a target proven, if it is not.
pub(super) async fn prove(
    inner: &Inner,
    transfer: &Transfer,
    target: &Target,
    (found, hungry): (&Found, &Notify),
) -> Result<(), Failure> {
    let content = target.manifest.content;
    ask(inner, transfer, (content.root, Some(content.size)), (found, hungry)).await.map(drop)
}

/// Has somebody prove the size of a content, and shows who proved himself wrong meanwhile.
async fn ask(
    inner: &Inner,
    transfer: &Transfer,
    content: (Root, Option<u64>),
    (found, hungry): (&Found, &Notify),
) -> Result<Manifest, Failure> {
    let (mut sources, mut banned) = (found.subscribe(), Vec::new());
    let providers = &inner.parts.providers;
    let proven = fetch::prove(providers, content, (&mut sources, hungry), &mut banned).await;
    transfer.progress.send_modify(|progress| progress.banned.extend(banned));
    let Proven { manifest, last_block } = proven.map_err(|error| explain::prove(inner, error))?;
    // Whoever fetches it from us wants that block first, and nobody else may have it then.
    *transfer.last_block() = Some(Arc::new(last_block));
    Ok(manifest)
}
