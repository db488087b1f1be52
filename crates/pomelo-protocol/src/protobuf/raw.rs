//! Definitions as they are written: in a file (`"required string msg": 1`), or taken apart as the handshake sends them
//! (`"msg": {"option": "required", "type": "string", "tag": 1}`). Both become [`RawMessage`]s, in their order.
//!
//! Not here: what a type's name stands for.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{DEPTH_MAX, DefinitionError, FIELDS_MAX, NAME_BYTES_MAX, TAG_MAX};

/// Where the handshake keeps the messages inside a message.
pub(super) const MESSAGES: &str = "__messages";
/// Where the handshake keeps the fields by their numbers.
pub(super) const TAGS: &str = "__tags";

/// A message's fields, and the messages defined inside it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RawMessage {
    pub(super) fields: Vec<RawField>,
    pub(super) messages: Vec<(String, RawMessage)>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct RawField {
    pub(super) name: String,
    pub(super) rule: Rule,
    pub(super) type_name: String,
    pub(super) tag: u32,
}

/// How often a field is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Required,
    Optional,
    Repeated,
}

/// How definitions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    File,
    Handshake,
}

/// JSON as far as definitions need it, members in their order.
#[derive(Debug)]
pub(super) enum Node {
    Whole(u64),
    Text(String),
    Object(Vec<(String, Node)>),
    Other,
}

impl Rule {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Optional => "optional",
            Self::Repeated => "repeated",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Required, Self::Optional, Self::Repeated].into_iter().find(|rule| rule.name() == name)
    }
}

impl Node {
    pub(super) fn parse(json: &str) -> Result<Self, DefinitionError> {
        serde_json::from_str(json).map_err(|error| DefinitionError::Json(error.to_string()))
    }

    /// The messages of a whole file by their routes, those for all as `message NAME`.
    pub(super) fn into_messages(self, form: Form) -> Result<Vec<(String, RawMessage)>, DefinitionError> {
        let Self::Object(members) = self else {
            return Err(kind("", "an object with a message for each route"));
        };
        let mut messages = Vec::with_capacity(members.len());
        for (route, node) in members {
            let path = below("", &route);
            if route.is_empty() || route.len() > NAME_BYTES_MAX + "message ".len() {
                return Err(DefinitionError::Name { path });
            }
            messages.push((route, node.into_message(form, &path, 1)?));
        }
        Ok(messages)
    }

    fn into_message(self, form: Form, path: &str, depth: usize) -> Result<RawMessage, DefinitionError> {
        if depth > DEPTH_MAX {
            return Err(DefinitionError::TooDeep { path: path.to_owned() });
        }
        let Self::Object(members) = self else { return Err(kind(path, "an object with fields")) };
        let mut message = RawMessage::default();
        for (key, node) in members {
            let path = below(path, &key);
            match form {
                Form::File => message.take_in(&key, node, &path, depth)?,
                Form::Handshake => message.take_in_parsed(key, node, &path, depth)?,
            }
        }
        Ok(message)
    }

    fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

impl RawMessage {
    fn take_in(&mut self, key: &str, node: Node, path: &str, depth: usize) -> Result<(), DefinitionError> {
        let words: Vec<&str> = key.splitn(4, ' ').collect();
        match words[..] {
            ["message", name] => {
                // Before its path is made again and again.
                check_name(name, path)?;
                let message = node.into_message(Form::File, path, depth + 1)?;
                self.add_message(name.to_owned(), message, path)
            }
            [rule, type_name, name] if let Some(rule) = Rule::from_name(rule) => {
                self.add_field(name.to_owned(), rule, type_name, &node, path)
            }
            _ => Err(DefinitionError::Member { path: path.to_owned() }),
        }
    }

    fn take_in_parsed(
        &mut self,
        key: String,
        node: Node,
        path: &str,
        depth: usize,
    ) -> Result<(), DefinitionError> {
        match key.as_str() {
            // Says again what the fields say.
            TAGS => Ok(()),
            MESSAGES => {
                let Node::Object(messages) = node else { return Err(kind(path, "an object with messages")) };
                for (name, node) in messages {
                    let path = below(path, &name);
                    check_name(&name, &path)?;
                    let message = node.into_message(Form::Handshake, &path, depth + 1)?;
                    self.add_message(name, message, &path)?;
                }
                Ok(())
            }
            _ => {
                check_name(&key, path)?;
                let expected = "an object with option, type and tag";
                let text =
                    |member| node.member(member).and_then(Node::text).ok_or_else(|| kind(path, expected));
                let rule = Rule::from_name(text("option")?).ok_or_else(|| kind(path, expected))?;
                let tag = node.member("tag").ok_or_else(|| kind(path, expected))?;
                self.add_field(key, rule, text("type")?, tag, path)
            }
        }
    }

    fn add_message(&mut self, name: String, message: Self, path: &str) -> Result<(), DefinitionError> {
        if self.messages.iter().any(|(known, _)| *known == name) {
            return Err(DefinitionError::NameTwice { path: path.to_owned(), name });
        }
        if self.messages.len() == FIELDS_MAX {
            return Err(DefinitionError::TooMany {
                path: path.to_owned(),
                what: "messages",
                max: FIELDS_MAX,
            });
        }
        self.messages.push((name, message));
        Ok(())
    }

    fn add_field(
        &mut self,
        name: String,
        rule: Rule,
        type_name: &str,
        tag: &Node,
        path: &str,
    ) -> Result<(), DefinitionError> {
        check_name(&name, path)?;
        let tag = match tag {
            Node::Whole(tag) => u32::try_from(*tag).ok().filter(|tag| (1..=TAG_MAX).contains(tag)),
            _ => None,
        };
        let tag = tag.ok_or_else(|| DefinitionError::Tag { path: path.to_owned() })?;
        for field in &self.fields {
            if field.name == name {
                return Err(DefinitionError::NameTwice { path: path.to_owned(), name });
            }
            if field.tag == tag {
                let other = field.name.clone();
                return Err(DefinitionError::TagTwice { path: path.to_owned(), tag, other });
            }
        }
        if self.fields.len() == FIELDS_MAX {
            return Err(DefinitionError::TooMany { path: path.to_owned(), what: "fields", max: FIELDS_MAX });
        }
        self.fields.push(RawField { name, rule, type_name: type_name.to_owned(), tag });
        Ok(())
    }
}

/// The path of a member.
pub(super) fn below(path: &str, key: &str) -> String {
    if path.is_empty() { format!("{key:?}") } else { format!("{path}.{key:?}") }
}

fn kind(path: &str, expected: &'static str) -> DefinitionError {
    let path = if path.is_empty() { "the document" } else { path };
    DefinitionError::Kind { path: path.to_owned(), expected }
}

fn check_name(name: &str, path: &str) -> Result<(), DefinitionError> {
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len()) && name != MESSAGES && name != TAGS;
    if fits { Ok(()) } else { Err(DefinitionError::Name { path: path.to_owned() }) }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("definitions of messages")
    }

    fn visit_u64<E>(self, n: u64) -> Result<Node, E> {
        Ok(Node::Whole(n))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Node::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut members: Vec<(String, Node)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            // JSON.parse keeps the last one in silence; half a definition would be lost.
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format_args!("{key:?} is there twice")));
            }
            members.push((key, map.next_value()?));
        }
        Ok(Node::Object(members))
    }
}
