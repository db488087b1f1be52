//! Definitions of messages, from a file and from a handshake: any text is refused or understood, and what was understood is
//! described and read again alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pomelo_protocol::protobuf::{Definitions, Description, Protos};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(client) = Definitions::parse(text) {
        let protos = Protos::new(client, Definitions::none());
        assert_eq!(Protos::from_description(protos.description()).as_ref(), Ok(&protos));
    }
    let Ok(description) = serde_json::from_str::<Description>(text) else { return };
    if let Ok(protos) = Protos::from_description(&description) {
        assert_eq!(Protos::from_description(protos.description()).as_ref(), Ok(&protos));
    }
});
