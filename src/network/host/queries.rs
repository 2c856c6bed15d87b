//! Which of our orders each running kad query belongs to.

use std::collections::{HashMap, HashSet};

use libp2p::{
    PeerId,
    kad::{
        GetClosestPeersError, GetClosestPeersOk, GetProvidersOk, GetRecordOk, PeerInfo, QueryId,
        QueryResult, QueryStats,
    },
};
use tokio::sync::{mpsc, oneshot};

use super::command::{ClosestPeers, FoundValue, KadError, Provider, ProvidersStep, QueryTrace};

/// The most providers taken from one search.
const MAX_PROVIDERS: usize = 512;

/// Where the result of a query goes.
pub(super) enum Pending {
    Provide(oneshot::Sender<Result<QueryTrace, KadError>>),
    Providers { steps: mpsc::Sender<ProvidersStep>, seen: HashSet<PeerId> },
    Closest(oneshot::Sender<Result<ClosestPeers, KadError>>),
    Put(oneshot::Sender<Result<QueryTrace, KadError>>),
    Get { reply: oneshot::Sender<Result<FoundValue, KadError>>, value: Option<Vec<u8>> },
}

/// What the swarm task should do after a query made progress.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing.
    Wait,
    /// Dial these providers now, while the query still knows their addresses, and tell them to
    /// the order as found.
    Found(Vec<PeerId>),
    /// Nobody waits for the query any more, or it has what it wants: end it.
    Finish,
}

#[derive(Default)]
pub(super) struct Queries {
    pending: HashMap<QueryId, Pending>,
}

impl Queries {
    pub(super) fn insert(&mut self, id: QueryId, pending: Pending) {
        self.pending.insert(id, pending);
    }

    /// Takes in a query's progress. Results go where they belong without ever waiting.
    pub(super) fn progressed(
        &mut self,
        id: QueryId,
        result: QueryResult,
        stats: &QueryStats,
        last: bool,
        local: &PeerId,
    ) -> Next {
        let trace = trace(stats);
        if !last {
            return self.step(id, result, local);
        }
        match (self.pending.remove(&id), result) {
            (Some(Pending::Provide(reply)), QueryResult::StartProviding(result)) => {
                let _ = reply.send(result.map(|_| trace).map_err(|_| KadError::TimedOut));
            }
            (Some(Pending::Providers { steps, .. }), QueryResult::GetProviders(result)) => {
                let error = result.err().map(|_| KadError::TimedOut);
                let _ = steps.try_send(ProvidersStep::Finished { trace, error });
            }
            (Some(Pending::Closest(reply)), QueryResult::GetClosestPeers(result)) => {
                let peers = match result {
                    Ok(GetClosestPeersOk { peers, .. })
                    | Err(GetClosestPeersError::Timeout { peers, .. }) => peers,
                };
                let peers = peers.into_iter().map(provider).collect();
                let _ = reply.send(Ok(ClosestPeers { peers, trace }));
            }
            (Some(Pending::Put(reply)), QueryResult::PutRecord(result)) => {
                let _ = reply.send(result.map(|_| trace).map_err(|_| KadError::QuorumFailed));
            }
            (Some(Pending::Get { reply, value }), QueryResult::GetRecord(result)) => {
                let value = match result {
                    Ok(GetRecordOk::FoundRecord(found)) => Some(found.record.value),
                    _ => value,
                };
                let _ = reply.send(Ok(FoundValue { value, trace }));
            }
            _ => {}
        }
        Next::Wait
    }

    fn step(&mut self, id: QueryId, result: QueryResult, local: &PeerId) -> Next {
        match (self.pending.get_mut(&id), result) {
            (
                Some(Pending::Providers { steps, seen }),
                QueryResult::GetProviders(Ok(GetProvidersOk::FoundProviders { providers, .. })),
            ) => {
                if steps.is_closed() {
                    return Next::Finish;
                }
                let new = providers.into_iter().filter(|peer| peer != local);
                let room = MAX_PROVIDERS.saturating_sub(seen.len());
                Next::Found(new.filter(|peer| seen.insert(*peer)).take(room).collect())
            }
            (
                Some(Pending::Get { value, .. }),
                QueryResult::GetRecord(Ok(GetRecordOk::FoundRecord(found))),
            ) => {
                // The first answer is as good as the tenth: nobody vouches for any of them.
                value.get_or_insert(found.record.value);
                Next::Finish
            }
            _ => Next::Wait,
        }
    }

    /// Passes on providers that a query has found.
    pub(super) fn found(&self, id: &QueryId, providers: Vec<Provider>) {
        if let Some(Pending::Providers { steps, .. }) = self.pending.get(id)
            && !providers.is_empty()
            && steps.try_send(ProvidersStep::Found(providers)).is_err()
        {
            tracing::debug!("providers were found faster than they were taken");
        }
    }
}

fn provider(info: PeerInfo) -> Provider {
    Provider { peer: info.peer_id, addresses: info.addrs }
}

fn trace(stats: &QueryStats) -> QueryTrace {
    QueryTrace {
        requests: stats.num_requests(),
        successes: stats.num_successes(),
        failures: stats.num_failures(),
        elapsed: stats.duration().unwrap_or_default(),
    }
}
