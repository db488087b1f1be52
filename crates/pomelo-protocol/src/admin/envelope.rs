//! The envelope of everything said after registration: requests, responses, notifies and commands, addressed to a module
//! (`watchServer`, `__console__`, `__monitorwatcher__`, ...). What a module's body says is the module's affair.

use std::fmt;

use serde_json::{Map, Value};

use super::{Leader, Shape};

/// One message to or from a module.
#[derive(Clone, Debug, PartialEq)]
pub enum Envelope {
    /// Wants a [`Response`].
    Request {
        /// Chosen by the sender, unique among its requests that have no answer yet.
        req_id: ReqId,
        /// Which module is asked.
        module_id: String,
        /// `null` if it was left out.
        body: Value,
        /// Epoch of the master that asks; a master of the original and a tool send none.
        epoch: Option<u64>,
    },
    /// Answer to a request or a command.
    Response(Response),
    /// Wants no answer. The only one that the original encodes once.
    Notify {
        /// Which module is told.
        module_id: String,
        /// `null` if it was left out.
        body: Value,
        /// Epoch of the master that tells.
        epoch: Option<u64>,
    },
    /// `list`, `enable` or `disable` of modules.
    Command {
        /// Without one no answer is wanted.
        req_id: Option<ReqId>,
        /// What to do.
        command: String,
        /// Which module, or `all`.
        module_id: Value,
        /// `null` if it was left out.
        body: Value,
        /// Epoch of the master that asks.
        epoch: Option<u64>,
    },
}

/// Number of a request. The original repeats what was not answered before a reconnect with the number as text, and expects it
/// back as it came; [`ReqId::number`] is what to look it up by.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum ReqId {
    /// `57`
    Number(u64),
    /// `"57"`
    Text(String),
}

/// The answer to a request.
///
/// Monitors of the original answer with their result in `error` (`1` is OK there), clients get it in `body`; so both are kept
/// as they came, and `None` (left out) differs from `null`.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The request's number.
    pub resp_id: ReqId,
    /// `null` is success, except from monitors.
    pub error: Option<Value>,
    /// The result.
    pub body: Option<Value>,
}

/// An error as it stands in [`Response::error`]: `{"message": ...}`, with the fields by which Rust peers go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// For a person.
    pub message: String,
    /// Who leads, if the answering end does not and knows.
    pub leader: Option<Leader>,
    /// The higher epoch the answering end has seen: the asking master leads no more.
    pub superseded: Option<u64>,
    /// Whether asking again, here or at the next leader, may succeed. A command that changes something is asked again under the
    /// same operation number.
    pub again: bool,
}

impl Envelope {
    /// A request of a tool or a server.
    pub fn request(req_id: u64, module_id: impl Into<String>, body: Value) -> Self {
        Self::Request { req_id: ReqId::Number(req_id), module_id: module_id.into(), body, epoch: None }
    }

    /// A notify of a server.
    pub fn notify(module_id: impl Into<String>, body: Value) -> Self {
        Self::Notify { module_id: module_id.into(), body, epoch: None }
    }

    /// The same, said by a master in its `epoch`. Responses carry none.
    #[must_use]
    pub fn in_epoch(mut self, of_sender: u64) -> Self {
        match &mut self {
            Self::Request { epoch, .. } | Self::Notify { epoch, .. } | Self::Command { epoch, .. } => {
                *epoch = Some(of_sender);
            }
            Self::Response(_) => {}
        }
        self
    }

    /// The epoch of the master that sent it, if it said so.
    pub fn epoch(&self) -> Option<u64> {
        match self {
            Self::Request { epoch, .. } | Self::Notify { epoch, .. } | Self::Command { epoch, .. } => *epoch,
            Self::Response(_) => None,
        }
    }

    pub(super) fn is_encoded_twice(&self) -> bool {
        !matches!(self, Self::Notify { .. })
    }

    pub(super) fn from_json(json: Value) -> Result<Self, Shape> {
        let mut fields = match json {
            Value::Object(fields) => fields,
            other => return Err(Shape::new("an object", &other)),
        };
        if let Some(id) = fields.remove("respId") {
            let resp_id = ReqId::from_json(id)?;
            return Ok(Self::Response(Response {
                resp_id,
                error: fields.remove("error"),
                body: fields.remove("body"),
            }));
        }
        let req_id = fields.remove("reqId").filter(|id| !id.is_null()).map(ReqId::from_json).transpose()?;
        let body = fields.remove("body").unwrap_or_default();
        let epoch = fields.get("epoch").and_then(Value::as_u64);
        let module_id = fields.remove("moduleId").unwrap_or_default();
        if let Some(command) = fields.remove("command") {
            let command = text(command, "command (text)")?;
            return Ok(Self::Command { req_id, command, module_id, body, epoch });
        }
        let module_id = text(module_id, "moduleId (text)")?;
        Ok(match req_id {
            Some(req_id) => Self::Request { req_id, module_id, body, epoch },
            None => Self::Notify { module_id, body, epoch },
        })
    }

    pub(super) fn to_json(&self) -> Value {
        let mut fields = Map::new();
        match self {
            Self::Response(Response { resp_id, error, body }) => {
                fields.insert("respId".into(), resp_id.to_json());
                insert_some(&mut fields, "error", error.clone());
                insert_some(&mut fields, "body", body.clone());
            }
            Self::Request { req_id, module_id, body, .. } => {
                fields.insert("reqId".into(), req_id.to_json());
                fields.insert("moduleId".into(), module_id.clone().into());
                fields.insert("body".into(), body.clone());
            }
            Self::Notify { module_id, body, .. } => {
                fields.insert("moduleId".into(), module_id.clone().into());
                fields.insert("body".into(), body.clone());
            }
            Self::Command { req_id, command, module_id, body, .. } => {
                insert_some(&mut fields, "reqId", req_id.as_ref().map(ReqId::to_json));
                fields.insert("command".into(), command.clone().into());
                fields.insert("moduleId".into(), module_id.clone());
                fields.insert("body".into(), body.clone());
            }
        }
        insert_some(&mut fields, "epoch", self.epoch().map(Value::from));
        Value::Object(fields)
    }
}

impl Response {
    /// A result for a tool, or of the master for a monitor: `{"respId", "error": null, "body"}`.
    pub fn ok(resp_id: ReqId, body: Value) -> Self {
        Self { resp_id, error: Some(Value::Null), body: Some(body) }
    }

    /// Success without a result: `{"respId", "error": null}`.
    pub fn done(resp_id: ReqId) -> Self {
        Self { resp_id, error: Some(Value::Null), body: None }
    }

    /// A failure.
    pub fn failed(resp_id: ReqId, failure: &Failure) -> Self {
        Self { resp_id, error: Some(failure.to_json()), body: None }
    }

    /// What a monitor of the original answers, result in `error`: `1`, or `{"serverId", "body"}`.
    pub fn in_error(resp_id: ReqId, result: Value) -> Self {
        Self { resp_id, error: Some(result), body: None }
    }

    /// Read as a tool reads it: `error` is a failure unless it is `null` or absent; no body is `null`.
    pub fn into_result(self) -> Result<Value, Failure> {
        match self.error {
            None | Some(Value::Null) => Ok(self.body.unwrap_or_default()),
            Some(error) => Err(Failure::from_json(&error)),
        }
    }

    /// Read as a master reads a monitor's: what is in `error` is the result, unless it looks like a failure (a text, or an
    /// object with `message`); `null` there means that the result is in `body`.
    pub fn into_monitor_result(self) -> Result<Value, Failure> {
        match self.error {
            None | Some(Value::Null) => Ok(self.body.unwrap_or_default()),
            Some(error) if error.is_string() || error.get("message").is_some() => {
                Err(Failure::from_json(&error))
            }
            Some(result) => Ok(result),
        }
    }
}

impl Failure {
    /// One with a message alone.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// One that may be another answer soon.
    pub fn again(message: impl Into<String>) -> Self {
        Self { message: message.into(), again: true, ..Self::default() }
    }

    /// As it stands in `error`.
    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("message".into(), self.message.clone().into());
        insert_some(&mut fields, "leader", self.leader.as_ref().map(Leader::to_json));
        insert_some(&mut fields, "superseded", self.superseded.map(Value::from));
        insert_some(&mut fields, "again", self.again.then_some(Value::Bool(true)));
        Value::Object(fields)
    }

    /// Reads anything: what is not an object with a message becomes the message.
    pub fn from_json(error: &Value) -> Self {
        let message = match (error.get("message"), error) {
            (Some(Value::String(message)), _) | (None, Value::String(message)) => message.clone(),
            (_, other) => other.to_string(),
        };
        Self {
            message,
            leader: error.get("leader").and_then(|leader| Leader::from_json(leader).ok()),
            superseded: error.get("superseded").and_then(Value::as_u64),
            again: error.get("again") == Some(&Value::Bool(true)),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl ReqId {
    /// The number, however it was written.
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }

    fn from_json(id: Value) -> Result<Self, Shape> {
        match id {
            Value::String(text) => Ok(Self::Text(text)),
            other => {
                other.as_u64().map(Self::Number).ok_or_else(|| Shape::new("a number or text as id", &other))
            }
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.clone().into(),
        }
    }
}

impl From<u64> for ReqId {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl fmt::Debug for ReqId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => fmt::Debug::fmt(number, f),
            Self::Text(text) => fmt::Debug::fmt(text, f),
        }
    }
}

pub(super) fn insert_some(fields: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        fields.insert(name.to_owned(), value);
    }
}

fn text(value: Value, expected: &'static str) -> Result<String, Shape> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(Shape::new(expected, &other)),
    }
}
