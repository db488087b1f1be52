//! How a connection ends, whatever ended it: what waits is sent and the client told why, the handler of its last message
//! may finish, the service is told once, and nothing of it is left.

use std::{
    future::poll_fn,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use pomelo_protocol::websocket::encode_close;
use tokio::{
    io::{AsyncRead, ReadBuf},
    net::tcp::OwnedReadHalf,
    time::timeout,
};

use super::{
    Shared,
    client::{Client, CloseReason, Transport},
    connection::Connection,
};

/// How long a client may take to read the last bytes and to close its side, before the connection is cut.
const LINGER_TIMEOUT: Duration = Duration::from_secs(3);

/// The same for the answer to an HTTP request, which may be a large page on a slow network.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves a connection until something ends it, and cleans up.
pub(super) async fn serve(mut connection: Box<Connection>) {
    // Once: it is this task from its beginning to its end.
    let task = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
    connection.client.out.watch(task);
    poll_fn(|cx| connection.poll_serve(cx)).await;
    // Boxed, so that a connection does not pay for its end all its life.
    Box::pin(finish(*connection)).await;
}

async fn finish(connection: Connection) {
    let Connection { client, shared, socket, inbox, registration, .. } = connection;
    let why = client.out.ended().unwrap_or(CloseReason::Left);
    shared.counts.add(&why);
    log(&client, &why);

    // The service is not kept waiting by a client that takes its time to go, nor the client by a handler.
    let told = async {
        if registration.is_open() {
            // What a client said before it went counts; what one said before it was sent away does not. A connector that
            // ends has given it its time.
            if why != CloseReason::Shutdown {
                inbox.finish(matches!(why, CloseReason::Left | CloseReason::Lost(_))).await;
            }
            let closed = AssertUnwindSafe(async { shared.service.closed(&client, why.clone()).await });
            // A panic is the service's; the panic hook has told about it.
            let _ = closed.catch_unwind().await;
        }
    };
    tokio::join!(part(&client, &shared, socket, &why), told);
}

/// Takes leave of the client and closes the socket.
async fn part(client: &Arc<Client>, shared: &Shared, mut socket: OwnedReadHalf, why: &CloseReason) {
    let limit = match why {
        CloseReason::SlowReader { .. } | CloseReason::Lost(_) | CloseReason::NotAdmitted(_) => {
            return client.out.abort();
        }
        CloseReason::Http { .. } => PAGE_TIMEOUT,
        _ => LINGER_TIMEOUT,
    };
    if let Some(goodbye) = goodbye(client, why) {
        client.out.push_goodbye(goodbye);
    }
    let parted = timeout(limit, async {
        poll_fn(|cx| client.out.poll_flush(socket.as_ref(), cx)).await;
        client.out.close();
        // Closing a socket with something unread in it would make the kernel throw away what the client has not read
        // yet, the reason for its kick for one. So what it still says is read until it has closed its side.
        poll_fn(|cx| poll_discard(&mut socket, shared, cx)).await;
    });
    if parted.await.is_err() {
        client.out.abort();
    }
}

fn poll_discard(socket: &mut OwnedReadHalf, shared: &Shared, cx: &mut Context<'_>) -> Poll<()> {
    let mut scratch = shared.scratch.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let mut buffer = ReadBuf::new(&mut scratch);
        match ready!(Pin::new(&mut *socket).poll_read(cx, &mut buffer)) {
            Ok(()) if !buffer.filled().is_empty() => {}
            Ok(()) | Err(_) => return Poll::Ready(()),
        }
    }
}

/// The close frame that tells a WebSocket client why, unless it knows.
fn goodbye(client: &Client, why: &CloseReason) -> Option<Bytes> {
    if client.transport() != Transport::WebSocket {
        return None;
    }
    let code = match why {
        CloseReason::Left
        | CloseReason::Lost(_)
        | CloseReason::Http { .. }
        | CloseReason::NotAdmitted(_)
        | CloseReason::SlowReader { .. } => {
            return None;
        }
        CloseReason::Shutdown => 1001,
        CloseReason::Protocol(fault) => fault.close_code(),
        CloseReason::Flood => 1008,
        CloseReason::Kicked { .. }
        | CloseReason::Closed
        | CloseReason::Refused { .. }
        | CloseReason::HandshakeTimeout
        | CloseReason::HeartbeatTimeout
        | CloseReason::MessageTimeout => 1000,
    };
    let mut close = BytesMut::new();
    encode_close(Some(code), &mut close);
    Some(close.freeze())
}

fn log(client: &Client, why: &CloseReason) {
    let (id, addr, transport) = (client.id(), client.remote_addr(), client.transport().name());
    match why {
        CloseReason::SlowReader { .. } => {
            tracing::warn!(client = id, %addr, transport, %why, "connection closed");
        }
        _ => tracing::debug!(client = id, %addr, transport, %why, "connection closed"),
    }
}
