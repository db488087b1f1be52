//! Definitions and messages that fit them, made from bytes: the same bytes make the same, fewer make simpler ones.

use serde_json::{Map, Value, json};

const RULES: [&str; 3] = ["optional", "required", "repeated"];
const TYPES: [&str; 6] = ["uInt32", "sInt32", "int32", "float", "double", "string"];
/// What numbers of fields are multiplied with, for heads of one to five bytes.
const STRIDES: [u64; 4] = [1, 7, 3000, 20_000_000];
const PIECES: [&str; 10] = ["", "a", "hello world", "\"\\\n", "\u{0}", "é", "大家好", "😀", "{}", "\u{2028}"];
/// Messages in messages that are made; shared ones may hold themselves.
const DEPTH_MAX: usize = 4;

/// Random bytes as decisions; zeros when they are used up.
pub(crate) struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or_default()
    }

    fn below(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// Any number of up to so many bits, small ones as often as large ones.
    fn bits(&mut self, bits: u32) -> u64 {
        let bytes = [(); 8].map(|()| self.byte());
        let length = 1 + self.below(bits as usize) as u32;
        u64::from_le_bytes(bytes) >> (64 - length)
    }
}

/// The text of a file of definitions: up to three routes, and up to two messages for all.
pub(crate) fn definitions(choices: &mut Choices<'_>) -> Value {
    let shared = choices.below(3);
    let mut file = Map::new();
    for n in 0..shared {
        file.insert(format!("message Shared{n}"), fields(choices, 1, shared));
    }
    for n in 0..=choices.below(3) {
        file.insert(format!("area.handler.route{n}"), fields(choices, 0, shared));
    }
    Value::Object(file)
}

fn fields(choices: &mut Choices<'_>, depth: usize, shared: usize) -> Value {
    let mut message = Map::new();
    let inner = if depth < 2 { choices.below(3) } else { 0 };
    for n in 0..inner {
        message.insert(format!("message Inner{n}"), fields(choices, depth + 1, shared));
    }
    let stride = choices.of(&STRIDES);
    for n in 0..choices.below(7) {
        let kind = choices.below(TYPES.len() + inner + shared);
        let (rules, type_name) = match kind.checked_sub(TYPES.len()) {
            None => (&RULES[..], TYPES[kind].to_owned()),
            Some(n) if n < inner => (&RULES[..], format!("Inner{n}")),
            // One that must be there could hold itself for ever.
            Some(n) => (&["optional", "repeated"][..], format!("Shared{}", n - inner)),
        };
        let rule = choices.of(rules);
        message.insert(format!("{rule} {type_name} field{n}"), json!((n as u64 + 1) * stride));
    }
    Value::Object(message)
}

/// A message for a route of these definitions.
pub(crate) fn message(choices: &mut Choices<'_>, file: &Value, route: &str) -> Value {
    object(choices, file, &file[route], 0)
}

fn object(choices: &mut Choices<'_>, file: &Value, definition: &Value, depth: usize) -> Value {
    let mut members = Vec::new();
    for (key, _) in definition.as_object().unwrap() {
        let words: Vec<&str> = key.split(' ').collect();
        let [rule, type_name, name] = words[..] else { continue };
        let there = rule == "required" || (depth < DEPTH_MAX && choices.below(3) > 0);
        if !there {
            continue;
        }
        let single = |choices: &mut Choices<'_>| value(choices, file, definition, type_name, depth);
        let value = match rule {
            "repeated" => (0..choices.below(4)).map(|_| single(choices)).collect(),
            _ => single(choices),
        };
        members.push((name.to_owned(), value));
    }
    if choices.below(2) == 1 {
        members.reverse();
    }
    if choices.below(8) == 7 {
        members.push(("undefined".to_owned(), json!({ "field0": [1] })));
    }
    members.into_iter().collect()
}

fn value(
    choices: &mut Choices<'_>,
    file: &Value,
    definition: &Value,
    type_name: &str,
    depth: usize,
) -> Value {
    match type_name {
        "uInt32" => json!(choices.bits(53)),
        "sInt32" | "int32" => {
            let n = choices.bits(52) as i64;
            json!(if choices.below(2) == 1 { -n } else { n })
        }
        // Of eight characters or more: the original keeps no more than twice as many bytes for what it writes.
        "float" => json!(f64::from(choices.bits(24) as u32) / 4096.0 + 0.000_123),
        "double" => {
            let any = f64::from_bits(choices.bits(64));
            json!(if any.is_normal() && any.to_string().len() > 8 { any } else { 0.123_456_789 })
        }
        "string" => json!((0..choices.below(4)).map(|_| choices.of(&PIECES)).collect::<String>()),
        other => {
            let own = &definition[format!("message {other}")];
            let shared = &file[format!("message {other}")];
            object(choices, file, if own.is_null() { shared } else { own }, depth + 1)
        }
    }
}
