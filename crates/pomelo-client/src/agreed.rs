//! What the handshake settled: how routes and bodies are written on this connection, and what the next one need not be
//! told again.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use pomelo_protocol::{
    dictionary::Dictionary,
    handshake::{ReplySys, RequestSys},
    message::RouteRef,
    protobuf::{CodecError, DefinitionError, Protos, Required},
};
use serde_json::Value;

use crate::{CloseReason, PushMessage};

/// How much longer than a package the JSON of a protobuf body may be: names and quotes come on top of the values.
const JSON_BYTES_PER_BYTE_MAX: usize = 16;

/// What a connection keeps of the buffer in which it reads protobuf.
const SCRATCH_BYTES_MAX: usize = 8 * 1024;

/// The dictionary and the definitions of protobuf messages that a server sent last. Clones share them: connections with
/// clones of one [`ClientOptions`](crate::ClientOptions) name them in their handshakes, and are not sent them again.
#[derive(Clone, Debug, Default)]
pub struct Known(Arc<Mutex<Documents>>);

#[derive(Clone, Debug, Default)]
pub(crate) struct Documents {
    dictionary: Option<Dictionary>,
    protos: Option<Protos>,
}

/// What both ends of a connection know.
#[derive(Debug)]
pub(crate) struct Agreed {
    documents: Documents,
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) user: Option<Value>,
    json_bytes_max: usize,
}

impl Known {
    pub(crate) fn documents(&self) -> Documents {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn(&self, told: &Documents) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A server without one says nothing about that of another.
        if told.dictionary.is_some() {
            known.dictionary.clone_from(&told.dictionary);
        }
        if told.protos.is_some() {
            known.protos.clone_from(&told.protos);
        }
    }
}

impl Documents {
    /// Says in a handshake which these are.
    pub(crate) fn offer(&self, sys: &mut RequestSys) {
        sys.dict_version = self.dictionary.as_ref().map(|dictionary| dictionary.version().into());
        sys.proto_version = self.protos.as_ref().map(|protos| protos.version().into());
    }
}

impl Agreed {
    /// From the server's answer to a client that offered these.
    pub(crate) fn new(
        sys: ReplySys,
        user: Option<Value>,
        offered: Documents,
        known: &Known,
        package_bytes_max: usize,
    ) -> Result<Self, DefinitionError> {
        let heartbeat = sys.heartbeat_interval();
        let dictionary = match (sys.use_dict, sys.dict.or(sys.route_to_code)) {
            (Some(true), told) => told.or(offered.dictionary),
            _ => None,
        };
        let protos = match (sys.use_proto, sys.protos) {
            (_, Some(told)) => Some(Protos::from_description(&told)?),
            (Some(true), None) => offered.protos,
            _ => None,
        };
        let documents = Documents { dictionary, protos };
        known.learn(&documents);
        let json_bytes_max = package_bytes_max.saturating_mul(JSON_BYTES_PER_BYTE_MAX);
        Ok(Self { documents, heartbeat, user, json_bytes_max })
    }

    /// How a route is written.
    pub(crate) fn route(&self, name: &str) -> RouteRef {
        match &self.documents.dictionary {
            Some(dictionary) => dictionary.shorten(name),
            None => RouteRef::Name(name.to_owned()),
        }
    }

    /// How a body in JSON is written.
    pub(crate) fn body(&self, route: &str, json: Bytes) -> Result<Bytes, CodecError> {
        let schema = self.documents.protos.as_ref().and_then(|protos| protos.client().schema(route));
        match schema {
            Some(schema) => Ok(schema.encode(&json, Required::Checked)?.into()),
            None => Ok(json),
        }
    }

    /// What the server wrote about a route, as JSON. `scratch` is any buffer: pushes come by the thousand, and what is kept of
    /// one shall be no larger than it is.
    pub(crate) fn json(&self, route: &str, body: Bytes, scratch: &mut Vec<u8>) -> Result<Bytes, CodecError> {
        let schema = self.documents.protos.as_ref().and_then(|protos| protos.server().schema(route));
        match schema {
            Some(schema) => {
                schema.decode_into(&body, self.json_bytes_max, scratch)?;
                let json = Bytes::copy_from_slice(scratch);
                scratch.clear();
                scratch.shrink_to(SCRATCH_BYTES_MAX);
                Ok(json)
            }
            None => Ok(body),
        }
    }

    /// A push, with the name of its route and its body in JSON; none if it is not wanted.
    pub(crate) fn push(
        &self,
        route: &RouteRef,
        body: Bytes,
        wants: fn(&str) -> bool,
        scratch: &mut Vec<u8>,
    ) -> Result<Option<PushMessage>, CloseReason> {
        let route = match route {
            RouteRef::Name(name) => name,
            RouteRef::Code(code) => {
                let name = self.documents.dictionary.as_ref().and_then(|dictionary| dictionary.route(*code));
                let unknown = || format!("push with code {code}, which is not in the dictionary");
                name.ok_or_else(|| CloseReason::Protocol(unknown()))?
            }
        };
        if !wants(route) {
            return Ok(None);
        }
        let body =
            self.json(route, body, scratch).map_err(|error| CloseReason::Protocol(error.to_string()))?;
        Ok(Some(PushMessage { route: route.to_owned(), body }))
    }
}
