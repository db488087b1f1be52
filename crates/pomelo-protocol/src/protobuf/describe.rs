//! Definitions as the handshake sends them, taken apart and with a version, byte for byte as the original writes them.

use std::{fmt::Write as _, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, value::RawValue};

use super::{
    DefinitionError, Definitions,
    raw::{MESSAGES, RawField, RawMessage, TAGS},
};

/// `protos` of a handshake: `{"server":{...},"client":{...},"version":"..."}`, as text. Cheap to clone. What is in it is looked at by
/// [`super::Protos::from_description`].
#[derive(Clone, Debug)]
pub struct Description(Arc<RawValue>);

impl Description {
    pub(super) fn new(client: &Definitions, server: &Definitions, version: &str) -> Self {
        let version = Value::from(version);
        let json =
            format!(r#"{{"server":{},"client":{},"version":{version}}}"#, server.json(), client.json());
        let raw = RawValue::from_string(json).unwrap_or_else(|_| unreachable!("written as json"));
        Self(raw.into())
    }

    /// The text.
    pub fn json(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for Description {
    fn eq(&self, other: &Self) -> bool {
        self.json() == other.json()
    }
}

impl Eq for Description {}

impl Serialize for Description {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Description {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Box::<RawValue>::deserialize(deserializer)?.into()))
    }
}

/// Client's, server's, and the version; an empty one if there is none in words.
pub(super) fn read(description: &Description) -> Result<(Definitions, Definitions, String), DefinitionError> {
    #[derive(Deserialize)]
    struct Parts<'a> {
        #[serde(borrow)]
        server: Option<&'a RawValue>,
        #[serde(borrow)]
        client: Option<&'a RawValue>,
        version: Option<Value>,
    }
    let parts: Parts<'_> =
        serde_json::from_str(description.json()).map_err(|error| DefinitionError::Json(error.to_string()))?;
    let direction = |part: Option<&RawValue>| {
        part.map_or(Ok(Definitions::none()), |part| Definitions::parse_described(part.get()))
    };
    let version = parts.version.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok((direction(parts.client)?, direction(parts.server)?, version))
}

pub(super) fn version(client: &Definitions, server: &Definitions) -> String {
    STANDARD.encode(Md5::new().chain_update(client.json()).chain_update(server.json()).finalize())
}

/// One direction.
pub(super) fn messages(messages: &[(String, RawMessage)]) -> String {
    let mut out = String::new();
    put_messages(messages, &mut out);
    out
}

fn put_messages(messages: &[(String, RawMessage)], out: &mut String) {
    let messages = in_order(messages, |(name, _)| name);
    put_object(messages, out, |(name, message), out| {
        put_key(name, out);
        put_message(message, out);
    });
}

fn put_message(message: &RawMessage, out: &mut String) {
    out.push('{');
    for field in in_order(&message.fields, |field| &field.name) {
        put_key(&field.name, out);
        let RawField { rule, type_name, tag, .. } = field;
        let (option, type_name) = (rule.name(), Value::from(type_name.as_str()));
        // Writing to a string does not fail.
        let _ = write!(out, r#"{{"option":"{option}","type":{type_name},"tag":{tag}}},"#);
    }
    put_key(MESSAGES, out);
    put_messages(&message.messages, out);
    out.push(',');
    put_key(TAGS, out);
    let mut tags: Vec<_> = message.fields.iter().collect();
    tags.sort_by_key(|field| field.tag);
    put_object(tags, out, |field, out| {
        let _ = write!(out, r#""{}":{}"#, field.tag, Value::from(field.name.as_str()));
    });
    out.push('}');
}

fn put_object<T>(members: Vec<&T>, out: &mut String, mut put: impl FnMut(&T, &mut String)) {
    out.push('{');
    for (i, member) in members.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        put(member, out);
    }
    out.push('}');
}

fn put_key(name: &str, out: &mut String) {
    let _ = write!(out, "{}:", Value::from(name));
}

/// Members in the order in which JavaScript keeps them: what looks like an index of a list comes first, in its order.
fn in_order<T>(members: &[T], name: impl Fn(&T) -> &str) -> Vec<&T> {
    let mut ordered: Vec<&T> = members.iter().collect();
    ordered.sort_by_key(|member| index(name(member)).unwrap_or(u32::MAX));
    ordered
}

fn index(name: &str) -> Option<u32> {
    let canonical = name == "0" || name.starts_with(|first: char| ('1'..='9').contains(&first));
    name.parse().ok().filter(|&n| canonical && n < u32::MAX)
}
