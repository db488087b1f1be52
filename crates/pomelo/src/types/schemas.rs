//! What bodies look like, as JSON Schema: of requests as they are read, of answers and pushes as they are written, which is
//! not the same where a field has a default.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Where a schema refers to a named one.
pub(super) const REF_PREFIX: &str = "#/$defs/";

#[cfg(feature = "types")]
type Describe = fn(&mut schemars::SchemaGenerator) -> Value;
#[cfg(not(feature = "types"))]
type Describe = ();

/// A route as an application lists it.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "types"), expect(dead_code, reason = "nothing is listed without the feature"))]
pub(crate) struct ListedRoute {
    pub(super) name: &'static str,
    pub(super) req: Describe,
    pub(super) res: Describe,
}

/// A push as an application lists it.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "types"), expect(dead_code, reason = "nothing is listed without the feature"))]
pub(crate) struct ListedPush {
    pub(super) name: &'static str,
    pub(super) type_name: &'static str,
    pub(super) msg: Describe,
}

/// What an application lists.
#[derive(Clone, Default)]
pub(crate) struct Listed {
    pub(super) routes: Vec<ListedRoute>,
    pub(super) pushes: Vec<ListedPush>,
}

/// What is read or what is written: bodies by message, and the types they name.
#[derive(Debug, Default)]
pub(super) struct Direction {
    pub(super) bodies: BTreeMap<String, Value>,
    pub(super) types: Map<String, Value>,
}

/// Bodies of the messages that are listed.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    /// Requests, by route.
    pub(super) read: Direction,
    /// Answers by route, pushes by name.
    pub(super) written: Direction,
}

impl Listed {
    /// What does not fit together with these handlers, in words.
    pub(crate) fn problems<'a>(&self, handlers: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
        let missing = |route: &&ListedRoute| !handlers.clone().any(|handler| handler == route.name);
        let missing = self.routes.iter().filter(missing);
        missing
            .map(|route| format!("route {:?} is listed in messages, but has no handler", route.name))
            .collect()
    }

    #[cfg(feature = "types")]
    pub(super) fn schemas(&self) -> Schemas {
        use schemars::generate::SchemaSettings;

        let mut read = SchemaSettings::draft2020_12().for_deserialize().into_generator();
        let requests = self.routes.iter().map(|route| (route.name.to_owned(), (route.req)(&mut read)));
        let requests = requests.collect();
        let mut written = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let mut answers: BTreeMap<_, _> =
            self.routes.iter().map(|route| (route.name.to_owned(), (route.res)(&mut written))).collect();
        answers.extend(self.pushes.iter().map(|push| (push.name.to_owned(), (push.msg)(&mut written))));
        Schemas {
            read: Direction { bodies: requests, types: read.take_definitions(true) },
            written: Direction { bodies: answers, types: written.take_definitions(true) },
        }
    }

    #[cfg(not(feature = "types"))]
    pub(super) fn schemas(&self) -> Schemas {
        Schemas::default()
    }
}
