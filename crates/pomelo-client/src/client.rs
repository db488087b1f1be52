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
    address::Address,
    agreed::Agreed,
    connection::{CLOSE_TIMEOUT, Command, Connection, Shared},
    name::{Answers, Takes},
    pending::{Answer, Pending},
    pushes::PushBuffer,
};

/// Code of a failure that names none.
const FAILED: i64 = 500;

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
    /// Connects to `ws://host:port`, `wss://host:port`, `tcp://host:port` or `tls://host:port`.
    pub async fn connect(url: &str) -> Result<Self, ClientError> {
        Self::connect_with(url, ClientOptions::default()).await
    }

    /// The same with other settings than the default.
    pub async fn connect_with(url: &str, options: ClientOptions) -> Result<Self, ClientError> {
        let connection = Connection::open(&Address::parse(url)?, &options).await?;
        let agreed = Arc::clone(&connection.agreed);
        let shared = Arc::new(Shared {
            pending: Pending::new(options.pending_requests_max),
            pushes: PushBuffer::new(options.pushes_max),
            wants: options.wants,
            closed: watch::Sender::new(None),
            give_up: Notify::new(),
        });
        let (commands, inbox) = mpsc::channel(options.outgoing_messages_max.max(1));
        let task = tokio::spawn(connection.run(Arc::clone(&shared), inbox));
        Ok(Self { options, agreed, shared, commands, task })
    }

    /// Asks, and waits for the answer. The route is a [`Route`](crate::Route), which settles the types, or a text.
    ///
    /// An answer with a `code` that is not 200 is a [`ClientError::Failed`], which has the code and the whole answer:
    /// that is how Pomelo's servers say that something went wrong, the framework itself (500: there is no such route, or the
    /// handler failed) and the game (any other). [`ClientOptions::is_failure`] says otherwise. An answer without a code is
    /// none.
    ///
    /// ```no_run
    /// # use serde::{Deserialize, Serialize};
    /// use pomelo_client::{Client, ClientError, Route};
    ///
    /// #[derive(Serialize)] struct Enter { username: String, rid: String }
    /// #[derive(Deserialize)] struct Entered { users: Vec<String> }
    /// const ENTER: Route<Enter, Entered> = Route::new("connector.entryHandler.enter");
    ///
    /// # async fn play(client: Client) -> Result<(), ClientError> {
    /// let Entered { users } = client.request(ENTER, &Enter { username: "ann".into(), rid: "lobby".into() }).await?;
    /// let counted: serde_json::Value = client.request("connector.entryHandler.counted", &()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn request<Req, Res>(
        &self,
        route: impl Takes<Req> + Answers<Res>,
        body: &Req,
    ) -> Result<Res, ClientError>
    where
        Req: Serialize + ?Sized,
        Res: DeserializeOwned,
    {
        let route = route.route();
        let Answer { body, error } = self.exchange(route, to_json(route, body)?.into()).await?;
        read_answer(route, &body, error, self.options.is_failure)
    }

    /// Asks with a body that is JSON already, and waits for the answer as JSON, whatever its code. What is defined as
    /// protobuf is translated.
    pub async fn request_raw(&self, route: &str, body: impl Into<Bytes>) -> Result<Bytes, ClientError> {
        Ok(self.exchange(route, body.into()).await?.body)
    }

    /// Tells, without an answer. Waits while the queue of what is to be written is full.
    pub async fn notify<Req: Serialize + ?Sized>(
        &self,
        route: impl Takes<Req>,
        body: &Req,
    ) -> Result<(), ClientError> {
        let route = route.route();
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

    /// How many pushes came that are not [wanted](ClientOptions::wants).
    pub fn pushes_passed_over(&self) -> u64 {
        self.shared.pushes.passed_over()
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

    async fn exchange(&self, route: &str, body: Bytes) -> Result<Answer, ClientError> {
        let body = self.agreed.body(route, body).map_err(ClientError::Unfit)?;
        let place = self.shared.pending.begin()?;
        let message = Message::Request { id: place.id, route: self.agreed.route(route), body };
        let after = self.options.request_timeout;
        let late = |_| ClientError::Timeout { route: route.to_owned(), after };
        let exchange = async {
            self.send(route, &message).await?;
            place.answer().await
        };
        let Answer { body, error } = timeout(after, exchange).await.map_err(late)??;
        Ok(Answer {
            body: self.agreed.json(route, body, &mut Vec::new()).map_err(ClientError::Unfit)?,
            error,
        })
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

/// The part of an answer that servers agree on.
#[derive(Default, Deserialize)]
struct Outcome {
    code: Option<i64>,
    message: Option<serde_json::Value>,
    msg: Option<serde_json::Value>,
}

fn read_answer<Res: DeserializeOwned>(
    route: &str,
    answer: &Bytes,
    error: bool,
    is_failure: impl Fn(i64) -> bool,
) -> Result<Res, ClientError> {
    // What is no object has no code, and a code that is no number is none. (A list would be taken for the fields in their order.)
    let outcome: Outcome = match answer.trim_ascii_start() {
        object @ [b'{', ..] => serde_json::from_slice(object).unwrap_or_default(),
        _ => Outcome::default(),
    };
    // A failure that is marked may have no code: its definition may have no place for one.
    let marked = error.then(|| outcome.code.unwrap_or(FAILED));
    if let Some(code) = marked.or(outcome.code.filter(|code| is_failure(*code))) {
        let message = outcome.message.or(outcome.msg);
        let message = message.as_ref().and_then(serde_json::Value::as_str).map(str::to_owned);
        return Err(ClientError::Failed { route: route.to_owned(), code, message, answer: answer.clone() });
    }
    match serde_json::from_slice(answer) {
        Ok(answer) => Ok(answer),
        // A handler with nothing to say answers `{}`, or that it worked; a caller with nothing to hear expects `()`.
        Err(source) => (says_nothing(answer).then(|| serde_json::from_slice(b"null").ok()).flatten())
            .ok_or_else(|| ClientError::Decode { route: route.to_owned(), source }),
    }
}

fn says_nothing(answer: &[u8]) -> bool {
    let answer: Result<serde_json::Map<_, _>, _> = serde_json::from_slice(answer);
    answer.is_ok_and(|fields| fields.keys().all(|name| name == "code"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Entered {
        users: Vec<String>,
    }

    fn read<Res: DeserializeOwned>(answer: &'static str) -> Result<Res, ClientError> {
        read_answer("r", &Bytes::from_static(answer.as_bytes()), false, ClientOptions::default().is_failure)
    }

    #[test]
    fn an_answer_is_a_value_or_a_failure_in_words() {
        let entered: Entered = read(r#"{"code":200,"users":["a"]}"#).unwrap();
        assert_eq!(entered.users, ["a"]);
        read::<()>("{}").unwrap();
        read::<()>(r#"{"code":200}"#).unwrap();
        assert!(read::<Option<u32>>(r#"{"level":7}"#).is_err(), "something else is not nothing");
        assert_eq!(read::<u32>("500").unwrap(), 500);
        assert_eq!(read::<Vec<u32>>("[500,1,2]").unwrap(), [500, 1, 2]);
        assert_eq!(read::<serde_json::Value>(r#"{"code":"X7"}"#).unwrap()["code"], "X7");
        let failure = |answer| read::<Entered>(answer).unwrap_err().to_string();
        assert_eq!(failure(r#"{"code":500,"users":[]}"#), "r failed with code 500");
        assert_eq!(
            failure(r#"{"code":1003,"message":"no such room"}"#),
            "r failed with code 1003: no such room"
        );
        assert_eq!(failure(r#"{"code":200}"#), "answer of r: missing field `users` at line 1 column 12");
    }

    #[test]
    fn any_code_but_200_is_a_failure_also_where_the_answer_could_be_read() {
        let Err(ClientError::Failed { code: 429, answer, .. }) =
            read::<serde_json::Value>(r#"{"code":429,"wait":3}"#)
        else {
            panic!("429 was taken for an answer")
        };
        assert_eq!(answer, r#"{"code":429,"wait":3}"#);
        assert!(read::<()>(r#"{"code":0}"#).is_err());
    }
}
