//! The handle of a connection.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use pomelo_protocol::message::Message;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    ClientError, ClientOptions, CloseReason, PushMessage,
    agreed::Agreed,
    connection::{CLOSE_TIMEOUT, Command, Connection, Shared},
    pending::{Answer, Pending},
    pushes::PushBuffer,
    transport::Address,
};

/// Code of an answer when the server could not run the handler, or the handler failed.
const FAILED: i64 = 500;

/// Code of an answer when all is well.
const OK: i64 = 200;

/// A connection to a Pomelo server, handshake done.
///
/// Methods take `&self`: share it in an `Arc` to ask from several tasks. Heartbeats are answered in the background.
/// Dropping it closes the connection without a goodbye.
#[derive(Debug)]
pub struct Client {
    options: ClientOptions,
    agreed: Arc<Agreed>,
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    task: JoinHandle<()>,
}

impl Client {
    /// Connects over WebSocket to `ws://host:port`.
    pub async fn connect_ws(url: &str) -> Result<Self, ClientError> {
        Self::connect_ws_with(url, ClientOptions::default()).await
    }

    /// Connects over raw TCP to `host:port`.
    pub async fn connect_tcp(address: &str) -> Result<Self, ClientError> {
        Self::connect_tcp_with(address, ClientOptions::default()).await
    }

    /// Connects over WebSocket with other settings than the default.
    pub async fn connect_ws_with(url: &str, options: ClientOptions) -> Result<Self, ClientError> {
        Self::connect(Address::ws(url)?, options).await
    }

    /// Connects over raw TCP with other settings than the default.
    pub async fn connect_tcp_with(address: &str, options: ClientOptions) -> Result<Self, ClientError> {
        Self::connect(Address::Tcp { authority: address.to_owned() }, options).await
    }

    /// Asks, and waits for the answer. An answer with code 500 is an error: that is how a server says that it could not
    /// run the handler; any other code is the application's, and part of the answer.
    pub async fn request<Req, Res>(&self, route: &str, body: &Req) -> Result<Res, ClientError>
    where
        Req: Serialize + ?Sized,
        Res: DeserializeOwned,
    {
        let answer = self.request_raw(route, to_json(route, body)?).await?;
        read_answer(route, &answer)
    }

    /// Asks with a body that is JSON already, and waits for the answer as JSON. What is defined as protobuf is translated; an
    /// answer that the server marks as a failure is an error, since its definition may have no place for a code.
    pub async fn request_raw(&self, route: &str, body: impl Into<Bytes>) -> Result<Bytes, ClientError> {
        let body = self.agreed.body(route, body.into()).map_err(ClientError::Unfit)?;
        let place = self.shared.pending.begin()?;
        let message = Message::Request { id: place.id, route: self.agreed.route(route), body };
        let after = self.options.request_timeout;
        let late = |_| ClientError::Timeout { route: route.to_owned(), after };
        let exchange = async {
            self.send(route, &message).await?;
            place.answer().await
        };
        let Answer { body, error } = timeout(after, exchange).await.map_err(late)??;
        let json = self.agreed.json(route, body).map_err(ClientError::Unfit)?;
        if error { Err(failure(route, &json)) } else { Ok(json) }
    }

    /// Tells, without an answer. Waits while the queue of what is to be written is full.
    pub async fn notify<T: Serialize + ?Sized>(&self, route: &str, body: &T) -> Result<(), ClientError> {
        self.notify_raw(route, to_json(route, body)?).await
    }

    /// Tells with a body that is JSON already.
    pub async fn notify_raw(&self, route: &str, body: impl Into<Bytes>) -> Result<(), ClientError> {
        let body = self.agreed.body(route, body.into()).map_err(ClientError::Unfit)?;
        self.send(route, &Message::Notify { route: self.agreed.route(route), body }).await
    }

    /// The next push; waits for one. `None` after the connection has ended and all are taken.
    ///
    /// At most [`ClientOptions::pushes_max`] wait; then the oldest is dropped, and counted in [`Self::pushes_dropped`].
    pub async fn next_push(&self) -> Option<PushMessage> {
        self.shared.pushes.next().await
    }

    /// How many pushes were dropped because nobody took them.
    pub fn pushes_dropped(&self) -> u64 {
        self.shared.pushes.dropped()
    }

    /// What the application said in the handshake.
    pub fn handshake_user(&self) -> Option<&serde_json::Value> {
        self.agreed.user.as_ref()
    }

    /// Why the connection ended, once it has.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.shared.pending.closed()
    }

    /// Waits until the connection has ended.
    pub async fn closed(&self) -> CloseReason {
        let mut closed = self.shared.closed.subscribe();
        match closed.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or(CloseReason::Local),
            Err(_) => CloseReason::Local,
        }
    }

    /// Sends what is queued, says goodbye and waits until the connection has ended, a second at most.
    pub async fn close(&self) {
        let in_order = async {
            // A task that is gone has closed already.
            let _ = self.commands.send(Command::Close).await;
            self.closed().await;
        };
        if timeout(CLOSE_TIMEOUT, in_order).await.is_err() {
            self.shared.give_up.notify_one();
            self.closed().await;
        }
    }

    async fn connect(address: Address, options: ClientOptions) -> Result<Self, ClientError> {
        let connection = Connection::open(&address, &options).await?;
        let agreed = Arc::clone(&connection.agreed);
        let shared = Arc::new(Shared {
            pending: Pending::new(options.pending_requests_max),
            pushes: PushBuffer::new(options.pushes_max),
            closed: watch::Sender::new(None),
            give_up: Notify::new(),
        });
        let (commands, inbox) = mpsc::channel(options.outgoing_messages_max.max(1));
        let task = tokio::spawn(connection.run(Arc::clone(&shared), inbox));
        Ok(Self { options, agreed, shared, commands, task })
    }

    async fn send(&self, route: &str, message: &Message) -> Result<(), ClientError> {
        let mut package = BytesMut::new();
        let unfit = |source| ClientError::Message { route: route.to_owned(), source };
        message.encode_package(&mut package).map_err(unfit)?;
        let ended = |_| ClientError::Closed(self.close_reason().unwrap_or(CloseReason::Local));
        self.commands.send(Command::Send(package.freeze())).await.map_err(ended)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn to_json<T: Serialize + ?Sized>(route: &str, body: &T) -> Result<Vec<u8>, ClientError> {
    serde_json::to_vec(body).map_err(|source| ClientError::Encode { route: route.to_owned(), source })
}

/// An answer that is marked as a failure: whether it says more depends on its definition.
fn failure(route: &str, answer: &[u8]) -> ClientError {
    let outcome = serde_json::from_slice(answer).unwrap_or(Outcome { code: None, message: None, msg: None });
    outcome.failed(route, outcome.code.unwrap_or(FAILED))
}

/// The part of an answer that servers agree on.
#[derive(Deserialize)]
struct Outcome {
    code: Option<i64>,
    message: Option<serde_json::Value>,
    msg: Option<serde_json::Value>,
}

impl Outcome {
    fn failed(&self, route: &str, code: i64) -> ClientError {
        let message = self.message.as_ref().or(self.msg.as_ref()).and_then(serde_json::Value::as_str);
        ClientError::Failed { route: route.to_owned(), code, message: message.map(str::to_owned) }
    }
}

fn read_answer<Res: DeserializeOwned>(route: &str, answer: &[u8]) -> Result<Res, ClientError> {
    let outcome = serde_json::from_slice::<Outcome>(answer).ok();
    if let Some(outcome) = outcome.as_ref().filter(|outcome| outcome.code == Some(FAILED)) {
        return Err(outcome.failed(route, FAILED));
    }
    match serde_json::from_slice(answer) {
        Ok(answer) => Ok(answer),
        // A handler with nothing to say answers `{}`; a caller with nothing to hear expects `()`.
        Err(_) if answer == b"{}" && serde_json::from_slice::<Res>(b"null").is_ok() => {
            serde_json::from_slice(b"null")
                .map_err(|source| ClientError::Decode { route: route.to_owned(), source })
        }
        // An application's own failure has no more than code and message: say that, not which field is missing.
        Err(source) => match outcome.as_ref().and_then(|outcome| Some((outcome, outcome.code?))) {
            Some((outcome, code)) if code != OK => Err(outcome.failed(route, code)),
            _ => Err(ClientError::Decode { route: route.to_owned(), source }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Entered {
        users: Vec<String>,
    }

    #[test]
    fn an_answer_is_a_value_or_a_failure_in_words() {
        let entered = read_answer::<Entered>("r", br#"{"code":200,"users":["a"]}"#).unwrap();
        assert_eq!(entered.users, ["a"]);
        read_answer::<()>("r", b"{}").unwrap();
        let failure = |answer: &[u8]| read_answer::<Entered>("r", answer).unwrap_err().to_string();
        assert_eq!(failure(br#"{"code":500,"users":[]}"#), "r failed with code 500");
        assert_eq!(
            failure(br#"{"code":1003,"message":"no such room"}"#),
            "r failed with code 1003: no such room"
        );
        assert_eq!(failure(br#"{"code":200}"#), "answer of r: missing field `users` at line 1 column 12");
    }
}
