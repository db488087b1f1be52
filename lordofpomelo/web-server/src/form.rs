//! What players send: a name and a password, as a form or as JSON.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::{
    Request,
    body::Body,
    header::{CONTENT_TYPE, HeaderMap},
};
use serde_json::Value;
use tokio::time::timeout;

use crate::replies::Refusal;

/// Largest body: the longest name and password, in the widest writing of them, and something to spare.
pub const BODY_BYTES_MAX: usize = 4_096;

/// Name and password, neither of them empty.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) name: String,
    pub(crate) password: String,
}

#[derive(Clone, Copy)]
enum Kind {
    Form,
    Json,
}

/// Reads the body of a request, within this time. `None` is a body in which a field is missing, or which can't be understood.
pub(crate) async fn read<B>(
    request: Request<B>,
    name_field: &str,
    within: Duration,
) -> Result<Option<Credentials>, Refusal>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let kind = kind(request.headers())?;
    let body = request.into_body();
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(Refusal::TooLarge);
    }
    match timeout(within, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Ok(Ok(body)) => Ok(credentials(kind, &body.to_bytes(), name_field)),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(Refusal::TooLarge),
        Ok(Err(_)) => Err(Refusal::Broken),
        Err(_) => Err(Refusal::Slow),
    }
}

/// A body that says nothing of itself is a form.
fn kind(headers: &HeaderMap) -> Result<Kind, Refusal> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(Kind::Form) };
    let value = value.to_str().map_err(|_| Refusal::NoForm)?;
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        Ok(Kind::Form)
    } else if essence.eq_ignore_ascii_case("application/json") {
        Ok(Kind::Json)
    } else {
        Err(Refusal::NoForm)
    }
}

fn credentials(kind: Kind, body: &[u8], name_field: &str) -> Option<Credentials> {
    let (mut name, mut password) = (String::new(), String::new());
    match kind {
        Kind::Form => {
            for (key, value) in form_urlencoded::parse(body) {
                match &*key {
                    key if key == name_field => name = value.into_owned(),
                    "password" => password = value.into_owned(),
                    _ => {}
                }
            }
        }
        Kind::Json => {
            let document: Value = serde_json::from_slice(body).ok()?;
            let text = |field: &str| document.get(field).and_then(Value::as_str).map(str::to_owned);
            (name, password) = (text(name_field)?, text("password")?);
        }
    }
    (!name.is_empty() && !password.is_empty()).then_some(Credentials { name, password })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ann() -> Option<Credentials> {
        Some(Credentials { name: "änn b".into(), password: "a&b=c".into() })
    }

    #[test]
    fn a_form_and_json_say_the_same() {
        let form = b"more=1&name=%C3%A4nn+b&password=a%26b%3Dc";
        assert_eq!(credentials(Kind::Form, form, "name"), ann());
        let json = r#"{"name": "änn b", "password": "a&b=c", "more": [1]}"#;
        assert_eq!(credentials(Kind::Json, json.as_bytes(), "name"), ann());
    }

    #[test]
    fn what_lacks_a_field_says_nothing() {
        for form in [
            "",
            "name=ann",
            "password=x",
            "name=ann&password=",
            "name=&password=x",
            "username=ann&password=x",
        ] {
            assert_eq!(credentials(Kind::Form, form.as_bytes(), "name"), None, "{form}");
        }
        for json in [
            "",
            "{",
            "[]",
            "null",
            r#"{"name": "ann"}"#,
            r#"{"name": "ann", "password": ""}"#,
            r#"{"name": "ann", "password": 5}"#,
            r#"{"name": ["ann"], "password": "x"}"#,
        ] {
            assert_eq!(credentials(Kind::Json, json.as_bytes(), "name"), None, "{json}");
        }
    }
}
