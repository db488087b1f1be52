//! The dictionary: a code for every route both sides know, so that a message carries two bytes in place of a name.
//!
//! Built by the server from its handlers and from `config/dictionary.json`, sent in the handshake, and named by a
//! version, the base64 MD5 of its JSON, so that a client that has it need not be sent it again (pomelo 2.2.7,
//! `components/dictionary`). MD5 names the document; nothing is kept safe by it.

use std::{collections::HashMap, fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};
use rustc_hash::FxHashMap;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor},
};

use crate::{message::RouteRef, route::ROUTE_BYTES_MAX};

/// Routes and their codes. Cheap to clone. As JSON: `{"chat.chatHandler.send":1,"onChat":2}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Dictionary(Arc<Entries>);

#[derive(PartialEq, Eq)]
struct Entries {
    /// In the order of the document, on which the version depends.
    entries: Vec<(Arc<str>, u16)>,
    codes: HashMap<Arc<str>, u16>,
    routes: FxHashMap<u16, Arc<str>>,
    version: String,
}

/// A [`Dictionary`] written the other way round, as the handshake holds it a second time: `{"1":"onChat"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeToRoute(pub Dictionary);

/// Routes that can't make a dictionary.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DictionaryError {
    /// More routes than codes.
    #[error("dictionary has more than 65535 routes")]
    TooMany,
    /// A route no message could carry.
    #[error("dictionary entry {route:?} has {} bytes: expected 1 to 255", .route.len())]
    Length {
        /// The route.
        route: String,
    },
    /// One code for two routes.
    #[error("dictionary gives code {code} to both {first:?} and {second:?}")]
    DuplicateCode {
        /// The code.
        code: u16,
        /// Who had it.
        first: String,
        /// Who was given it as well.
        second: String,
    },
}

impl Dictionary {
    /// Numbers the routes from 1: `handlers` sorted, so that every connector of a cluster numbers alike, then `extra`
    /// (pushes, from `dictionary.json`) in the order given. A route that is there already keeps its code.
    pub fn new<H, E>(handlers: H, extra: E) -> Result<Self, DictionaryError>
    where
        H: IntoIterator<Item: Into<String>>,
        E: IntoIterator<Item: Into<String>>,
    {
        let mut routes: Vec<String> = handlers.into_iter().map(Into::into).collect();
        routes.sort();
        routes.extend(extra.into_iter().map(Into::into));
        let mut seen = std::collections::HashSet::new();
        routes.retain(|route| seen.insert(route.clone()));
        let numbered = routes.into_iter().enumerate().map(|(i, route)| {
            let code = u16::try_from(i + 1).map_err(|_| DictionaryError::TooMany)?;
            Ok((route, code))
        });
        Self::from_entries(numbered.collect::<Result<_, _>>()?)
    }

    /// The code of a route.
    pub fn code(&self, route: &str) -> Option<u16> {
        self.0.codes.get(route).copied()
    }

    /// The route of a code.
    pub fn route(&self, code: u16) -> Option<&str> {
        self.0.routes.get(&code).map(AsRef::as_ref)
    }

    /// The same, for who keeps it.
    pub fn shared_route(&self, code: u16) -> Option<Arc<str>> {
        self.0.routes.get(&code).cloned()
    }

    /// How to write `route` in a message: as its code if it has one, else by name.
    pub fn shorten(&self, route: &str) -> RouteRef {
        self.code(route).map_or_else(|| RouteRef::Name(route.to_owned()), RouteRef::Code)
    }

    /// What a message's route says; `None` for a code that is not in the dictionary.
    pub fn resolve<'a>(&'a self, route: &'a RouteRef) -> Option<&'a str> {
        match route {
            RouteRef::Name(name) => Some(name),
            RouteRef::Code(code) => self.route(*code),
        }
    }

    /// Names this very content: base64 of the MD5 of its JSON.
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// How many routes it has.
    pub fn len(&self) -> usize {
        self.0.entries.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.entries.is_empty()
    }

    /// Routes with their codes, in the order of the document.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u16)> {
        self.0.entries.iter().map(|(route, code)| (route.as_ref(), *code))
    }

    fn from_entries(named: Vec<(String, u16)>) -> Result<Self, DictionaryError> {
        let mut entries = Vec::with_capacity(named.len());
        let mut codes = HashMap::with_capacity(named.len());
        let mut routes: FxHashMap<u16, Arc<str>> = FxHashMap::default();
        for (route, code) in named {
            if route.is_empty() || route.len() > ROUTE_BYTES_MAX {
                return Err(DictionaryError::Length { route });
            }
            if let Some(first) = routes.get(&code) {
                return Err(DictionaryError::DuplicateCode { code, first: first.to_string(), second: route });
            }
            let route: Arc<str> = route.into();
            routes.insert(code, Arc::clone(&route));
            codes.insert(Arc::clone(&route), code);
            entries.push((route, code));
        }
        let version = version(&entries);
        Ok(Self(Arc::new(Entries { entries, codes, routes, version })))
    }
}

impl fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Dictionary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Dictionary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = deserializer.deserialize_map(Pairs::<String, u16>::new("routes with their codes"))?;
        Self::from_entries(entries).map_err(D::Error::custom)
    }
}

impl Serialize for CodeToRoute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(route, code)| (code, route)))
    }
}

impl<'de> Deserialize<'de> for CodeToRoute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Keys of a JSON object are text; not every deserializer turns them into numbers by itself.
        let entries =
            deserializer.deserialize_map(Pairs::<String, String>::new("codes with their routes"))?;
        let turned = entries.into_iter().map(|(code, route)| match code.parse::<u16>() {
            Ok(code) => Ok((route, code)),
            Err(_) => Err(D::Error::custom(format_args!("expected a code of 0 to 65535, found {code:?}"))),
        });
        Dictionary::from_entries(turned.collect::<Result<_, _>>()?).map(Self).map_err(D::Error::custom)
    }
}

/// Reads a JSON object in its order; a map type would sort it or shuffle it, and the version depends on the order.
struct Pairs<K, V> {
    expecting: &'static str,
    of: std::marker::PhantomData<(K, V)>,
}

impl<K, V> Pairs<K, V> {
    fn new(expecting: &'static str) -> Self {
        Self { expecting, of: std::marker::PhantomData }
    }
}

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for Pairs<K, V> {
    type Value = Vec<(K, V)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs)
    }
}

fn version(entries: &[(Arc<str>, u16)]) -> String {
    let mut json = String::from("{");
    for (i, (route, code)) in entries.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        // A string's Display as a JSON value is its quoted form.
        json.push_str(&format!("{comma}{}:{code}", serde_json::Value::from(route.as_ref())));
    }
    json.push('}');
    STANDARD.encode(Md5::digest(json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handlers_come_first_and_sorted_then_the_extra_routes_in_their_order() {
        let dictionary = Dictionary::new(["b.b.b", "a.a.a"], ["onZ", "onA", "b.b.b"]).unwrap();
        let all: Vec<_> = dictionary.iter().collect();
        assert_eq!(all, [("a.a.a", 1), ("b.b.b", 2), ("onZ", 3), ("onA", 4)]);
        assert_eq!(dictionary.resolve(&dictionary.shorten("onA")), Some("onA"));
        assert_eq!(dictionary.shorten("onB"), RouteRef::Name("onB".into()));
        assert_eq!(dictionary.resolve(&RouteRef::Code(5)), None);
    }

    #[test]
    fn it_survives_json_in_both_directions_with_its_version() {
        let dictionary = Dictionary::new(["b.b.b", "a.\"a.a"], ["onZ"]).unwrap();
        let json = serde_json::to_string(&dictionary).unwrap();
        assert_eq!(dictionary.version(), STANDARD.encode(Md5::digest(&json)));
        assert_eq!(serde_json::from_str::<Dictionary>(&json).unwrap(), dictionary);
        let turned = serde_json::to_string(&CodeToRoute(dictionary.clone())).unwrap();
        assert_eq!(turned, r#"{"1":"a.\"a.a","2":"b.b.b","3":"onZ"}"#);
        assert_eq!(serde_json::from_str::<CodeToRoute>(&turned).unwrap().0, dictionary);
    }

    #[test]
    fn routes_that_no_message_could_carry_are_refused() {
        assert!(matches!(Dictionary::new(["x".repeat(256)], [""; 0]), Err(DictionaryError::Length { .. })));
        let many = (0..65_536).map(|i| i.to_string());
        assert_eq!(Dictionary::new(many, [""; 0]).unwrap_err(), DictionaryError::TooMany);
        let error = serde_json::from_str::<Dictionary>(r#"{"a":1,"b":1}"#).unwrap_err().to_string();
        assert!(error.starts_with(r#"dictionary gives code 1 to both "a" and "b""#), "{error}");
    }
}
