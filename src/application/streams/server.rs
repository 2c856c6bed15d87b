//! The HTTP server on the loopback: takes connections while there are places, and ends with the
//! node.

use std::{convert::Infallible, io, net::Ipv4Addr, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{answer::answer, offered::Offered};

/// Connections at a time; further ones wait until one ends.
const MAX_CONNECTIONS: usize = 32;
/// Bytes of a request's head, and of what waits to be sent besides one chunk.
const MAX_HEAD: usize = 16 * 1024;
/// For a request's head to arrive, also the next one on a connection that is kept.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// Before the next try where no connection can be taken.
const AGAIN: Duration = Duration::from_millis(100);

/// Begins to listen; returns the port.
pub(super) async fn start(offered: Arc<Offered>, stopped: CancellationToken) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        tokio::select! {
            () = stopped.cancelled() => {}
            () = take(&listener, port, &offered, &stopped) => {}
        }
    });
    Ok(port)
}

async fn take(
    listener: &TcpListener,
    port: u16,
    offered: &Arc<Offered>,
    stopped: &CancellationToken,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Ok(place) = places.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (offered, stopped) = (offered.clone(), stopped.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = stopped.cancelled() => {}
                        () = serve(stream, port, &offered, place) => {}
                    }
                });
            }
            // Short of descriptors, as a rule: that passes.
            Err(error) => {
                tracing::debug!(%error, "a connection to the streams cannot be taken");
                sleep(AGAIN).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, port: u16, offered: &Offered, _place: OwnedSemaphorePermit) {
    let answer = |request| async move { Ok::<_, Infallible>(answer(request, offered, port).await) };
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await;
    // Players close connections whenever they please.
    if let Err(error) = served {
        tracing::debug!(%error, "a reader of a stream is gone");
    }
}
