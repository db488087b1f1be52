//! What can be wrong with definitions and with messages. Every error says where, and what was expected.

use super::{DEPTH_MAX, TAG_MAX, WHOLE_MAX};

/// Definitions that can't be used. Paths are the keys on the way, in quotes: `"onChat"."required string msg"`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DefinitionError {
    /// No JSON, or not the kind of value that belongs there.
    #[error("{0}")]
    Json(String),
    /// A key that says nothing.
    #[error(
        "{path}: expected `required TYPE NAME`, `optional TYPE NAME` or `repeated TYPE NAME` with the field's number, \
         or `message NAME` with an object"
    )]
    Member {
        /// Where.
        path: String,
    },
    /// Another kind of value.
    #[error("{path}: expected {expected}")]
    Kind {
        /// Where.
        path: String,
        /// What should be there.
        expected: &'static str,
    },
    /// A number that no field can have.
    #[error("{path}: expected the field's number, 1 to {TAG_MAX}")]
    Tag {
        /// Where.
        path: String,
    },
    /// Two fields with one number.
    #[error("{path}: {other:?} has the number {tag} already")]
    TagTwice {
        /// Where.
        path: String,
        /// The number.
        tag: u32,
        /// The other field.
        other: String,
    },
    /// Two fields or messages with one name.
    #[error("{path}: the name {name:?} is there twice")]
    NameTwice {
        /// Where.
        path: String,
        /// The name.
        name: String,
    },
    /// A name that no message can have.
    #[error(
        "{path}: expected a name of 1 to {} bytes that is not __messages or __tags",
        super::NAME_BYTES_MAX
    )]
    Name {
        /// Where.
        path: String,
    },
    /// A type that is not there.
    #[error(
        "{path}: unknown type {type_name:?}: expected uInt32, sInt32, int32, float, double, string, or a message that is \
         defined in the same message or in the file's outermost object"
    )]
    Type {
        /// Where.
        path: String,
        /// The type.
        type_name: String,
    },
    /// More than a message or a file may have.
    #[error("{path}: more than {max} {what}")]
    TooMany {
        /// Where.
        path: String,
        /// Fields, or messages.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// Messages inside messages without an end.
    #[error("{path}: messages are more than {DEPTH_MAX} deep")]
    TooDeep {
        /// Where.
        path: String,
    },
}

/// A message that does not fit its definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{route}{}{path}: {fault}", if path.is_empty() { "" } else { ": " })]
pub struct CodecError {
    /// Whose definition.
    pub route: String,
    /// Which field: `items[2].id`; empty for the message itself.
    pub path: String,
    /// What is wrong with it.
    pub fault: CodecFault,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecFault {
    /// Not JSON, or another kind of value than the definition asks for.
    #[error("{0}")]
    Json(String),
    /// Required, and not there.
    #[error("required field is missing")]
    Missing,
    /// Twice in one JSON object.
    #[error("is there twice")]
    Twice,
    /// A whole number over 53 bits, or one with a sign over 52, or a negative one where there are none.
    #[error("whole number is out of range: expected at most {WHOLE_MAX}, or half of it with a sign")]
    TooLarge,
    /// The bytes end where more must follow.
    #[error("bytes end too early: expected {expected}")]
    Truncated {
        /// What must follow.
        expected: &'static str,
    },
    /// A field that has no definition: where it ends can't be known.
    #[error("no field has the number {0}")]
    UnknownTag(u64),
    /// Messages inside messages without an end.
    #[error("messages are more than {DEPTH_MAX} deep")]
    TooDeep,
    /// The JSON would be longer than allowed.
    #[error("as json it has more than {0} bytes")]
    TooLong(usize),
}

/// A fault on its way out, with the path that it came.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Located {
    pub(super) fault: CodecFault,
    /// From the inside to the outside.
    pub(super) path: Vec<Step>,
}

/// One step of a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Field(Box<str>),
    Element(usize),
}

impl Located {
    pub(super) fn within(mut self, step: Step) -> Self {
        self.path.push(step);
        self
    }

    pub(super) fn on(self, route: &str) -> CodecError {
        let mut path = String::new();
        for step in self.path.into_iter().rev() {
            match step {
                Step::Field(name) if path.is_empty() => path.push_str(&name),
                Step::Field(name) => {
                    path.push('.');
                    path.push_str(&name);
                }
                Step::Element(at) => path.push_str(&format!("[{at}]")),
            }
        }
        CodecError { route: route.to_owned(), path, fault: self.fault }
    }
}

impl From<CodecFault> for Located {
    fn from(fault: CodecFault) -> Self {
        Self { fault, path: Vec::new() }
    }
}
