//! Texts and JSON with places to be filled in: `{{name}}`, `{{n / 20}}`. Pure.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

/// Variables by name.
pub(super) type Vars = HashMap<String, Value>;

/// A text with places.
#[derive(Clone, Debug)]
pub(super) struct Text(Vec<Piece>);

/// JSON whose texts have places. Names of fields have none.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Text(Text),
    Array(Vec<Body>),
    Object(Vec<(String, Body)>),
    /// Anything else.
    Plain(Value),
}

#[derive(Clone, Debug)]
enum Piece {
    Words(String),
    Place(Place),
}

/// A variable, and what is calculated with it.
#[derive(Clone, Debug)]
struct Place {
    name: String,
    then: Option<(char, i64)>,
}

impl Text {
    /// Reads it; the places may have no other names than these.
    pub(super) fn parse(text: &str, known: &BTreeSet<String>) -> Result<Self, String> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some((words, behind)) = rest.split_once("{{") {
            let (place, behind) =
                behind.split_once("}}").ok_or_else(|| format!("`{{{{` without `}}}}` in {text:?}"))?;
            if !words.is_empty() {
                pieces.push(Piece::Words(words.to_owned()));
            }
            pieces.push(Piece::Place(Place::parse(place.trim(), known)?));
            rest = behind;
        }
        if !rest.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Words(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// What a text that is one place stands for, or the text.
    pub(super) fn value(&self, vars: &Vars) -> Result<Value, String> {
        match self.0.as_slice() {
            [Piece::Place(place)] => place.value(vars),
            _ => self.text(vars).map(Value::String),
        }
    }

    pub(super) fn text(&self, vars: &Vars) -> Result<String, String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Words(words) => text += words,
                Piece::Place(place) => match place.value(vars)? {
                    Value::String(value) => text += &value,
                    value => text += &value.to_string(),
                },
            }
        }
        Ok(text)
    }
}

impl Place {
    fn parse(text: &str, known: &BTreeSet<String>) -> Result<Self, String> {
        let (name, then) = match text.find(['/', '%', '+']) {
            None => (text, None),
            Some(at) => {
                let operand = text[at + 1..].trim().parse::<i64>().ok();
                let operator = text[at..].chars().next().zip(operand);
                let operator = operator.filter(|(operator, operand)| *operator == '+' || *operand > 0);
                let wrong = || format!("{{{{{text}}}}}: expected a whole number above 0 behind the operator");
                (text[..at].trim(), Some(operator.ok_or_else(wrong)?))
            }
        };
        if !known.contains(name) {
            let known: Vec<_> = known.iter().map(String::as_str).collect();
            return Err(format!("{{{{{name}}}}} is not known here, there are: {}", known.join(", ")));
        }
        Ok(Self { name: name.to_owned(), then })
    }

    fn value(&self, vars: &Vars) -> Result<Value, String> {
        let value = vars.get(&self.name).ok_or_else(|| format!("{{{{{}}}}} is not there", self.name))?;
        let Some((operator, operand)) = self.then else { return Ok(value.clone()) };
        let number = value.as_i64().ok_or_else(|| format!("{{{{{}}}}} is no whole number", self.name))?;
        Ok(match operator {
            '/' => number / operand,
            '%' => number.rem_euclid(operand),
            _ => number.wrapping_add(operand),
        }
        .into())
    }
}

impl Body {
    /// Reads it; says where in it something is wrong.
    pub(super) fn parse(value: Value, known: &BTreeSet<String>) -> Result<Self, (String, String)> {
        Ok(match value {
            Value::String(text) => Self::Text(Text::parse(&text, known).map_err(|why| (String::new(), why))?),
            Value::Array(all) => {
                let one =
                    |(n, value)| Self::parse(value, known).map_err(|(at, why)| (format!("[{n}]{at}"), why));
                Self::Array(all.into_iter().enumerate().map(one).collect::<Result<_, _>>()?)
            }
            Value::Object(fields) => {
                let one = |(name, value)| match Self::parse(value, known) {
                    Ok(value) => Ok((name, value)),
                    Err((at, why)) => Err((format!(".{name}{at}"), why)),
                };
                Self::Object(fields.into_iter().map(one).collect::<Result<_, _>>()?)
            }
            plain => Self::Plain(plain),
        })
    }

    pub(super) fn value(&self, vars: &Vars) -> Result<Value, String> {
        Ok(match self {
            Self::Text(text) => text.value(vars)?,
            Self::Array(all) => all.iter().map(|one| one.value(vars)).collect::<Result<_, _>>()?,
            Self::Object(fields) => {
                let one = |(name, value): &(String, Self)| Ok((name.clone(), value.value(vars)?));
                Value::Object(fields.iter().map(one).collect::<Result<Map<_, _>, String>>()?)
            }
            Self::Plain(value) => value.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn known() -> BTreeSet<String> {
        ["n", "port", "name"].map(str::to_owned).into()
    }

    fn vars() -> Vars {
        [("n", json!(47)), ("port", json!(3050)), ("name", json!("ann"))]
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    }

    fn filled(value: Value) -> Value {
        Body::parse(value, &known()).unwrap().value(&vars()).unwrap()
    }

    #[test]
    fn places_are_filled_in_and_one_alone_keeps_its_type() {
        let body = json!({ "uid": "robot{{n}}", "port": "{{port}}", "list": ["{{ n / 20 }}", "r{{n%20}}", 7, null], "plain": "" });
        let expected = json!({ "uid": "robot47", "port": 3050, "list": [2, "r7", 7, null], "plain": "" });
        assert_eq!(filled(body), expected);
        assert_eq!(filled(json!("ws://{{name}}:{{port}}/{{n+1}}")), json!("ws://ann:3050/48"));
        assert_eq!(filled(json!("{{name}}")), json!("ann"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (body, at, why) in [
            (
                json!({ "a": [1, "{{hots}}"] }),
                ".a[1]",
                "{{hots}} is not known here, there are: n, name, port",
            ),
            (json!("{{n"), "", "`{{` without `}}` in \"{{n\""),
            (json!("{{n / 0}}"), "", "{{n / 0}}: expected a whole number above 0 behind the operator"),
            (json!("{{n % x}}"), "", "{{n % x}}: expected a whole number above 0 behind the operator"),
        ] {
            assert_eq!(Body::parse(body, &known()).unwrap_err(), (at.to_owned(), why.to_owned()));
        }
        let text = Text::parse("{{name + 1}}", &known()).unwrap();
        assert_eq!(text.value(&vars()).unwrap_err(), "{{name}} is no whole number");
    }
}
