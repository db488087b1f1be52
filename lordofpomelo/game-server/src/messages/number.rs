//! A whole number that may come as text: clients of the original take slots, skills and ids from their page's attributes.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Unexpected, Visitor},
};

/// A number from 0 to 4,294,967,295: `7`, `7.0` or `"7"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Number(pub u32);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Loose;
        impl Visitor<'_> for Loose {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number from 0 on, or one as text")
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Number, E> {
                let number = u32::try_from(value).map(Number);
                number.map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Number, E> {
                let number = u32::try_from(value).map(Number);
                number.map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Number, E> {
                let whole = value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value);
                if whole {
                    Ok(Number(value as u32))
                } else {
                    Err(E::invalid_value(Unexpected::Float(value), &self))
                }
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Number, E> {
                value.parse().map(Number).map_err(|_| E::invalid_value(Unexpected::Str(value), &self))
            }
        }
        deserializer.deserialize_any(Loose)
    }
}

impl JsonSchema for Number {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Number".into()
    }

    fn inline_schema() -> bool {
        true
    }

    /// Our own clients are told of the plain form only.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_numbers_as_text_are_taken_and_nothing_else() {
        for (text, number) in [("7", 7), ("\"7\"", 7), ("7.0", 7), ("0", 0), ("4294967295", u32::MAX)] {
            assert_eq!(serde_json::from_str::<Number>(text).unwrap(), Number(number), "{text}");
        }
        for text in ["-1", "7.5", "\"x\"", "\"\"", "4294967296", "null", "true", "[7]", "1e99"] {
            assert!(serde_json::from_str::<Number>(text).is_err(), "{text}");
        }
    }
}
