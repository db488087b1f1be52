//! The task that owns a connection: writes what is queued, hands out what arrives, keeps the heartbeat.

use std::{future::Future, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use pomelo_protocol::{
    handshake::{CODE_OK, HandshakeReply, HandshakeRequest, RequestSys},
    message::Message,
    package::{Kick, Package, PackageKind, encode_package},
};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, sleep_until, timeout},
};

use crate::{
    ClientError, ClientOptions, CloseReason,
    address::Address,
    agreed::Agreed,
    pending::{Answer, Pending},
    pushes::PushBuffer,
    transport::{PackageReader, PackageWriter, dial},
};

/// Most packages written at once.
const BATCH: usize = 64;
/// How long what is queued and the last words may take.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What the handle wants of the task.
#[derive(Debug)]
pub(crate) enum Command {
    /// A package, encoded.
    Send(Bytes),
    /// Say goodbye and end.
    Close,
}

/// What handle and task share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) pending: Pending,
    pub(crate) pushes: PushBuffer,
    pub(crate) wants: fn(&str) -> bool,
    pub(crate) closed: watch::Sender<Option<CloseReason>>,
    /// The handle will not wait for the server any longer.
    pub(crate) give_up: Notify,
}

/// A connection whose handshake is done.
pub(crate) struct Connection {
    reader: PackageReader,
    writer: PackageWriter,
    pub(crate) agreed: Arc<Agreed>,
}

impl Connection {
    /// Dials and shakes hands.
    pub(crate) async fn open(address: &Address, options: &ClientOptions) -> Result<Self, ClientError> {
        let opening = async {
            let (mut reader, mut writer) = dial(address, options).await?;
            let agreed = shake_hands(address.authority(), options, &mut reader, &mut writer).await?;
            Ok(Self { reader, writer, agreed: Arc::new(agreed) })
        };
        let after = options.connect_timeout;
        let late = |_| ClientError::ConnectTimeout { address: address.authority().to_owned(), after };
        timeout(after, opening).await.map_err(late)?
    }

    /// Runs until the connection ends, and tells everybody why.
    pub(crate) async fn run(self, shared: Arc<Shared>, commands: mpsc::Receiver<Command>) {
        let Self { mut reader, mut writer, agreed } = self;
        let beat = Notify::new();
        let (reason, gave_up) = tokio::select! {
            reason = read(&mut reader, &agreed, &shared, &beat) => (reason, false),
            reason = write(&mut writer, &agreed, commands, &beat) => (reason, false),
            () = shared.give_up.notified() => (CloseReason::Local, true),
        };
        // Nobody may wait for an answer while goodbye is said.
        shared.pending.close(reason.clone());
        shared.pushes.close();
        let polite = matches!(
            reason,
            CloseReason::Local | CloseReason::Kicked(_) | CloseReason::ComeBack(_) | CloseReason::Server
        );
        if polite && !gave_up {
            let last_words = timeout(CLOSE_TIMEOUT, writer.close());
            tokio::select! {
                _ = last_words => {}
                () = shared.give_up.notified() => {}
            }
        }
        shared.closed.send_replace(Some(reason));
    }
}

async fn shake_hands(
    authority: &str,
    options: &ClientOptions,
    reader: &mut PackageReader,
    writer: &mut PackageWriter,
) -> Result<Agreed, ClientError> {
    let failed = |reason: String| ClientError::Handshake { address: authority.to_owned(), reason };
    let (client_type, version) = options.client.clone();
    let offered = options.known.documents();
    let mut sys = RequestSys {
        client_type: Some(client_type.into()),
        version: Some(version.into()),
        ..RequestSys::default()
    };
    offered.offer(&mut sys);
    let request = HandshakeRequest { sys: Some(sys), user: Some(options.user.clone()) };
    let body = request.to_body().map_err(|error| failed(error.to_string()))?;
    send(writer, PackageKind::Handshake, &body).await.map_err(|reason| failed(reason.to_string()))?;
    let package = reader.next().await.map_err(|reason| failed(reason.to_string()))?;
    if package.kind != PackageKind::Handshake {
        return Err(failed(format!("expected a handshake, found {:?}", package.kind)));
    }
    let reply = HandshakeReply::from_body(&package.body).map_err(|error| failed(error.to_string()))?;
    if reply.code != CODE_OK {
        return Err(ClientError::Refused { address: authority.to_owned(), code: reply.code });
    }
    let sys = reply.sys.unwrap_or_default();
    let agreed = Agreed::new(sys, reply.user, offered, &options.known, options.package_bytes_max)
        .map_err(|error| failed(format!("definitions of messages: {error}")))?;
    send(writer, PackageKind::HandshakeAck, &[]).await.map_err(|reason| failed(reason.to_string()))?;
    Ok(agreed)
}

async fn read(reader: &mut PackageReader, agreed: &Agreed, shared: &Shared, beat: &Notify) -> CloseReason {
    let silence_max = agreed.heartbeat.map(|interval| interval * 2);
    let mut scratch = Vec::new();
    loop {
        let package = match within(silence_max, reader.next()).await {
            Some(Ok(package)) => package,
            Some(Err(reason)) => return reason,
            None => return CloseReason::Silent(silence_max.unwrap_or_default()),
        };
        if let Err(reason) = take(package, agreed, shared, beat, &mut scratch) {
            return reason;
        }
        // Without the clock: one read brings hundreds of pushes to a client that is pushed to a lot.
        while let Some(package) = reader.read_along() {
            if let Err(reason) = package.and_then(|package| take(package, agreed, shared, beat, &mut scratch))
            {
                return reason;
            }
        }
    }
}

fn take(
    package: Package,
    agreed: &Agreed,
    shared: &Shared,
    beat: &Notify,
    scratch: &mut Vec<u8>,
) -> Result<(), CloseReason> {
    match package.kind {
        PackageKind::Heartbeat => beat.notify_one(),
        PackageKind::Kick => {
            let kick: Kick = serde_json::from_slice(&package.body).unwrap_or_default();
            return Err(match kick.reconnect {
                true => CloseReason::ComeBack(kick.reason),
                false => CloseReason::Kicked(kick.reason),
            });
        }
        PackageKind::Data => {
            let message =
                Message::decode(package.body).map_err(|error| CloseReason::Protocol(error.to_string()))?;
            match message {
                Message::Response { id, body, error } => shared.pending.answer(id, Answer { body, error }),
                Message::Push { route, body } => match agreed.push(&route, body, shared.wants, scratch)? {
                    Some(push) => shared.pushes.put(push),
                    None => shared.pushes.pass_over(),
                },
                other => return Err(CloseReason::Protocol(format!("a server does not send {other:?}"))),
            }
        }
        other => return Err(CloseReason::Protocol(format!("{other:?} after the handshake"))),
    }
    Ok(())
}

/// Writes what is queued, and answers a heartbeat one interval after it came, as the original's clients do: the server
/// answers at once, so the two keep each other going at that pace.
async fn write(
    writer: &mut PackageWriter,
    agreed: &Agreed,
    mut commands: mpsc::Receiver<Command>,
    beat: &Notify,
) -> CloseReason {
    let (mut due, mut batch, mut ready) = (None, Vec::new(), Vec::new());
    loop {
        tokio::select! {
            () = beat.notified() => {
                due = due.or(agreed.heartbeat.map(|interval| Instant::now() + interval));
                continue;
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                due = None;
                ready.push(package(PackageKind::Heartbeat, &[]));
            }
            taken = commands.recv_many(&mut batch, BATCH) => if taken == 0 { return CloseReason::Local },
        }
        let mut closing = false;
        for command in batch.drain(..) {
            match command {
                Command::Send(package) => ready.push(package),
                Command::Close => closing = true,
            }
        }
        if let Err(reason) = writer.send(&mut ready).await {
            return reason;
        }
        if closing {
            return CloseReason::Local;
        }
    }
}

async fn send(writer: &mut PackageWriter, kind: PackageKind, body: &[u8]) -> Result<(), CloseReason> {
    writer.send(&mut vec![package(kind, body)]).await
}

fn package(kind: PackageKind, body: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    // Only a body over 16 MiB can fail; these are the client's own short ones, and an empty write is harmless.
    let _ = encode_package(kind, body, &mut out);
    out.freeze()
}

/// `None` when it took longer than `limit`, if there is one.
async fn within<T>(limit: Option<Duration>, what: impl Future<Output = T>) -> Option<T> {
    match limit {
        Some(limit) => timeout(limit, what).await.ok(),
        None => Some(what.await),
    }
}
