//! Finds out what a content is when the link does not say all: asks those who have it.
//!
//! A bare SHA-1 may stand for several contents. They are tried in the order of how many peers
//! say they have each, and a wrong one is found out when its SHA-1 turns out to be another.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use libp2p::Multiaddr;
use libp2p_identity::PeerId;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout, timeout_at},
};

use super::{Inner, transfer::Transfer};
use crate::domain::{Manifest, Root, Source};

/// Peers asked what the content is.
const MAX_ASKED: usize = 16;
/// How long one peer may take.
const ANSWER_TIME: Duration = Duration::from_secs(8);
/// How long the others may take after the first has answered.
const GRACE: Duration = Duration::from_millis(1_500);
/// How many variants are tried; each wrong one costs a download.
const MAX_VARIANTS: usize = 3;

/// A content that may be meant, and who says that he has it.
#[derive(Debug, Clone)]
pub(super) struct Variant {
    pub(super) manifest: Manifest,
    pub(super) sources: Vec<Source>,
}

/// What the peers say, best attested first, and how many were found who might have it.
pub(super) async fn describe(
    inner: &Arc<Inner>,
    transfer: &Transfer,
    sources: &mut mpsc::Receiver<Source>,
) -> (Vec<Variant>, usize) {
    let mut asking = FuturesUnordered::new();
    let (mut answers, mut seen) = (Vec::new(), Vec::new());
    let mut deadline = None;
    let mut more = true;
    while more || !asking.is_empty() {
        let until = deadline.unwrap_or_else(|| Instant::now() + Duration::from_secs(3_600));
        let step = timeout_at(until, async {
            tokio::select! {
                source = sources.recv(), if more => Err(source),
                Some(answer) = asking.next() => Ok(answer),
            }
        });
        match step.await {
            Ok(Err(Some(source))) => {
                seen.push(source.clone());
                if let Source::Peer { id, addresses } = source
                    && asking.len() + answers.len() < MAX_ASKED
                {
                    asking.push(ask(inner.clone(), transfer, id, addresses));
                }
            }
            Ok(Err(None)) => more = false,
            Ok(Ok((id, found))) => {
                if !found.is_empty() {
                    deadline.get_or_insert_with(|| Instant::now() + GRACE);
                }
                answers.push((id, found));
            }
            Err(_) => break,
        }
    }
    (rank(answers, &seen), seen.len())
}

async fn ask(
    inner: Arc<Inner>,
    transfer: &Transfer,
    id: PeerId,
    addresses: Vec<Multiaddr>,
) -> (PeerId, Vec<Manifest>) {
    let parts = &inner.parts;
    let link = transfer.record().link;
    let described = async {
        let mut session = parts.providers.open_to_ask(id, addresses).await?;
        match (link.root, link.sha1) {
            (Some(root), _) => session.describe_root(root).await,
            (None, Some(sha1)) => session.describe_sha1(sha1).await,
            (None, None) => Ok(Vec::new()),
        }
    };
    match timeout(ANSWER_TIME, described).await {
        Ok(Ok(found)) => (id, found),
        Ok(Err(error)) => {
            tracing::debug!(peer = %id, %error, "a peer did not describe the content");
            (id, Vec::new())
        }
        Err(_) => (id, Vec::new()),
    }
}

/// Groups the answers by identity, the one with most peers first.
fn rank(answers: Vec<(PeerId, Vec<Manifest>)>, seen: &[Source]) -> Vec<Variant> {
    let mut by_identity: HashMap<(Root, u64), Variant> = HashMap::new();
    for (peer, manifests) in answers {
        let source = seen.iter().find(|s| matches!(s, Source::Peer { id, .. } if *id == peer));
        for manifest in manifests {
            let identity = (manifest.content.root, manifest.content.size);
            let variant = by_identity
                .entry(identity)
                .or_insert_with(|| Variant { manifest, sources: Vec::new() });
            if let Some(source) = source
                && !variant.sources.contains(source)
            {
                variant.sources.push(source.clone());
            }
        }
    }
    let mut variants: Vec<_> = by_identity.into_values().collect();
    // Among equals the small ones first: a wrong one costs as many bytes as it has.
    variants.sort_by_key(|v| {
        let content = v.manifest.content;
        (std::cmp::Reverse(v.sources.len()), content.size, content)
    });
    variants.truncate(MAX_VARIANTS);
    variants
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ContentId, Sha1Hash, Tags};

    fn manifest(root: u8) -> Manifest {
        let content = ContentId {
            sha1: Sha1Hash::from_bytes([1; 20]),
            root: Root::from_bytes([root; 32]),
            size: 1,
        };
        Manifest { name: "a".into(), content, media_type: None, tags: Tags::default() }
    }

    #[test]
    fn the_best_attested_variant_comes_first() {
        let peers: Vec<PeerId> = (0..3).map(|_| PeerId::random()).collect();
        let seen: Vec<Source> =
            peers.iter().map(|id| Source::Peer { id: *id, addresses: Vec::new() }).collect();
        let answers = vec![
            (peers[0], vec![manifest(1)]),
            (peers[1], vec![manifest(2), manifest(2)]),
            (peers[2], vec![manifest(2)]),
        ];
        let ranked = rank(answers, &seen);
        assert_eq!(ranked.len(), 2);
        assert_eq!(ranked[0].manifest.content.root, Root::from_bytes([2; 32]));
        assert_eq!(ranked[0].sources.len(), 2);
    }
}
