//! The default overlay: libp2p's Kademlia, with its built-in queries.
//!
//! Translates the facade's orders into queries of the host. Owns the form of keys on the wire:
//! provider keys are multihashes, as other implementations expect, and values live under
//! `/p2pfs/` followed by the key.

use std::sync::Arc;

use tokio::sync::{Semaphore, broadcast, mpsc};

use super::{Dht, DhtCommand, DhtError, DhtEvent, LookupKind, LookupStep, OverlayEnd, Trace};
use crate::{
    domain::{Key, Source},
    network::host::{
        Host,
        command::{KadError, Provider, ProvidersStep, QueryTrace},
    },
};

/// Lookups that run at the same time; further orders wait.
const PARALLEL: usize = 64;
/// The prefix of a multihash that says SHA-1, 20 bytes.
const MULTIHASH_SHA1: [u8; 2] = [0x11, 0x14];
/// The namespace of our values.
const VALUES: &[u8] = b"/p2pfs/";

/// Starts the overlay on a host.
#[must_use]
pub fn start(host: Host) -> Dht {
    let (dht, end) = Dht::pair();
    tokio::spawn(run(host, end));
    dht
}

async fn run(host: Host, mut end: OverlayEnd) {
    let permits = Arc::new(Semaphore::new(PARALLEL));
    while let Some(command) = end.commands.recv().await {
        // Done at once and not beside the others: what is announced again after it must stay so.
        if let DhtCommand::Withdraw { key } = command {
            host.stop_providing(provider_key(key)).await;
            continue;
        }
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        let (host, events) = (host.clone(), end.events.clone());
        tokio::spawn(async move {
            carry_out(&host, &events, command).await;
            drop(permit);
        });
    }
}

async fn carry_out(host: &Host, events: &broadcast::Sender<DhtEvent>, command: DhtCommand) {
    let tell = |kind, key, trace: Trace| {
        // Nobody watching is fine.
        let _ = events.send(DhtEvent::LookupEnded { kind, key, trace });
    };
    match command {
        DhtCommand::Announce { key, reply } => {
            let result = host.provide(provider_key(key)).await;
            let result = result.map(Trace::from).map_err(DhtError::from);
            tell(LookupKind::Announce, key, result.clone().unwrap_or_default());
            let _ = reply.send(result);
        }
        // Done already: it is no lookup.
        DhtCommand::Withdraw { .. } => {}
        DhtCommand::FindProviders { key, steps } => {
            let found = host.providers(provider_key(key)).await;
            tell(LookupKind::Providers, key, pass_on(found, steps).await);
        }
        DhtCommand::Closest { key, reply } => {
            let result =
                host.closest(provider_key(key)).await.map_err(DhtError::from).map(|found| {
                    let peers = found.peers.into_iter().map(source).collect::<Vec<_>>();
                    (peers, Trace::from(found.trace))
                });
            let trace = result.as_ref().map_or_else(|_| Trace::default(), |(_, trace)| *trace);
            tell(LookupKind::Closest, key, trace);
            let _ = reply.send(result);
        }
        DhtCommand::Put { key, value, reply } => {
            let result = host.put(value_key(key), value).await;
            let result = result.map(Trace::from).map_err(DhtError::from);
            tell(LookupKind::Put, key, result.clone().unwrap_or_default());
            let _ = reply.send(result);
        }
        DhtCommand::Get { key, reply } => {
            let result = host.get(value_key(key)).await.map_err(DhtError::from);
            let result = result.map(|found| (found.value, Trace::from(found.trace)));
            let trace = result.as_ref().map_or_else(|_| Trace::default(), |(_, trace)| *trace);
            tell(LookupKind::Get, key, trace);
            let _ = reply.send(result);
        }
    }
}

/// Passes on the steps of a lookup until it ends or nobody listens; returns what it did.
async fn pass_on(
    mut found: mpsc::Receiver<ProvidersStep>,
    steps: mpsc::Sender<LookupStep>,
) -> Trace {
    loop {
        let step = tokio::select! {
            step = found.recv() => step,
            () = steps.closed() => return Trace::default(),
        };
        match step {
            Some(ProvidersStep::Found(providers)) => {
                let sources = providers.into_iter().map(source).collect();
                if steps.send(LookupStep::Found(sources)).await.is_err() {
                    return Trace::default();
                }
            }
            Some(ProvidersStep::Finished { trace, error }) => {
                let trace = Trace::from(trace);
                let end = error.map_or(Ok(trace), |error| Err(error.into()));
                let _ = steps.send(LookupStep::Finished(end)).await;
                return trace;
            }
            None => {
                let _ = steps.send(LookupStep::Finished(Err(DhtError::Stopped))).await;
                return Trace::default();
            }
        }
    }
}

fn source(provider: Provider) -> Source {
    Source::Peer { id: provider.peer, addresses: provider.addresses }
}

fn provider_key(key: Key) -> Vec<u8> {
    [&MULTIHASH_SHA1[..], key.as_bytes()].concat()
}

fn value_key(key: Key) -> Vec<u8> {
    [VALUES, key.as_bytes()].concat()
}

impl From<QueryTrace> for Trace {
    fn from(trace: QueryTrace) -> Self {
        Self {
            asked: trace.requests,
            answered: trace.successes,
            failed: trace.failures,
            elapsed: trace.elapsed,
        }
    }
}

impl From<KadError> for DhtError {
    fn from(error: KadError) -> Self {
        match error {
            KadError::TimedOut => Self::TimedOut,
            KadError::QuorumFailed | KadError::Store(_) => Self::Refused(error.to_string()),
            KadError::Stopped => Self::Stopped,
        }
    }
}
