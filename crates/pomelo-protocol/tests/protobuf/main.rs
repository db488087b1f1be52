//! Protobuf messages that hold for any definitions and any values, alone and against npm's `pomelo-protobuf`. Definitions and
//! messages are made from random bytes ([`generate`]).
#![expect(clippy::unwrap_used, reason = "what was made here must be taken")]

mod generate;
mod npm;

use generate::Choices;
use pomelo_protocol::protobuf::{CodecFault, Definitions, Protos, Required};
use proptest::{collection::vec, prelude::*};

const JSON_BYTES_MAX: usize = 1 << 20;

proptest! {
    #[test]
    fn any_message_that_is_written_is_read_back(choices in vec(any::<u8>(), 0..400)) {
        let mut choices = Choices::new(&choices);
        let file = generate::definitions(&mut choices);
        let definitions = Definitions::parse(&file.to_string()).unwrap();
        for route in definitions.routes() {
            let message = generate::message(&mut choices, &file, route);
            let schema = definitions.schema(route).unwrap();
            let body = schema.encode(message.to_string().as_bytes(), Required::Checked).unwrap();
            let json = schema.decode(&body, JSON_BYTES_MAX).unwrap();
            prop_assert_eq!(schema.encode(&json, Required::Checked).unwrap(), body);
        }
    }

    #[test]
    fn any_bytes_are_a_message_in_json_or_an_error(
        choices in vec(any::<u8>(), 0..200),
        body in vec(prop_oneof![0..0x40u8, any::<u8>()], 0..100),
    ) {
        let file = generate::definitions(&mut Choices::new(&choices));
        let definitions = Definitions::parse(&file.to_string()).unwrap();
        for route in definitions.routes() {
            let schema = definitions.schema(route).unwrap();
            let Ok(json) = schema.decode(&body, JSON_BYTES_MAX) else { continue };
            schema.encode(&json, Required::Ignored).unwrap();
        }
    }

    #[test]
    fn half_a_message_is_shorter_or_an_error_and_its_json_keeps_its_limit(
        choices in vec(any::<u8>(), 0..400),
        json_bytes_max in 0..200usize,
    ) {
        let mut choices = Choices::new(&choices);
        let file = generate::definitions(&mut choices);
        let definitions = Definitions::parse(&file.to_string()).unwrap();
        for route in definitions.routes() {
            let message = generate::message(&mut choices, &file, route).to_string();
            let schema = definitions.schema(route).unwrap();
            let body = schema.encode(message.as_bytes(), Required::Checked).unwrap();
            let whole = schema.decode(&body, JSON_BYTES_MAX).unwrap();
            if let Ok(half) = schema.decode(&body[..body.len() / 2], JSON_BYTES_MAX) {
                prop_assert!(half.len() <= whole.len());
            }
            match schema.decode(&body, json_bytes_max) {
                // Brackets that are still open come on top of what is checked.
                Ok(json) => prop_assert!(json.len() <= json_bytes_max + 200),
                Err(error) => prop_assert_eq!(error.fault, CodecFault::TooLong(json_bytes_max)),
            }
        }
    }

    #[test]
    fn any_definitions_are_read_back_from_the_handshake(choices in vec(any::<u8>(), 0..400)) {
        let mut choices = Choices::new(&choices);
        let mut file = || Definitions::parse(&generate::definitions(&mut choices).to_string()).unwrap();
        let protos = Protos::new(file(), file());
        prop_assert_eq!(Protos::from_description(protos.description()).unwrap(), protos);
    }
}
