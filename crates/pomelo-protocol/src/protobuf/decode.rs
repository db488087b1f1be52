//! Bytes to JSON, in one pass where every field stands in one place, as every writer known leaves it.

use super::{
    CodecFault, DEPTH_MAX, FIELDS_MAX, WHOLE_MAX,
    definitions::{Field, Inner, Kind, Message, MessageIndex},
    error::{Located, Step},
    varint,
};

/// Into a buffer that is empty.
pub(super) fn decode(
    definitions: &Inner,
    message: MessageIndex,
    body: &[u8],
    json_bytes_max: usize,
    out: &mut Vec<u8>,
) -> Result<(), Located> {
    let mut reader = Reader { definitions, json_bytes_max, out };
    match reader.message(message, body, 0) {
        Ok(()) => Ok(()),
        Err(Stop::Located(error)) => Err(*error),
        Err(Stop::Scattered) => {
            reader.out.clear();
            reader.scattered(message, body, 0)
        }
    }
}

struct Reader<'a, 'out> {
    definitions: &'a Inner,
    json_bytes_max: usize,
    out: &'out mut Vec<u8>,
}

/// Why the one pass ends early.
enum Stop {
    /// A field is there again after others: start again and collect.
    Scattered,
    Located(Box<Located>),
}

/// One value, as it stands in the bytes.
#[derive(Clone, Copy)]
enum Item<'a> {
    Whole(u64),
    Signed(i64),
    Real(f64),
    Text(&'a [u8]),
    Message(MessageIndex, &'a [u8]),
}

impl<'a> Reader<'a, '_> {
    fn message(&mut self, index: MessageIndex, mut input: &'a [u8], depth: usize) -> Result<(), Stop> {
        let message = self.enter(index, depth)?;
        let mut seen = Seen::default();
        let mut open = None;
        let mut expected = 0;
        self.out.push(b'{');
        while !input.is_empty() {
            let at = head(message, &mut input, expected)?;
            let field = &message.fields[at];
            if open != Some(at) {
                if open.take().is_some_and(|open: usize| message.fields[open].repeated) {
                    self.out.push(b']');
                }
                if !seen.insert(at) {
                    return Err(Stop::Scattered);
                }
                if expected > 0 {
                    self.out.push(b',');
                }
                self.out.extend_from_slice(field.key.as_bytes());
                if field.repeated {
                    self.out.push(b'[');
                }
                open = Some(at);
                expected += 1;
            } else if !field.repeated {
                return Err(Stop::Scattered);
            }
            for n in 0..count(field, &mut input).map_err(|fault| in_field(fault, field))? {
                let item = item(field, &mut input).map_err(|fault| in_field(fault, field))?;
                if field.repeated && self.out.last() != Some(&b'[') {
                    self.out.push(b',');
                }
                self.put(item, depth).map_err(|stop| match stop {
                    Stop::Located(error) => Stop::Located(Box::new(locate(*error, field, n))),
                    Stop::Scattered => stop,
                })?;
            }
        }
        if open.is_some_and(|open| message.fields[open].repeated) {
            self.out.push(b']');
        }
        self.out.push(b'}');
        Ok(())
    }

    fn put(&mut self, item: Item<'a>, depth: usize) -> Result<(), Stop> {
        match item {
            Item::Message(index, bytes) => self.message(index, bytes, depth + 1),
            simple => Ok(self.put_simple(simple)?),
        }
    }

    /// A message whose fields stand anywhere: all are collected before the first is written.
    fn scattered(&mut self, index: MessageIndex, mut input: &'a [u8], depth: usize) -> Result<(), Located> {
        let message = self.enter(index, depth)?;
        let mut items: Vec<Vec<Item<'a>>> = Vec::new();
        // Fields in the order in which they came first.
        let mut order: Vec<usize> = Vec::new();
        while !input.is_empty() {
            let at = head(message, &mut input, 0)?;
            let field = &message.fields[at];
            let place = order.iter().position(|&known| known == at).unwrap_or_else(|| {
                order.push(at);
                items.push(Vec::new());
                order.len() - 1
            });
            if !field.repeated {
                items[place].clear();
            }
            for n in 0..count(field, &mut input).map_err(|fault| locate(fault.into(), field, 0))? {
                items[place].push(item(field, &mut input).map_err(|fault| locate(fault.into(), field, n))?);
            }
        }
        self.out.push(b'{');
        for (place, (at, items)) in order.into_iter().zip(items).enumerate() {
            let field = &message.fields[at];
            if place > 0 {
                self.out.push(b',');
            }
            self.out.extend_from_slice(field.key.as_bytes());
            if field.repeated {
                self.out.push(b'[');
            }
            for (n, item) in items.into_iter().enumerate() {
                if n > 0 {
                    self.out.push(b',');
                }
                let put = match item {
                    Item::Message(index, bytes) => self.scattered(index, bytes, depth + 1),
                    simple => self.put_simple(simple).map_err(Located::from),
                };
                put.map_err(|error| locate(error, field, n))?;
            }
            if field.repeated {
                self.out.push(b']');
            }
        }
        self.out.push(b'}');
        Ok(())
    }

    fn enter(&self, index: MessageIndex, depth: usize) -> Result<&'a Message, CodecFault> {
        if depth >= DEPTH_MAX {
            return Err(CodecFault::TooDeep);
        }
        if self.out.len() > self.json_bytes_max {
            return Err(CodecFault::TooLong(self.json_bytes_max));
        }
        Ok(self.definitions.message(index))
    }

    fn put_simple(&mut self, item: Item<'_>) -> Result<(), CodecFault> {
        let written = match item {
            Item::Whole(n) => serde_json::to_writer(&mut *self.out, &n),
            Item::Signed(n) => serde_json::to_writer(&mut *self.out, &n),
            // As JavaScript writes it, so that a whole number is one to who reads it.
            Item::Real(n) if n.fract() == 0.0 && n.abs() <= WHOLE_MAX as f64 => {
                serde_json::to_writer(&mut *self.out, &(n as i64))
            }
            // null if it is not finite.
            Item::Real(n) => serde_json::to_writer(&mut *self.out, &n),
            Item::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => serde_json::to_writer(&mut *self.out, text),
                Err(_) => serde_json::to_writer(&mut *self.out, &repaired(bytes)),
            },
            Item::Message(..) => Ok(()),
        };
        written.map_err(|error| CodecFault::Json(error.to_string()))?;
        if self.out.len() > self.json_bytes_max {
            return Err(CodecFault::TooLong(self.json_bytes_max));
        }
        Ok(())
    }
}

/// Which field comes. What the writer says of its type is left unread.
fn head(message: &Message, input: &mut &[u8], expected: usize) -> Result<usize, CodecFault> {
    let tag = varint::take(input)? >> 3;
    let known = u32::try_from(tag).ok().and_then(|tag| message.by_tag(tag, expected));
    known.ok_or(CodecFault::UnknownTag(tag))
}

/// How many values follow. No more than could be in what is left, so that a reader can't be made to count for nothing.
fn count(field: &Field, input: &mut &[u8]) -> Result<usize, CodecFault> {
    if !field.repeated || !field.kind.is_counted() {
        return Ok(1);
    }
    let value_bytes = match field.kind {
        Kind::Float => 4,
        Kind::Double => 8,
        _ => 1,
    };
    let count = varint::take(input)?;
    usize::try_from(count)
        .ok()
        .filter(|count| *count <= input.len() / value_bytes)
        .ok_or(CodecFault::Truncated { expected: "as many elements as were announced" })
}

fn item<'a>(field: &Field, input: &mut &'a [u8]) -> Result<Item<'a>, CodecFault> {
    Ok(match field.kind {
        Kind::UInt32 => Item::Whole(varint::take(input)?),
        Kind::SInt32 => Item::Signed(varint::unzigzag(varint::take(input)?)),
        Kind::Float => Item::Real(f32::from_le_bytes(*chunk(input, "4 bytes of a float")?).into()),
        Kind::Double => Item::Real(f64::from_le_bytes(*chunk(input, "8 bytes of a double")?)),
        Kind::String => Item::Text(piece(input, "the rest of a text")?),
        Kind::Message(index) => Item::Message(index, piece(input, "the rest of a message")?),
    })
}

fn chunk<'a, const N: usize>(
    input: &mut &'a [u8],
    expected: &'static str,
) -> Result<&'a [u8; N], CodecFault> {
    let (chunk, rest) = input.split_first_chunk().ok_or(CodecFault::Truncated { expected })?;
    *input = rest;
    Ok(chunk)
}

/// As many bytes as the number in front of them says.
fn piece<'a>(input: &mut &'a [u8], expected: &'static str) -> Result<&'a [u8], CodecFault> {
    let bytes = usize::try_from(varint::take(input)?).unwrap_or(usize::MAX);
    let (piece, rest) = input.split_at_checked(bytes).ok_or(CodecFault::Truncated { expected })?;
    *input = rest;
    Ok(piece)
}

/// Text that is not UTF-8. The original's browser client writes what has more than 16 bits as two halves of three bytes
/// each: they are put together. What else is wrong becomes U+FFFD, as in the original.
fn repaired(bytes: &[u8]) -> String {
    let half = |bytes: &[u8]| match bytes {
        [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, ..] => {
            Some(0xd000 | u16::from(second & 0x3f) << 6 | u16::from(third & 0x3f))
        }
        _ => None,
    };
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(6).position(|six| six[0] == 0xed && six[3] == 0xed) {
        let pair = half(&rest[at..]).zip(half(&rest[at + 3..]));
        let joined = pair.and_then(|(high, low)| char::decode_utf16([high, low]).next()?.ok());
        let (before, behind) = rest.split_at(at);
        text.push_str(&String::from_utf8_lossy(before));
        match joined {
            Some(char) => {
                text.push(char);
                rest = &behind[6..];
            }
            None => {
                text.push_str(&String::from_utf8_lossy(&behind[..3]));
                rest = &behind[3..];
            }
        }
    }
    text.push_str(&String::from_utf8_lossy(rest));
    text
}

/// Which fields have been there.
#[derive(Default)]
pub(super) struct Seen([u64; FIELDS_MAX / 64]);

impl Seen {
    /// Whether it is there for the first time.
    pub(super) fn insert(&mut self, field: usize) -> bool {
        let (word, bit) = (&mut self.0[field / 64], 1 << (field % 64));
        let first = *word & bit == 0;
        *word |= bit;
        first
    }

    pub(super) fn has(&self, field: usize) -> bool {
        self.0[field / 64] & 1 << (field % 64) != 0
    }
}

fn in_field(fault: CodecFault, field: &Field) -> Stop {
    Stop::Located(Box::new(locate(fault.into(), field, 0)))
}

fn locate(error: Located, field: &Field, element: usize) -> Located {
    let error = if field.repeated && element > 0 { error.within(Step::Element(element)) } else { error };
    error.within(Step::Field(field.name.clone()))
}

impl From<CodecFault> for Stop {
    fn from(fault: CodecFault) -> Self {
        Self::Located(Box::new(fault.into()))
    }
}
