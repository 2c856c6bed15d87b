//! QueryService: finds out who announced the words of a query and asks them.
//!
//! Every word is looked up in the DHT at the same time; every peer found is asked once, with the
//! whole query, as soon as it is known. Nobody else is asked: a search costs the lookups of its
//! words and one question per holder, however large the network is.

mod rows;
mod run;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use libp2p_identity::PeerId;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use self::rows::Rows;
use super::{
    catalog::Catalog,
    message::{
        Event, Failure, FailureKind, Page, ResultRow, SearchEnd, SearchId, SearchRow, Window,
        WordRow,
    },
};
use crate::{
    domain::{ContentId, Query, query::QueryText},
    network::{dht::Dht, host::Host},
};

/// Searches that are kept; beyond that the oldest is forgotten.
const MAX_SEARCHES: usize = 32;
/// The most contents kept of one search, whatever limit was asked for.
const MAX_ROWS: u32 = 10_000;
/// The longest that a search may take.
const MAX_TIME: Duration = Duration::from_secs(600);

/// The searches of a node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct QueryService {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    host: Host,
    dht: Dht,
    protocol: libp2p::StreamProtocol,
    catalog: Catalog,
    events: broadcast::Sender<Event>,
    last_id: AtomicU64,
    searches: Mutex<BTreeMap<SearchId, Arc<Search>>>,
}

/// One search, running or over.
#[derive(Debug)]
struct Search {
    id: SearchId,
    query: Query,
    limit: u32,
    cancel: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rows: Rows,
    dht_requests: u32,
    asked: u32,
    answered: u32,
    words: Vec<WordRow>,
    end: Option<SearchEnd>,
    /// Whether something changed since it was last told.
    untold: bool,
}

impl QueryService {
    /// Searches over an overlay, and among our own files.
    #[must_use]
    pub fn new(
        host: Host,
        dht: Dht,
        protocol: libp2p::StreamProtocol,
        catalog: Catalog,
        events: broadcast::Sender<Event>,
    ) -> Self {
        let (last_id, searches) = (AtomicU64::new(0), Mutex::default());
        Self { inner: Arc::new(Inner { host, dht, protocol, catalog, events, last_id, searches }) }
    }

    /// Begins a search.
    ///
    /// # Errors
    /// When the query cannot be asked.
    pub fn start(
        &self,
        query: &QueryText,
        timeout: Duration,
        limit: u32,
    ) -> Result<SearchId, Failure> {
        let query = Query::try_from(query)
            .map_err(|error| Failure::new(FailureKind::Usage, error.to_string()))?;
        let id = self.inner.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let search = Arc::new(Search {
            id,
            query,
            limit: limit.clamp(1, MAX_ROWS),
            cancel: CancellationToken::new(),
            state: Mutex::default(),
        });
        self.remember(search.clone());
        tokio::spawn(run::run(self.inner.clone(), search, timeout.min(MAX_TIME)));
        Ok(id)
    }

    /// Rows of a search, best first.
    ///
    /// # Errors
    /// When there is no such search (any more).
    pub fn results(
        &self,
        id: SearchId,
        since: u64,
        window: Window,
    ) -> Result<Page<ResultRow>, Failure> {
        let search = self.find(id)?;
        let own = self.inner.host.peer_id();
        let rows = search.state().rows.page(since, window);
        Ok(Page {
            rows: rows.rows.into_iter().map(|row| row.present(&self.inner.catalog, own)).collect(),
            offset: rows.offset,
            total: rows.total,
            generation: rows.generation,
        })
    }

    /// Ends a search and forgets it.
    ///
    /// # Errors
    /// When there is no such search (any more).
    pub fn close(&self, id: SearchId) -> Result<(), Failure> {
        self.find(id)?.cancel.cancel();
        self.searches().remove(&id);
        Ok(())
    }

    /// Peers that a search found to have a content.
    #[must_use]
    pub fn sources(&self, wanted: &ContentId) -> Vec<PeerId> {
        let searches: Vec<_> = self.searches().values().cloned().collect();
        let own = self.inner.host.peer_id();
        let mut found: Vec<PeerId> =
            searches.iter().flat_map(|search| search.state().rows.sources(wanted)).collect();
        found.sort_unstable();
        found.dedup();
        found.retain(|peer| *peer != own);
        found
    }

    fn remember(&self, search: Arc<Search>) {
        let mut searches = self.searches();
        searches.insert(search.id, search);
        while searches.len() > MAX_SEARCHES {
            if let Some((_, oldest)) = searches.pop_first() {
                oldest.cancel.cancel();
            }
        }
    }

    fn find(&self, id: SearchId) -> Result<Arc<Search>, Failure> {
        self.searches().get(&id).cloned().ok_or_else(|| {
            Failure::new(FailureKind::Error, format!("search {id} is not there any more"))
                .hint("search again")
        })
    }

    fn searches(&self) -> MutexGuard<'_, BTreeMap<SearchId, Arc<Search>>> {
        self.inner.searches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Search {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state; it is told with other changes of the same moment.
    fn update(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        state.untold = true;
    }

    /// The search at a glance, if it changed since the last call.
    fn news(&self) -> Option<SearchRow> {
        let mut state = self.state();
        std::mem::take(&mut state.untold).then(|| SearchRow {
            search: self.id,
            query: self.query.to_wire(),
            generation: state.rows.generation(),
            rows: state.rows.len() as u64,
            dht_requests: state.dht_requests,
            asked: state.asked,
            answered: state.answered,
            words: state.words.clone(),
            end: state.end,
        })
    }
}
