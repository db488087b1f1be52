//! JSON to bytes, in one pass over the text.
//!
//! A length or a count stands in front of what it counts: one byte is kept free for it, and what follows is moved when
//! that is not enough.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};

use super::{
    CodecFault, DEPTH_MAX, Required, WHOLE_MAX,
    decode::Seen,
    definitions::{Field, Inner, Kind, Message, MessageIndex},
    error::{Located, Step},
    varint,
};

pub(super) fn encode(
    definitions: &Inner,
    message: MessageIndex,
    json: &[u8],
    required: Required,
) -> Result<Vec<u8>, Located> {
    let mut writer =
        Writer { definitions, required, out: Vec::with_capacity(json.len()), fault: None, path: Vec::new() };
    let mut text = serde_json::Deserializer::from_slice(json);
    let whole = MessageValue { writer: &mut writer, message, depth: 0 };
    let written = whole.deserialize(&mut text).and_then(|()| text.end());
    match (written, writer.fault) {
        (Ok(()), _) => Ok(writer.out),
        (Err(_), Some(fault)) => Err(Located { fault, path: writer.path }),
        (Err(error), None) => Err(Located { fault: CodecFault::Json(error.to_string()), path: writer.path }),
    }
}

struct Writer<'a> {
    definitions: &'a Inner,
    required: Required,
    out: Vec<u8>,
    /// What the error that comes out stands for: serde's own holds words only.
    fault: Option<CodecFault>,
    /// Where it is, from the inside to the outside.
    path: Vec<Step>,
}

impl Writer<'_> {
    fn fail<E: Error>(&mut self, fault: CodecFault) -> E {
        self.fault = Some(fault);
        E::custom("does not fit its definition")
    }

    fn check_required<E: Error>(&mut self, message: &Message, seen: &Seen) -> Result<(), E> {
        let missing = message.required.iter().map(|&at| usize::from(at)).find(|&at| !seen.has(at));
        match missing {
            Some(at) if self.required == Required::Checked => {
                self.path.push(Step::Field(message.fields[at].name.clone()));
                Err(self.fail(CodecFault::Missing))
            }
            _ => Ok(()),
        }
    }

    /// Keeps a byte free for a number that is known later.
    fn keep_free(&mut self) -> usize {
        self.out.push(0);
        self.out.len()
    }

    /// Writes the number in front of what was written since.
    fn fill(&mut self, start: usize, number: usize) {
        if number < 0x80 {
            self.out[start - 1] = number as u8;
            return;
        }
        let mut bytes = Vec::with_capacity(varint::BYTES_MAX);
        varint::put(number as u64, &mut bytes);
        self.out.splice(start - 1..start, bytes);
    }
}

/// An object.
struct MessageValue<'w, 'a> {
    writer: &'w mut Writer<'a>,
    message: MessageIndex,
    depth: usize,
}

/// What a field holds: a list of values or one. Says whether there is something.
struct FieldValue<'w, 'a> {
    writer: &'w mut Writer<'a>,
    field: &'a Field,
    depth: usize,
}

/// One value, behind its head unless the list it stands in has one for all.
struct SingleValue<'w, 'a> {
    writer: &'w mut Writer<'a>,
    field: &'a Field,
    depth: usize,
    element: bool,
}

/// The name of a field: tells which.
struct Name<'a> {
    message: &'a Message,
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for MessageValue<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MessageValue<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { writer, message, depth } = self;
        if depth >= DEPTH_MAX {
            return Err(writer.fail(CodecFault::TooDeep));
        }
        let definitions = writer.definitions;
        let message = definitions.message(message);
        let (mut seen, mut expected) = (Seen::default(), 0);
        while let Some(field) = map.next_key_seed(Name { message, expected })? {
            let Some(at) = field else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            expected = at + 1;
            let field = &message.fields[at];
            let written = match map.next_value_seed(FieldValue { writer: &mut *writer, field, depth }) {
                Ok(true) if !seen.insert(at) => Err(writer.fail(CodecFault::Twice)),
                written => written,
            };
            if let Err(error) = written {
                writer.path.push(Step::Field(field.name.clone()));
                return Err(error);
            }
        }
        writer.check_required(message, &seen)
    }

    /// A message with no fields.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        let definitions = self.writer.definitions;
        self.writer.check_required(definitions.message(self.message), &Seen::default())
    }
}

impl<'de> DeserializeSeed<'de> for FieldValue<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        if self.field.repeated {
            return deserializer.deserialize_any(self);
        }
        let Self { writer, field, depth } = self;
        deserializer.deserialize_any(SingleValue { writer, field, depth, element: false })
    }
}

impl<'de> Visitor<'de> for FieldValue<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        let Self { writer, field, depth } = self;
        let begin = writer.out.len();
        let start = if field.kind.is_counted() {
            writer.out.extend_from_slice(&field.head);
            writer.keep_free()
        } else {
            begin
        };
        let mut count = 0;
        loop {
            let element = SingleValue { writer: &mut *writer, field, depth, element: true };
            match list.next_element_seed(element) {
                Ok(Some(_)) => count += 1,
                Ok(None) => break,
                Err(error) => {
                    writer.path.push(Step::Element(count));
                    return Err(error);
                }
            }
        }
        if count == 0 {
            writer.out.truncate(begin);
        } else if field.kind.is_counted() {
            writer.fill(start, count);
        }
        Ok(true)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }
}

impl SingleValue<'_, '_> {
    fn begin(&mut self) {
        if !self.element || !self.field.kind.is_counted() {
            self.writer.out.extend_from_slice(&self.field.head);
        }
    }

    /// A number for a field of numbers; the kind must be one of these.
    fn whole<E: Error>(mut self, n: i64) -> Result<bool, E> {
        let number = match self.field.kind {
            Kind::SInt32 => varint::zigzag(n),
            _ => u64::try_from(n).ok().filter(|n| *n <= WHOLE_MAX),
        };
        let Some(number) = number else { return Err(self.writer.fail(CodecFault::TooLarge)) };
        self.begin();
        varint::put(number, &mut self.writer.out);
        Ok(true)
    }

    fn real<E: Error>(mut self, n: f64) -> Result<bool, E> {
        match self.field.kind {
            // The fraction is cut off; what is out of range here stays so.
            Kind::UInt32 | Kind::SInt32 => return self.whole(n as i64),
            Kind::Float => {
                self.begin();
                self.writer.out.extend_from_slice(&(n as f32).to_le_bytes());
            }
            Kind::Double => {
                self.begin();
                self.writer.out.extend_from_slice(&n.to_le_bytes());
            }
            Kind::String | Kind::Message(_) => return Err(E::invalid_type(Unexpected::Float(n), &self)),
        }
        Ok(true)
    }
}

impl<'de> DeserializeSeed<'de> for SingleValue<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for SingleValue<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.field.kind {
            Kind::UInt32 | Kind::SInt32 => "a whole number",
            Kind::Float | Kind::Double => "a number",
            Kind::String => "text",
            Kind::Message(_) => "an object",
        })
    }

    fn visit_u64<E: Error>(self, n: u64) -> Result<bool, E> {
        match self.field.kind {
            // What does not fit is far out of range.
            Kind::UInt32 | Kind::SInt32 => self.whole(i64::try_from(n).unwrap_or(i64::MAX)),
            Kind::Float | Kind::Double => self.real(n as f64),
            Kind::String | Kind::Message(_) => Err(E::invalid_type(Unexpected::Unsigned(n), &self)),
        }
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<bool, E> {
        match self.field.kind {
            Kind::UInt32 | Kind::SInt32 => self.whole(n),
            Kind::Float | Kind::Double => self.real(n as f64),
            Kind::String | Kind::Message(_) => Err(E::invalid_type(Unexpected::Signed(n), &self)),
        }
    }

    fn visit_f64<E: Error>(self, n: f64) -> Result<bool, E> {
        self.real(n)
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<bool, E> {
        match self.field.kind {
            Kind::String => {
                self.begin();
                varint::put(text.len() as u64, &mut self.writer.out);
                self.writer.out.extend_from_slice(text.as_bytes());
                Ok(true)
            }
            Kind::Message(_) => Err(E::invalid_type(Unexpected::Other("text"), &self)),
            _ => match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(n), _) => self.visit_i64(n),
                (_, Ok(n)) if n.is_finite() => self.real(n),
                _ => Err(E::invalid_type(Unexpected::Other("text"), &self)),
            },
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<bool, A::Error> {
        let Kind::Message(message) = self.field.kind else {
            return Err(A::Error::invalid_type(Unexpected::Map, &self));
        };
        self.begin();
        let start = self.writer.keep_free();
        MessageValue { writer: &mut *self.writer, message, depth: self.depth + 1 }.visit_map(map)?;
        let bytes = self.writer.out.len() - start;
        self.writer.fill(start, bytes);
        Ok(true)
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        match self.field.kind {
            _ if !self.element => Ok(false),
            // What is not finite is `null` in JSON; JavaScript counts that as nothing.
            Kind::Float | Kind::Double => self.real(0.0),
            _ => Err(E::invalid_type(Unexpected::Unit, &self)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.message.by_name(name, self.expected))
    }
}
