//! The course of one search.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{FuturesUnordered, SelectAll},
};
use libp2p::Multiaddr;
use libp2p_identity::PeerId;
use tokio::time::{Instant, interval, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{Inner, Search, State};
use crate::{
    application::message::{Event, SearchEnd, WordRow},
    domain::{Manifest, Source},
    network::{
        dht::LookupStep,
        index::{self, Answered, AskError},
    },
};

/// Peers asked by one search.
const MAX_ASKED: usize = 200;
/// Peers asked at the same time.
const PARALLEL: usize = 24;
/// How long the first peer may take to appear.
const JOIN_TIME: Duration = Duration::from_secs(6);
/// How often a search tells what is new.
const TELL_EVERY: Duration = Duration::from_millis(40);
/// How long one peer may take to answer.
const ANSWER_TIME: Duration = Duration::from_secs(8);

type Asking = BoxFuture<'static, Result<Result<Answered, AskError>, tokio::time::error::Elapsed>>;

/// Runs a search to its end, which is always told.
pub(super) async fn run(inner: Arc<Inner>, search: Arc<Search>, time: Duration) {
    let deadline = Instant::now() + time;
    let keys = search.query.keys();
    search.update(|state| {
        state.words =
            keys.iter().map(|(word, _)| WordRow { word: word.clone(), holders: 0 }).collect();
    });
    inner.look_at_home(&search);
    let end = tokio::select! {
        () = search.cancel.cancelled() => SearchEnd::Complete,
        end = timeout_at(deadline, ask_the_network(&inner, &search)) => {
            end.unwrap_or(SearchEnd::TimedOut)
        }
        () = inner.keep_telling(&search) => SearchEnd::Complete,
    };
    search.update(|state| state.end = Some(end));
    inner.tell_news(&search);
}

async fn ask_the_network(inner: &Arc<Inner>, search: &Arc<Search>) -> SearchEnd {
    let mut host = inner.host.state();
    let somebody = host.wait_for(|state| state.peers > 0);
    if !matches!(timeout(JOIN_TIME, somebody).await, Ok(Ok(_))) {
        return SearchEnd::NoPeers;
    }
    let mut lookups = SelectAll::new();
    for (n, (_, key)) in search.query.keys().into_iter().enumerate() {
        let steps = inner.dht.find_providers(key).await;
        let steps = futures::stream::unfold(steps, |mut steps| async move {
            steps.recv().await.map(|step| (step, steps))
        });
        lookups.push(steps.map(move |step| (n, step)).boxed());
    }
    let full = CancellationToken::new();
    // Whether a peer has more than it was allowed to send.
    let mut cut = false;
    let mut known = HashSet::new();
    let mut waiting = Vec::new();
    let mut asking: FuturesUnordered<Asking> = FuturesUnordered::new();
    loop {
        while asking.len() < PARALLEL
            && let Some(source) = waiting.pop()
        {
            search.update(|state| state.asked += 1);
            asking.push(ask(inner.clone(), search.clone(), source, full.clone()));
        }
        if lookups.is_empty() && asking.is_empty() {
            return if cut { SearchEnd::Limit } else { SearchEnd::Complete };
        }
        tokio::select! {
            () = full.cancelled() => return SearchEnd::Limit,
            step = lookups.next(), if !lookups.is_empty() => match step {
                Some((word, LookupStep::Found(sources))) => {
                    search.update(|state| count_holders(state, word, sources.len()));
                    let room = MAX_ASKED.saturating_sub(known.len());
                    let peers = sources.into_iter().filter_map(as_peer);
                    waiting.extend(peers.filter(|(peer, _)| known.insert(*peer)).take(room));
                }
                Some((_, LookupStep::Finished(result))) => {
                    let requests = result.map_or(0, |trace| trace.asked);
                    search.update(|state| state.dht_requests += requests);
                }
                None => {}
            },
            Some(result) = asking.next(), if !asking.is_empty() => {
                if let Ok(Ok(answered)) = result {
                    search.update(|state| state.answered += 1);
                    cut |= answered.matching > u64::from(answered.rows + answered.rejected);
                }
            }
        }
    }
}

fn count_holders(state: &mut State, word: usize, more: usize) {
    if let Some(row) = state.words.get_mut(word) {
        row.holders += u32::try_from(more).unwrap_or(u32::MAX);
    }
}

fn as_peer(source: Source) -> Option<(PeerId, Vec<Multiaddr>)> {
    match source {
        Source::Peer { id, addresses } => Some((id, addresses)),
        Source::Url(_) => None,
    }
}

fn ask(
    inner: Arc<Inner>,
    search: Arc<Search>,
    source: (PeerId, Vec<Multiaddr>),
    full: CancellationToken,
) -> Asking {
    let peer = source.0;
    async move {
        let on_row = |manifest| inner.take_in(&search, manifest, peer, &full);
        let (host, protocol) = (&inner.host, inner.protocol.clone());
        let asked = index::ask(host, protocol, source, &search.query, search.limit, on_row);
        let result = timeout(ANSWER_TIME, asked).await;
        match &result {
            Ok(Ok(answered)) if answered.rejected > 0 => {
                tracing::warn!(%peer, rejected = answered.rejected, "rows that do not match");
            }
            Ok(Err(error)) => tracing::debug!(%peer, %error, "a peer did not answer"),
            Err(_) => tracing::debug!(%peer, "a peer did not answer in time"),
            Ok(Ok(_)) => {}
        }
        result
    }
    .boxed()
}

impl Inner {
    /// Tells everybody who watches, as often as a person can follow: a thousand rows that come at
    /// once are one event, and push no other out.
    async fn keep_telling(&self, search: &Search) {
        let mut moments = interval(TELL_EVERY);
        loop {
            moments.tick().await;
            self.tell_news(search);
        }
    }

    fn tell_news(&self, search: &Search) {
        if let Some(row) = search.news() {
            // Nobody watching is fine: the rows can be read at any time.
            let _ = self.events.send(Event::Search(row));
        }
    }

    fn take_in(&self, search: &Search, manifest: Manifest, from: PeerId, full: &CancellationToken) {
        let limit = search.limit;
        search.update(|state| {
            if !state.rows.insert(manifest, from, limit) {
                full.cancel();
            }
        });
    }

    /// Our own files answer first, and need no network.
    fn look_at_home(&self, search: &Search) {
        let full = CancellationToken::new();
        for manifest in self.catalog.answer(&search.query, search.limit as usize) {
            self.take_in(search, manifest, self.host.peer_id(), &full);
        }
    }
}
