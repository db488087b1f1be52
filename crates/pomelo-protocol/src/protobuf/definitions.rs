//! [`Definitions`]: the messages of one direction, checked and made ready to be written and read by.
//!
//! Not here: how they are written down ([`super::raw`], [`super::describe`]).

use std::{collections::HashMap, fmt, sync::Arc};

use rustc_hash::FxHashMap;

use super::{
    DefinitionError, MESSAGES_MAX, Schema, describe,
    raw::{Form, Node, RawField, RawMessage, Rule, below},
    varint,
};

/// In front of the name of a message that every other one may use.
const SHARED: &str = "message ";

/// The messages of one direction, by route. Cheap to clone.
#[derive(Clone)]
pub struct Definitions(Arc<Inner>);

pub(super) struct Inner {
    messages: Vec<Message>,
    /// Asked for each message; the game alone chooses what is in it.
    routes: FxHashMap<Arc<str>, MessageIndex>,
    /// As the handshake has them; the version depends on it.
    json: String,
}

/// Which of the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MessageIndex(u32);

#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) fields: Vec<Field>,
    /// Fields by their numbers, sorted.
    tags: Vec<(u32, u16)>,
    /// Fields sorted by their names.
    names: Vec<u16>,
    /// Those that must be there.
    pub(super) required: Vec<u16>,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: Box<str>,
    /// `"name":`
    pub(super) key: Box<str>,
    pub(super) repeated: bool,
    pub(super) kind: Kind,
    /// Number and type, as they stand in front of the value.
    pub(super) head: Box<[u8]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    UInt32,
    /// And `int32`, which is the same.
    SInt32,
    Float,
    Double,
    String,
    Message(MessageIndex),
}

impl Definitions {
    /// No messages.
    pub fn none() -> Self {
        Self(Arc::new(Inner { messages: Vec::new(), routes: FxHashMap::default(), json: "{}".to_owned() }))
    }

    /// The text of `clientProtos.json` or `serverProtos.json`.
    pub fn parse(json: &str) -> Result<Self, DefinitionError> {
        Self::new(Node::parse(json)?, Form::File)
    }

    /// One direction as the handshake has it: the value of `protos.client` or `protos.server`.
    pub(super) fn parse_described(json: &str) -> Result<Self, DefinitionError> {
        Self::new(Node::parse(json)?, Form::Handshake)
    }

    fn new(node: Node, form: Form) -> Result<Self, DefinitionError> {
        let raw = node.into_messages(form)?;
        let json = describe::messages(&raw);
        let mut compiler = Compiler { messages: Vec::new(), shared: HashMap::new() };
        let mut routes = FxHashMap::default();
        for (key, _) in &raw {
            let index = compiler.reserve(key)?;
            match key.strip_prefix(SHARED) {
                Some(name) => compiler.shared.insert(name, index),
                None => routes.insert(key.as_str().into(), index),
            };
        }
        for (n, (key, message)) in raw.iter().enumerate() {
            compiler.compile(message, MessageIndex(n as u32), &below("", key))?;
        }
        let messages = compiler.messages;
        Ok(Self(Arc::new(Inner { messages, routes, json })))
    }

    /// How the messages of a route are written, if it has a definition.
    pub fn schema(&self, route: &str) -> Option<Schema> {
        let (route, message) = self.0.routes.get_key_value(route)?;
        Some(Schema { definitions: self.clone(), message: *message, route: Arc::clone(route) })
    }

    /// Whether the route has a definition.
    pub fn has(&self, route: &str) -> bool {
        self.0.routes.contains_key(route)
    }

    /// The routes that have one, in no order.
    pub fn routes(&self) -> impl Iterator<Item = &str> {
        self.0.routes.keys().map(|route| &**route)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.routes.is_empty()
    }

    pub(super) fn json(&self) -> &str {
        &self.0.json
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl Default for Definitions {
    fn default() -> Self {
        Self::none()
    }
}

impl PartialEq for Definitions {
    fn eq(&self, other: &Self) -> bool {
        self.0.json == other.0.json
    }
}

impl Eq for Definitions {}

impl fmt::Debug for Definitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.routes()).finish()
    }
}

impl Inner {
    pub(super) fn message(&self, MessageIndex(n): MessageIndex) -> &Message {
        &self.messages[n as usize]
    }
}

impl Kind {
    /// Whether it is a number, and a repeated field has one head and a count.
    pub(super) fn is_counted(self) -> bool {
        !matches!(self, Self::String | Self::Message(_))
    }
}

impl Message {
    /// The field with this name. Looks at `expected` first: fields mostly come in their order.
    pub(super) fn by_name(&self, name: &str, expected: usize) -> Option<usize> {
        if self.fields.get(expected).is_some_and(|field| &*field.name == name) {
            return Some(expected);
        }
        let found = self.names.binary_search_by(|&n| (*self.fields[usize::from(n)].name).cmp(name)).ok()?;
        Some(usize::from(self.names[found]))
    }

    /// The field with this number. Looks at `expected` first.
    pub(super) fn by_tag(&self, tag: u32, expected: usize) -> Option<usize> {
        // Sorted by number is mostly the order of the fields too.
        if let Some(&(known, field)) = self.tags.get(expected)
            && known == tag
        {
            return Some(usize::from(field));
        }
        let found = self.tags.binary_search_by_key(&tag, |&(tag, _)| tag).ok()?;
        Some(usize::from(self.tags[found].1))
    }
}

struct Compiler<'a> {
    messages: Vec<Message>,
    /// What every message may use.
    shared: HashMap<&'a str, MessageIndex>,
}

impl Compiler<'_> {
    fn reserve(&mut self, path: &str) -> Result<MessageIndex, DefinitionError> {
        if self.messages.len() == MESSAGES_MAX {
            let path = path.to_owned();
            return Err(DefinitionError::TooMany { path, what: "messages", max: MESSAGES_MAX });
        }
        self.messages.push(Message::default());
        Ok(MessageIndex(self.messages.len() as u32 - 1))
    }

    fn compile(
        &mut self,
        raw: &RawMessage,
        MessageIndex(at): MessageIndex,
        path: &str,
    ) -> Result<(), DefinitionError> {
        let mut own = HashMap::new();
        for (name, _) in &raw.messages {
            own.insert(name.as_str(), self.reserve(path)?);
        }
        let mut message = Message::default();
        for (n, raw) in raw.fields.iter().enumerate() {
            // At most FIELDS_MAX.
            let n = n as u16;
            message.fields.push(self.field(raw, &own, path)?);
            message.tags.push((raw.tag, n));
            message.names.push(n);
            if raw.rule == Rule::Required {
                message.required.push(n);
            }
        }
        message.tags.sort_unstable();
        message.names.sort_unstable_by_key(|&n| &raw.fields[usize::from(n)].name);
        self.messages[at as usize] = message;
        for (name, inner) in &raw.messages {
            self.compile(inner, own[name.as_str()], &below(path, name))?;
        }
        Ok(())
    }

    fn field(
        &self,
        raw: &RawField,
        own: &HashMap<&str, MessageIndex>,
        path: &str,
    ) -> Result<Field, DefinitionError> {
        let (kind, wire_type) = match raw.type_name.as_str() {
            "uInt32" => (Kind::UInt32, 0),
            "sInt32" | "int32" => (Kind::SInt32, 0),
            "double" => (Kind::Double, 1),
            "string" => (Kind::String, 2),
            "float" => (Kind::Float, 5),
            other => match own.get(other).or_else(|| self.shared.get(other)) {
                Some(&index) => (Kind::Message(index), 2),
                None => {
                    let type_name = other.to_owned();
                    return Err(DefinitionError::Type { path: below(path, &raw.name), type_name });
                }
            },
        };
        let mut head = Vec::new();
        varint::put(u64::from(raw.tag) << 3 | wire_type, &mut head);
        Ok(Field {
            key: format!("{}:", serde_json::Value::from(raw.name.as_str())).into(),
            name: raw.name.as_str().into(),
            repeated: raw.rule == Rule::Repeated,
            kind,
            head: head.into(),
        })
    }
}
